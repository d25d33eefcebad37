//! `PutRestApi`, which the local AWS lacks: a whole REST API in one call, from an `OpenAPI` document.
//!
//! The proxy carries it out with calls that the local AWS has, one for each part. Only the client's one call is counted and takes time. It
//! understands the documents that clients send here: JSON, `mode=overwrite`, AWS's extension for integrations, and headers of answers.
//! Overwriting removes the existing parts and creates them anew; whether AWS keeps the ids of paths that stay is not known here.

use crate::message::{Request, Response};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Request to the local AWS about a part of an API.
pub(crate) struct Part {
    pub(crate) method: &'static str,
    /// Path below `/restapis/{id}`.
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// Steps of a document, in the order of their creation. A path's own parts follow it, and its parent precedes it.
pub(crate) enum Step {
    /// Creates the resource of this path, with this last part, below its parent.
    Resource { path: String, parent: String, part: String },
    /// Creates a part of the resource of this path. The part's own path is below the resource's.
    Of { path: String, part: Part },
    /// Creates a part of the API itself.
    Whole(Part),
}

/// Returns the steps of a document; `None` if it is not understood.
pub(crate) fn steps(request: &Request) -> Option<Vec<Step>> {
    if request.query("mode").as_deref() != Some("overwrite") {
        return None;
    }
    let document = request.json();
    let (mut steps, mut made) = (Vec::new(), vec!["/".to_owned()]);
    for (path, methods) in document["paths"].as_object()? {
        let mut parent = "/".to_owned();
        for part in path.trim_matches('/').split('/').filter(|part| !part.is_empty()) {
            let path = format!("{}/{part}", parent.trim_end_matches('/'));
            if !made.contains(&path) {
                made.push(path.clone());
                steps.push(Step::Resource { path: path.clone(), parent, part: part.to_owned() });
            }
            parent = path;
        }
        for (method, operation) in methods.as_object()? {
            let method = if method == "x-amazon-apigateway-any-method" { "ANY".to_owned() } else { method.to_uppercase() };
            let parts = operation_parts(&method, operation)?;
            steps.extend(parts.into_iter().map(|part| Step::Of { path: path.clone(), part }));
        }
    }
    for (kind, response) in document["x-amazon-apigateway-gateway-responses"].as_object().into_iter().flatten() {
        steps.push(Step::Whole(Part { method: "PUT", path: format!("/gatewayresponses/{kind}"), body: response.clone() }));
    }
    // What the document leaves out is reset.
    let kinds = document.get("x-amazon-apigateway-binary-media-types").cloned().unwrap_or_else(|| json!([]));
    let patch = json!({ "patchOperations": [{ "op": "replace", "path": "/binaryMediaTypes", "value": kinds }] });
    steps.push(Step::Whole(Part { method: "PATCH", path: String::new(), body: patch }));
    Some(steps)
}

/// Returns the parts of a method: its integration and the answers of both.
fn operation_parts(method: &str, operation: &Value) -> Option<Vec<Part>> {
    let put = |path: String, body: Value| Part { method: "PUT", path, body };
    let method = format!("methods/{method}");
    let integration = operation["x-amazon-apigateway-integration"].as_object()?;
    let mut sent: Map<String, Value> =
        integration.iter().filter(|(key, _)| *key != "responses").map(|(key, value)| (key.clone(), value.clone())).collect();
    let kind = integration["type"].as_str()?.to_uppercase();
    sent.insert("type".to_owned(), json!(kind));
    if let Some(passthrough) = integration.get("passthroughBehavior").and_then(Value::as_str) {
        sent.insert("passthroughBehavior".to_owned(), json!(passthrough.to_uppercase()));
    }
    let mut parts = vec![
        put(method.clone(), json!({ "authorizationType": "NONE", "apiKeyRequired": false })),
        put(format!("{method}/integration"), Value::Object(sent)),
    ];
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let headers = answer["headers"].as_object().into_iter().flatten();
        let parameters: Map<String, Value> =
            headers.map(|(header, _)| (format!("method.response.header.{header}"), json!(false))).collect();
        parts.push(put(format!("{method}/responses/{status}"), json!({ "responseParameters": parameters })));
    }
    for (pattern, answer) in integration.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let pattern = if pattern == "default" { "" } else { pattern };
        let mut body = answer.clone();
        body["selectionPattern"] = json!(pattern);
        parts.push(put(format!("{method}/integration/responses/{}", answer["statusCode"].as_str()?), body));
    }
    Some(parts)
}

/// Builds a request about a part of the same API by the same client.
pub(crate) fn part_of(request: &Request, part: &Part) -> Request {
    let api = request.segments().get(1).cloned().unwrap_or_default();
    let body = if part.body.is_null() { Vec::new() } else { part.body.to_string().into_bytes() };
    let target = format!("/restapis/{api}{}", part.path);
    Request { method: part.method.to_owned(), target, headers: request.headers.clone(), body }
}

/// Returns the request that lists all paths.
pub(crate) fn listing() -> Part {
    Part { method: "GET", path: "/resources?limit=500".to_owned(), body: Value::Null }
}

/// Returns the request that reads the API itself, which `PutRestApi` answers with.
pub(crate) fn whole() -> Part {
    Part { method: "GET", path: String::new(), body: Value::Null }
}

/// Returns the existing paths with their ids.
pub(crate) fn listed(answer: &Response) -> HashMap<String, String> {
    let body = answer.json();
    let resources = body["item"].as_array().or_else(|| body["_embedded"]["item"].as_array());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    resources.into_iter().flatten().map(|resource| (text(&resource["path"]), text(&resource["id"]))).collect()
}

/// Returns the requests that delete everything below the root, children first. The local AWS keeps the children of a deleted resource.
pub(crate) fn removals(ids: &HashMap<String, String>) -> Vec<Part> {
    let mut below: Vec<(&String, &String)> = ids.iter().filter(|(path, _)| path.len() > 1).collect();
    below.sort_by_key(|(path, _)| std::cmp::Reverse(path.matches('/').count()));
    below.into_iter().map(|(_, id)| Part { method: "DELETE", path: format!("/resources/{id}"), body: Value::Null }).collect()
}

/// Returns the request of a step, given the ids of the paths.
pub(crate) fn request_of(step: &Step, ids: &HashMap<String, String>) -> Option<Part> {
    Some(match step {
        Step::Resource { parent, part, .. } => {
            Part { method: "POST", path: format!("/resources/{}", ids.get(parent)?), body: json!({ "pathPart": part }) }
        }
        Step::Of { path, part } => {
            let path = format!("/resources/{}/{}", ids.get(path)?, part.path);
            Part { method: part.method, path, body: part.body.clone() }
        }
        Step::Whole(part) => Part { method: part.method, path: part.path.clone(), body: part.body.clone() },
    })
}

#[cfg(test)]
mod tests {
    use super::{Step, steps};
    use crate::message::Request;
    use serde_json::json;

    fn put(mode: &str, document: &serde_json::Value) -> Request {
        let target = format!("/restapis/a1?mode={mode}");
        Request { method: "PUT".to_owned(), target, headers: Vec::new(), body: document.to_string().into_bytes() }
    }

    #[test]
    fn a_document_is_its_parts_in_order() {
        let integration = json!({"type": "mock", "responses": {"default": {"statusCode": "200", "responseParameters": {"p": "'*'"}}}});
        let operation = json!({"responses": {"200": {"headers": {"H": {}}}}, "x-amazon-apigateway-integration": integration});
        let responses = json!({"DEFAULT_4XX": {"responseParameters": {"p": "'*'"}}});
        let any = json!({"x-amazon-apigateway-integration": {"type": "aws_proxy"}});
        let paths = json!({"/api/x": {"options": operation}, "/api/y": {"x-amazon-apigateway-any-method": any}});
        let kinds = json!(["image/png"]);
        let document = json!({
            "paths": paths,
            "x-amazon-apigateway-gateway-responses": responses,
            "x-amazon-apigateway-binary-media-types": kinds,
        });
        let told: Vec<String> = steps(&put("overwrite", &document))
            .unwrap()
            .iter()
            .map(|step| match step {
                Step::Resource { path, parent, .. } => format!("{path} below {parent}"),
                Step::Of { path, part } => format!("{path} {}", part.path),
                Step::Whole(part) => format!("{} {}", part.path, part.body),
            })
            .collect();
        let expected = [
            "/api below /",
            "/api/x below /api",
            "/api/x methods/OPTIONS",
            "/api/x methods/OPTIONS/integration",
            "/api/x methods/OPTIONS/responses/200",
            "/api/x methods/OPTIONS/integration/responses/200",
            "/api/y below /api",
            "/api/y methods/ANY",
            "/api/y methods/ANY/integration",
            r#"/gatewayresponses/DEFAULT_4XX {"responseParameters":{"p":"'*'"}}"#,
            r#" {"patchOperations":[{"op":"replace","path":"/binaryMediaTypes","value":["image/png"]}]}"#,
        ];
        assert_eq!(told, expected);
        assert!(steps(&put("merge", &document)).is_none());
    }
}
