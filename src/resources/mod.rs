//! One file per kind. Each reads from top to bottom: what it is and what AWS is odd about, the declaration, its outputs,
//! observe, create, update, delete, the sweep, and what others may refer to.

mod api_account;
mod api_common;
mod api_deployment;
mod api_integration;
mod api_integration_response;
mod api_method;
mod api_method_response;
mod api_resource;
mod api_stage;
mod cloudfront_config;
mod cloudfront_distribution;
mod cloudfront_origin_access_control;
mod dynamodb_table;
mod iam_role;
mod iam_role_policy;
mod lambda_alias;
mod lambda_function;
mod lambda_permission;
mod log_group;
mod metric_alarm;
mod s3_bucket;
mod s3_bucket_policy;
mod s3_public_access_block;
mod s3_site;

pub use dynamodb_table::{Index, KeyAttribute, Table, TableOutput, TimeToLive};
mod rest_api;

pub use api_account::{ensure_logging_role, logging_role};
pub use api_common::MethodKey;
pub use api_deployment::{ApiDeployment, ApiDeploymentOutput};
pub use api_integration::ApiIntegration;
pub use api_integration_response::{ApiIntegrationResponse, quoted};
pub use api_method::ApiMethod;
pub use api_method_response::{ApiMethodResponse, ApiMethodResponseOutput, response_header};
pub use api_resource::{ApiResource, ApiResourceOutput};
pub use api_stage::{AccessLog, ApiStage, ApiStageOutput};
pub use cloudfront_config::{Behavior, ErrorPage, Origin, Protocol};
pub use cloudfront_distribution::{Distribution, DistributionOutput};
pub use cloudfront_origin_access_control::{OriginAccessControl, OriginAccessControlOutput};
pub use iam_role::{Role, RoleOutput};
pub use iam_role_policy::{RolePolicy, RolePolicyOutput};
pub use lambda_alias::{Alias, AliasOutput};
pub use lambda_function::{Function, FunctionOutput};
pub use lambda_permission::{Permission, PermissionOutput};
pub use log_group::{LogGroup, LogGroupOutput};
pub use metric_alarm::{Alarm, AlarmOutput};
pub use rest_api::{RestApi, RestApiOutput};
pub use s3_bucket::{Bucket, BucketOutput};
pub use s3_bucket_policy::{BucketPolicy, BucketPolicyOutput};
pub use s3_public_access_block::{PublicAccessBlock, PublicAccessBlockOutput};
pub use s3_site::SiteObject;
