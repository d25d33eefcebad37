//! Names the account that a bucket has to be in, on every request to S3.
//!
//! Bucket names are unique in all of AWS, and anyone with the project, account and region can compute the stack's. With
//! `x-amz-expected-bucket-owner`, S3 refuses to read from or write to a bucket of that name in another account, with 403 `AccessDenied`
//! (recorded). While the account is only guessed from the access key, S3 refuses a wrong guess in the same way, and `GetCallerIdentity` reveals
//! it.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut},
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Name of the header, documented for all operations on a bucket or an object.
const HEADER: &str = "x-amz-expected-bucket-owner";

/// Operations without the header: the bucket does not exist yet, or none in particular is meant.
const WITHOUT: [&str; 2] = ["CreateBucket", "ListBuckets"];

/// Interceptor that adds the header before a request is signed.
#[derive(Debug)]
pub(super) struct BucketOwner {
    /// Account number, 12 digits.
    account: String,
}

impl BucketOwner {
    /// Creates the interceptor; `None` for an account without 12 digits, which S3 refuses.
    pub(super) fn new(account: &str) -> Option<Self> {
        let is_sound = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
        is_sound.then(|| Self { account: account.to_owned() })
    }
}

impl Intercept for BucketOwner {
    fn name(&self) -> &'static str {
        "BucketOwner"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = settings.load::<Metadata>().map(Metadata::name);
        if !operation.is_some_and(|operation| WITHOUT.contains(&operation)) {
            context.request_mut().headers_mut().insert(HEADER, self.account.clone());
        }
        Ok(())
    }
}
