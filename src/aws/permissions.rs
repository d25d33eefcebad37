//! What IAM asks of whoever calls an operation: the table behind `liveinsight policy`.
//!
//! It lists every operation that is passed to [`Aws::read`](super::Aws::read) and [`Aws::write`](super::Aws::write) (a test compares it
//! with the sources), the actions that IAM checks for it, what they are checked on, and which commands call it. Actions are often named
//! otherwise than operations, and one operation may take several. `src/policy` turns it into documents.
//!
//! Sources: the "Actions, resources, and condition keys" pages of the Service Authorization Reference, and the API references where
//! they ask for more: `CreateBucket`, `CreateLogGroup`, `CreateFunction` and others with tags take the tagging action as well; Lambda's
//! `GetFunction` tells the tags only to those who may list them; S3 answers 404 rather than 403 only to those who may list the bucket,
//! and compares an `ETag` only for those who may read the object. None of it was checked against IAM itself.

/// Part of the program that needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Task {
    /// `up` and `rollback`, and all that `status` takes: makes, changes, and removes what is not declared (any more).
    Up,
    /// `status`, `plan`, `outputs` and `history`: looks, with `--audit` as well.
    Status,
    /// `down`: removes.
    Down,
    /// `logs`: reads what functions and the API log.
    Logs,
    /// `doctor`: looks at the account, and at what its credentials may do.
    Doctor,
}

/// Resource that an action is checked on. A document has one statement for each, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Actions that IAM knows no resource for: lists, and what is made without a name. And the caller's own role, which may be any.
    Everything,
    /// Every role of the account at once, which saves a stack with many functions two questions about each: it is granted to no other, and
    /// done without where it is denied.
    AllRoles,
    /// The API Gateway settings of the account.
    ApiAccount,
    /// The collection of REST APIs.
    RestApis,
    /// Each REST API and what is in it; ids are AWS's.
    RestApi,
    /// Parts of REST APIs, and not the APIs themselves: those are deleted under another condition.
    RestApiParts,
    /// Tags of REST APIs and stages.
    ApiTags,
    /// Alarms of the stack.
    Alarms,
    /// Distributions; ids are AWS's.
    Distributions,
    /// Origin access controls; ids are AWS's.
    OriginAccessControls,
    /// Functions of the stack, and their aliases.
    Functions,
    /// Log groups of the stack.
    LogGroups,
    /// Roles under the stack's path.
    Roles,
    /// Roles as they are asked for when they may not exist: IAM knows no path of those.
    RolesByName,
    /// Roles under the stack's path, to be given to Lambda.
    RolesForLambda,
    /// The role with which API Gateway writes logs.
    LoggingRole,
    /// Logging role, to be given to API Gateway.
    LoggingRoleForApi,
    /// The stack's bucket.
    Bucket,
    /// Every object in it.
    Objects,
    /// Tables of the stack.
    Tables,
}

/// Permission that an operation takes.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    /// `service:Operation`, as the calling layer names it.
    pub operation: &'static str,
    /// The IAM actions that it takes all of.
    pub actions: &'static [(&'static str, On)],
    /// Parts of the program that call it.
    pub tasks: &'static [Task],
}

/// The action has the operation's name.
macro_rules! same {
    ($operation:literal, $on:expr, $tasks:expr) => {
        takes($operation, &[($operation, $on)], $tasks)
    };
}

/// Everything that the program calls, sorted. An operation that more than one kind of resource takes is there more than once if not all
/// tasks call it on each.
pub const PERMISSIONS: &[Permission] = &[
    takes("apigateway:CreateDeployment", &[("apigateway:POST", On::RestApi)], UP),
    takes("apigateway:CreateResource", &[("apigateway:POST", On::RestApi)], UP),
    takes("apigateway:CreateRestApi", &[("apigateway:POST", On::RestApis), ("apigateway:PUT", On::ApiTags)], UP),
    takes("apigateway:CreateStage", &[("apigateway:POST", On::RestApi), ("apigateway:PUT", On::ApiTags)], UP),
    takes("apigateway:DeleteDeployment", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteGatewayResponse", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteIntegration", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteIntegrationResponse", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteMethod", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteMethodResponse", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteResource", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:DeleteRestApi", &[("apigateway:DELETE", On::RestApi)], REMOVING),
    takes("apigateway:DeleteStage", &[("apigateway:DELETE", On::RestApiParts)], UP),
    takes("apigateway:GetAccount", &[("apigateway:GET", On::ApiAccount)], &[Task::Up, Task::Doctor]),
    takes("apigateway:GetDeployments", &[("apigateway:GET", On::RestApi)], LOOKING),
    takes("apigateway:GetGatewayResponses", &[("apigateway:GET", On::RestApi)], LOOKING),
    takes("apigateway:GetResources", &[("apigateway:GET", On::RestApi)], LOOKING),
    takes("apigateway:GetRestApis", &[("apigateway:GET", On::RestApis)], &[Task::Up, Task::Status, Task::Down, Task::Logs, Task::Doctor]),
    takes("apigateway:GetStages", &[("apigateway:GET", On::RestApi)], LOOKING),
    takes("apigateway:GetTags", &[("apigateway:GET", On::ApiTags)], LOOKING),
    takes("apigateway:PutGatewayResponse", &[("apigateway:PUT", On::RestApi)], UP),
    takes("apigateway:PutIntegration", &[("apigateway:PUT", On::RestApi)], UP),
    takes("apigateway:PutIntegrationResponse", &[("apigateway:PUT", On::RestApi)], UP),
    takes("apigateway:PutMethod", &[("apigateway:PUT", On::RestApi)], UP),
    takes("apigateway:PutMethodResponse", &[("apigateway:PUT", On::RestApi)], UP),
    takes("apigateway:PutRestApi", &[("apigateway:PUT", On::RestApi)], UP),
    takes("apigateway:TagResource", &[("apigateway:PUT", On::ApiTags), ("apigateway:PATCH", On::RestApi)], UP),
    takes("apigateway:UntagResource", &[("apigateway:DELETE", On::ApiTags), ("apigateway:PATCH", On::RestApi)], UP),
    takes("apigateway:UpdateAccount", &[("apigateway:PATCH", On::ApiAccount), ("iam:PassRole", On::LoggingRoleForApi)], UP),
    takes("apigateway:UpdateRestApi", &[("apigateway:PATCH", On::RestApi)], UP),
    takes("apigateway:UpdateStage", &[("apigateway:PATCH", On::RestApi)], UP),
    takes(
        "cloudfront:CreateDistribution",
        &[("cloudfront:CreateDistribution", On::Distributions), ("cloudfront:TagResource", On::Distributions)],
        UP,
    ),
    same!("cloudfront:CreateInvalidation", On::Distributions, UP),
    same!("cloudfront:CreateOriginAccessControl", On::Everything, UP),
    same!("cloudfront:DeleteDistribution", On::Distributions, REMOVING),
    same!("cloudfront:DeleteOriginAccessControl", On::OriginAccessControls, REMOVING),
    same!("cloudfront:GetDistribution", On::Distributions, ALL),
    same!("cloudfront:GetDistributionConfig", On::Distributions, UP),
    same!("cloudfront:GetOriginAccessControlConfig", On::OriginAccessControls, REMOVING),
    same!("cloudfront:ListDistributions", On::Everything, COUNTING),
    same!("cloudfront:ListOriginAccessControls", On::Everything, COUNTING),
    same!("cloudfront:ListTagsForResource", On::Distributions, ALL),
    same!("cloudfront:TagResource", On::Distributions, UP),
    same!("cloudfront:UntagResource", On::Distributions, UP),
    same!("cloudfront:UpdateDistribution", On::Distributions, REMOVING),
    same!("cloudfront:UpdateOriginAccessControl", On::OriginAccessControls, UP),
    same!("cloudtrail:LookupEvents", On::Everything, LOOKING),
    same!("cloudwatch:DeleteAlarms", On::Alarms, REMOVING),
    same!("cloudwatch:DescribeAlarms", On::Everything, COUNTING),
    same!("cloudwatch:GetMetricData", On::Everything, LOOKING),
    same!("cloudwatch:ListTagsForResource", On::Alarms, ALL),
    takes("cloudwatch:PutMetricAlarm", &[("cloudwatch:PutMetricAlarm", On::Alarms), ("cloudwatch:TagResource", On::Alarms)], UP),
    same!("cloudwatch:TagResource", On::Alarms, UP),
    same!("cloudwatch:UntagResource", On::Alarms, UP),
    takes("dynamodb:CreateTable", &[("dynamodb:CreateTable", On::Tables), ("dynamodb:TagResource", On::Tables)], UP),
    same!("dynamodb:DeleteTable", On::Tables, REMOVING),
    same!("dynamodb:DescribeContinuousBackups", On::Tables, LOOKING),
    same!("dynamodb:DescribeTable", On::Tables, ALL),
    same!("dynamodb:DescribeTimeToLive", On::Tables, LOOKING),
    same!("dynamodb:ListTables", On::Everything, COUNTING),
    same!("dynamodb:ListTagsOfResource", On::Tables, ALL),
    same!("dynamodb:TagResource", On::Tables, UP),
    same!("dynamodb:UntagResource", On::Tables, UP),
    same!("dynamodb:UpdateContinuousBackups", On::Tables, UP),
    same!("dynamodb:UpdateTable", On::Tables, UP),
    same!("dynamodb:UpdateTimeToLive", On::Tables, UP),
    takes(
        "iam:CreateRole",
        &[("iam:CreateRole", On::Roles), ("iam:TagRole", On::Roles), ("iam:CreateRole", On::LoggingRole), ("iam:TagRole", On::LoggingRole)],
        UP,
    ),
    same!("iam:DeleteRole", On::Roles, REMOVING),
    same!("iam:DeleteRolePermissionsBoundary", On::Roles, UP),
    same!("iam:DeleteRolePolicy", On::Roles, REMOVING),
    same!("iam:DetachRolePolicy", On::Roles, REMOVING),
    same!("iam:GetAccountAuthorizationDetails", On::AllRoles, UP),
    same!("iam:GetAccountSummary", On::Everything, DOCTOR),
    same!("iam:GetRole", On::RolesByName, ALL),
    takes("iam:GetRole", &[("iam:GetRole", On::LoggingRole)], UP),
    takes("iam:GetRole", &[("iam:GetRole", On::Everything)], DOCTOR),
    same!("iam:GetRolePolicy", On::RolesByName, ALL),
    same!("iam:ListAttachedRolePolicies", On::Roles, ALL),
    same!("iam:ListRolePolicies", On::Roles, ALL),
    same!("iam:ListRoles", On::Everything, ALL),
    takes(
        "iam:PutRolePermissionsBoundary",
        &[("iam:PutRolePermissionsBoundary", On::Roles), ("iam:PutRolePermissionsBoundary", On::LoggingRole)],
        UP,
    ),
    takes("iam:PutRolePolicy", &[("iam:PutRolePolicy", On::Roles), ("iam:PutRolePolicy", On::LoggingRole)], UP),
    same!("iam:SimulatePrincipalPolicy", On::Everything, DOCTOR),
    same!("iam:TagRole", On::Roles, UP),
    same!("iam:UntagRole", On::Roles, UP),
    same!("iam:UpdateAssumeRolePolicy", On::Roles, UP),
    same!("lambda:AddPermission", On::Functions, UP),
    same!("lambda:CreateAlias", On::Functions, UP),
    takes(
        "lambda:CreateFunction",
        &[("lambda:CreateFunction", On::Functions), ("lambda:TagResource", On::Functions), ("iam:PassRole", On::RolesForLambda)],
        UP,
    ),
    same!("lambda:DeleteAlias", On::Functions, NOBODY),
    same!("lambda:DeleteFunction", On::Functions, REMOVING),
    same!("lambda:DeleteFunctionConcurrency", On::Functions, UP),
    same!("lambda:DeleteFunctionUrlConfig", On::Functions, UP),
    same!("lambda:GetAccountSettings", On::Everything, DOCTOR),
    same!("lambda:GetAlias", On::Functions, LOOKING),
    takes("lambda:GetFunction", &[("lambda:GetFunction", On::Functions), ("lambda:ListTags", On::Functions)], ALL),
    same!("lambda:GetPolicy", On::Functions, LOOKING),
    same!("lambda:ListFunctionUrlConfigs", On::Functions, LOOKING),
    same!("lambda:ListFunctions", On::Everything, ALL),
    same!("lambda:ListVersionsByFunction", On::Functions, LOOKING),
    same!("lambda:PublishVersion", On::Functions, UP),
    same!("lambda:PutFunctionConcurrency", On::Functions, UP),
    same!("lambda:RemovePermission", On::Functions, UP),
    same!("lambda:TagResource", On::Functions, UP),
    same!("lambda:UntagResource", On::Functions, UP),
    same!("lambda:UpdateAlias", On::Functions, UP),
    same!("lambda:UpdateFunctionCode", On::Functions, UP),
    takes(
        "lambda:UpdateFunctionConfiguration",
        &[("lambda:UpdateFunctionConfiguration", On::Functions), ("iam:PassRole", On::RolesForLambda)],
        UP,
    ),
    takes("logs:CreateLogGroup", &[("logs:CreateLogGroup", On::LogGroups), ("logs:TagResource", On::LogGroups)], UP),
    same!("logs:DeleteLogGroup", On::LogGroups, REMOVING),
    same!("logs:DescribeLogGroups", On::Everything, ALL),
    same!("logs:FilterLogEvents", On::LogGroups, LOGS),
    same!("logs:ListTagsForResource", On::LogGroups, ALL),
    same!("logs:PutRetentionPolicy", On::LogGroups, UP),
    same!("logs:TagResource", On::LogGroups, UP),
    same!("logs:UntagResource", On::LogGroups, UP),
    same!("s3:AbortMultipartUpload", On::Objects, REMOVING),
    takes("s3:CopyObject", &[("s3:GetObject", On::Objects), ("s3:GetObjectVersion", On::Objects), ("s3:PutObject", On::Objects)], UP),
    takes("s3:CreateBucket", &[("s3:CreateBucket", On::Bucket), ("s3:TagResource", On::Bucket)], UP),
    same!("s3:DeleteBucket", On::Bucket, REMOVING),
    same!("s3:DeleteBucketPolicy", On::Bucket, NOBODY),
    takes(
        "s3:DeleteObject",
        &[("s3:DeleteObject", On::Objects), ("s3:DeleteObjectVersion", On::Objects), ("s3:GetObject", On::Objects)],
        REMOVING,
    ),
    takes("s3:DeleteObjects", &[("s3:DeleteObject", On::Objects), ("s3:DeleteObjectVersion", On::Objects)], REMOVING),
    takes("s3:DeletePublicAccessBlock", &[("s3:PutBucketPublicAccessBlock", On::Bucket)], UP),
    takes("s3:GetBucketEncryption", &[("s3:GetEncryptionConfiguration", On::Bucket)], LOOKING),
    same!("s3:GetBucketOwnershipControls", On::Bucket, LOOKING),
    same!("s3:GetBucketPolicy", On::Bucket, LOOKING),
    same!("s3:GetBucketTagging", On::Bucket, ALL),
    same!("s3:GetBucketVersioning", On::Bucket, ALL),
    takes("s3:GetObject", &[("s3:GetObject", On::Objects), ("s3:ListBucket", On::Bucket)], ALL),
    takes("s3:GetPublicAccessBlock", &[("s3:GetBucketPublicAccessBlock", On::Bucket)], LOOKING),
    takes("s3:HeadObject", &[("s3:GetObject", On::Objects), ("s3:ListBucket", On::Bucket)], LOOKING),
    takes("s3:ListMultipartUploads", &[("s3:ListBucketMultipartUploads", On::Bucket)], REMOVING),
    takes("s3:ListObjectVersions", &[("s3:ListBucketVersions", On::Bucket)], ALL),
    takes("s3:ListObjectsV2", &[("s3:ListBucket", On::Bucket)], LOOKING),
    takes("s3:PutBucketEncryption", &[("s3:PutEncryptionConfiguration", On::Bucket)], UP),
    same!("s3:PutBucketOwnershipControls", On::Bucket, UP),
    same!("s3:PutBucketPolicy", On::Bucket, UP),
    same!("s3:PutBucketTagging", On::Bucket, UP),
    same!("s3:PutBucketVersioning", On::Bucket, UP),
    takes("s3:PutObject", &[("s3:PutObject", On::Objects), ("s3:GetObject", On::Objects)], REMOVING),
    takes("s3:PutPublicAccessBlock", &[("s3:PutBucketPublicAccessBlock", On::Bucket)], UP),
    same!("tag:GetResources", On::Everything, UP),
];

const UP: &[Task] = &[Task::Up];
/// Commands that observe.
const LOOKING: &[Task] = &[Task::Up, Task::Status];
/// Commands that remove: `up` does that too with what is no longer declared.
const REMOVING: &[Task] = &[Task::Up, Task::Down];
const ALL: &[Task] = &[Task::Up, Task::Status, Task::Down];
/// Commands that list for a sweep, and `doctor`, which counts.
const COUNTING: &[Task] = &[Task::Up, Task::Status, Task::Down, Task::Doctor];
const DOCTOR: &[Task] = &[Task::Doctor];
const LOGS: &[Task] = &[Task::Logs];
/// Parts of what every stack has or has not as a whole: they go with it, and no command deletes one alone.
const NOBODY: &[Task] = &[];

const fn takes(operation: &'static str, actions: &'static [(&'static str, On)], tasks: &'static [Task]) -> Permission {
    Permission { operation, actions, tasks }
}
