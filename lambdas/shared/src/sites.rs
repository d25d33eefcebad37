//! Sites that may send events to an installation.

use crate::batch::is_site;
use std::collections::BTreeSet;

/// Variable with the accepted sites, separated by commas or spaces.
pub const SITES: &str = "SITES";

/// Site that is accepted beside the listed ones: `liveinsight up` uses it to verify that events are counted.
pub const SMOKE_SITE: &str = "smoke";

/// Sites that may send events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sites {
    /// Every site that a batch names: any client with the address can add sites, which costs writes and storage.
    Any,
    /// Listed sites only, and [`SMOKE_SITE`].
    Only(BTreeSet<String>),
}

impl Sites {
    /// Parses a list separated by commas or spaces; a missing or empty one means any site.
    ///
    /// # Errors
    /// The entry that cannot be a site's key: a misspelt list would silently refuse a site's events.
    pub fn parse(list: Option<&str>) -> Result<Self, String> {
        let mut sites = BTreeSet::new();
        for site in list.unwrap_or_default().split([',', ' ']).filter(|site| !site.is_empty()) {
            if !is_site(site) {
                return Err(format!("{SITES} must list keys of 1 to 32 of a-z 0-9 -, not {site}"));
            }
            sites.insert(site.to_owned());
        }
        Ok(if sites.is_empty() { Self::Any } else { Self::Only(sites) })
    }

    /// Returns true if events for a site are accepted.
    pub fn admit(&self, site: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(sites) => site == SMOKE_SITE || sites.contains(site),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_closes_all_other_sites() {
        for open in [None, Some(""), Some(" , ")] {
            assert_eq!(Sites::parse(open), Ok(Sites::Any));
        }
        let sites = Sites::parse(Some("shop, blog docs")).unwrap();
        assert!(["shop", "blog", "docs", SMOKE_SITE].iter().all(|site| sites.admit(site)));
        assert!(!sites.admit("default") && !sites.admit("sho") && !sites.admit(""));
        assert!(Sites::Any.admit("default"));
    }

    #[test]
    fn a_misspelt_list_is_refused() {
        assert!(Sites::parse(Some("shop;blog")).is_err_and(|problem| problem.contains("shop;blog")));
        assert!(Sites::parse(Some("Shop")).is_err());
    }
}
