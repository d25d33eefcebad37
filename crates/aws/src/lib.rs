//! What the resource files share: the clients, the one layer that calls AWS, and canonical forms of what AWS returns.

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
mod memo;
mod notes;
mod nulls;
mod object;
mod object_headers;
mod object_names;
mod pages;
mod place;
mod policy;
pub mod record;
mod reports;
mod retry;
mod source;
mod surroundings;
mod tags;
mod told;
mod transport;

pub use budget::RequestLimit;
pub use call::{LOG_TARGET, Tally};
pub use clock::ServiceClock;
pub use connect::{APP_NAME, Caller, ConnectError, Connection, Named};
pub use error::{Optional, not_aws};
pub use notes::Published;
pub use object_headers::{Headers, Known};
pub use object_names::object_name;
pub use pages::{MAX_PAGES, Pages};
pub use place::Place;
pub use policy::{Policy, decode as decode_policy};
pub use reports::FEW_ROLES;
pub use retry::Retry;
pub use source::Source;
pub use surroundings::chain;
pub use tags::{APPLIED, REGION, STACK, Tags};
pub use transport::{Route, connector};

use engine::{Cloud, Owner};
use record::Recorder;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    rc::Rc,
};

/// Access to one account and region: the clients, and what is shared between those who use them.
pub struct Aws {
    /// Region, account and endpoints.
    pub place: Place,
    /// Set if requests go to another endpoint than AWS's own.
    pub is_elsewhere: bool,
    /// `{project}/{environment}`: the value of the ownership tag.
    pub stack: String,
    /// Amazon API Gateway (REST).
    pub apigateway: aws_sdk_apigateway::Client,
    /// Amazon CloudFront.
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// AWS CloudTrail.
    pub cloudtrail: aws_sdk_cloudtrail::Client,
    /// Amazon CloudWatch.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// Amazon DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// AWS IAM.
    pub iam: aws_sdk_iam::Client,
    /// AWS Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// Amazon CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// AWS Resource Groups Tagging API.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    alarms_to_delete: batch::Gathering,
    audits: Cell<bool>,
    budgets: budget::Budgets,
    tally: call::Tally,
    max_pages: Cell<usize>,
    memo: memo::Memo,
    notes: notes::Notes,
    recorder: Option<Recorder>,
    reports: reports::Reports,
    retries: retry::Retries,
    surroundings: surroundings::Surroundings,
    told: told::Told,
    locks: RefCell<HashMap<String, std::sync::Arc<tokio::sync::Mutex<()>>>>,
}

impl Aws {
    /// Returns the calls so far.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Notes each call from here on in `recorder`.
    pub fn record(&mut self, recorder: &Recorder) {
        self.recorder = Some(recorder.clone());
    }

    /// Makes observations of roles and functions include what only calls of their own show (`--audit`).
    pub fn audit(&self) {
        self.audits.set(true);
    }

    /// Tests whether that is wanted.
    pub fn audits(&self) -> bool {
        self.audits.get()
    }

    /// Waits for its turn on something that AWS wants written by one caller at a time: a bucket's configuration,
    /// one REST API, one function's policy. Hold the guard while writing.
    pub async fn turn(&self, what: &str) -> Turn {
        let lock = self.locks.borrow_mut().entry(what.to_owned()).or_default().clone();
        let _queue = self.recorder.as_ref().map(|recorder| recorder.queue(format!("its turn on {what}")));
        Turn(lock.lock_owned().await)
    }

    /// Reads something that many resources need, once. The answer is shared until something is written to `service`
    /// or the engine asks for fresh observations.
    pub async fn shared<T: 'static, F>(&self, service: &'static str, key: &str, read: impl FnOnce() -> F) -> engine::Result<Rc<T>>
    where
        F: Future<Output = engine::Result<T>>,
    {
        self.memo.get(service, key, read).await
    }

    /// Returns the owner that these tags name.
    pub fn owner(&self, tags: &Tags) -> Owner {
        tags.owner(&self.stack, &self.place.region)
    }

    /// An ARN in this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        self.place.arn(service, resource)
    }
}

impl Cloud for Aws {
    type Target = Place;
    type Kind = crate::facts::Kind;
    type Identity = crate::facts::Identity;

    fn refresh(&self) {
        self.set_last_look(false);
        self.memo.clear();
    }

    fn begin(&self) {
        self.reports.begin();
        self.forget_told();
        self.forget_notes();
        self.refresh();
    }

    fn verify(&self) {
        self.forget_all_bare();
        self.refresh();
        self.set_last_look(true);
    }
}

/// The right to write to something; see [`Aws::turn`].
pub struct Turn(#[expect(dead_code, reason = "held, not read")] tokio::sync::OwnedMutexGuard<()>);
