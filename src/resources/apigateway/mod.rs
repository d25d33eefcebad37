//! Amazon API Gateway: a REST API and its parts.

mod account;
mod common;
mod deployment;
mod document;
mod gateway_response;
mod integration;
mod integration_response;
mod method;
mod method_response;
mod resource;
mod rest_api;
mod stage;
mod sweep;

pub use account::{LOGGING_ACTIONS, ensure_logging_role, logging_role, logging_role_path, logging_role_removal};
pub use common::MethodKey;
pub(in crate::resources) use common::rest_apis;
pub use deployment::{ApiDeployment, ApiDeploymentOutput};
pub use document::ApiDocument;
pub use gateway_response::{ERROR_TYPES, ORIGIN_HEADER};
pub use integration::ApiIntegration;
pub use integration_response::{ApiIntegrationResponse, quoted};
pub use method::ApiMethod;
pub use method_response::{ApiMethodResponse, ApiMethodResponseOutput, response_header};
pub use resource::{ApiResource, ApiResourceOutput};
pub(in crate::resources) use rest_api::find_ours;
pub use rest_api::{RestApi, RestApiOutput};
pub use stage::{AccessLog, ApiStage, ApiStageOutput};
pub use sweep::sweep_rest_api_parts;
