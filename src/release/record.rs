//! Content of a release record.

use super::Author;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the site in the list of changed functions.
pub(super) const SITE: &str = "site";
/// Version of the format. It changes when an older program could no longer read a record.
const FORMAT: u32 = 1;

/// Record of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// Action that made the release.
    pub action: Action,
    /// Author of the release, with the commit.
    #[serde(flatten)]
    pub author: Author,
    /// Functions, and the site as `site`, that differ from the previous release; sorted.
    pub changed: Vec<String>,
    /// Version behind each function's alias, by logical name.
    pub functions: BTreeMap<String, Version>,
    /// Files of the site, by key.
    pub site: BTreeMap<String, Page>,
}

/// Action that makes a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Release of the sources.
    Up,
    /// Return to an earlier release, in whole or in part, by its number.
    Rollback(u64),
}

/// Published version of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Version number that AWS assigned.
    pub version: String,
    /// Digest of the code and configuration that it was published from.
    pub release: String,
}

/// File of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// MD5 of the content, hexadecimal.
    pub md5: String,
    /// Id of the object's version.
    pub version: String,
}

impl Record {
    /// Creates a record; `before` is the previous release.
    pub fn new(
        action: Action,
        author: Author,
        functions: BTreeMap<String, Version>,
        site: BTreeMap<String, Page>,
        before: Option<&Self>,
    ) -> Self {
        let mut record = Self { format: FORMAT, action, author, changed: Vec::new(), functions, site };
        record.changed = record.differences(before);
        record
    }

    /// Parses a record; `None` if it is malformed, or was written by a newer program.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok()?.accept()
    }

    /// Accepts a record, unless a newer program wrote it.
    pub(super) fn accept(self) -> Option<Self> {
        // Any client may have written the record, and its texts are displayed.
        let texts = self.changed.iter().chain(self.functions.iter().flat_map(|(name, to)| [name, &to.version]));
        let is_readable = !texts.into_iter().any(|text| text.contains(char::is_control));
        (self.format == FORMAT && is_readable).then(|| Self { author: self.author.printable(), ..self })
    }

    /// Returns the text of the object.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers serialise")
    }

    /// Returns the functions, and the site as `site`, that differ from `before`; sorted. A part that no longer exists cannot be
    /// restored and does not count.
    pub fn differences(&self, before: Option<&Self>) -> Vec<String> {
        let function = |name: &String| before.and_then(|before| before.functions.get(name));
        let functions = self.functions.iter().filter(|(name, version)| function(name) != Some(version)).map(|(name, _)| name.clone());
        let pages = !self.site.is_empty() && before.map(|before| digests(&before.site)) != Some(digests(&self.site));
        functions.chain(pages.then(|| SITE.to_owned())).collect()
    }
}

/// Returns the MD5 of each file.
pub(super) fn digests(site: &BTreeMap<String, Page>) -> BTreeMap<String, String> {
    site.iter().map(|(key, page)| (key.clone(), page.md5.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Action, Author, Page, Record, Version};
    use std::collections::BTreeMap;

    fn record(version: &str, md5: &str, before: Option<&Record>) -> Record {
        let functions = BTreeMap::from([("stats".to_owned(), Version { version: version.into(), release: format!("of {version}") })]);
        let site = BTreeMap::from([("index.html".to_owned(), Page { md5: md5.into(), version: format!("written {version}") })]);
        Record::new(Action::Up, Author::default(), functions, site, before)
    }

    #[test]
    fn what_changed_is_what_is_not_as_before() {
        let first = record("1", "a", None);
        assert_eq!(first.changed, ["stats", "site"]);
        // Equal content under another id is the same page.
        assert_eq!(record("2", "a", Some(&first)).changed, ["stats"]);
        assert_eq!(record("1", "b", Some(&first)).changed, ["site"]);
    }

    #[test]
    fn what_makes_no_sense_or_is_of_a_newer_program_is_no_record() {
        let text = record("1", "a", None).text();
        assert_eq!(Record::parse(text.as_bytes()), Some(record("1", "a", None)));
        for wrong in ["", "null", "{}", "<html>", &text[..text.len() / 2], &text.replace("\"format\":1", "\"format\":2")] {
            assert_eq!(Record::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
