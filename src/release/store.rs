//! Records as objects of the stack's bucket, among the versions of the site's files.

use super::{
    Action, Author, Live, Page, Record,
    recent::{self, Recent},
    record::digests,
};
use crate::{
    aws::{Aws, Optional, object_name},
    engine::{Graph, Result},
    resources::{ListedVersion, RELEASES_PREFIX, SITE_PREFIX, keep_written, written_key},
};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{EncodingType, ObjectVersion},
};
use aws_smithy_types::DateTime;
use futures::future::{FutureExt, join, try_join};
use std::collections::{BTreeMap, BTreeSet};

/// Size limit of a record in bytes, more than one ever has: a thousand files take about 150 kB.
const LONGEST: i64 = 16 * 1024 * 1024;

/// Content of the bucket that concerns releases.
#[derive(Debug, Default)]
pub struct Objects {
    /// Releases, oldest first.
    pub releases: Vec<Stored>,
    /// Current files of the site, by key.
    pub site: BTreeMap<String, Page>,
    /// Existing versions of the site's files: key and id.
    pub versions: BTreeSet<(String, String)>,
    /// Versions of records that newer ones replaced, by key and id.
    pub(super) replaced: Vec<(String, String)>,
    recent: Recent,
    /// Current files of the site, with the time of their last write.
    listed: Vec<ListedVersion>,
    /// Digest of the object that stores the files' headers.
    kept: Option<String>,
}

/// Record that was found in a listing.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Number of the release, counted from 1.
    pub number: u64,
    /// Time of the recording, by the service's clock.
    pub at: DateTime,
    /// Digest of the content that it describes.
    pub digest: String,
    pub(super) key: String,
    pub(super) version: String,
}

/// Release with its record.
#[derive(Debug, Clone)]
pub struct Release {
    /// Number of the release, counted from 1.
    pub number: u64,
    /// Time of the recording, by the service's clock.
    pub at: DateTime,
    /// Content of the record; `None` if it is malformed.
    pub record: Option<Record>,
}

/// Lists the releases, and the objects of the site; `None` without a bucket.
pub async fn list(aws: &Aws, bucket: &str) -> Result<Option<Objects>> {
    let mut objects = Objects::default();
    let request =
        || aws.s3.list_object_versions().bucket(bucket).prefix(SITE_PREFIX.trim_end_matches('/')).encoding_type(EncodingType::Url);
    let send = |place: Option<(String, Option<String>)>| {
        let (key, version) = place.map_or((None, None), |(key, version)| (Some(key), version));
        request().set_key_marker(key).set_version_id_marker(version).send()
    };
    let listed = aws.pages("s3:ListObjectVersions", send, |page| {
        for found in page.versions() {
            objects.add(found);
        }
        let more = page.is_truncated() == Some(true);
        Ok(page.next_key_marker.filter(|_| more).map(|key| (object_name(&key), page.next_version_id_marker)))
    });
    if listed.await.optional()?.is_none() {
        return Ok(None);
    }
    objects.releases.sort_by_key(|stored| stored.number);
    Ok(Some(objects))
}

/// Lists the releases, and reads the newest records concurrently.
pub(super) async fn list_and_read(aws: &Aws, bucket: &str) -> Result<Option<Objects>> {
    let (objects, recent) = try_join(list(aws, bucket).boxed_local(), recent::read(aws, bucket).boxed_local()).await?;
    Ok(objects.map(|objects| Objects { recent, ..objects }))
}

impl Objects {
    fn add(&mut self, found: &ObjectVersion) {
        let (Some(key), Some(version)) = (found.key().map(object_name), found.version_id()) else { return };
        let latest = found.is_latest() == Some(true);
        if let (Some((number, digest)), Some(at), true) = (parse_key(&key), found.last_modified(), latest) {
            self.releases.push(Stored { number, at: *at, digest, key: key.clone(), version: version.to_owned() });
        }
        if key.starts_with(RELEASES_PREFIX) && !latest {
            self.replaced.push((key.clone(), version.to_owned()));
        }
        let md5 = found.e_tag().unwrap_or_default().trim_matches('"').to_owned();
        if latest && key == written_key() {
            self.kept = Some(md5.clone());
        }
        let Some(file) = key.strip_prefix(SITE_PREFIX).filter(|file| !file.is_empty()) else { return };
        self.versions.insert((file.to_owned(), version.to_owned()));
        if latest {
            let at = found.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or_default();
            self.listed.push(ListedVersion { key: file.to_owned(), md5: md5.clone(), at, version: version.to_owned() });
            self.site.insert(file.to_owned(), Page { md5, version: version.to_owned() });
        }
    }
}

/// Reads a record.
pub async fn read(aws: &Aws, bucket: &str, stored: &Stored) -> Result<Release> {
    let found = aws.get_object(LONGEST, || aws.s3.get_object().bucket(bucket).key(&stored.key).send()).await?;
    let record = found.and_then(|(_, content)| Record::parse(&content?));
    Ok(Release { number: stored.number, at: stored.at, record })
}

/// Records the live state as a release, unless it is the newest one. Returns its number.
pub async fn write(aws: &Aws, bucket: &str, graph: &Graph<Aws>, action: Action, author: Author) -> Result<Option<u64>> {
    let Some(objects) = list_and_read(aws, bucket).await? else { return Ok(None) };
    let live = Live::new(graph, digests(&objects.site));
    let append = objects.append(aws, bucket, (live, objects.site.clone()), action, author).boxed_local();
    let (number, kept) = join(append, keep_written(aws, bucket, &objects.listed, objects.kept.as_deref()).boxed_local()).await;
    kept.and(number)
}

impl Objects {
    /// Returns the content of a listed record; `None` if it is malformed.
    pub async fn read(&self, aws: &Aws, bucket: &str, stored: &Stored) -> Result<Option<Record>> {
        match self.recent.record(stored.number, &stored.digest) {
            Some(record) => Ok(Some(record)),
            None => Ok(Box::pin(read(aws, bucket, stored)).await?.record),
        }
    }

    /// Records the live state, with the versions of the files, as the release after these, unless it is the newest one.
    pub async fn append(
        &self,
        aws: &Aws,
        bucket: &str,
        (live, site): (Live, BTreeMap<String, Page>),
        action: Action,
        author: Author,
    ) -> Result<Option<u64>> {
        let (newest, digest) = (self.releases.last(), live.digest());
        if newest.is_some_and(|newest| newest.digest == digest) {
            return Ok(None);
        }
        let before = match newest {
            Some(newest) => self.read(aws, bucket, newest).await?,
            None => None,
        };
        let number = newest.map_or(1, |newest| newest.number + 1);
        let record = Record::new(action, author, live.functions, site, before.as_ref());
        let (recent, text) = (self.recent.with(number, &digest, &record), record.text());
        let put = aws.write("s3:PutObject", || {
            let request = aws.s3.put_object().bucket(bucket).key(key(number, &digest)).body(ByteStream::from(text.clone().into_bytes()));
            request.content_type("application/json").send()
        });
        // A failure of one write does not abort the other.
        let (put, recent) = join(put.boxed_local(), recent::write(aws, bucket, recent).boxed_local()).await;
        put.and(recent).map(|()| Some(number))
    }
}

fn key(number: u64, digest: &str) -> String {
    format!("{RELEASES_PREFIX}{number:06}-{digest}.json")
}

/// Parses the number and the digest in the key of a record; `None` for any other key.
pub(super) fn parse_key(key: &str) -> Option<(u64, String)> {
    let (number, digest) = key.strip_prefix(RELEASES_PREFIX)?.strip_suffix(".json")?.split_once('-')?;
    Some((number.parse().ok()?, digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{key, parse_key};

    #[test]
    fn keys_tell_number_and_digest_and_nothing_else_is_one() {
        for number in [1, 999_999, 1_000_000] {
            assert_eq!(parse_key(&key(number, "0123abcd")), Some((number, "0123abcd".to_owned())));
        }
        for other in ["site/000001-a.json", "site-releases/", "site-releases/x-a.json", "site-releases/1.json", "site-releases/1-a.txt"] {
            assert_eq!(parse_key(other), None, "{other}");
        }
    }
}
