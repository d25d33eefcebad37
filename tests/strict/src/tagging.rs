//! Tags: those that the Resource Groups Tagging API reports beyond the local AWS's (alarms, log groups, REST APIs and their stages), and
//! creations that lose their tags.

use crate::{
    cbor,
    message::{Request, Response},
    operation::Operation,
};
use futures::future::{join_all, join3};
use serde_json::{Value, json};

/// Access to the local AWS.
pub(crate) trait Ask {
    /// Sends a request and returns its answer as JSON; null if it is not JSON.
    fn ask(&self, request: Request) -> impl Future<Output = Value> + Send;
}

/// Removes the tags from a request that creates something.
pub(crate) fn forget(operation: &Operation, request: &mut Request) {
    let body = match (operation.service, operation.name.as_str()) {
        ("apigateway", "CreateRestApi" | "CreateStage")
        | ("dynamodb", "CreateTable")
        | ("lambda", "CreateFunction")
        | ("logs", "CreateLogGroup") => {
            let mut body = request.json();
            let fields = body.as_object_mut().into_iter();
            fields.for_each(|fields| fields.retain(|name, _| !name.eq_ignore_ascii_case("tags")));
            Some(body.to_string().into_bytes())
        }
        ("cloudfront", "CreateDistribution") => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let (begin, rest) = body.split_once("<Tags>").unwrap_or((&body, ""));
            let end = rest.split_once("</Tags>").map_or("", |(_, end)| end);
            Some(format!("{begin}<Tags><Items></Items></Tags>{end}").into_bytes())
        }
        ("cloudwatch", "PutMetricAlarm") => cbor::without(&request.body, "Tags"),
        ("iam", "CreateRole") => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            let kept = form_urlencoded::parse(&request.body).filter(|(name, _)| !name.starts_with("Tags."));
            Some(form.extend_pairs(kept).finish().into_bytes())
        }
        _ => None,
    };
    if let Some(body) = body {
        request.body = body;
    }
}

/// Completes the answer to `GetResources` with the resources that the local AWS left out, all on one page.
pub(crate) async fn complete(request: &Request, response: Response, local: &impl Ask) -> Response {
    if !response.is_success() {
        return response;
    }
    let mut body = response.json();
    let asked = request.json();
    // The three run concurrently, so that they take about as long as one call.
    let (alarms, groups, apis) = join3(alarms(request, local), log_groups(request, local), rest_apis(request, local)).await;
    let found = [alarms, groups, apis].concat();
    let has = |tags: &Value, filter: &Value| {
        let values = filter["Values"].as_array().cloned().unwrap_or_default();
        let mut tags = tags.as_array().into_iter().flatten();
        tags.any(|tag| tag["Key"] == filter["Key"] && (values.is_empty() || values.contains(&tag["Value"])))
    };
    let fits = |tags: &Value| asked["TagFilters"].as_array().into_iter().flatten().all(|filter| has(tags, filter));
    let more = found.into_iter().filter(|(_, tags)| fits(tags)).map(|(arn, tags)| json!({ "ResourceARN": arn, "Tags": tags }));
    if let Some(list) = body["ResourceTagMappingList"].as_array_mut() {
        list.extend(more);
    }
    Response { body: body.to_string().into_bytes(), ..response }
}

/// Resources by ARN, each with its tags as a list of `Key` and `Value`.
type Found = Vec<(String, Value)>;

async fn alarms(request: &Request, local: &impl Ask) -> Found {
    let mut found = Vec::new();
    let call = |operation: &str, body: &Value| json_call(request, "monitoring", "GraniteServiceVersion20100801", operation, body);
    let mut token = Value::Null;
    loop {
        let body = if token.is_null() { json!({}) } else { json!({ "NextToken": token }) };
        let page = local.ask(call("DescribeAlarms", &body)).await;
        let tagged = async |alarm: &Value| {
            let tags = local.ask(call("ListTagsForResource", &json!({ "ResourceARN": alarm["AlarmArn"] }))).await;
            (text(&alarm["AlarmArn"]), tags["Tags"].clone())
        };
        found.extend(join_all(page["MetricAlarms"].as_array().into_iter().flatten().map(tagged)).await);
        token = page["NextToken"].clone();
        if token.is_null() {
            return found;
        }
    }
}

async fn log_groups(request: &Request, local: &impl Ask) -> Found {
    let mut found = Vec::new();
    let call = |operation: &str, body: &Value| json_call(request, "logs", "Logs_20140328", operation, body);
    let mut token = Value::Null;
    loop {
        let body = if token.is_null() { json!({}) } else { json!({ "nextToken": token }) };
        let page = local.ask(call("DescribeLogGroups", &body)).await;
        let tagged = async |group: &Value| {
            let arn = text(&group["arn"]).trim_end_matches(":*").to_owned();
            let tags = local.ask(call("ListTagsForResource", &json!({ "resourceArn": arn }))).await;
            (arn, listed(&tags["tags"]))
        };
        found.extend(join_all(page["logGroups"].as_array().into_iter().flatten().map(tagged)).await);
        token = page["nextToken"].clone();
        if token.is_null() {
            return found;
        }
    }
}

async fn rest_apis(request: &Request, local: &impl Ask) -> Found {
    let mut found = Vec::new();
    let get = |path: String| call(request, "apigateway", "GET", path, &[], Vec::new());
    let region = scope(request).and_then(|scope| scope.split('/').nth(2)).unwrap_or_default();
    let apis = local.ask(get("/restapis?limit=500".to_owned())).await;
    for api in apis["item"].as_array().into_iter().flatten() {
        let id = text(&api["id"]);
        let mut paths = vec![(format!("/restapis/{id}"), api["tags"].clone())];
        let stages = local.ask(get(format!("/restapis/{id}/stages"))).await;
        let stages = stages["item"].as_array().into_iter().flatten();
        paths.extend(stages.map(|stage| (format!("/restapis/{id}/stages/{}", text(&stage["stageName"])), stage["tags"].clone())));
        for (path, made_with) in paths {
            let arn = format!("arn:aws:apigateway:{region}::{path}");
            let tags =
                local.ask(get(format!("/tags/{}", percent_encoding::utf8_percent_encode(&arn, percent_encoding::NON_ALPHANUMERIC)))).await;
            // The local AWS keeps the tags of a creation apart from those written later.
            let written = tags["tags"].as_object().is_some_and(|tags| !tags.is_empty());
            found.push((arn, listed(if written { &tags["tags"] } else { &made_with })));
        }
    }
    found
}

/// Converts a map of tags to a list of `Key` and `Value`.
fn listed(tags: &Value) -> Value {
    tags.as_object().into_iter().flatten().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn json_call(like: &Request, service: &str, protocol: &str, operation: &str, body: &Value) -> Request {
    let headers = [("X-Amz-Target", format!("{protocol}.{operation}")), ("Content-Type", "application/x-amz-json-1.1".to_owned())];
    call(like, service, "POST", "/".to_owned(), &headers, body.to_string().into_bytes())
}

/// Builds a request to another service with the credentials of this one. Its signature is never checked.
fn call(like: &Request, service: &str, method: &str, target: String, more: &[(&str, String)], body: Vec<u8>) -> Request {
    let credential = scope(like).unwrap_or_default().replace("/tagging/", &format!("/{service}/"));
    let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
    let mut headers = vec![("Host".to_owned(), like.header("host").unwrap_or_default().to_owned())];
    headers.push(("Authorization".to_owned(), authorization));
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Request { method: method.to_owned(), target, headers, body }
}

/// Returns the credential's scope: `KEY/20260101/us-east-1/tagging/aws4_request`.
fn scope(request: &Request) -> Option<&str> {
    request.header("authorization")?.split("Credential=").nth(1)?.split(',').next()
}
