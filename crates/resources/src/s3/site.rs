//! The objects in a bucket: the files of a site, and emptying. They are content of the [bucket](crate::Bucket), not resources.
//!
//! Pages are uploaded after everything else, and files that are no longer needed are removed last. So at no moment a page refers to a file that is
//! missing.

use super::written::milliseconds;
use aws::{Aws, Headers, Known, Optional, object_name};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{EncodingType, MultipartUpload, Object, ObjectIdentifier, builders::ObjectIdentifierBuilder},
};
use engine::{Error, Result, digest};
use futures::{
    future::join,
    stream::{self, StreamExt, TryStreamExt},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Number of concurrent uploads.
const UPLOADS: usize = 16;

/// Characters that the source of a copy carries unchanged; S3 expects all others in URL encoding (API reference of `CopyObject`).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Prefix of the pages in the bucket: the only part that CloudFront may read.
pub const SITE_PREFIX: &str = "site/";

/// Prefix of the program's own objects, such as the stack's lock. They lie beside the site, not in it: no distribution may read them, no release
/// touches them, and emptying the bucket removes them last.
pub const OWN_PREFIX: &str = ".liveinsight/";

/// Prefix of the records of releases. It begins as the site's does, so that one listing shows both; CloudFront may not read them either.
pub const RELEASES_PREFIX: &str = "site-releases/";
/// Common prefix of the site and the records of releases.
const LISTED: &str = "site";

/// File of a site. Of its declaration, only the headers are shown and compared as fields; its content is compared by its MD5 in
/// [`Bucket::site`](crate::Bucket::site).
#[derive(Debug, Clone, Serialize)]
pub struct SiteObject {
    /// MD5 of the content, hexadecimal.
    #[serde(skip)]
    pub md5: String,
    /// Content of the file.
    #[serde(skip)]
    pub bytes: Rc<[u8]>,
    /// Headers that browsers get with the file.
    #[serde(flatten)]
    pub headers: Headers,
}

/// Entry of an object in a list.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// MD5 of the content, hexadecimal.
    pub(super) md5: String,
    /// Moment of the last write, in milliseconds since 1970.
    pub(super) at: i64,
}

/// Returns the MD5 of every file of the site, by its key below [`SITE_PREFIX`].
pub async fn list_site(aws: &Aws, bucket: &str) -> Result<BTreeMap<String, String>> {
    let objects = objects(aws, bucket).await?;
    let file = |(key, listed): (&String, &Listed)| Some((key.strip_prefix(SITE_PREFIX)?.to_owned(), listed.md5.clone()));
    Ok(objects.iter().filter_map(file).filter(|(key, _)| !key.is_empty()).collect())
}

/// Returns the keys of the records of releases.
pub async fn list_releases(aws: &Aws, bucket: &str) -> Result<Vec<String>> {
    Ok(objects(aws, bucket).await?.keys().filter(|key| key.starts_with(RELEASES_PREFIX)).cloned().collect())
}

/// Returns the site's files and the records of releases, by key. Shared: a run lists them once.
pub(super) async fn objects(aws: &Aws, bucket: &str) -> Result<Rc<BTreeMap<String, Listed>>> {
    let list = async || {
        let mut objects = BTreeMap::new();
        let object = |object: &Object| {
            let md5 = object.e_tag()?.trim_matches('"').to_owned();
            Some((object_name(object.key()?), Listed { md5, at: object.last_modified().map(milliseconds).unwrap_or_default() }))
        };
        let request = || aws.s3.list_objects_v2().bucket(bucket).prefix(LISTED).encoding_type(EncodingType::Url);
        let send = |token| request().set_continuation_token(token).send();
        aws.pages("s3:ListObjectsV2", send, |page| {
            objects.extend(page.contents().iter().filter_map(object));
            Ok(page.next_continuation_token.filter(|_| page.is_truncated == Some(true)))
        })
        .await?;
        Ok(objects)
    };
    aws.shared("s3", &format!("objects/{bucket}"), list).await
}

/// Writes `files` as the site. `observed` is the MD5 of each file that the bucket has, `with` the headers that `files` have there.
pub(super) async fn publish(
    aws: &Aws,
    bucket: &str,
    files: &BTreeMap<String, SiteObject>,
    observed: &BTreeMap<String, String>,
    with: &BTreeMap<String, SiteObject>,
) -> Result<()> {
    let has_headers = |key: &str, file: &SiteObject| with.get(key).is_none_or(|observed| observed.headers == file.headers);
    let changed = files.iter().filter(|(key, file)| observed.get(*key) != Some(&file.md5) || !has_headers(key, file));
    let (pages, assets): (Vec<_>, Vec<_>) = changed.partition(|(_, file)| is_page(file));
    let removed: BTreeSet<&String> = observed.keys().filter(|key| !files.contains_key(*key)).collect();
    // Noted first: an upload with a lost answer may have happened.
    let keys = assets.iter().chain(&pages).map(|(key, _)| (*key).clone()).chain(removed.iter().map(|key| (*key).clone()));
    aws.note_published(&digest(observed), keys);
    for batch in [assets, pages] {
        stream::iter(batch).map(|(key, file)| upload(aws, bucket, key, file)).buffer_unordered(UPLOADS).try_collect::<()>().await?;
    }
    let removed = removed.iter().map(|key| ObjectIdentifier::builder().key(format!("{SITE_PREFIX}{key}")));
    delete_objects(aws, bucket, removed).await
}

/// Returns whether the file refers to other files, which have to be uploaded first.
fn is_page(file: &SiteObject) -> bool {
    file.headers.content_type.starts_with("text/html")
}

async fn upload(aws: &Aws, bucket: &str, key: &str, file: &SiteObject) -> Result<()> {
    let SiteObject { md5, bytes, headers } = file;
    let object = format!("{SITE_PREFIX}{key}");
    let answer = aws
        .write("s3:PutObject", || {
            let request = aws.s3.put_object().bucket(bucket).key(&object).body(ByteStream::from(bytes.to_vec()));
            request.content_type(&headers.content_type).cache_control(&headers.cache_control).send()
        })
        .await?;
    aws.note_headers(key.to_owned(), Known { md5: md5.clone(), at: None, version: answer.version_id, headers: headers.clone() });
    Ok(())
}

/// Makes older versions of files of the site, by key, the current ones again, and removes other files. All of it runs at once: in an emergency
/// there is no time for an order, and one failure does not stop the rest.
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

/// Removes everything: unfinished uploads, every version, every delete marker. Objects under [`OWN_PREFIX`] are removed last.
pub(super) async fn empty(aws: &Aws, bucket: &str) -> Result<()> {
    for upload in uploads(aws, bucket).await? {
        let (key, id) = (object_name(upload.key().unwrap_or_default()), upload.upload_id().unwrap_or_default());
        let abort = || aws.s3.abort_multipart_upload().bucket(bucket).key(&key).upload_id(id).send();
        // Another client may have completed or aborted it meanwhile.
        aws.write("s3:AbortMultipartUpload", abort).await.optional()?;
    }
    // Listed versions are removed before the next page is requested, so the first page is always the right one. The keys that sort behind our own
    // objects come first, which are the site's; then, with our own, all the others.
    let behind_ours = OWN_PREFIX.replace('/', "0");
    for marker in [Some(behind_ours), None] {
        if marker.is_none() {
            aws.note_bucket_goes(bucket);
        }
        let (mut first, mut pages) = (None, aws.begin_pages("s3:ListObjectVersions"));
        loop {
            pages.count()?;
            let list = || {
                let request = aws.s3.list_object_versions().bucket(bucket).encoding_type(EncodingType::Url);
                request.set_key_marker(marker.clone()).send()
            };
            let page = aws.read("s3:ListObjectVersions", list).await?;
            let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
            let object = |(key, version): (Option<&str>, Option<&str>)| {
                ObjectIdentifier::builder().set_key(key.map(object_name)).set_version_id(version.map(str::to_owned))
            };
            let all = identifiers(versions.chain(markers).map(object))?;
            let last = page.is_truncated() != Some(true) || all.is_empty();
            if first.is_some() && first.as_ref() == all.first() {
                return Err(Error::not_yet("S3 to remove the bucket's objects (s3:DeleteObjects was accepted)"));
            }
            first = all.first().cloned();
            aws.delete_objects(bucket, all).await?;
            if last {
                break;
            }
        }
    }
    Ok(())
}

/// Lists the unfinished uploads.
async fn uploads(aws: &Aws, bucket: &str) -> Result<Vec<MultipartUpload>> {
    let mut uploads = Vec::new();
    let send = |place: Option<(String, Option<String>)>| {
        let (key, id) = place.map_or((None, None), |(key, id)| (Some(key), id));
        let request = aws.s3.list_multipart_uploads().bucket(bucket).encoding_type(EncodingType::Url);
        request.set_key_marker(key).set_upload_id_marker(id).send()
    };
    aws.pages("s3:ListMultipartUploads", send, |page| {
        uploads.extend(page.uploads.unwrap_or_default());
        let more = page.is_truncated == Some(true);
        Ok(page.next_key_marker.filter(|_| more).map(|key| (object_name(&key), page.next_upload_id_marker)))
    })
    .await?;
    Ok(uploads)
}

fn identifiers(all: impl Iterator<Item = ObjectIdentifierBuilder>) -> Result<Vec<ObjectIdentifier>> {
    all.map(|object| object.build().map_err(|error| Error::refused("s3:DeleteObjects", error.to_string()))).collect()
}

/// Removes these objects, or the versions of objects that are named.
pub async fn delete_objects(aws: &Aws, bucket: &str, objects: impl Iterator<Item = ObjectIdentifierBuilder>) -> Result<()> {
    aws.delete_objects(bucket, identifiers(objects)?).await
}
