//! The headers of the site's files, which browsers get beside the content.
//!
//! A list of objects shows digest and time of each, and no header; a call for each file would be as many calls as files. So the program keeps a
//! record of its writes: one object beside the records of releases ([`WRITTEN`]) has digest, time and headers of every file.
//!
//! The list of objects shows the digest of that record, too. The program computes the digest that the record has if all files are as they were
//! written and as they are declared now. If both agree, nothing more is read. Otherwise the program reads the record, and asks S3 only for the
//! headers of files that others have written since (`HeadObject`).

use super::site::{Listed, RELEASES_PREFIX, SITE_PREFIX, SiteObject, objects};
use aws::{Aws, Headers, Known, Optional};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::DateTime;
use engine::{Error, Result, hex::hex};
use futures::stream::{self, StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the record, below the prefix of the records of releases.
const WRITTEN: &str = "written.json";
/// Most bytes that are read of the record, more than it ever has: a thousand files take about 200 kB.
const LONGEST: i64 = 64 * 1024 * 1024;
/// Number of concurrent requests for headers.
const QUESTIONS: usize = 16;

/// Record of a file's last write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrittenFile {
    md5: String,
    /// Milliseconds since 1970, by S3's clock.
    at: i64,
    #[serde(flatten)]
    headers: Headers,
}

/// Returns the key of the record.
pub fn written_key() -> String {
    format!("{RELEASES_PREFIX}{WRITTEN}")
}

fn text(written: &BTreeMap<String, WrittenFile>) -> String {
    serde_json::to_string(written).expect("texts and numbers serialise")
}

fn md5(text: &str) -> String {
    hex(&Md5::digest(text))
}

/// Converts to milliseconds since 1970.
pub(super) fn milliseconds(at: &DateTime) -> i64 {
    at.to_millis().unwrap_or_default()
}

/// Returns the declared files with the headers that they have in the bucket. A file that is missing there, or has other content, keeps the declared
/// headers: it is written with them.
pub(super) async fn with_observed_headers(
    aws: &Aws,
    bucket: &str,
    files: &BTreeMap<String, SiteObject>,
) -> Result<BTreeMap<String, SiteObject>> {
    let listed = objects(aws, bucket).await?;
    let listed = |key: &str| listed.get(&format!("{SITE_PREFIX}{key}"));
    let found: BTreeMap<&String, (&SiteObject, &Listed)> =
        files.iter().filter_map(|(key, file)| Some((key, (file, listed(key).filter(|listed| listed.md5 == file.md5)?)))).collect();
    let as_declared = found.iter().map(|(key, (file, listed))| {
        let written = WrittenFile { md5: listed.md5.clone(), at: listed.at, headers: file.headers.clone() };
        ((*key).clone(), written)
    });
    learn(aws, bucket, as_declared.collect()).await?;
    let observed = async |(key, (file, listed)): (&String, (&SiteObject, &Listed))| {
        let headers = match aws.known_headers(key, &listed.md5, listed.at) {
            Some(headers) => headers,
            None => ask(aws, bucket, key, listed).await?,
        };
        Ok::<_, Error>((key.clone(), SiteObject { headers, ..file.clone() }))
    };
    let observed: BTreeMap<String, SiteObject> = stream::iter(found).map(observed).buffer_unordered(QUESTIONS).try_collect().await?;
    Ok(files.iter().map(|(key, file)| (key.clone(), observed.get(key).unwrap_or(file).clone())).collect())
}

/// Notes the recorded headers, as far as this run does not know them.
async fn learn(aws: &Aws, bucket: &str, as_declared: BTreeMap<String, WrittenFile>) -> Result<()> {
    let objects = objects(aws, bucket).await?;
    let Some(kept) = objects.get(&written_key()).map(|kept| kept.md5.clone()) else {
        aws.note_site_kept(as_declared.is_empty());
        return Ok(());
    };
    let is_current = kept == md5(&text(&as_declared));
    aws.note_site_kept(is_current);
    let written = if is_current {
        as_declared
    } else if aws.note_read(&kept) {
        let found = aws.get_object(LONGEST, || aws.s3.get_object().bucket(bucket).key(written_key()).send()).await?;
        // Anyone may have written it. Malformed content counts as nothing.
        found.and_then(|(_, content)| serde_json::from_slice(&content?).ok()).unwrap_or_default()
    } else {
        return Ok(());
    };
    for (key, WrittenFile { md5, at, headers }) in written {
        aws.note_headers(key, Known { md5, at: Some(at), version: None, headers });
    }
    Ok(())
}

async fn ask(aws: &Aws, bucket: &str, key: &str, listed: &Listed) -> Result<Headers> {
    let object = format!("{SITE_PREFIX}{key}");
    let answer = aws.read("s3:HeadObject", || aws.s3.head_object().bucket(bucket).key(&object).send()).await.optional()?;
    let Some(answer) = answer else { return Err(Error::not_yet("the list of objects to show what was removed a moment ago")) };
    let headers = Headers::read(&answer);
    // A newer object than the listed one may have answered.
    if answer.e_tag().is_some_and(|etag| etag.trim_matches('"') == listed.md5) {
        let version = answer.version_id().map(str::to_owned);
        aws.note_headers(key.to_owned(), Known { md5: listed.md5.clone(), at: Some(listed.at), version, headers: headers.clone() });
    }
    Ok(headers)
}

/// Entry of a site's object in a list of versions.
#[derive(Debug, Clone)]
pub struct ListedVersion {
    /// Key below [`SITE_PREFIX`].
    pub key: String,
    /// MD5 of the content, hexadecimal.
    pub md5: String,
    /// Moment of the last write, in milliseconds since 1970.
    pub at: i64,
    /// Id of the version.
    pub version: String,
}

/// Records the known headers of the files for later runs, unless the record with the digest `kept` has them already. Files with unknown headers are
/// left out: a later run reads their headers.
pub async fn keep_written(aws: &Aws, bucket: &str, site: &[ListedVersion], kept: Option<&str>) -> Result<()> {
    if !aws.knows_headers() {
        return Ok(());
    }
    let written = site.iter().filter_map(|listed| {
        let headers = aws.headers_of_version(&listed.key, &listed.md5, listed.at, &listed.version)?;
        Some((listed.key.clone(), WrittenFile { md5: listed.md5.clone(), at: listed.at, headers }))
    });
    let text = text(&written.collect());
    if kept == Some(md5(&text).as_str()) {
        return Ok(());
    }
    aws.write("s3:PutObject", || {
        let request = aws.s3.put_object().bucket(bucket).key(written_key()).body(ByteStream::from(text.clone().into_bytes()));
        request.content_type("application/json").send()
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Headers, WrittenFile, text};
    use std::collections::BTreeMap;

    #[test]
    fn what_was_written_reads_back() {
        let headers =
            Headers { other: BTreeMap::from([("content_encoding".into(), "gzip".into())]), ..Headers::new("text/css", "no-cache") };
        let written = BTreeMap::from([("a.css".to_owned(), WrittenFile { md5: "m".into(), at: 1_700_000_000_123, headers })]);
        let read: BTreeMap<String, WrittenFile> = serde_json::from_str(&text(&written)).unwrap();
        assert_eq!(read, written);
    }
}
