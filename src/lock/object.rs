//! Lock as an S3 object: the calls, and the service's clock.

use super::record::{Held, Record};
use crate::{
    aws::{Aws, ServiceClock, not_aws},
    engine::Result,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::DateTime;

/// Key of the object, below the prefix of this program's own files in the bucket
/// ([`OWN_PREFIX`](crate::resources::OWN_PREFIX)).
pub const LOCK_KEY: &str = ".liveinsight/lock.json";

/// Maximum length that is read, more than a lock ever has. A larger object is no lock.
const LONGEST: i64 = 16 * 1024;

/// Lock that was written.
pub(super) struct Stored {
    pub(super) etag: String,
    /// Time of the object, by the service's clock.
    pub(super) at: DateTime,
}

/// Lock that was read.
pub(super) struct Found {
    pub(super) stored: Stored,
    /// Content; `None` if it is malformed.
    pub(super) record: Option<Record>,
    /// Time of the reading, by the service's clock.
    now: DateTime,
}

impl Found {
    pub(super) fn held(&self) -> Held {
        Held::new(self.record.as_ref(), self.stored.at, self.now)
    }
}

/// Creates the object; returns [`Error::Exists`] if there is one.
pub(super) async fn create(aws: &Aws, bucket: &str, record: &Record) -> Result<Stored> {
    put(aws, bucket, record, None).await
}

/// Replaces the object if its tag matches; returns [`Error::Exists`] if it differs, [`Error::Absent`] if there is none.
pub(super) async fn replace(aws: &Aws, bucket: &str, record: &Record, etag: &str) -> Result<Stored> {
    put(aws, bucket, record, Some(etag)).await
}

async fn put(aws: &Aws, bucket: &str, record: &Record, replaces: Option<&str>) -> Result<Stored> {
    let (clock, text) = (ServiceClock::default(), record.text());
    let answer = aws
        .write("s3:PutObject", || {
            let request = aws.s3.put_object().bucket(bucket).key(LOCK_KEY).body(ByteStream::from(text.clone().into_bytes()));
            let request = request.content_type("application/json").set_if_match(replaces.map(str::to_owned));
            request.set_if_none_match(replaces.is_none().then(|| "*".to_owned())).customize().interceptor(clock.clone()).send()
        })
        .await?;
    Ok(Stored { etag: answer.e_tag.unwrap_or_default(), at: clock.now() })
}

/// Reads the object, `None` if there is none.
pub(super) async fn read(aws: &Aws, bucket: &str) -> Result<Option<Found>> {
    let clock = ServiceClock::default();
    let get = || aws.s3.get_object().bucket(bucket).key(LOCK_KEY).customize().interceptor(clock.clone()).send();
    let Some((answer, content)) = aws.get_object(LONGEST, get).await? else { return Ok(None) };
    let now = clock.now();
    let Some(at) = answer.last_modified else {
        return Err(not_aws("s3:GetObject"));
    };
    let stored = Stored { etag: answer.e_tag.unwrap_or_default(), at };
    Ok(Some(Found { stored, record: content.and_then(|content| Record::parse(&content)), now }))
}

/// Deletes the object if its tag matches; returns [`Error::Exists`] if it differs.
pub(super) async fn delete(aws: &Aws, bucket: &str, etag: &str) -> Result<()> {
    aws.write("s3:DeleteObject", || aws.s3.delete_object().bucket(bucket).key(LOCK_KEY).if_match(etag).send()).await?;
    Ok(())
}
