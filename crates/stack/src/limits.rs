//! AWS's limits that a `stack.yaml` can exceed, each with its source. Checks and tests read them from here.
//!
//! Not here: limits that no file reaches because another one comes first (the comment of a distribution, 128 characters, is as long as the bucket's
//! name, 63), and those of a whole account, which `doctor` checks.

use std::ops::RangeInclusive;

/// Allowed range of a length, count or size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Quantity that is limited, with its unit.
    pub what: &'static str,
    /// Lowest allowed value.
    pub least: u64,
    /// Highest allowed value.
    pub most: u64,
    /// Source of the limit.
    pub source: Source,
    /// Set if AWS raises it on request. A value above such a limit is a warning, not an error.
    pub raisable: bool,
}

/// Source of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A recorded answer of AWS.
    Recorded(&'static str),
    /// A page of AWS's documentation.
    Documented(&'static str),
    /// The service's model in botocore.
    Modelled(&'static str),
    /// Limit of this program, not of AWS.
    Own(&'static str),
}

impl Limit {
    const fn between(what: &'static str, least: u64, most: u64, source: Source) -> Self {
        Self { what, least, most, source, raisable: false }
    }

    const fn most(what: &'static str, most: u64, source: Source) -> Self {
        Self::between(what, 0, most, source)
    }

    const fn raisable(self) -> Self {
        Self { raisable: true, ..self }
    }

    /// Tests whether a number is within the limit.
    pub fn allows(&self, number: u64) -> bool {
        (self.least..=self.most).contains(&number)
    }

    /// Tests whether a length or count is within the limit.
    pub fn fits(&self, number: usize) -> bool {
        u64::try_from(number).is_ok_and(|number| self.allows(number))
    }

    /// Returns the numbers within the limit.
    pub fn range(&self) -> RangeInclusive<u64> {
        self.least..=self.most
    }
}

use Source::{Documented, Modelled, Own, Recorded};

/// Lambda: a function's name. The model allows 140 for whole ARNs.
pub const FUNCTION_NAME: Limit =
    Limit::most("characters of a function's name", 64, Documented("Lambda API reference, CreateFunction, FunctionName"));
/// Lambda: memory of a function, in MB.
pub const MEMORY: Limit = Limit::between("MB of a function's memory", 128, 10_240, Documented("Lambda developer guide, Lambda quotas"));
/// Lambda: timeout of a function, in seconds.
pub const TIMEOUT: Limit = Limit::between("seconds of a function's timeout", 1, 900, Documented("Lambda developer guide, Lambda quotas"));
/// Lambda: size of `/tmp`, in MB.
pub const EPHEMERAL_STORAGE: Limit =
    Limit::between("MB of a function's ephemeral storage", 512, 10_240, Documented("Lambda developer guide, Lambda quotas"));
/// Lambda: layers of a function.
pub const LAYERS: Limit = Limit::most("layers of a function", 5, Recorded("lambda CreateFunction \"six layers\", 2025-11-25"));
/// Lambda: all environment variables of a function as one JSON object, which AWS quotes in its refusal.
pub const ENVIRONMENT: Limit = Limit::most(
    "bytes of a function's environment variables as JSON",
    4096,
    Recorded("lambda CreateFunction \"environment above 4 KB\", 2025-11-25"),
);
/// API Gateway: time that an integration waits for a function, in seconds. The default timeout of a function, one second longer, passes.
pub const INTEGRATION_TIMEOUT: u32 = 29;
/// Lambda: timeout of a function behind the API.
pub const ANSWER_TIME: Limit = Limit::most(
    "seconds of the timeout of a function behind the API",
    30,
    Documented("API Gateway developer guide, quotas for REST APIs: integration timeout 29 s"),
)
.raisable();
/// API Gateway: resources (path segments) of one API, the root not counted.
pub const API_RESOURCES: Limit =
    Limit::most("resources of a REST API", 300, Documented("API Gateway developer guide, quotas for REST APIs")).raisable();
/// API Gateway: a stage's name, which is the environment's.
pub const STAGE_NAME: Limit =
    Limit::most("characters of a stage's name", 128, Documented("API Gateway API reference, CreateStage, stageName"));
/// API Gateway: the throttle of a stage, a signed 32-bit number.
pub const THROTTLE: Limit = Limit::between("requests of a throttle", 1, 2_147_483_647, Modelled("apigateway, Integer"));
/// API Gateway: authorizers of one API.
pub const AUTHORIZERS: Limit =
    Limit::most("authorizers of a REST API", 10, Documented("API Gateway developer guide, quotas for REST APIs")).raisable();
/// API Gateway: time for which an authorizer's decision is cached.
pub const DECISION_CACHE: Limit = Limit::most(
    "seconds that an authorizer's decision is cached",
    3600,
    Documented("API Gateway API reference, CreateAuthorizer, authorizerResultTtlInSeconds"),
);
/// IAM: all inline policies of a role, blanks not counted.
pub const INLINE_POLICIES: Limit = Limit::most(
    "characters of a role's inline policies",
    10_240,
    Documented("IAM user guide, IAM and STS quotas, inline policy size for roles"),
);
/// DynamoDB: a table's name.
pub const TABLE_NAME: Limit = Limit::between("characters of a table's name", 3, 255, Modelled("dynamodb, TableName"));
/// DynamoDB: an index's name.
pub const INDEX_NAME: Limit = Limit::between("characters of an index's name", 3, 255, Modelled("dynamodb, IndexName"));
/// DynamoDB: global secondary indexes of a table.
pub const INDEXES: Limit =
    Limit::most("global secondary indexes of a table", 20, Documented("DynamoDB developer guide, quotas; measured in the ACK project"));
/// DynamoDB: attributes that are the partition key, or the sort key, of a global index together.
pub const INDEX_KEYS: Limit =
    Limit::between("attributes of an index's partition or sort key", 1, 4, Documented("DynamoDB developer guide, multi-attribute keys"));
/// DynamoDB: local secondary indexes of a table.
pub const LOCAL_INDEXES: Limit = Limit::most("local secondary indexes of a table", 5, Documented("DynamoDB developer guide, quotas"));
/// DynamoDB: attributes that an index includes besides the keys.
pub const INCLUDED: Limit = Limit::between("attributes that an index includes", 1, 20, Modelled("dynamodb, NonKeyAttributeNameList"));
/// DynamoDB: attributes that all indexes of a table include.
pub const INCLUDED_BY_ALL: Limit =
    Limit::most("attributes that all indexes of a table include", 100, Documented("DynamoDB API reference, Projection"));
/// DynamoDB: the name of an attribute that an index includes.
pub const INCLUDED_NAME: Limit = Limit::between("bytes of an included attribute's name", 1, 255, Modelled("dynamodb, NonKeyAttributeName"));
/// DynamoDB: the name of an attribute that is a key.
pub const KEY_NAME: Limit = Limit::between("bytes of a key attribute's name", 1, 255, Modelled("dynamodb, KeySchemaAttributeName"));
/// DynamoDB: the name of the attribute that holds an item's expiry.
pub const TTL_NAME: Limit = Limit::between("bytes of the expiry attribute's name", 1, 255, Modelled("dynamodb, TimeToLiveAttributeName"));
/// DynamoDB: days for which a table can be restored.
pub const RESTORE_DAYS: Limit = Limit::between("days for which a table can be restored", 1, 35, Modelled("dynamodb, RecoveryPeriodInDays"));
/// DynamoDB: limit that can be set on a table that is paid per request.
pub const TABLE_UNITS: Limit = Limit::between(
    "read or write units a second that a table is held to",
    1,
    40_000,
    Documented("DynamoDB developer guide, quotas: units of an on-demand table; that 0 is refused was measured in the ACK project"),
)
.raisable();
/// Lambda: concurrency that functions may reserve of the 1,000 of an account.
pub const CONCURRENCY: Limit = Limit::between(
    "invocations at once that are kept for functions",
    0,
    900,
    Documented("Lambda developer guide, reserved concurrency: 1,000 of an account, of which 100 stay for all"),
)
.raisable();
/// S3: a bucket's name.
pub const BUCKET_NAME: Limit = Limit::between("characters of a bucket's name", 3, 63, Documented("S3 user guide, bucket naming rules"));
/// CloudFront: cache behaviors of a distribution, the default one not counted.
pub const BEHAVIORS: Limit =
    Limit::most("cache behaviors of a distribution", 75, Documented("CloudFront developer guide, quotas")).raisable();
/// CloudFront: the path pattern of a cache behavior.
pub const PATH_PATTERN: Limit = Limit::most("characters of a path pattern", 255, Documented("CloudFront developer guide, path pattern"));
/// CloudFront: headers of a response headers policy, without those that CloudFront has a field for.
pub const HEADERS: Limit = Limit::most(
    "headers of a site, without those that CloudFront has a field for",
    10,
    Documented("CloudFront developer guide, quotas on headers"),
)
.raisable();
/// CloudFront: a header's name in a response headers policy.
pub const HEADER_NAME: Limit =
    Limit::between("characters of a header's name", 1, 256, Documented("CloudFront developer guide, quotas on headers"));
/// CloudFront: a header's value in a response headers policy.
pub const HEADER_VALUE: Limit =
    Limit::between("characters of a header's value", 1, 1783, Documented("CloudFront developer guide, quotas on headers"));
/// CloudFront: the value of `Content-Security-Policy`, which alone can be raised.
pub const CONTENT_SECURITY_POLICY: Limit =
    Limit::most("characters of a Content-Security-Policy", 1783, Documented("CloudFront developer guide, quotas on headers")).raisable();
/// CloudFront: all names and values of a response headers policy, without those that CloudFront has a field for.
pub const HEADERS_SIZE: Limit =
    Limit::most("characters of all headers of a site, names included", 10_240, Documented("CloudFront developer guide, quotas on headers"));
/// CloudFront: headers of a request that one behavior passes on.
pub const PASSED_HEADERS: Limit =
    Limit::most("headers of a request that the site's address passes on", 10, Documented("CloudFront developer guide, quotas on headers"));
/// CloudWatch: an alarm's name.
pub const ALARM_NAME: Limit = Limit::between("characters of an alarm's name", 1, 255, Modelled("cloudwatch, AlarmName"));
/// CloudWatch: time span that an alarm with periods below an hour evaluates.
pub const ALARM_DAY: Limit = Limit::most(
    "seconds that an alarm with periods below an hour looks back",
    86_400,
    Documented("CloudWatch API reference, PutMetricAlarm, EvaluationPeriods"),
);
/// CloudWatch: time span that an alarm with periods of an hour or more evaluates.
pub const ALARM_WEEK: Limit = Limit::most(
    "seconds that an alarm with periods of an hour or more looks back",
    604_800,
    Documented("CloudWatch API reference, PutMetricAlarm, EvaluationPeriods"),
);
/// IAM: a managed policy's name.
pub const POLICY_NAME: Limit =
    Limit::between("characters of a policy's name", 1, 128, Documented("IAM API reference, CreatePolicy, PolicyName"));
/// Systems Manager: a parameter's name. AWS counts its whole ARN.
pub const PARAMETER_ARN: Limit =
    Limit::most("characters of a parameter's ARN", 1011, Documented("Systems Manager API reference, PutParameter, Name"));
/// SNS: a topic's name.
pub const TOPIC_NAME: Limit = Limit::between("characters of a topic's name", 1, 256, Documented("SNS API reference, CreateTopic, Name"));
/// Tags that a user may set: AWS allows 50, and ten of those are reserved for ours.
pub const TAGS: Limit = Limit::most("tags", 40, Documented("AWS General Reference, tag naming limits: 50, less ten of ours"));
/// A tag's key.
pub const TAG_KEY: Limit = Limit::between("characters of a tag's key", 1, 128, Documented("AWS General Reference, tag naming limits"));
/// A tag's value.
pub const TAG_VALUE: Limit = Limit::most("characters of a tag's value", 256, Documented("AWS General Reference, tag naming limits"));
/// Time that browsers cache the answer to a preflight.
pub const PREFLIGHT_AGE: Limit =
    Limit::most("seconds that a browser remembers a preflight", 86_400, Documented("MDN, Access-Control-Max-Age: Firefox"));
/// The file itself: a thousand functions take a quarter of it.
pub const FILE: Limit = Limit::most("bytes of stack.yaml", 1024 * 1024, Own("src/stack/read.rs"));

/// All limits of this file.
pub const ALL: [&Limit; 47] = [
    &FUNCTION_NAME,
    &MEMORY,
    &TIMEOUT,
    &EPHEMERAL_STORAGE,
    &LAYERS,
    &ENVIRONMENT,
    &ANSWER_TIME,
    &API_RESOURCES,
    &STAGE_NAME,
    &THROTTLE,
    &AUTHORIZERS,
    &DECISION_CACHE,
    &INLINE_POLICIES,
    &TABLE_NAME,
    &INDEX_NAME,
    &INDEXES,
    &INDEX_KEYS,
    &LOCAL_INDEXES,
    &INCLUDED,
    &INCLUDED_BY_ALL,
    &INCLUDED_NAME,
    &KEY_NAME,
    &TTL_NAME,
    &RESTORE_DAYS,
    &TABLE_UNITS,
    &CONCURRENCY,
    &BUCKET_NAME,
    &BEHAVIORS,
    &PATH_PATTERN,
    &HEADERS,
    &HEADER_NAME,
    &HEADER_VALUE,
    &CONTENT_SECURITY_POLICY,
    &HEADERS_SIZE,
    &PASSED_HEADERS,
    &ALARM_NAME,
    &ALARM_DAY,
    &ALARM_WEEK,
    &POLICY_NAME,
    &PARAMETER_ARN,
    &TOPIC_NAME,
    &TAGS,
    &TAG_KEY,
    &TAG_VALUE,
    &PREFLIGHT_AGE,
    &FILE,
    &RETENTION,
];

/// CloudWatch Logs: days that logs are kept; only [some numbers](super::RETENTION_DAYS) between these.
pub const RETENTION: Limit =
    Limit::between("days that logs are kept", 1, 3653, Documented("CloudWatch Logs API reference, PutRetentionPolicy"));
