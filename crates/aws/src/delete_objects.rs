//! Deletes objects from S3, many at once. The answer to `DeleteObjects` is 200 even if some objects could not be deleted. It lists those with an
//! error each, which means the same as that error in an answer of its own.

use super::{
    Aws, Optional,
    error::{Verdict, verdict},
    object_names::is_beyond_xml,
};
use aws_sdk_s3::{
    error::{ErrorMetadata, SdkError},
    operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput},
    types::{Delete, ObjectIdentifier},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use engine::{Error, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use std::cell::RefCell;

/// Limit of objects in one `DeleteObjects` (S3 API reference).
const MOST: usize = 1000;
/// Number of objects that are deleted one by one at the same time.
const SINGLES: usize = 16;
/// Length at which a message cuts off a key.
const LONGEST: usize = 200;

impl Aws {
    /// Deletes these objects, or the given versions of objects. Objects that are already gone are no error.
    pub async fn delete_objects(&self, bucket: &str, objects: Vec<ObjectIdentifier>) -> Result<()> {
        // The request lists objects in XML, which cannot carry every name.
        let (singles, rest): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| is_beyond_xml(&object.key));
        for batch in rest.chunks(MOST) {
            self.delete_batch(bucket, batch).await?;
        }
        stream::iter(&singles).map(|object| self.delete_single(bucket, object)).buffer_unordered(SINGLES).try_collect().await
    }

    async fn delete_single(&self, bucket: &str, object: &ObjectIdentifier) -> Result<()> {
        let delete = || {
            let request = self.s3.delete_object().bucket(bucket).key(&object.key);
            request.set_version_id(object.version_id.clone()).send()
        };
        self.write("s3:DeleteObject", delete).await.optional()?;
        Ok(())
    }

    /// Deletes a batch and retries objects that could not be deleted for now, as often as any other request.
    async fn delete_batch(&self, bucket: &str, batch: &[ObjectIdentifier]) -> Result<()> {
        let delete = |objects| Delete::builder().set_objects(Some(objects)).quiet(true).build();
        delete(batch.to_vec()).map_err(|error| Error::refused("s3:DeleteObjects", error.to_string()))?;
        let open = RefCell::new(batch.to_vec());
        let send = || async {
            let objects = delete(open.borrow().clone()).map_err(SdkError::construction_failure)?;
            let answer = self.s3.delete_objects().bucket(bucket).delete(objects).send().await?;
            open.borrow_mut().retain(|object| stays(&answer, object));
            refusal(&answer, batch.len()).map_or(Ok(answer), Err)
        };
        self.write("s3:DeleteObjects", send).await.map(drop)
    }
}

/// Returns the errors of objects that still exist.
fn errors(answer: &DeleteObjectsOutput) -> impl Iterator<Item = (&aws_sdk_s3::types::Error, Verdict)> {
    answer.errors().iter().filter_map(|error| {
        let verdict = verdict(None, error.code().unwrap_or_default(), error.message().unwrap_or_default());
        (verdict != Verdict::Absent).then_some((error, verdict))
    })
}

fn stays(answer: &DeleteObjectsOutput, object: &ObjectIdentifier) -> bool {
    let is_of = |error: &aws_sdk_s3::types::Error| {
        let version = error.version_id().filter(|version| !version.is_empty());
        error.key() == Some(&object.key) && (version.is_none() || version == object.version_id())
    };
    errors(answer).any(|(error, _)| is_of(error))
}

/// Turns the error of one object into that of the whole request. Prefers a final error to one that may pass.
fn refusal(answer: &DeleteObjectsOutput, total: usize) -> Option<SdkError<DeleteObjectsError, HttpResponse>> {
    let passes = |verdict: &Verdict| matches!(verdict, Verdict::Throttled | Verdict::Lost);
    let (error, _) = errors(answer).min_by_key(|(_, verdict)| passes(verdict))?;
    let key: String = error.key().unwrap_or_default().escape_debug().take(LONGEST).collect();
    let message = error.message().unwrap_or_default();
    let text = format!("{} of {total} objects stayed; {key}: {message}", errors(answer).count());
    let meta = ErrorMetadata::builder().code(error.code().unwrap_or_default()).message(text).build();
    let answered = HttpResponse::new(StatusCode::try_from(200).expect("a status"), SdkBody::empty());
    Some(SdkError::service_error(DeleteObjectsError::generic(meta), answered))
}
