//! The lock as an S3 object: the calls, and the service's clock.

use super::record::{Held, Record};
use crate::{
    aws::{Aws, ServiceClock, not_aws},
    engine::Result,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::DateTime;

/// Its key: below the prefix of what the program keeps for itself in the bucket ([`OWN_PREFIX`](crate::resources::OWN_PREFIX)).
pub const LOCK_KEY: &str = ".liveinsight/lock.json";

/// More than a lock ever has: whoever put a large object there did not mean a lock.
const LONGEST: i64 = 16 * 1024;

/// A lock that was written.
pub(super) struct Stored {
    pub(super) etag: String,
    /// Time of the object, by the service's clock.
    pub(super) at: DateTime,
}

/// A lock that was read.
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

/// Writes it if there is none; [`Error::Exists`] if there is.
pub(super) async fn create(aws: &Aws, bucket: &str, record: &Record) -> Result<Stored> {
    put(aws, bucket, record, None).await
}

/// Writes it if it is still this one; [`Error::Exists`] if it is another,
/// [`Error::Absent`] if there is none.
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

/// Reads it.
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

/// Deletes it if it is still this one; [`Error::Exists`] if it is another.
pub(super) async fn delete(aws: &Aws, bucket: &str, etag: &str) -> Result<()> {
    aws.write("s3:DeleteObject", || aws.s3.delete_object().bucket(bucket).key(LOCK_KEY).if_match(etag).send()).await?;
    Ok(())
}
