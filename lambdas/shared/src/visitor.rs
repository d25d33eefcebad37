//! Identifies a visitor within one day, without revealing the person.
//!
//! A visitor is a hash of network address and browser with the day's salt. The salt is random and deleted after the next day.
//! After that, no one can link a hash to an address, or hashes of two days to one visitor.

use crate::token;

/// Salt of a day.
pub type Salt = [u8; 16];

/// Returns 16 hexadecimal digits; without an address, each session is a visitor of its own.
pub fn identify(salt: &Salt, site: &str, address: Option<&str>, user_agent: &str, session_id: &str) -> String {
    let parts: &[&str] = match address {
        Some(address) => &["address", site, address, user_agent],
        None => &["session", site, session_id],
    };
    let hash: [u8; 32] = hmac::Mac::finalize(token::mac(salt, parts)).into_bytes().into();
    token::hexadecimal(&hash[..8])
}

/// Returns 16 random bytes.
///
/// # Panics
/// If the system has no random numbers.
#[expect(clippy::expect_used, reason = "a system without random numbers cannot keep any promise of privacy")]
pub fn random_salt() -> Salt {
    let mut salt = Salt::default();
    getrandom::fill(&mut salt).expect("the system has random numbers");
    salt
}

/// Returns 32 random hexadecimal digits.
///
/// # Panics
/// If the system has no random numbers.
pub fn random_text() -> String {
    token::hexadecimal(&random_salt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_the_same_under_one_salt_only() {
        let salt = random_salt();
        let visitor = identify(&salt, "shop", Some("192.0.2.1"), "Firefox", "session-0001");
        assert_eq!(visitor, identify(&salt, "shop", Some("192.0.2.1"), "Firefox", "session-0002"));
        assert_eq!(visitor.len(), 16);
        for other in [
            identify(&random_salt(), "shop", Some("192.0.2.1"), "Firefox", ""),
            identify(&salt, "other", Some("192.0.2.1"), "Firefox", ""),
            identify(&salt, "shop", Some("192.0.2.2"), "Firefox", ""),
            identify(&salt, "shop", Some("192.0.2.1"), "Chrome", ""),
            identify(&salt, "shop", None, "Firefox", "session-0001"),
        ] {
            assert_ne!(visitor, other);
        }
        assert_ne!(random_text(), random_text());
    }
}
