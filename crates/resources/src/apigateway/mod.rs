//! Amazon API Gateway: a REST API and its parts.

mod account;
mod authorizer;
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

pub(crate) use account::CALLS as ACCOUNT_CALLS;
pub use account::{LOGGING_ACTIONS, ensure_logging_role, logging_role, logging_role_path, logging_role_removal};
pub use authorizer::{AUTHORIZERS_TAG, ApiAuthorizer, ApiAuthorizerOutput};
pub use common::MethodKey;
pub(crate) use common::rest_apis;
pub use deployment::{ApiDeployment, ApiDeploymentOutput};
pub use document::ApiDocument;
pub use gateway_response::{ERROR_TYPES, ORIGIN_HEADER};
pub use integration::ApiIntegration;
pub use integration_response::{ApiIntegrationResponse, quoted};
pub use method::ApiMethod;
pub use method_response::{ApiMethodResponse, ApiMethodResponseOutput, response_header};
pub use resource::{ApiResource, ApiResourceOutput};
pub(crate) use rest_api::find_ours;
pub use rest_api::{RestApi, RestApiOutput};
pub use stage::{AccessLog, ApiStage, ApiStageOutput};
pub use sweep::sweep_rest_api_parts;

use aws::{Target, facts::Identity};

/// Resources that IAM checks API Gateway's actions on. The actions are HTTP verbs.
pub(crate) mod scope {
    use aws::Target;
    use aws::facts::{Guard, Scope};

    /// API Gateway settings of the account.
    pub(crate) const ACCOUNT: Scope = Scope::of("ApiAccount", |target, _, _| vec![arn(target, "/account")]);
    /// Collection of REST APIs.
    pub(crate) const REST_APIS: Scope = Scope::of("RestApis", |target, _, _| vec![arn(target, "/restapis")]);
    /// Each REST API with its content; AWS assigns the ids.
    pub(crate) const REST_API: Scope =
        Scope::of("RestApi", |target, _, _| vec![arn(target, "/restapis/*")]).guarded(|action, _| match action {
            "apigateway:DELETE" => Guard::Ours,
            "apigateway:GET" => Guard::None,
            _ => Guard::NotAnothers,
        });
    /// Parts of REST APIs, and not the APIs themselves: those are deleted under another condition.
    pub(crate) const PARTS: Scope = Scope::of("RestApiParts", |target, _, _| vec![arn(target, "/restapis/*/*")])
        .guarded(|action, _| if action == "apigateway:GET" { Guard::None } else { Guard::NotAnothers });
    /// Tags of REST APIs and stages.
    pub(crate) const TAGS: Scope = Scope::of("ApiTags", |target, _, _| vec![arn(target, "/tags/*")]);

    fn arn(target: &Target, path: &str) -> String {
        format!("arn:{}:apigateway:{}::{path}", target.partition, target.region)
    }
}

/// Returns the names of an API, or of a part of it with this page.
fn identity(target: &Target, api: &str, page: &str) -> Identity {
    let (partition, region) = (&target.partition, &target.region);
    Identity {
        console: Some(format!("{}/apigateway/main/apis/{api}/{page}?api={api}&region={region}", target.console_host(region))),
        names: vec![api.to_owned(), format!("arn:{partition}:apigateway:{region}::/restapis/{api}")],
        also: Vec::new(),
    }
}

/// Returns the names of a part of an API, as far as the API is known.
fn part(target: &Target, api: Option<String>, page: &str) -> Identity {
    api.map_or_else(Identity::default, |api| identity(target, &api, page))
}

/// Returns the names of a part of a method, as far as the method is known.
fn part_of_method(target: &Target, method: Option<MethodKey>) -> Identity {
    method.map_or_else(Identity::default, |MethodKey { api, resource, http_method }| Identity {
        also: vec![resource, http_method],
        ..identity(target, &api, "resources")
    })
}

#[cfg(test)]
mod tests {
    use super::{MethodKey, identity, part_of_method};
    use aws::Target;

    #[test]
    fn parts_are_told_apart_by_the_ids_in_their_requests() {
        let target = Target::aws("aws", "eu-west-1", "123456789012");
        let api = identity(&target, "a1b2", "stages");
        let page = "https://eu-west-1.console.aws.amazon.com/apigateway/main/apis/a1b2/stages?api=a1b2&region=eu-west-1";
        assert_eq!(api.console.as_deref(), Some(page));
        let key = MethodKey { api: "a1b2".to_owned(), resource: "r1".to_owned(), http_method: "GET".to_owned() };
        let method = part_of_method(&target, Some(key));
        assert_eq!((&method.names, &*method.also), (&api.names, &["r1".to_owned(), "GET".to_owned()][..]));
        assert_eq!(api.names, ["a1b2", "arn:aws:apigateway:eu-west-1::/restapis/a1b2"]);
    }
}
