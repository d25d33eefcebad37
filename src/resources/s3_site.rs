//! The objects in a bucket: the files of a site, and emptying. They are content of the [bucket](super::Bucket), not resources.
//!
//! Pages are uploaded after everything else, and what is no longer needed is removed last, so that at no moment a page refers to a
//! file that is not there.

use super::cloudfront_invalidation::PLAIN;
use crate::{
    aws::Aws,
    engine::{Error, Result, digest},
};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{Delete, Object, ObjectIdentifier, builders::ObjectIdentifierBuilder},
};
use futures::{
    future::join,
    stream::{self, StreamExt, TryStreamExt},
};
use percent_encoding::utf8_percent_encode;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    rc::Rc,
};

/// Uploads at the same time.
const UPLOADS: usize = 16;
/// The most objects that one `DeleteObjects` takes (S3 API reference).
const DELETES: usize = 1000;

/// Where the pages lie in the bucket: the only part that CloudFront may read.
pub const SITE_PREFIX: &str = "site/";

/// What the keys of the program's own objects begin with: the stack's lock. They lie beside the site, not in it: no distribution may
/// read them, no release touches them, and they are the last to go.
pub const OWN_PREFIX: &str = ".liveinsight/";

/// What the keys of the records of releases begin with. It begins as the site's does, so that one listing shows both; CloudFront may not
/// read them either.
pub const RELEASES_PREFIX: &str = "site-releases/";
/// What both begin with.
const LISTED: &str = "site";

/// One file of a site.
#[derive(Debug, Clone)]
pub struct SiteObject {
    /// MD5 of the content, hexadecimal.
    pub md5: String,
    /// All of it.
    pub bytes: Rc<[u8]>,
    /// `Content-Type`.
    pub content_type: String,
    /// `Cache-Control`.
    pub cache_control: String,
}

/// The MD5 of every file of the site, by its key below [`SITE_PREFIX`].
pub(crate) async fn list_site(aws: &Aws, bucket: &str) -> Result<BTreeMap<String, String>> {
    let objects = objects(aws, bucket).await?;
    let file = |(key, md5): (&String, &String)| Some((key.strip_prefix(SITE_PREFIX)?.to_owned(), md5.clone()));
    Ok(objects.iter().filter_map(file).filter(|(key, _)| !key.is_empty()).collect())
}

/// The keys of the records of releases.
pub async fn list_releases(aws: &Aws, bucket: &str) -> Result<Vec<String>> {
    Ok(objects(aws, bucket).await?.keys().filter(|key| key.starts_with(RELEASES_PREFIX)).cloned().collect())
}

/// The MD5 of the site's files and of the records of releases, by key. Shared: a run lists them once.
async fn objects(aws: &Aws, bucket: &str) -> Result<Rc<BTreeMap<String, String>>> {
    let list = async || {
        let mut objects = BTreeMap::new();
        let mut token = None;
        loop {
            let page = aws
                .read("s3:ListObjectsV2", || {
                    aws.s3.list_objects_v2().bucket(bucket).prefix(LISTED).set_continuation_token(token.clone()).send()
                })
                .await?;
            let object = |object: &Object| Some((object.key()?.to_owned(), object.e_tag()?.trim_matches('"').to_owned()));
            objects.extend(page.contents().iter().filter_map(object));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                return Ok(objects);
            }
        }
    };
    aws.shared("s3", &format!("objects/{bucket}"), list).await
}

/// Makes the site be `files`; `live` is what is there.
pub(super) async fn publish(aws: &Aws, bucket: &str, files: &BTreeMap<String, SiteObject>, live: &BTreeMap<String, String>) -> Result<()> {
    let changed = files.iter().filter(|(key, file)| live.get(*key) != Some(&file.md5));
    let (pages, assets): (Vec<_>, Vec<_>) = changed.partition(|(key, _)| is_page(key));
    let removed: BTreeSet<&String> = live.keys().filter(|key| !files.contains_key(*key)).collect();
    // Noted first: an upload whose answer is lost may have happened.
    let keys = assets.iter().chain(&pages).map(|(key, _)| (*key).clone()).chain(removed.iter().map(|key| (*key).clone()));
    aws.note_published(&digest(live), keys);
    for batch in [assets, pages] {
        stream::iter(batch)
            .map(|(key, file)| upload(aws, bucket, format!("{SITE_PREFIX}{key}"), file))
            .buffer_unordered(UPLOADS)
            .try_collect::<()>()
            .await?;
    }
    let removed = removed.iter().map(|key| ObjectIdentifier::builder().key(format!("{SITE_PREFIX}{key}")));
    delete_objects(aws, bucket, removed).await
}

/// Whether it refers to other files, so that those have to be there first.
fn is_page(key: &str) -> bool {
    Path::new(key).extension().is_some_and(|extension| extension == "html" || extension == "htm")
}

async fn upload(aws: &Aws, bucket: &str, key: String, file: &SiteObject) -> Result<()> {
    let SiteObject { bytes, content_type, cache_control, .. } = file;
    aws.write("s3:PutObject", || {
        let request = aws.s3.put_object().bucket(bucket).key(&key).body(ByteStream::from(bytes.to_vec()));
        request.content_type(content_type).cache_control(cache_control).send()
    })
    .await?;
    Ok(())
}

/// Makes older versions of files of the site, by key, the current ones again, and removes other files. All at once: what is put back in an
/// emergency is not put in order first, and what fails keeps nothing else.
pub(super) async fn restore(aws: &Aws, bucket: &str, versions: &BTreeMap<String, String>, removed: &BTreeSet<String>) -> Result<()> {
    let copy = async |(key, version): (&String, &String)| {
        let key = format!("{SITE_PREFIX}{key}");
        let source = format!("{bucket}/{}?versionId={version}", utf8_percent_encode(&key, PLAIN));
        aws.write("s3:CopyObject", || aws.s3.copy_object().bucket(bucket).key(&key).copy_source(&source).send()).await
    };
    let copies = stream::iter(versions).map(copy).buffer_unordered(UPLOADS).collect::<Vec<_>>();
    let removed = removed.iter().map(|key| ObjectIdentifier::builder().key(format!("{SITE_PREFIX}{key}")));
    let (copies, removed) = join(copies, delete_objects(aws, bucket, removed)).await;
    copies.into_iter().try_for_each(|copy| copy.map(|_| ())).and(removed)
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
        if marker.is_none() {
            aws.note_bucket_goes(bucket);
        }
        let mut first = None;
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
            if first.is_some() && first.as_ref() == all.first() {
                return Err(Error::not_yet("S3 to remove the bucket's objects (s3:DeleteObjects was accepted)"));
            }
            first = all.first().cloned();
            delete(aws, bucket, all).await?;
            if last {
                break;
            }
        }
    }
    Ok(())
}

fn identifiers(all: impl Iterator<Item = ObjectIdentifierBuilder>) -> Result<Vec<ObjectIdentifier>> {
    all.map(|object| object.build().map_err(|error| Error::refused("s3:DeleteObjects", error.to_string()))).collect()
}

/// Removes these objects, or the versions of objects that are named.
pub async fn delete_objects(aws: &Aws, bucket: &str, objects: impl Iterator<Item = ObjectIdentifierBuilder>) -> Result<()> {
    delete(aws, bucket, identifiers(objects)?).await
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
