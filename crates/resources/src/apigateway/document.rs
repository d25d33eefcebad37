//! Parts of a REST API as one `OpenAPI` document, so that a new API gets all of them by one call.
//!
//! The document serves the creation alone: afterwards each part is a resource of its own, and is observed and written as such.
//!
//! Sources: "`OpenAPI` extensions for API Gateway" (`x-amazon-apigateway-integration`, `x-amazon-apigateway-gateway-responses`), "`PutRestApi`" of
//! the API reference. The import was not tried on AWS itself; the parts make up for anything that it leaves out.

use super::{ApiIntegration, ApiIntegrationResponse, ApiMethod, ApiMethodResponse, ORIGIN_HEADER, RestApi};
use serde_json::{Map, Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

/// Prefix by which API Gateway names a header of a response; `OpenAPI` has the header alone.
const HEADER: &str = "method.response.header.";

/// Methods of an API with their integrations and responses. Clones share their content: the API has the document before its parts are declared.
#[derive(Debug, Clone, Default)]
pub struct ApiDocument(Rc<Content>);

#[derive(Debug, Default)]
struct Content {
    /// Operations by path and method.
    paths: RefCell<BTreeMap<String, Map<String, Value>>>,
    /// Set if the document lacks something that is declared.
    incomplete: Cell<bool>,
}

impl ApiDocument {
    /// Adds a method.
    pub fn method(&self, method: &ApiMethod, integration: &ApiIntegration) {
        if method.authorization != "NONE" || method.api_key_required {
            self.0.incomplete.set(true);
        }
        let mut how = json!({
            "type": integration.kind.to_lowercase(),
            "passthroughBehavior": integration.passthrough.to_lowercase(),
            "timeoutInMillis": integration.timeout_ms,
        });
        let optional = [("uri", &integration.uri), ("httpMethod", &integration.http_method)];
        for (key, value) in optional.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            how[key] = json!(value);
        }
        if !integration.request_templates.is_empty() {
            how["requestTemplates"] = json!(integration.request_templates);
        }
        let operation = json!({ "responses": {}, "x-amazon-apigateway-integration": how });
        let mut paths = self.0.paths.borrow_mut();
        paths.entry(method.path.clone()).or_default().insert(key(&method.http_method), operation);
    }

    /// Adds a response of a method that was added, with the integration response that fills it.
    pub fn response(&self, http_method: &str, path: &str, response: &ApiMethodResponse, filled: &ApiIntegrationResponse) {
        let mut paths = self.0.paths.borrow_mut();
        let operation = paths.get_mut(path).and_then(|methods| methods.get_mut(&key(http_method)));
        let Some(operation) = operation else { return };
        let header = |name: &String| Some((name.strip_prefix(HEADER)?.to_owned(), json!({ "schema": { "type": "string" } })));
        let headers: Map<String, Value> = response.response_parameters.keys().filter_map(header).collect();
        operation["responses"][&response.status] = json!({ "description": "", "headers": headers });
        let pattern = if filled.selection_pattern.is_empty() { "default" } else { &filled.selection_pattern };
        let mut answer = json!({ "statusCode": filled.status, "responseParameters": filled.response_parameters });
        if !filled.response_templates.is_empty() {
            answer["responseTemplates"] = json!(filled.response_templates);
        }
        operation["x-amazon-apigateway-integration"]["responses"][pattern] = answer;
    }

    /// Returns the document of `api`; `None` if it would be incomplete or empty.
    pub(super) fn text(&self, api: &RestApi) -> Option<String> {
        let RestApi { name, description, binary_media_types, error_origins, .. } = api;
        let paths = self.0.paths.borrow();
        let info = json!({ "title": name, "description": description.as_deref().unwrap_or_default(), "version": "1" });
        let mut document = json!({ "openapi": "3.0.1", "info": info, "paths": *paths });
        if !binary_media_types.is_empty() {
            // What the document leaves out is reset (recorded on 2025-07-02).
            document["x-amazon-apigateway-binary-media-types"] = json!(binary_media_types);
        }
        if !error_origins.is_empty() {
            let response = |origin: &String| json!({ "responseParameters": { ORIGIN_HEADER: origin } });
            let responses: Map<String, Value> = error_origins.iter().map(|(kind, origin)| (kind.clone(), response(origin))).collect();
            document["x-amazon-apigateway-gateway-responses"] = json!(responses);
        }
        (!paths.is_empty() && !self.0.incomplete.get()).then(|| document.to_string())
    }
}

/// Returns the key of a method in a path of the document. `OpenAPI` itself has none for all methods.
fn key(http_method: &str) -> String {
    if http_method == "ANY" { "x-amazon-apigateway-any-method".to_owned() } else { http_method.to_lowercase() }
}
