//! Refusals of this AWS, as data: situation, message, and the evidence that AWS does the same. `docs/aws.md` lists them, `docs/reliability.md`
//! counts them.
//!
//! Only a rule creates a refusal ([`Rule::refuse`]), so none is without its evidence. Where situation and message come from different places, the
//! weaker evidence counts.

use crate::{source::Source, wire::Refusal};

/// Refusal by AWS, as a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Service as IAM's actions name it; `*` for all.
    pub service: &'static str,
    /// Situation that is refused.
    pub when: &'static str,
    /// HTTP status of the refusal.
    pub status: u16,
    /// Error code of the service.
    pub code: &'static str,
    /// Message of the service; each `{}` stands for a part of the request.
    pub text: &'static str,
    /// Kind of evidence for the rule.
    pub source: Source,
    /// Source and date of the evidence; for a recording, the test and the day.
    pub from: &'static str,
}

impl Rule {
    /// Creates the refusal, with `parts` in place of the `{}`.
    pub(crate) fn refuse(&'static self, parts: &[&str]) -> Refusal {
        let mut message = String::new();
        let mut parts = parts.iter();
        for (index, text) in self.text.split("{}").enumerate() {
            if index > 0 {
                message.push_str(parts.next().expect("each gap of a rule's text is filled"));
            }
            message.push_str(text);
        }
        debug_assert!(parts.next().is_none(), "a rule's text has a gap for each part: {}", self.text);
        Refusal::of(self, message)
    }
}

/// Defines the rules, and the list `RULES` of them.
macro_rules! rules {
    ($($name:ident: $service:literal, $when:literal, $status:literal $code:literal, $text:expr, $source:ident, $from:literal;)+) => {
        $(pub(crate) static $name: Rule = Rule {
            service: $service,
            when: $when,
            status: $status,
            code: $code,
            text: $text,
            source: Source::$source,
            from: $from,
        };)+
        /// All rules, sorted by service.
        pub static RULES: &[&Rule] = &[$(&$name),+];
    };
}

rules! {
    API_BUSY: "apigateway", "a write to an API while another is under way",
        409 "ConflictException", "Unable to complete operation due to concurrent modification. Please try again later.",
        Recorded, "test_authorizer_crud_no_api, 2024-04-15";
    API_DESCRIPTION_EMPTY: "apigateway", "a new API with an empty description",
        400 "BadRequestException", "Description cannot be an empty string",
        Recorded, "test_create_rest_api_with_optional_params, 2025-07-04";
    RESOURCE_TAKEN: "apigateway", "a second resource of the same name below one parent",
        409 "ConflictException", "Another resource with the same parent already has this name: {}",
        Recorded, "test_update_resource_behaviour, 2024-04-15";
    SECOND_VARIABLE: "apigateway", "a second variable below one resource",
        400 "BadRequestException", "A sibling ({}) of this resource already has a variable path part -- only one is allowed",
        Recorded, "test_create_proxy_resource_validation, 2024-04-15";
    GREEDY_PARENT: "apigateway", "a resource below a variable that takes the rest of the path",
        400 "BadRequestException", "Cannot create a child of a resource with a greedy path variable: {}",
        Recorded, "test_create_proxy_resource_validation, 2024-04-15";
    METHOD_TAKEN: "apigateway", "a method that is there",
        409 "ConflictException", "Method already exists for this resource",
        Reported, "issues of other tools";
    AUTHORIZER_UNKNOWN: "apigateway", "a method behind an authorizer that is not there",
        400 "BadRequestException",
        "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.",
        Recorded, "test_put_method_validation, 2024-04-15";
    AUTHORIZER_TAKEN: "apigateway", "a second authorizer of the same name",
        400 "BadRequestException", "Authorizer name must be unique. Authorizer {} already exists in this RestApi.",
        Reported, "issues of other tools";
    AUTHORIZER_IN_USE: "apigateway", "the deletion of an authorizer that a method refers to",
        409 "ConflictException", "Cannot delete authorizer '{}', is referenced in method",
        Reported, "issues of other tools";
    PATCH_OF_LIST: "apigateway", "a patch of the list of binary media types",
        400 "BadRequestException", "Invalid patch path /binaryMediaTypes",
        Recorded, "test_update_rest_api_behaviour, 2025-07-04";
    METHOD_UNKNOWN: "apigateway", "an integration response of a method that is not there",
        404 "NotFoundException", "Invalid Method identifier specified",
        Recorded, "test_put_integration_response_validation, 2025-03-03";
    INTEGRATION_UNSEEN: "apigateway", "an integration response before its integration",
        404 "NotFoundException", "No integration defined for method",
        Reported, "issues of other tools";
    METHOD_RESPONSE_UNSEEN: "apigateway", "an integration response before its method response",
        400 "BadRequestException",
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [No method response exists for method.]",
        SourceCode, "cdkd, a deployment tool, 2026-08";
    DEPLOYMENT_WITHOUT_METHODS: "apigateway", "a deployment of an API without methods",
        400 "BadRequestException", "The REST API doesn't contain any methods",
        Assumed, "seen in emulators only";
    DEPLOYMENT_INCOMPLETE: "apigateway", "a deployment while a method has no integration",
        400 "BadRequestException", "No integration defined for method",
        Reported, "issues of other tools";
    DEPLOYMENT_UNKNOWN: "apigateway", "a stage on a deployment that is not there",
        400 "BadRequestException", "Deployment id does not exist",
        Recorded, "test_create_canary_deployment, 2025-05-30";
    DEPLOYMENT_IN_USE: "apigateway", "the deletion of a deployment that a stage serves",
        400 "BadRequestException", "Active stages pointing to this deployment must be moved or deleted",
        Recorded, "test_create_delete_deployments, 2023-09-07";
    STAGE_TAKEN: "apigateway", "a stage that is there",
        409 "ConflictException", "Stage already exists",
        Assumed, "seen in emulators only";
    LOGGING_ROLE_UNSET: "apigateway", "logs of a stage before the account has a role for them",
        400 "BadRequestException", "CloudWatch Logs role ARN must be set in account settings to enable logging",
        Reported, "issues of other tools";
    LOGGING_ROLE_YOUNG: "apigateway", "a role for logs that IAM has not made known",
        400 "BadRequestException",
        "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the required role policy.",
        SourceCode, "Terraform's provider, apigateway/account.go";
    LOG_DESTINATION: "apigateway", "the ARN of a log group that ends with :*",
        400 "BadRequestException", "Access log destination must only contain characters a-z, A-Z, 0-9, '_', '-', '/', '.': '*'",
        Reported, "cdkd, tried on AWS on 2026-08-11";
    LOG_FORMAT_EMPTY: "apigateway", "an access log with an empty format",
        400 "BadRequestException", "Access Log value must not be empty",
        Recorded, "test_stage_access_log_settings_validation, 2026-02-25";
    TOO_MANY_RESOURCES: "apigateway", "more than 300 resources in an API",
        429 "LimitExceededException",
        "Maximum number of resources for this API has been reached. Please contact AWS if you need additional resources.",
        Documented, "Amazon API Gateway quotas; the words are assumed";
    STAGE_NAME: "apigateway", "a stage whose name is longer than 128 characters",
        400 "BadRequestException",
        "Stage name length must not be greater than 128",
        Documented, "API Gateway API reference, CreateStage; the words are assumed";
    TAGS_API: "apigateway", "more than 50 tags, a key without or of more than 128 characters, or a value of more than 256",
        400 "BadRequestException",
        TAG_SIZES,
        Documented, "AWS General Reference, tag naming limits; the words are assumed";

    DISTRIBUTION_REFERENCE_TAKEN: "cloudfront", "a caller reference that was used before",
        409 "DistributionAlreadyExists",
        "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: {}",
        Documented, "API model; the words are an emulator's";
    DISTRIBUTION_ENABLED: "cloudfront", "the deletion of a distribution that is enabled or not yet disabled everywhere",
        409 "DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.",
        Documented, "API model";
    DISTRIBUTION_INCOMPLETE: "cloudfront", "an update that leaves out OriginReadTimeout, which the distribution has",
        400 "IllegalUpdate", "OriginReadTimeout is required for updates.",
        Reported, "issues of other tools";
    ETAG_MISSING: "cloudfront", "a change without If-Match",
        400 "InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.",
        Documented, "API model";
    ETAG_OLD: "cloudfront", "a change with the ETag of an older version",
        412 "PreconditionFailed", "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        Documented, "API model; the words are assumed";
    ACCESS_CONTROL_TAKEN: "cloudfront", "an origin access control whose name is taken",
        409 "OriginAccessControlAlreadyExists", "An origin access control with this name already exists.",
        Documented, "API model; the words are assumed";
    ACCESS_CONTROL_IN_USE: "cloudfront", "the deletion of an origin access control that a distribution uses",
        409 "OriginAccessControlInUse", "Cannot delete the origin access control because it's in use by one or more distributions.",
        Documented, "API model; the words are assumed";
    HEADERS_POLICY_TAKEN: "cloudfront", "a response headers policy whose name is taken",
        409 "ResponseHeadersPolicyAlreadyExists", "A response headers policy with this name already exists.",
        Documented, "API model; the words are assumed";
    HEADERS_POLICY_MISSING: "cloudfront", "a distribution with a response headers policy that is not there",
        404 "NoSuchResponseHeadersPolicy", "The specified response headers policy does not exist.",
        Documented, "API model, UpdateDistribution; the words are assumed";
    HEADERS_POLICY_IN_USE: "cloudfront", "the deletion of a response headers policy that a distribution uses",
        409 "ResponseHeadersPolicyInUse", "The response headers policy is in use by one or more distributions.",
        Documented, "API model; the words are assumed";
    HEADER_HAS_FIELD: "cloudfront", "a custom header in a response headers policy that has a field of its own",
        400 "InvalidArgument", "The parameter CustomHeaders contains {} that is a security header and cannot be set as custom header.",
        Reported, "deployments with AWS CDK";
    HEADER_REFUSED: "cloudfront", "a custom header of the connection, or one that CloudFront writes itself",
        400 "InvalidArgument", "The parameter CustomHeaders contains {} that is not allowed.",
        Assumed, "CloudFront Developer Guide names the headers that cannot be removed";
    HEADER_TOO_LONG: "cloudfront", "a custom header with a name of more than 256 or a value of more than 1,783 characters, or all above 10,240",
        400 "InvalidArgument", "The parameter CustomHeaders is too long.",
        Documented, "CloudFront Developer Guide, quotas on headers; the words are assumed";
    TOO_MANY_HEADERS: "cloudfront", "more than 10 custom headers in a response headers policy",
        400 "TooManyCustomHeadersInResponseHeadersPolicy",
        "The number of custom headers in the response headers policy exceeds the maximum.",
        Documented, "CloudFront Developer Guide, quotas on headers; the words are those of the API model";
    POLICY_VALUE_TOO_LONG: "cloudfront", "a Content-Security-Policy of more than 1,783 characters",
        400 "TooLongCSPInResponseHeadersPolicy",
        "The length of the Content-Security-Policy header value in the response headers policy exceeds the maximum.",
        Documented, "CloudFront Developer Guide, quotas on headers; the words are those of the API model";
    CORS_INCOMPLETE: "cloudfront", "settings about other origins without headers, methods or origins",
        400 "InvalidArgument", "The parameter CorsConfig is incomplete.",
        Reported, "awsdocs/aws-cloudformation-user-guide#1179; the words are assumed";
    INVALIDATION_PATH: "cloudfront", "an invalidation of paths that are too many, too long, not encoded, or with a tilde",
        400 "InvalidArgument", "Your request contains one or more invalid invalidation paths.",
        Reported, "aws/aws-sdk#525, and other issues; the limits are documented";
    ACCOUNT_UNVERIFIED: "cloudfront", "anything new, in an account that AWS has not verified",
        403 "AccessDenied",
        "Your account must be verified before you can add new CloudFront resources. To verify your account, please contact AWS Support (https://console.aws.amazon.com/support/home#/) and include this error message.",
        Reported, "questions on re:Post, and issues of other tools";
    TOO_MANY_BEHAVIORS: "cloudfront", "more than 75 cache behaviors",
        400 "TooManyCacheBehaviors",
        "Your request contains more CacheBehaviors than are allowed per distribution.",
        Documented, "CloudFront Developer Guide, quotas; the words are those of the API model";
    PATH_PATTERN: "cloudfront", "a path pattern of more than 255 characters",
        400 "InvalidArgument",
        "The parameter PathPattern is too long.",
        Documented, "CloudFront Developer Guide, path pattern; the words are assumed";
    COMMENT_TOO_LONG: "cloudfront", "a comment of more than 128 characters",
        400 "InvalidArgument",
        "The parameter Comment is too long.",
        Documented, "CloudFront API reference, DistributionConfig; the words are assumed";

    ALARM_NAME: "cloudwatch", "an alarm whose name has no or more than 255 characters",
        400 "ValidationError",
        "1 validation error detected: Value at 'alarmName' failed to satisfy constraint: Member must have length less than or equal to 255",
        Documented, "API model; the words are assumed";
    LOOKS_BACK_A_DAY: "cloudwatch", "an alarm with periods below an hour that looks back more than a day",
        400 "ValidationError",
        "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        Documented, "CloudWatch API reference, PutMetricAlarm; the words are assumed";
    LOOKS_BACK_A_WEEK: "cloudwatch", "an alarm with longer periods that looks back more than a week",
        400 "ValidationError",
        "Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800).",
        Documented, "CloudWatch API reference, PutMetricAlarm; the words are assumed";

    TABLE_CREATING: "dynamodb", "a change of a table that is being created",
        400 "ResourceInUseException", "Attempt to change a resource which is still in use: Table is being created: {}",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TABLE_DELETING: "dynamodb", "a change of a table that is being deleted, or another of its name",
        400 "ResourceInUseException", "Attempt to change a resource which is still in use: Table is being deleted: {}",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TABLE_UNSEEN: "dynamodb", "tags or time to live of a table that is being created",
        400 "ResourceNotFoundException", "Requested resource not found: Table: {} not found",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10; while it is being deleted: assumed; the words are recorded, 2025-10-08";
    TABLE_UNSEEN_TTL: "dynamodb", "the question for the time to live of a table that is being created",
        400 "ValidationException",
        "Cannot describe time to live while table is in CREATING state: Current table state is CREATING",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10; while it is being deleted: assumed";
    TABLE_UNSEEN_BACKUPS: "dynamodb", "point-in-time recovery of a table that is being created",
        400 "TableNotFoundException", "Table not found: {}",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10; while it is being deleted: assumed";
    BACKUPS_ENABLING: "dynamodb", "point-in-time recovery right after the table is there",
        400 "ContinuousBackupsUnavailableException", "Backups are being enabled for the table: {}. Please retry later",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    RESTORE_TIME: "dynamodb", "a restore to a time that point-in-time recovery no longer reaches",
        400 "InvalidRestoreTimeException",
        "An invalid restore time was specified. RestoreDateTime must be between EarliestRestorableDateTime and LatestRestorableDateTime.",
        Documented, "DynamoDB API reference, RestoreTableToPointInTime and RecoveryPeriodInDays";
    TTL_ENABLED: "dynamodb", "time to live that is enabled",
        400 "ValidationException", "TimeToLive is already enabled",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TTL_DISABLED: "dynamodb", "time to live that is disabled",
        400 "ValidationException", "TimeToLive is already disabled",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TTL_TOO_SOON: "dynamodb", "a second change of time to live within half an hour",
        400 "ValidationException", "Time to live has been modified multiple times within a fixed interval",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TAGS_LOCKED: "dynamodb", "a second change of a table's tags within two seconds",
        400 "LimitExceededException", "Subscriber limit exceeded: Table tags are being updated: {}",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TAGS_IN_THE_WAY: "dynamodb", "the deletion of a table right after a change of its tags",
        400 "ResourceInUseException", "Attempt to change a resource which is still in use: Table tags are being updated: {}",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    INDEX_IN_THE_WAY: "dynamodb", "the deletion of a table while an index is being built",
        400 "ResourceInUseException",
        "Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    INDEX_AT_A_TIME: "dynamodb", "a change of a table while an index is being built",
        400 "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    TABLE_NAME: "dynamodb", "a table whose name has fewer than 3 or more than 255 characters",
        400 "ValidationException",
        "TableName must be at least 3 characters long and at most 255 characters long",
        Documented, "API model; the words are assumed";
    INDEX_NAME: "dynamodb", "an index whose name has fewer than 3 or more than 255 characters",
        400 "ValidationException",
        "IndexName must be at least 3 characters long and at most 255 characters long",
        Documented, "API model; the words are assumed";
    ATTRIBUTE_NAME: "dynamodb", "an attribute of a key or of time to live whose name has no or more than 255 bytes",
        400 "ValidationException",
        "1 validation error detected: Value at 'attributeName' failed to satisfy constraint: Member must have length less than or equal to 255",
        Documented, "API model; the words are assumed";
    TOO_MANY_INDEXES: "dynamodb", "more than 20 global secondary indexes of a table",
        400 "LimitExceededException",
        "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    INDEX_KEYS: "dynamodb", "an index without a partition key, or with more than 4 attributes in a partition or sort key",
        400 "ValidationException",
        "One or more parameter values were invalid: Index KeySchema must have 1 to 4 HASH and up to 4 RANGE keys: {}",
        Documented, "DynamoDB developer guide, multi-attribute keys; the words are assumed";
    LOCAL_WITHOUT_SORT_KEY: "dynamodb", "local indexes of a table without a sort key",
        400 "ValidationException",
        "One or more parameter values were invalid: Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        SourceCode, "ministack, dynamodb.py";
    LOCAL_PARTITION_KEY: "dynamodb", "a local index without the table's partition key, or without a sort key of its own",
        400 "ValidationException",
        "One or more parameter values were invalid: Index KeySchema of a LocalSecondaryIndex must have the table's hash key and a range key: {}",
        Documented, "DynamoDB API reference, LocalSecondaryIndex; the words are assumed";
    TOO_MANY_LOCAL_INDEXES: "dynamodb", "more than 5 local secondary indexes of a table",
        400 "ValidationException",
        "One or more parameter values were invalid: Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        Documented, "DynamoDB developer guide, quotas; code and words are assumed";
    INCLUDED: "dynamodb", "an index that includes no attribute, or more than 20",
        400 "ValidationException",
        "1 validation error detected: Value at 'nonKeyAttributes' failed to satisfy constraint: Member must have length between 1 and 20",
        Documented, "API model; the words are assumed";
    INCLUDED_NAME: "dynamodb", "an index that includes an attribute whose name has no or more than 255 characters",
        400 "ValidationException",
        "1 validation error detected: Value at 'nonKeyAttributes' failed to satisfy constraint: Member must have length less than or equal to 255",
        Documented, "API model; the words are assumed";
    INCLUDED_BY_ALL: "dynamodb", "indexes of a table that include more than 100 attributes together",
        400 "ValidationException",
        "One or more parameter values were invalid: Number of attributes that indexes include exceeds 100",
        Documented, "DynamoDB API reference, Projection; code and words are assumed";
    INCLUDED_TWICE: "dynamodb", "an index that includes a key, or one attribute twice",
        400 "ValidationException",
        "One or more parameter values were invalid: Duplicate attribute in NonKeyAttributes: {}",
        Assumed, "keys are always projected (DynamoDB API reference, Projection); the answer is assumed";
    CLASS_TOO_OFTEN: "dynamodb", "a third change of a table's class within 30 days",
        400 "LimitExceededException",
        "Subscriber limit exceeded: Updates to TableClass are limited to 2 times in 30 day(s).",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    CLASS_ALONE: "dynamodb", "a change of a table's class together with another",
        400 "ValidationException",
        "One or more parameter values were invalid: TableClass must be the only operation in the request",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10; the words are assumed";
    UNITS_OF_A_TABLE: "dynamodb", "a limit on a table's units that is neither 1 or more nor -1",
        400 "ValidationException",
        "1 validation error detected: Value at 'onDemandThroughput' failed to satisfy constraint: Member must be -1 or at least 1",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10; the words are assumed";
    UNITS_ALONE: "dynamodb", "a limit on a table's units together with another change than that of the billing mode",
        400 "ValidationException",
        "One or more parameter values were invalid: only one type of update is allowed per UpdateTable call",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10; the words are assumed";
    TAGS_DYNAMODB: "dynamodb", "more than 50 tags, a key without or of more than 128 characters, or a value of more than 256",
        400 "ValidationException",
        TAG_SIZES,
        Documented, "AWS General Reference, tag naming limits; the words are assumed";

    ROLE_UNSEEN: "iam", "a read of a role that was made a moment ago",
        404 "NoSuchEntity", "The role with name {} cannot be found.",
        Documented, "IAM User Guide, \"Changes that I make are not always immediately visible\"; the words are reported";
    ROLE_HAS_POLICIES: "iam", "the deletion of a role with policies",
        409 "DeleteConflict", "Cannot delete entity, must delete policies first.",
        Reported, "issues of other tools";
    ROLE_NAME: "iam", "a role whose name is longer than 64 characters",
        400 "ValidationError",
        "1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64",
        Documented, "API model; the words are assumed";
    POLICY_TOO_LONG: "iam", "an inline policy of a role of more than 10,240 characters, blanks not counted",
        409 "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role {}",
        Documented, "IAM User Guide, quotas; the words are reported";

    FUNCTION_PENDING: "lambda", "a change of a function that is being created",
        409 "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        Documented, "Lambda Developer Guide, \"Lambda function states\"; the words are reported";
    FUNCTION_UPDATING: "lambda", "a change of a function that is being updated",
        409 "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: {}",
        Recorded, "test_lambda_concurrent_code_updates, 2025-11-25";
    ROLE_YOUNG: "lambda", "a role that IAM has not made known",
        400 "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.",
        SourceCode, "Terraform's provider, lambda/function.go; and many reports";
    VARIABLE_RESERVED: "lambda", "environment variables that Lambda sets itself",
        400 "InvalidParameterValueException",
        "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
        Documented, "Lambda Developer Guide, \"Defined runtime environment variables\"; the words are reported";
    FUNCTION_NAME: "lambda", "a function whose name is longer than 64 characters",
        400 "ValidationException",
        "1 validation error detected: Value at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64",
        Documented, "Lambda API reference, CreateFunction; the words are assumed";
    MEMORY: "lambda", "memory below 128 or above 10,240 MB",
        400 "ValidationException",
        "1 validation error detected: Value at 'memorySize' failed to satisfy constraint: Member must have value between 128 and 10240",
        Documented, "Lambda quotas; the words are assumed";
    TIMEOUT: "lambda", "a timeout below 1 or above 900 s",
        400 "ValidationException",
        "1 validation error detected: Value at 'timeout' failed to satisfy constraint: Member must have value between 1 and 900",
        Documented, "Lambda quotas; the words are assumed";
    EPHEMERAL_STORAGE: "lambda", "ephemeral storage below 512 or above 10,240 MB",
        400 "ValidationException",
        "1 validation error detected: Value at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value between 512 and 10240",
        Documented, "Lambda quotas; the words are assumed";
    TOO_MANY_LAYERS: "lambda", "more than five layers of a function",
        400 "InvalidParameterValueException", "Cannot reference more than 5 layers.",
        Recorded, "test_layer_function_quota_exception, 2025-11-25";
    SAME_LAYER_TWICE: "lambda", "two versions of one layer in a function",
        400 "InvalidParameterValueException",
        "Two different versions of the same layer are not allowed to be referenced in the same function. {} and {} are versions of the same layer.",
        Recorded, "test_layer_function_exceptions, 2025-11-25";
    LAYER_ELSEWHERE: "lambda", "a layer of another region than the function's",
        400 "InvalidParameterValueException",
        "Layers are not in the same region as the function. Layers are expected to be in region {}.",
        Recorded, "test_layer_function_exceptions, 2025-11-25";
    VARIABLES_TOO_LARGE: "lambda", "environment variables of more than 4,096 bytes as JSON",
        400 "InvalidParameterValueException",
        "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {}",
        Recorded, "test_large_environment_variables_fails, 2025-11-25";
    POLICY_TOO_LARGE: "lambda", "a policy of a function or alias above 20 KB",
        400 "PolicyLengthExceededException", "The final policy size ({}) is bigger than the limit (20480).",
        Reported, "issues of other tools; \"Lambda quotas\" of the Lambda developer guide";
    CONCURRENCY_TOO_HIGH: "lambda", "more invocations kept for a function than leave 100 of the account's 1,000",
        400 "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
        Documented, "Lambda Developer Guide, reserved concurrency; the words are reported";
    CONCURRENCY_OF_A_VERSION: "lambda", "invocations kept for a version or an alias",
        400 "InvalidParameterValueException",
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
        Reported, "issues of other tools";
    TAGS_LAMBDA: "lambda", "more than 50 tags, a key without or of more than 128 characters, or a value of more than 256",
        400 "InvalidParameterValueException",
        TAG_SIZES,
        Documented, "AWS General Reference, tag naming limits; the words are assumed";

    RETENTION_DAYS: "logs", "a retention that is not one of the 22 that there are",
        400 "InvalidParameterException",
        "Invalid retention value.",
        Documented, "CloudWatch Logs API reference, PutRetentionPolicy; the words are assumed";
    TAGS_LOGS: "logs", "more than 50 tags, a key without or of more than 128 characters, or a value of more than 256",
        400 "InvalidParameterException",
        TAG_SIZES,
        Documented, "AWS General Reference, tag naming limits; the words are assumed";

    BUCKET_BUSY: "s3", "two changes of one bucket's configuration at a time, or a name that was deleted a moment ago",
        409 "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        Reported, "issues of Terraform's provider and of Pulumi";
    BUCKET_UNSEEN: "s3", "the configuration of a bucket that was made a moment ago",
        404 "NoSuchBucket", "The specified bucket does not exist",
        SourceCode, "Terraform's provider repeats all of these; the words are recorded, 2026-02-21";
    BUCKET_OURS: "s3", "a bucket of ours again, with tags",
        409 "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.",
        Recorded, "test_create_bucket_with_tags_us_east_1_idempotency, 2026-02-23";
    BUCKET_NOT_EMPTY: "s3", "the deletion of a bucket with objects",
        409 "BucketNotEmpty", "The bucket you tried to delete is not empty",
        Recorded, "test_delete_bucket_with_objects, 2026-02-21";
    BUCKET_HAS_VERSIONS: "s3", "the deletion of a bucket with versions",
        409 "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        Recorded, "test_delete_versioned_bucket_with_objects, 2026-02-21";
    BUCKET_OF_ANOTHER: "s3", "a bucket that is in another account than the request expects",
        403 "AccessDenied", "Access Denied",
        Recorded, "test_get_bucket_policy, 2026-02-21";
    BUCKET_NAME: "s3", "a bucket whose name has fewer than 3 or more than 63 characters",
        400 "InvalidBucketName",
        "The specified bucket is not valid.",
        Documented, "S3 User Guide, bucket naming rules";
    KEY_TOO_LONG: "s3", "a key of more than 1,024 bytes",
        400 "KeyTooLongError",
        "Your key is too long",
        Documented, "S3 API reference, \"Error responses\"";

    SIGNED_EARLY_JSON: "*", "a request signed too long ago, to DynamoDB, CloudWatch Logs or the tagging service",
        400 "InvalidSignatureException", "Signature expired: {} is now earlier than {} ({} - {} min.)",
        Documented, "IAM User Guide, \"Troubleshoot signed requests\"";
    SIGNED_EARLY_REST: "*", "the same, to Lambda or API Gateway",
        403 "InvalidSignatureException", "Signature expired: {} is now earlier than {} ({} - {} min.)",
        Documented, "IAM User Guide, \"Troubleshoot signed requests\"";
    SIGNED_EARLY: "*", "the same, to other services",
        403 "SignatureDoesNotMatch", "Signature expired: {} is now earlier than {} ({} - {} min.)",
        Documented, "IAM User Guide, \"Troubleshoot signed requests\"; CloudWatch's newest protocol: assumed";
    SIGNED_LATE_JSON: "*", "a request signed in the future, to DynamoDB, CloudWatch Logs or the tagging service",
        400 "InvalidSignatureException", "Signature not yet current: {} is still later than {} ({} + {} min.)",
        Documented, "IAM User Guide, \"Troubleshoot signed requests\"";
    SIGNED_LATE_REST: "*", "the same, to Lambda or API Gateway",
        403 "InvalidSignatureException", "Signature not yet current: {} is still later than {} ({} + {} min.)",
        Documented, "IAM User Guide, \"Troubleshoot signed requests\"";
    SIGNED_LATE: "*", "the same, to other services",
        403 "SignatureDoesNotMatch", "Signature not yet current: {} is still later than {} ({} + {} min.)",
        Documented, "IAM User Guide, \"Troubleshoot signed requests\"; CloudWatch's newest protocol: assumed";
    SIGNED_OTHERWISE_S3: "s3", "a request signed by a clock that is wrong by more than 15 minutes",
        403 "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
        Documented, "S3 API reference, \"Error responses\"";
    SESSION_EXPIRED_S3: "s3", "a request of a session that has expired",
        400 "ExpiredToken", "The provided token has expired.",
        Documented, "S3 API reference, \"Error responses\"";
    SESSION_EXPIRED_JSON: "*", "the same, to DynamoDB, CloudWatch Logs or the tagging service",
        400 "ExpiredTokenException", "The security token included in the request is expired",
        Documented, "\"Common errors\" of each API reference";
    SESSION_EXPIRED_REST: "*", "the same, to Lambda or API Gateway",
        403 "ExpiredTokenException", "The security token included in the request is expired",
        Documented, "\"Common errors\" of each API reference";
    SESSION_EXPIRED: "*", "the same, to other services",
        403 "ExpiredToken", "The security token included in the request is expired",
        Documented, "\"Common errors\" of each API reference";
    DENIED_XML: "*", "what the credentials may not do, in S3, IAM, CloudFront and STS",
        403 "AccessDenied", "User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: {}",
        Documented, "\"Common errors\" of each API reference; the words are reported";
    DENIED_REST: "*", "the same, in Lambda and API Gateway",
        403 "AccessDeniedException", "User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: {}",
        Documented, "\"Common errors\" of each API reference; the words are reported";
    DENIED_JSON: "*", "the same, in other services",
        400 "AccessDeniedException", "User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: {}",
        Documented, "\"Common errors\" of each API reference; the words are reported";

    THROTTLED_API: "apigateway", "too many requests",
        429 "TooManyRequestsException", "Too Many Requests",
        Documented, "API model; the words are Terraform's";
    THROTTLED_LAMBDA: "lambda", "too many requests",
        429 "TooManyRequestsException", "Rate exceeded",
        Documented, "API model; the words are assumed (of Invoke, \"Rate Exceeded.\" was recorded)";
    THROTTLED_DYNAMODB: "dynamodb", "too many changes of tables in the account",
        400 "ThrottlingException", "The rate of control plane requests made by this account is too high",
        Reported, "measured by AWS Controllers for Kubernetes, 2026-10";
    THROTTLED_LOGS: "logs", "too many requests",
        400 "ThrottlingException", "Rate exceeded",
        Documented, "API model; status and words are assumed";
    THROTTLED_S3: "s3", "too many requests",
        503 "SlowDown", "Please reduce your request rate.",
        Documented, "S3 API reference, \"Error responses\"";
    THROTTLED: "*", "too many requests, to other services",
        400 "Throttling", "Rate exceeded",
        Documented, "IAM: re:Post knowledge center; CloudFront: reported; CloudWatch's newest protocol: assumed";

    STUMBLE_IAM: "iam", "a failure of the service's own",
        500 "ServiceFailure", INTERNAL, Documented, "API model; the words are assumed";
    STUMBLE_LAMBDA: "lambda", "a failure of the service's own",
        500 "ServiceException", INTERNAL, Documented, "API model; the words are assumed";
    STUMBLE_S3: "s3", "a failure of the service's own",
        500 "InternalError", INTERNAL, Documented, "S3 API reference, \"Error responses\"";
    STUMBLE_S3_LATER: "s3", "a failure of the service's own, with 502 or 503",
        503 "ServiceUnavailable", INTERNAL, Documented, "S3 API reference, \"Error responses\"; the words are assumed";
    STUMBLE_API_LATER: "apigateway", "a failure of the service's own, with 503",
        503 "ServiceUnavailableException", INTERNAL, Documented, "API model; the words are assumed";
    STUMBLE_DYNAMODB: "dynamodb", "a failure of the service's own",
        500 "InternalServerError", INTERNAL, Documented, "API model; the words are assumed";
    STUMBLE: "*", "any other failure of the service's own, with 500, 502 or 503",
        500 "InternalFailure", INTERNAL, Assumed, "\"Common errors\" of the API references name the code";
}

/// Behaviour of AWS that the local AWS lacks.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Service as IAM's actions name it.
    pub service: &'static str,
    /// Behaviour of the service.
    pub what: &'static str,
    /// Kind of evidence for the behaviour.
    pub source: Source,
    /// Source and date of the evidence.
    pub from: &'static str,
}

/// Answers that differ from the local AWS's, besides refusals and delays.
pub static ANSWERS: &[Answer] = &[
    answer("apigateway", "`PutRestApi` makes an API's parts from one document", Source::Documented, "API Gateway Developer Guide"),
    answer("cloudwatch", "an alarm that is changed keeps its tags, whatever is sent", Source::Documented, "API model, `PutMetricAlarm`"),
    answer(
        "dynamodb",
        "`DeleteTable` answers with a table that is `DELETING`, without keys and attributes",
        Source::Recorded,
        "test_table_crud, 2025-10-08",
    ),
    answer("iam", "policies are read back percent-encoded", Source::Documented, "IAM API reference, RFC 3986"),
    answer(
        "lambda",
        "of statements that are added at the same time, some get lost",
        Source::SourceCode,
        "Terraform's provider, permission.go",
    ),
    answer("lambda", "a function can end as `Failed`, with a reason", Source::Documented, "API model; the reason's words are assumed"),
    answer("s3", "a new bucket has a public access block", Source::Recorded, "test_crud_public_access_block, 2026-02-21"),
    answer(
        "s3",
        "a bucket of ours again, without tags, in us-east-1: 200, and its tags stay",
        Source::Recorded,
        "test_create_bucket_with_tags_us_east_1_idempotency, 2026-02-23",
    ),
    answer(
        "tag",
        "the tagging service knows alarms, log groups, REST APIs and stages",
        Source::Documented,
        "its list of supported services",
    ),
];

const fn answer(service: &'static str, what: &'static str, source: Source, from: &'static str) -> Answer {
    Answer { service, what, source, from }
}

/// Rule text for tags beyond the limits, which each service has one rule for.
const TAG_SIZES: &str = "A resource has at most 50 tags, with keys of 1 to 128 characters and values of at most 256";

/// Message of AWS about its own failures.
const INTERNAL: &str = "We encountered an internal error. Please try again.";

#[cfg(test)]
mod tests {
    use super::{RULES, TABLE_CREATING};
    use crate::source::Source;

    #[test]
    fn gaps_are_filled_in_their_order() {
        let refusal = TABLE_CREATING.refuse(&["events"]);
        assert_eq!(refusal.message, "Attempt to change a resource which is still in use: Table is being created: events");
    }

    #[test]
    fn every_rule_says_who_says_so() {
        for rule in RULES {
            assert!(!rule.from.is_empty() && !rule.when.is_empty(), "{rule:?}");
            // A recording names its day.
            let day = rule.from.rsplit(' ').next().unwrap_or_default();
            assert!(rule.source != Source::Recorded || day.len() == 10 && day.starts_with("20"), "{rule:?}");
        }
    }
}
