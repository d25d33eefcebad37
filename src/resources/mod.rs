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
mod api_sweep;
mod iam_role;
mod log_group;
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
pub use api_sweep::sweep_rest_api;
pub use iam_role::{Role, RoleOutput};
pub use log_group::{LogGroup, LogGroupOutput};
pub use rest_api::{RestApi, RestApiOutput};
