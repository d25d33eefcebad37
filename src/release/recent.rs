//! Newest releases in one object, so that a rollback finds and reads its record in one call.
//!
//! The object repeats the records, and is written with each of them. Nothing depends on it: an entry that is missing, or
//! differs from the list of the records, is read from the record itself.

use super::Record;
use crate::{aws::Aws, engine::Result, resources::RELEASES_PREFIX};
use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};

/// Number of releases in the object: enough to go back step by step during an incident.
const MOST: usize = 8;
/// Size limit in bytes; a site with very many files leaves room for fewer releases.
const LONGEST: usize = 1024 * 1024;

/// Content of the object.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Recent {
    /// Releases, newest first.
    releases: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    number: u64,
    digest: String,
    record: Record,
}

impl Recent {
    /// Returns the record of a listed release.
    pub(super) fn record(&self, number: u64, digest: &str) -> Option<Record> {
        let entry = self.releases.iter().find(|entry| entry.number == number && entry.digest == digest)?;
        entry.record.clone().accept()
    }

    /// Returns the content with one more release in front.
    pub(super) fn with(&self, number: u64, digest: &str, record: &Record) -> Self {
        let new = Entry { number, digest: digest.to_owned(), record: record.clone() };
        // Another run may have written the same release.
        let others = self.releases.iter().filter(|entry| entry.number < number).cloned();
        Self { releases: std::iter::once(new).chain(others).take(MOST).collect() }
    }

    fn text(mut self) -> String {
        loop {
            let text = serde_json::to_string(&self).expect("texts and numbers serialise");
            if text.len() <= LONGEST || self.releases.pop().is_none() {
                return text;
            }
        }
    }
}

fn key() -> String {
    format!("{RELEASES_PREFIX}newest.json")
}

/// Reads the object. A missing or malformed one counts as empty.
pub(super) async fn read(aws: &Aws, bucket: &str) -> Result<Recent> {
    let longest = i64::try_from(LONGEST).unwrap_or(i64::MAX);
    let found = aws.get_object(longest, || aws.s3.get_object().bucket(bucket).key(key()).send()).await?;
    Ok(found.and_then(|(_, content)| serde_json::from_slice(&content?).ok()).unwrap_or_default())
}

/// Writes the object.
pub(super) async fn write(aws: &Aws, bucket: &str, recent: Recent) -> Result<()> {
    let text = recent.text();
    aws.write("s3:PutObject", || {
        let request = aws.s3.put_object().bucket(bucket).key(key()).body(ByteStream::from(text.clone().into_bytes()));
        request.content_type("application/json").send()
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, MOST, Recent};
    use crate::release::{Action, Author, Page, Record, Version};
    use std::collections::BTreeMap;

    fn record(files: usize) -> Record {
        let functions = BTreeMap::from([("stats".to_owned(), Version { version: "1".into(), release: "r".into() })]);
        let page = |number: usize| (format!("{number:0>200}"), Page { md5: "m".into(), version: "v".into() });
        Record::new(Action::Up, Author::default(), functions, (0..files).map(page).collect(), None)
    }

    fn filled(releases: u64, files: usize) -> Recent {
        (1..=releases).fold(Recent::default(), |recent, number| recent.with(number, &format!("d{number}"), &record(files)))
    }

    #[test]
    fn the_newest_are_kept_and_known_by_number_and_digest() {
        let recent = filled(20, 1);
        assert_eq!(recent.releases.len(), MOST);
        assert_eq!(recent.record(20, "d20"), Some(record(1)));
        assert!(recent.record(12, "d12").is_none(), "too old");
        assert!(recent.record(20, "other").is_none());
        // A number that is written again replaces its entry.
        assert_eq!(recent.with(20, "d20", &record(2)).record(20, "d20"), Some(record(2)));
    }

    #[test]
    fn large_sites_leave_room_for_fewer() {
        let text = filled(8, 1000).text();
        let read: Recent = serde_json::from_str(&text).unwrap();
        assert!(text.len() <= LONGEST && (2..8).contains(&read.releases.len()), "{} releases", read.releases.len());
        assert_eq!(read.record(8, "d8"), Some(record(1000)));
    }
}
