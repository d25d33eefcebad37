//! Networks of a client's address, which limits are counted by.
//!
//! An IPv4 address is one client. A household has at least a /64 of IPv6 and may use any number of its addresses. A company, or
//! a customer of a hosting provider, has up to a /48 (RFC 6177), which is 65,536 such networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Network for all texts that are no address, together.
pub const UNKNOWN: &str = "unknown";

/// Networks of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks {
    /// Narrowest counted network: an IPv4 address, or the /64 of an IPv6 address.
    pub narrow: String,
    /// Widest counted network: the /48 of an IPv6 address, else the same as `narrow`.
    pub wide: String,
}

impl Networks {
    /// Returns the networks of an address as [`canonical`] reads it.
    pub fn of(address: &str) -> Self {
        match parse(address) {
            Some(IpAddr::V6(address)) => Self { narrow: prefix(address, 64), wide: prefix(address, 48) },
            Some(IpAddr::V4(address)) => Self { narrow: address.to_string(), wide: address.to_string() },
            None => Self { narrow: UNKNOWN.to_owned(), wide: UNKNOWN.to_owned() },
        }
    }

    /// Returns true if the address is in one of several networks of one customer.
    pub fn is_nested(&self) -> bool {
        self.narrow != self.wide
    }
}

/// Returns an address in canonical form, without port, brackets and zone; [`UNKNOWN`] for text that is no address.
pub fn canonical(address: &str) -> String {
    parse(address).map_or_else(|| UNKNOWN.to_owned(), |address| address.to_string())
}

/// Parses `192.0.2.1`, `192.0.2.1:50000`, `2001:db8::1`, `[2001:db8::1]:50000`, `fe80::1%eth0`. An IPv4-mapped IPv6 address
/// (`::ffff:192.0.2.1`) is the IPv4 address.
fn parse(address: &str) -> Option<IpAddr> {
    let text = address.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        // One colon precedes a port; more of them are an IPv6 address.
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    let without_zone = bare.split_once('%').map_or(bare, |(address, _)| address);
    if let Ok(address) = without_zone.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(address));
    }
    without_zone.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical())
}

/// Formats the first `bits` bits of an address, as `2001:db8:1:2::/64`.
fn prefix(address: Ipv6Addr, bits: u32) -> String {
    let kept = u128::from(address) & (u128::MAX << (128 - bits));
    format!("{}/{bits}", Ipv6Addr::from(kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn narrow(address: &str) -> String {
        Networks::of(address).narrow
    }

    #[test]
    fn an_ipv6_household_is_one_client_however_its_address_is_spelt() {
        for spelling in [
            "2001:db8:1:2:3:4:5:6",
            "2001:db8:1:2::6",
            "2001:0db8:0001:0002::0006",
            "2001:DB8:1:2:ffff::",
            "[2001:db8:1:2::6]",
            "[2001:db8:1:2::6]:50000",
            " 2001:db8:1:2::6%eth0 ",
            "[2001:db8:1:2::6%25eth0]:443",
        ] {
            let networks = Networks::of(spelling);
            assert_eq!((networks.narrow.as_str(), networks.wide.as_str()), ("2001:db8:1:2::/64", "2001:db8:1::/48"), "{spelling}");
            assert!(networks.is_nested());
        }
        // A gap at the front hid the network when addresses were parsed as text.
        assert_eq!(narrow("2001:db8::6"), narrow("2001:db8:0:0:1:2:3:4"));
        assert_eq!(narrow("::1"), "::/64");
        assert_ne!(narrow("2001:db8:1:2::6"), narrow("2001:db8:1:3::6"));
        assert_eq!(Networks::of("2001:db8:1:2::6").wide, Networks::of("2001:db8:1:ffff::6").wide);
    }

    #[test]
    fn an_ipv4_address_is_one_client() {
        for spelling in ["192.0.2.1", "192.0.2.1:50000", "::ffff:192.0.2.1", "[::ffff:c000:201]:443", "::FFFF:192.0.2.1"] {
            assert_eq!((narrow(spelling).as_str(), canonical(spelling).as_str()), ("192.0.2.1", "192.0.2.1"), "{spelling}");
            assert!(!Networks::of(spelling).is_nested());
        }
    }

    #[test]
    fn all_garbage_is_one_client() {
        for garbage in ["", "a", "192.0.2", "192.0.2.256", "192.0.2.1, 192.0.2.2", "2001:db8", "[2001:db8::1", "1::2::3", "é", "%", ":"] {
            assert_eq!((narrow(garbage).as_str(), canonical(garbage).as_str()), (UNKNOWN, UNKNOWN), "{garbage:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_any_text_and_any_address(text in "\\PC{0,50}", number: u128) {
            let _ = Networks::of(&text);
            let address = Ipv6Addr::from(number).to_string();
            prop_assert_eq!(Networks::of(&canonical(&address)), Networks::of(&address));
            prop_assert_ne!(narrow(&address), UNKNOWN);
        }
    }
}
