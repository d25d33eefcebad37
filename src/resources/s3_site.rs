//! The objects in a bucket: the files of a site, and emptying. They are content of the [bucket](super::Bucket), not resources.
//!
//! Pages are uploaded after everything else, and what is no longer needed is removed last, so that at no moment a page refers to a
//! file that is not there.

use crate::{
    aws::Aws,
    engine::{Error, Result, digest},
};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use futures::stream::{self, StreamExt, TryStreamExt};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Uploads at the same time.
const UPLOADS: usize = 16;
/// The most objects that one `DeleteObjects` takes (S3 API reference).
const DELETES: usize = 1000;

/// What the keys of the program's own objects begin with: the stack's lock. They lie beside the site, not in it: no distribution may
/// read them, no release touches them, and they are the last to go.
pub const OWN_PREFIX: &str = ".liveinsight/";

/// One file of a site.
#[derive(Debug, Clone)]
pub struct SiteObject {
    /// Its content.
    pub bytes: Rc<[u8]>,
    /// MD5 of the content, hexadecimal.
    pub md5: String,
    /// `Content-Type`.
    pub content_type: String,
    /// `Cache-Control`.
    pub cache_control: String,
}

/// The MD5 of every object below `prefix`, by its key there.
pub(super) async fn list_site(aws: &Aws, bucket: &str, prefix: &str) -> Result<BTreeMap<String, String>> {
    let mut site = BTreeMap::new();
    let mut token = None;
    loop {
        let page = aws
            .read("s3:ListObjectsV2", || {
                aws.s3.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(token.clone()).send()
            })
            .await?;
        for object in page.contents() {
            let key = object.key().and_then(|key| key.strip_prefix(prefix)).filter(|key| !key.is_empty());
            if let Some(key) = key {
                site.insert(key.to_owned(), object.e_tag().unwrap_or_default().trim_matches('"').to_owned());
            }
        }
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            return Ok(site);
        }
    }
}

/// Makes the objects below `prefix` be `files`; `live` is what is there.
pub(super) async fn publish(
    aws: &Aws,
    bucket: &str,
    prefix: &str,
    files: &BTreeMap<String, SiteObject>,
    live: &BTreeMap<String, String>,
) -> Result<()> {
    let changed = files.iter().filter(|(key, file)| live.get(*key) != Some(&file.md5));
    let (pages, assets): (Vec<_>, Vec<_>) = changed.partition(|(_, file)| file.content_type.starts_with("text/html"));
    let removed: BTreeSet<&String> = live.keys().filter(|key| !files.contains_key(*key)).collect();
    // Noted first: an upload whose answer is lost may have happened.
    let keys = assets.iter().chain(&pages).map(|(key, _)| (*key).clone()).chain(removed.iter().map(|key| (*key).clone()));
    aws.note_published(&digest(live), keys);
    for batch in [assets, pages] {
        stream::iter(batch)
            .map(|(key, file)| upload(aws, bucket, format!("{prefix}{key}"), file))
            .buffer_unordered(UPLOADS)
            .try_collect::<()>()
            .await?;
    }
    let removed = removed.iter().map(|key| ObjectIdentifier::builder().key(format!("{prefix}{key}")));
    delete(aws, bucket, identifiers(removed)?).await
}

async fn upload(aws: &Aws, bucket: &str, key: String, file: &SiteObject) -> Result<()> {
    aws.write("s3:PutObject", || {
        let request = aws.s3.put_object().bucket(bucket).key(&key).body(ByteStream::from(file.bytes.to_vec()));
        request.content_type(&file.content_type).cache_control(&file.cache_control).send()
    })
    .await?;
    Ok(())
}

/// Removes everything: unfinished uploads, every version, every delete marker. What is under [`OWN_PREFIX`] goes last.
pub(super) async fn empty(aws: &Aws, bucket: &str) -> Result<()> {
    // What is listed is removed before the next page is asked for, so the first page is always the right one.
    loop {
        let page = aws.read("s3:ListMultipartUploads", || aws.s3.list_multipart_uploads().bucket(bucket).send()).await?;
        for upload in page.uploads() {
            let (key, id) = (upload.key().unwrap_or_default(), upload.upload_id().unwrap_or_default());
            let abort = || aws.s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send();
            aws.write("s3:AbortMultipartUpload", abort).await?;
        }
        if page.is_truncated() != Some(true) || page.uploads().is_empty() {
            break;
        }
    }
    // First what sorts behind our own objects, which is the site; then, with them, all that is left.
    let behind_ours = OWN_PREFIX.replace('/', "0");
    for marker in [Some(behind_ours), None] {
        loop {
            let page = aws
                .read("s3:ListObjectVersions", || aws.s3.list_object_versions().bucket(bucket).set_key_marker(marker.clone()).send())
                .await?;
            let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
            let object = |(key, version): (Option<&str>, Option<&str>)| {
                ObjectIdentifier::builder().set_key(key.map(str::to_owned)).set_version_id(version.map(str::to_owned))
            };
            let all = identifiers(versions.chain(markers).map(object))?;
            let last = page.is_truncated() != Some(true) || all.is_empty();
            delete(aws, bucket, all).await?;
            if last {
                break;
            }
        }
    }
    Ok(())
}

fn identifiers(all: impl Iterator<Item = aws_sdk_s3::types::builders::ObjectIdentifierBuilder>) -> Result<Vec<ObjectIdentifier>> {
    all.map(|object| object.build().map_err(|error| Error::refused("s3:DeleteObjects", error.to_string()))).collect()
}

/// Removes these. The answer is 200 even if some could not be removed; it names them.
async fn delete(aws: &Aws, bucket: &str, objects: Vec<ObjectIdentifier>) -> Result<()> {
    for batch in objects.chunks(DELETES) {
        let batch = Delete::builder()
            .set_objects(Some(batch.to_vec()))
            .quiet(true)
            .build()
            .map_err(|error| Error::refused("s3:DeleteObjects", error.to_string()))?;
        let answer = aws.write("s3:DeleteObjects", || aws.s3.delete_objects().bucket(bucket).delete(batch.clone()).send()).await?;
        if let Some(first) = answer.errors().first() {
            let (key, code) = (first.key().unwrap_or_default(), first.code().unwrap_or_default());
            let message = first.message().unwrap_or_default();
            let text = format!("{} of {} objects stayed; {key}: {code}: {message}", answer.errors().len(), batch.objects().len());
            return Err(Error::refused("s3:DeleteObjects", text));
        }
    }
    Ok(())
}
