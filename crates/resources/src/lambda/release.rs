//! Digest of the code and settings that a function's alias serves. More people can read it than the function's variables: it is in descriptions,
//! and in the records of releases. Over guessable values it would confirm a right guess, so where there are secrets it has a key. The key is in the
//! function's variables, beside the secrets themselves, and nowhere else.

use super::origin_secret::{OriginSecret, random};
use engine::{Ref, digest, hex::hex, made_secret};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::Sha256;
use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

/// Bytes of a digest; digests without a key have as many.
const BYTES: usize = 8;

/// Digest of the release that an alias serves.
#[derive(Debug, Clone)]
pub enum Release {
    /// A digest that was read.
    Known(String),
    /// A digest of a declaration, which may depend on the observed state.
    Declared {
        /// Key of the HMAC, where there are secrets.
        key: Option<Made>,
        /// Inputs of the digest.
        parts: Parts,
    },
}

/// Code and settings behind the alias: inputs of its digest, by name. They may hold secrets, and do not show in debug output. Values of other
/// resources are references, which are empty while these do not exist.
#[derive(Clone, Default)]
pub struct Parts(pub BTreeMap<String, Ref<String>>);

impl Parts {
    fn values(&self) -> BTreeMap<&str, String> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get().unwrap_or_default())).collect()
    }
}

impl<const N: usize> From<[(&str, String); N]> for Parts {
    fn from(parts: [(&str, String); N]) -> Self {
        Self(parts.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

/// Value that the engine generates and keeps in the variable alone.
#[derive(Debug, Clone)]
pub enum Made {
    /// Secrets of a distribution that the function of this physical name takes.
    Origin(OriginSecret, String),
    /// A key for digests.
    Key(ReleaseKey),
}

/// Key of one function's digests. Clones are the same key.
#[derive(Clone, Default)]
pub struct ReleaseKey(Rc<KeyState>);

#[derive(Default)]
struct KeyState {
    observed: RefCell<Option<String>>,
    fresh: OnceCell<String>,
}

impl Release {
    /// Returns the digest: 16 hexadecimal digits.
    pub fn text(&self) -> String {
        match self {
            Self::Known(digest) => digest.clone(),
            Self::Declared { key: Some(key), parts } => keyed(&key.value(), parts),
            Self::Declared { key: None, parts } => digest(&parts.values()),
        }
    }

    /// Notes the digest of the release that the alias serves now.
    pub(super) fn note(&self, serves: &str) {
        if let Self::Declared { key: Some(Made::Origin(secret, function)), .. } = self {
            secret.note_alias(function, serves);
        }
    }
}

impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl Made {
    /// Returns the value to write.
    pub fn value(&self) -> String {
        match self {
            Self::Origin(secret, _) => secret.to_take(),
            Self::Key(key) => key.value(),
        }
    }

    /// Notes the observed value: empty without the variable, `None` without the function.
    pub(super) fn note(&self, observed: Option<&str>) {
        match self {
            Self::Origin(secret, function) => secret.note_function(function, observed),
            Self::Key(key) => drop(key.0.observed.replace(observed.filter(|observed| is_key(observed)).map(str::to_owned))),
        }
    }

    /// Returns the value as it stands in a serialised declaration.
    pub(super) fn hidden(&self) -> Value {
        let is_next = matches!(self, Self::Origin(secret, function) if secret.takes_next(function));
        made_secret(&self.value(), is_next)
    }
}

impl ReleaseKey {
    fn value(&self) -> String {
        self.0.observed.borrow().clone().unwrap_or_else(|| self.0.fresh.get_or_init(random).clone())
    }
}

impl fmt::Debug for ReleaseKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReleaseKey")
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Parts")
    }
}

/// Returns whether a value is one that [`random`] makes: 64 hexadecimal digits.
fn is_key(value: &str) -> bool {
    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the first bytes of an HMAC-SHA-256 over these parts, in hexadecimal digits.
pub(super) fn keyed(key: &str, parts: &Parts) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    let text = serde_json::to_string(&parts.values()).expect("texts serialise");
    hex(&mac.chain_update(text).finalize().into_bytes()[..BYTES])
}

#[cfg(test)]
mod tests {
    use super::{Made, Release, ReleaseKey};
    use engine::digest;
    use std::collections::BTreeMap;

    fn configuration(password: &str) -> String {
        format!("PASSWORD={password}")
    }

    fn release(password: &str, key: Option<Made>) -> Release {
        Release::Declared { key, parts: [("configuration", configuration(password))].into() }
    }

    /// Returns the digest without a key, as it has always been: of texts by their names.
    fn plain(password: &str) -> String {
        digest(&BTreeMap::from([("configuration", configuration(password))]))
    }

    #[test]
    fn a_digest_with_a_key_tells_nothing_to_those_who_do_not_have_it() {
        let key = Made::Key(ReleaseKey::default());
        let keyed = release("summer", Some(key.clone()));
        assert_eq!(keyed.text(), release("summer", Some(key.clone())).text());
        assert_ne!(keyed.text(), release("winter", Some(key.clone())).text());
        assert_ne!(keyed.text(), plain("summer"));
        assert_ne!(keyed.text(), release("summer", Some(Made::Key(ReleaseKey::default()))).text());
        let text = format!("{keyed:?}");
        assert!(!text.contains("summer") && !text.contains(&key.value()), "{text}");
    }

    #[test]
    fn a_key_that_is_observed_is_kept() {
        let key = Made::Key(ReleaseKey::default());
        let made = key.value();
        key.note(Some(""));
        assert_eq!(key.value(), made, "no new one in the same run");
        let observed = "ab".repeat(32);
        key.note(Some(&observed));
        assert_eq!(key.value(), observed);
        for unfit in ["short", &"x".repeat(64)] {
            key.note(Some(unfit));
            assert_eq!(key.value(), made, "{unfit}");
        }
    }

    #[test]
    fn without_secrets_a_digest_is_as_it_was() {
        assert_eq!(release("x", None).text(), plain("x"));
    }
}
