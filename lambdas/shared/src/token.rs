//! Tokens: proof that a session is the sender's own, and permission of a reader.
//!
//! A session's token is `expiry.signature`: the signature is an HMAC-SHA256 over site, session and expiry. The first answer to
//! a session carries it, and later batches return it in their bodies, so that it costs no request of its own. All comparisons
//! take constant time.

use crate::batch::is_site;
use crate::time::{DAY, MINUTE, Millis, SECOND};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;

/// Lifetime of a token; every answer has a fresh one.
const LIFETIME: Millis = 2 * DAY;
/// Time after a session's start during which batches without a token are accepted: an answer to a closed page is never read.
pub const GRACE: Millis = 30 * MINUTE;

/// Variable with the SHA-256 of readers' tokens: `hash` for all sites or `site=hash` for one, separated by commas or spaces.
pub const READ_TOKEN_SHA256: &str = "READ_TOKEN_SHA256";
/// Variable that makes reading public: `public`. The engine sets it for `readers: public`, and on the local AWS.
pub const READERS: &str = "READERS";
/// Reason that reading is closed. The 401, `liveinsight up` and the dashboard use this text.
pub const READING_CLOSED: &str = "reading is closed: no token is set";
/// Remedy for closed reading, with one text everywhere.
pub const OPEN_READING: &str = "set READ_TOKEN_SHA256 to the SHA-256 of one";

/// Signer of session tokens.
#[derive(Clone)]
pub struct Signer {
    /// Secrets, never empty. The first one signs, all of them verify, so that a secret can be replaced without losing visits.
    secrets: Vec<String>,
}

impl Signer {
    /// Parses comma-separated secrets; `None` if there are none.
    pub fn parse(secrets: Option<&str>) -> Option<Self> {
        let secrets: Vec<String> = secrets?.split(',').map(str::trim).filter(|secret| !secret.is_empty()).map(str::to_owned).collect();
        (!secrets.is_empty()).then_some(Self { secrets })
    }

    /// Returns a token for a session.
    pub fn sign(&self, site: &str, session_id: &str, now: Millis) -> String {
        let expires = ((now + LIFETIME) / SECOND).to_string();
        let signature = mac(&self.secrets[0], &[site, session_id, &expires]).finalize().into_bytes();
        format!("{expires}.{}", hexadecimal(&signature))
    }

    /// Returns true if a token is one for this session and has not expired.
    pub fn verify(&self, token: &str, site: &str, session_id: &str, now: Millis) -> bool {
        let Some((expires, signature)) = token.split_once('.') else { return false };
        let Some(signature) = from_hexadecimal(signature) else { return false };
        let is_signed = self.secrets.iter().any(|secret| mac(secret, &[site, session_id, expires]).verify_slice(&signature).is_ok());
        is_signed && expires.parse::<i64>().is_ok_and(|expires| expires > now / SECOND)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer")
    }
}

/// Readers of the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Every reader, for every site.
    All,
    /// Holders of these tokens, each for its sites.
    WithToken(Vec<ReaderToken>),
    /// No reader: no token is set, and the numbers are not declared public.
    Nobody,
}

/// Token that permits reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderToken {
    /// Only site of the token; `None` permits all sites.
    site: Option<String>,
    sha256: [u8; 32],
}

impl Readers {
    /// Parses the configured hashes ([`READ_TOKEN_SHA256`]) and the declared readers ([`READERS`]). Where tokens are set they
    /// are required, whatever is declared.
    ///
    /// # Errors
    /// A description of the mistake in an entry, without the hash itself.
    pub fn parse(hashes: Option<&str>, readers: Option<&str>) -> Result<Self, String> {
        let is_public = match readers.map(str::trim) {
            None | Some("" | "closed") => false,
            Some("public") => true,
            Some(other) => return Err(format!("{READERS} must be public or closed, not {other}")),
        };
        let entries = hashes.unwrap_or_default().split([',', ' ']).filter(|entry| !entry.is_empty());
        let tokens = entries.map(ReaderToken::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(match (tokens.is_empty(), is_public) {
            (false, _) => Self::WithToken(tokens),
            (true, true) => Self::All,
            (true, false) => Self::Nobody,
        })
    }

    /// Returns true if a token permits reading a site's numbers.
    pub fn admit(&self, token: Option<&str>, site: &str) -> bool {
        match (self, token) {
            (Self::All, _) => true,
            (Self::WithToken(tokens), Some(given)) => {
                let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
                // All tokens are compared, so that the time does not reveal which one matches.
                tokens.iter().fold(false, |is_one, token| {
                    let is_this = equals(&token.sha256, &given);
                    is_one || (is_this && token.site.as_ref().is_none_or(|own| own == site))
                })
            }
            (Self::WithToken(_), None) | (Self::Nobody, _) => false,
        }
    }
}

impl ReaderToken {
    fn parse(entry: &str) -> Result<Self, String> {
        let (site, hash) = entry.split_once('=').map_or((None, entry), |(site, hash)| (Some(site), hash));
        if site.is_some_and(|site| !is_site(site)) {
            // The text is left out: if a token itself is set in place of its hash, it may contain an equals sign.
            return Err(format!("{READ_TOKEN_SHA256}: what is before `=` must be a site of 1 to 32 of a-z 0-9 -"));
        }
        let sha256 = from_hexadecimal(&hash.to_ascii_lowercase()).and_then(|bytes| bytes.try_into().ok());
        let wrong = || format!("{READ_TOKEN_SHA256} must be 64 hexadecimal digits: the SHA-256 of the token");
        Ok(Self { site: site.map(str::to_owned), sha256: sha256.ok_or_else(wrong)? })
    }
}

/// Compares in constant time: hashes both values with a random key.
pub(crate) fn equals(expected: &[u8], given: &[u8]) -> bool {
    let key = crate::visitor::random_text();
    let given = mac_bytes(&key, given).finalize().into_bytes();
    mac_bytes(&key, expected).verify(&given).is_ok()
}

fn mac_bytes(key: &str, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = new_mac(key.as_bytes());
    mac.update(bytes);
    mac
}

/// Returns a keyed hash over parts; the boundaries between parts matter.
pub(crate) fn mac(key: impl AsRef<[u8]>, parts: &[&str]) -> Hmac<Sha256> {
    let mut mac = new_mac(key.as_ref());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
fn new_mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// Formats each byte as two lower-case digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|start| u8::from_str_radix(&text[start..start + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = 1_795_380_731_123;

    #[test]
    fn a_token_opens_its_own_session_until_it_expires() {
        let signer = Signer::parse(Some("one, two")).unwrap();
        let token = signer.sign("shop", "session-0001", NOW);
        assert!(signer.verify(&token, "shop", "session-0001", NOW));
        assert!(!signer.verify(&token, "shop", "session-0002", NOW));
        assert!(!signer.verify(&token, "other", "session-0001", NOW));
        assert!(!signer.verify(&token, "shop", "session-0001", NOW + LIFETIME + SECOND));
        // The second secret is the previous one.
        assert!(signer.verify(&Signer::parse(Some("two")).unwrap().sign("shop", "session-0001", NOW), "shop", "session-0001", NOW));
        assert!(!signer.verify(&Signer::parse(Some("three")).unwrap().sign("shop", "session-0001", NOW), "shop", "session-0001", NOW));
        assert!(Signer::parse(Some(" , ")).is_none() && Signer::parse(None).is_none());
        assert!(!format!("{signer:?}").contains("one"));
    }

    #[test]
    fn readers_need_the_token_that_is_configured() {
        // printf secret | sha256sum
        let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let readers = Readers::parse(Some(hash), None).unwrap();
        let admit = |token: Option<&str>| readers.admit(token, "default");
        assert!(admit(Some("secret")));
        assert!(!admit(Some("Secret")) && !admit(Some("")) && !admit(None));
        assert!(!admit(Some(hash)), "the hash is no token");
        assert_eq!(Readers::parse(Some(hash), Some("public")), Ok(readers), "a token that is set is asked for");
        assert!(Readers::parse(Some("abc"), None).is_err());
        assert!(Readers::parse(Some(&"é".repeat(32)), None).is_err());
    }

    #[test]
    fn reading_is_closed_unless_it_is_declared_public() {
        for nothing in [None, Some(""), Some(" , ")] {
            assert_eq!(Readers::parse(nothing, None), Ok(Readers::Nobody));
            assert_eq!(Readers::parse(nothing, Some("closed")), Ok(Readers::Nobody));
            assert_eq!(Readers::parse(nothing, Some("public")), Ok(Readers::All));
        }
        assert!(!Readers::Nobody.admit(Some("secret"), "default"));
        assert!(Readers::parse(None, Some("open")).is_err());
    }

    #[test]
    fn a_token_of_one_site_opens_no_other() {
        // printf secret | sha256sum; printf other | sha256sum; printf all | sha256sum
        let secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa";
        let all = "5ef5ef0364b6939c4ca61f34b393f7b368d1be8619647aaf83d5b395919ab629";
        let readers = Readers::parse(Some(&format!("shop={secret}, blog={secret} shop={other},{all}")), None).unwrap();
        for (token, sites) in [("secret", vec!["shop", "blog"]), ("other", vec!["shop"]), ("all", vec!["shop", "blog", "docs"])] {
            for site in ["shop", "blog", "docs"] {
                assert_eq!(readers.admit(Some(token), site), sites.contains(&site), "{token} {site}");
            }
        }
        assert!(Readers::parse(Some(&format!("Shop={secret}")), None).is_err_and(|problem| !problem.contains("Shop")));
        assert!(Readers::parse(Some("shop="), None).is_err());
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_token(forged in "\\PC{0,80}", cut in 0_usize..75) {
            let signer = Signer::parse(Some("secret")).unwrap();
            prop_assert!(!signer.verify(&forged, "default", "session-0001", NOW));
            let token = signer.sign("default", "session-0001", NOW);
            if cut < token.len() {
                prop_assert!(!signer.verify(&token[..cut], "default", "session-0001", NOW));
            }
        }
    }
}
