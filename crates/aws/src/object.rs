//! Reads small objects from S3. The content follows the head of the answer, and may break off or stall by itself.

use super::{Aws, Optional};
use aws_sdk_s3::{
    error::SdkError,
    operation::get_object::{GetObjectError, GetObjectOutput},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use engine::{Class, Error, Refusal, Result};
use std::time::Duration;

/// Limit of attempts to read content that breaks off.
const TRIES: u32 = 5;

/// Time limit for the content; the timeouts of the client end with the head of the answer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Aws {
    /// Reads an object; `None` if it does not exist. The content is `None` if it has more than `longest` bytes.
    pub async fn get_object<F>(&self, longest: i64, send: impl Fn() -> F) -> Result<Option<(GetObjectOutput, Option<Vec<u8>>)>>
    where
        F: Future<Output = std::result::Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>>>,
    {
        for _ in 0..TRIES {
            let Some(mut answer) = self.read("s3:GetObject", &send).await.optional()? else { return Ok(None) };
            if answer.content_length.is_none_or(|length| length > longest) {
                return Ok(Some((answer, None)));
            }
            if let Ok(Ok(content)) = tokio::time::timeout(PATIENCE, std::mem::take(&mut answer.body).collect()).await {
                return Ok(Some((answer, Some(content.to_vec()))));
            }
        }
        let (operation, message) = ("s3:GetObject".to_owned(), "the content broke off or did not come, several times".to_owned());
        Err(Error::Failed(Box::new(Refusal { class: Class::Network, operation, code: String::new(), message, request_id: None })))
    }
}
