//! Secret that signs requests to one project's local AWS.

use std::fmt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::home;
use engine::hex::hex;

/// Number of random bytes: in hexadecimal, 40 digits, the length of an AWS secret access key.
const SECRET_BYTES: usize = 20;

/// Secret access key of a local AWS. Debug output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the secret in plain text, for signing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads the secret from a file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        Some(text.trim()).filter(|text| !text.is_empty()).map(Self::new)
    }

    /// Reads the secret from a file, or creates a random one that only this user can read.
    pub(super) fn ensure(path: &Path) -> std::io::Result<Self> {
        if let Some(secret) = Self::read(path) {
            return Ok(secret);
        }
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        let secret = Self(hex(&bytes));
        // The file appears whole or not at all: half a secret would be easier to guess.
        let new = path.with_extension("new");
        home::write(&new, secret.0.as_bytes())?;
        std::fs::rename(new, path)?;
        Ok(secret)
    }

    /// Returns the proof of knowing the secret, for a given question: HMAC-SHA-256, in hexadecimal digits.
    pub(super) fn proof(&self, question: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("HMAC takes a key of any length");
        hex(&mac.chain_update(question).finalize().into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Returns random bytes, in hexadecimal digits.
pub(super) fn nonce() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_an_hmac() {
        // Test case 2 of RFC 4231, and a key longer than a block, with the result of Python's hmac.
        assert_eq!(
            Secret::new("Jefe").proof("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = Secret::new("k".repeat(131)).proof("Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(long, "70e4b005732fa7ff79392aa24fb240159b925dbc9f1398420c0f45e6763dcf14");
    }

    #[test]
    fn a_secret_is_made_once_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        let made = Secret::ensure(&one).unwrap();
        assert_eq!(made.expose().len(), 40);
        assert_eq!(Secret::ensure(&one).unwrap(), made);
        assert_ne!(Secret::ensure(&other).unwrap(), made);
        assert_eq!(std::fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(made.expose()));
        std::fs::write(&one, "\n").unwrap();
        assert_ne!(Secret::ensure(&one).unwrap(), made, "an empty file is none");
    }
}
