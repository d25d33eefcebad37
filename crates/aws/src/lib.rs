//! Shared base of the resource files: the clients, the one layer that calls AWS, and canonical forms of its answers.

mod batch;
mod bucket_owner;
mod budget;
mod call;
mod clock;
mod connect;
mod credentials;
mod delete_objects;
mod error;
pub mod facts;
mod inventory;
mod nulls;
mod object;
mod object_headers;
mod object_names;
mod pages;
mod policy;
pub mod record;
mod request_cache;
mod retry;
mod run_notes;
mod source;
mod surroundings;
mod tag_store;
mod tags;
mod target;
mod transport;
mod write_cache;

pub use budget::RequestLimit;
pub use call::{LOG_TARGET, Tally};
pub use clock::ServiceClock;
pub use connect::{APP_NAME, Caller, ConnectError, Connection, Named};
pub use error::{Optional, not_aws};
pub use inventory::FEW_ROLES;
pub use object_headers::{Headers, Known};
pub use object_names::object_name;
pub use pages::{MAX_PAGES, Pages};
pub use policy::{Policy, decode as decode_policy};
pub use retry::Retry;
pub use run_notes::Published;
pub use source::Source;
pub use surroundings::chain;
pub use tags::{APPLIED, REGION, STACK, Tags};
pub use target::Target;
pub use transport::{Route, connector};

use engine::{Cloud, Owner};
use record::Recorder;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    rc::Rc,
};

/// Access to one account and region: the clients, and the state that their users share.
pub struct Aws {
    /// Account and region with their endpoints.
    pub target: Target,
    /// Set if requests go to another endpoint than AWS's own.
    pub is_elsewhere: bool,
    /// Value of the ownership tag: `{project}/{environment}`.
    pub stack: String,
    /// Client of Amazon API Gateway (REST).
    pub apigateway: aws_sdk_apigateway::Client,
    /// Client of Amazon CloudFront.
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// Client of AWS CloudTrail.
    pub cloudtrail: aws_sdk_cloudtrail::Client,
    /// Client of Amazon CloudWatch.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// Client of Amazon DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Client of AWS IAM.
    pub iam: aws_sdk_iam::Client,
    /// Client of AWS Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// Client of Amazon CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Client of Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// Client of the AWS Resource Groups Tagging API.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    alarms_to_delete: batch::Gathering,
    audits: Cell<bool>,
    budgets: budget::Budgets,
    tally: call::Tally,
    max_pages: Cell<usize>,
    request_cache: request_cache::RequestCache,
    run_notes: run_notes::RunNotes,
    recorder: Option<Recorder>,
    inventory: inventory::Inventory,
    retries: retry::Retries,
    surroundings: surroundings::Surroundings,
    write_cache: write_cache::WriteCache,
    locks: RefCell<HashMap<String, std::sync::Arc<tokio::sync::Mutex<()>>>>,
}

impl Aws {
    /// Returns the tally of requests, which goes on counting.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Records each later call in `recorder`.
    pub fn record(&mut self, recorder: &Recorder) {
        self.recorder = Some(recorder.clone());
    }

    /// Makes observations of roles and functions include details that take extra calls (`--audit`).
    pub fn audit(&self) {
        self.audits.set(true);
    }

    /// Tests whether observations include such details.
    pub fn audits(&self) -> bool {
        self.audits.get()
    }

    /// Waits for the lock on something that AWS lets one caller write at a time: a bucket's configuration, one REST API, one function's policy.
    /// Hold the guard while writing.
    pub async fn lock(&self, what: &str) -> LockGuard {
        let lock = self.locks.borrow_mut().entry(what.to_owned()).or_default().clone();
        let _queue = self.recorder.as_ref().map(|recorder| recorder.queue(format!("its turn on {what}")));
        LockGuard(lock.lock_owned().await)
    }

    /// Reads something that many resources need, once. The callers share the answer until something is written to `service` or the engine asks
    /// for fresh observations.
    pub async fn shared<T: 'static, F>(&self, service: &'static str, key: &str, read: impl FnOnce() -> F) -> engine::Result<Rc<T>>
    where
        F: Future<Output = engine::Result<T>>,
    {
        self.request_cache.get(service, key, read).await
    }

    /// Returns the owner according to these tags.
    pub fn owner(&self, tags: &Tags) -> Owner {
        tags.owner(&self.stack, &self.target.region)
    }

    /// Returns an ARN in this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        self.target.arn(service, resource)
    }
}

impl Cloud for Aws {
    type Target = Target;
    type Kind = crate::facts::Kind;
    type Identity = crate::facts::Identity;

    fn refresh(&self) {
        self.set_last_look(false);
        self.request_cache.clear();
    }

    fn begin(&self) {
        self.inventory.begin();
        self.clear_write_cache();
        self.forget_notes();
        self.refresh();
    }

    fn verify(&self) {
        self.forget_all_bare();
        self.refresh();
        self.set_last_look(true);
    }
}

/// Guard of the lock that [`Aws::lock`] acquires.
pub struct LockGuard(#[expect(dead_code, reason = "held, not read")] tokio::sync::OwnedMutexGuard<()>);
