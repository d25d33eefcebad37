//! Sizes and numbers beyond what AWS takes. Written from AWS's own words, not from the program's table of limits.

use crate::{cbor, import, message::Request, operation::Operation, wire::Refusal, xml};
use serde_json::Value;

/// CloudWatch Logs: the days that `PutRetentionPolicy` takes (API reference).
const RETENTION: [u64; 22] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Refuses a request for a size.
pub(super) fn refuse(operation: &Operation, request: &Request) -> Option<Refusal> {
    let name = operation.name.as_str();
    match (operation.service, name) {
        ("lambda", "CreateFunction" | "UpdateFunctionConfiguration") => function(&request.json()),
        ("dynamodb", "CreateTable") => table(&request.json()),
        ("dynamodb", "UpdateTimeToLive") => {
            let attribute = request.json()["TimeToLiveSpecification"]["AttributeName"].as_str()?.len();
            (attribute > 255)
                .then(|| constraint("ValidationException", "timeToLiveSpecification.attributeName", "length less than or equal to 255"))
        }
        ("iam", "CreateRole") => {
            let long = request.form("RoleName")?.chars().count() > 64;
            long.then(|| constraint("ValidationError", "roleName", "length less than or equal to 64"))
        }
        ("iam", "PutRolePolicy") => {
            let size = request.form("PolicyDocument")?.chars().filter(|character| !character.is_whitespace()).count();
            let text = format!("Maximum policy size of 10240 bytes exceeded for role {}", request.form("RoleName").unwrap_or_default());
            (size > 10_240).then(|| Refusal::new(409, "LimitExceeded", text))
        }
        ("s3", "CreateBucket") => {
            let length = request.segments().first()?.len();
            (!(3..=63).contains(&length)).then(|| Refusal::new(400, "InvalidBucketName", "The specified bucket is not valid."))
        }
        ("s3", "PutObject") => {
            let key = request.segments().get(1..)?.join("/");
            (key.len() > 1024).then(|| Refusal::new(400, "KeyTooLongError", "Your key is too long"))
        }
        ("cloudwatch", "PutMetricAlarm") => alarm(&request.body),
        ("logs", "PutRetentionPolicy") => {
            let days = request.json()["retentionInDays"].as_u64()?;
            let known = RETENTION.contains(&days);
            (!known).then(|| Refusal::new(400, "InvalidParameterException", "Invalid retention value."))
        }
        ("cloudfront", "CreateDistribution" | "UpdateDistribution") => distribution(&String::from_utf8_lossy(&request.body)),
        ("apigateway", "PutRestApi") => {
            resources(import::steps(request)?.iter().filter(|step| matches!(step, import::Step::Resource { .. })).count())
        }
        ("apigateway", "CreateStage") => {
            let long = request.json()["stageName"].as_str()?.chars().count() > 128;
            long.then(|| Refusal::new(400, "BadRequestException", "Stage name length must not be greater than 128"))
        }
        _ => None,
    }
    .or_else(|| tags(operation, request))
}

/// Refuses more resources than an API may have.
pub(super) fn resources(count: usize) -> Option<Refusal> {
    let text = "Maximum number of resources for this API has been reached. Please contact AWS if you need additional resources.";
    (count > 300).then(|| Refusal::new(429, "LimitExceededException", text))
}

fn constraint(code: &'static str, member: &str, what: &str) -> Refusal {
    Refusal::new(
        400,
        code,
        format!("1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have {what}"),
    )
}

fn function(body: &Value) -> Option<Refusal> {
    let out_of = |member: &str, least: u64, most: u64, field: &Value| {
        let number = field.as_u64()?;
        if number < least {
            Some(constraint("ValidationException", member, &format!("value greater than or equal to {least}")))
        } else {
            (number > most).then(|| constraint("ValidationException", member, &format!("value less than or equal to {most}")))
        }
    };
    let long = body["FunctionName"].as_str().is_some_and(|name| name.chars().count() > 64);
    let variables = body["Environment"]["Variables"].to_string();
    // Recorded on 2025-11-25.
    let text = "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded \
                the 4KB limit. String measured: ";
    long.then(|| constraint("ValidationException", "functionName", "length less than or equal to 64"))
        .or_else(|| out_of("memorySize", 128, 10_240, &body["MemorySize"]))
        .or_else(|| out_of("timeout", 1, 900, &body["Timeout"]))
        .or_else(|| (variables.len() > 4096).then(|| Refusal::new(400, "InvalidParameterValueException", format!("{text}{variables}"))))
}

fn table(body: &Value) -> Option<Refusal> {
    let invalid = |text: String| Some(Refusal::new(400, "ValidationException", text));
    let named = |name: &Value, least: usize| name.as_str().is_some_and(|name| (least..=255).contains(&name.len()));
    if !named(&body["TableName"], 3) {
        return invalid("TableName must be at least 3 characters long and at most 255 characters long".to_owned());
    }
    let indexes = body["GlobalSecondaryIndexes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if indexes.iter().any(|index| !named(&index["IndexName"], 3)) {
        return invalid("IndexName must be at least 3 characters long and at most 255 characters long".to_owned());
    }
    let attributes = body["AttributeDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if attributes.iter().any(|attribute| !named(&attribute["AttributeName"], 1)) {
        return invalid("1 validation error detected: AttributeName must have length between 1 and 255".to_owned());
    }
    // Measured in the ACK project (A.3).
    let text = "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20";
    (indexes.len() > 20).then(|| Refusal::new(400, "LimitExceededException", text))
}

fn alarm(body: &[u8]) -> Option<Refusal> {
    let name = cbor::text(body, "AlarmName")?;
    if !(1..=255).contains(&name.chars().count()) {
        return Some(constraint("ValidationError", "alarmName", "length less than or equal to 255"));
    }
    let (period, periods) = (cbor::number(body, "Period")?, cbor::number(body, "EvaluationPeriods")?);
    let most = if period < 3600 { 86_400 } else { 604_800 };
    let text = format!(
        "Metrics cannot be checked across more than {} (EvaluationPeriods * Period must be <= {most}).",
        if most == 86_400 { "a day" } else { "a week" }
    );
    (period * periods > most).then(|| Refusal::new(400, "ValidationError", text))
}

fn distribution(document: &str) -> Option<Refusal> {
    let patterns = xml::texts(document, &["CacheBehavior", "PathPattern"]);
    if patterns.len() > 75 {
        let text = "Your request contains more CacheBehaviors than are allowed per distribution.";
        return Some(Refusal::new(400, "TooManyCacheBehaviors", text));
    }
    let long = patterns.iter().any(|pattern| pattern.chars().count() > 255);
    let comment = xml::text(document, &["DistributionConfig", "Comment"]).unwrap_or_default();
    let text = if long { "The parameter PathPattern is too long." } else { "The parameter Comment is too long." };
    (long || comment.chars().count() > 128).then(|| Refusal::new(400, "InvalidArgument", text))
}

/// Tags as a map (Lambda, API Gateway, Logs) or as a list (DynamoDB): 50 of them, keys of 128 characters, values of 256.
fn tags(operation: &Operation, request: &Request) -> Option<Refusal> {
    let code = match operation.service {
        "lambda" => "InvalidParameterValueException",
        "dynamodb" => "ValidationException",
        "apigateway" => "BadRequestException",
        "logs" => "InvalidParameterException",
        _ => return None,
    };
    let body = request.json();
    let tags = ["Tags", "tags"].iter().map(|field| &body[*field]).find(|tags| tags.is_object() || tags.is_array())?;
    let text = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    let sizes: Vec<(usize, usize)> = match tags {
        Value::Object(map) => map.iter().map(|(key, value)| (key.chars().count(), text(value))).collect(),
        Value::Array(list) => list.iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect(),
        _ => Vec::new(),
    };
    if sizes.len() > 50 {
        return Some(Refusal::new(400, code, "Too many tags: at most 50 are allowed"));
    }
    sizes
        .iter()
        .any(|(key, value)| !(1..=128).contains(key) || *value > 256)
        .then(|| Refusal::new(400, code, "Tag keys have 1 to 128 characters, values at most 256"))
}

#[cfg(test)]
mod tests {
    use super::refuse;
    use crate::{message::Request, operation::Operation};
    use minicbor::Encoder;
    use serde_json::{Value, json};
    use std::iter::repeat_n;

    fn x(length: usize) -> String {
        "x".repeat(length)
    }

    fn sent(target: &str, body: Vec<u8>) -> Request {
        Request { method: "POST".to_owned(), target: target.to_owned(), headers: Vec::new(), body }
    }

    fn judged(service: &'static str, name: &str, request: &Request) -> Option<String> {
        refuse(&Operation { service, name: name.to_owned() }, request).map(|refusal| refusal.code.to_owned())
    }

    /// Fails unless `n` passes and the next number is refused with this code.
    fn at(n: usize, service: &'static str, name: &str, code: &str, body: impl Fn(usize) -> Value) {
        let judged = |n| judged(service, name, &sent("/", body(n).to_string().into_bytes()));
        assert_eq!(judged(n), None, "{service}:{name} at {n}");
        assert_eq!(judged(n + 1).as_deref(), Some(code), "{service}:{name} at {}", n + 1);
    }

    #[test]
    fn json_passes_at_the_limit_and_not_above() {
        let lambda = "ValidationException";
        at(64, "lambda", "CreateFunction", lambda, |n| json!({ "FunctionName": x(n) }));
        at(10_240, "lambda", "UpdateFunctionConfiguration", lambda, |n| json!({ "MemorySize": n }));
        at(900, "lambda", "CreateFunction", lambda, |n| json!({ "Timeout": n }));
        let empty = json!({ "A": "" }).to_string().len();
        at(
            4096,
            "lambda",
            "CreateFunction",
            "InvalidParameterValueException",
            |n| json!({ "Environment": { "Variables": { "A": x(n - empty) } } }),
        );
        at(255, "dynamodb", "CreateTable", "ValidationException", |n| json!({ "TableName": x(n) }));
        at(
            255,
            "dynamodb",
            "CreateTable",
            "ValidationException",
            |n| json!({ "TableName": "abc", "GlobalSecondaryIndexes": [{ "IndexName": x(n) }] }),
        );
        at(
            255,
            "dynamodb",
            "CreateTable",
            "ValidationException",
            |n| json!({ "TableName": "abc", "AttributeDefinitions": [{ "AttributeName": x(n) }] }),
        );
        at(
            20,
            "dynamodb",
            "CreateTable",
            "LimitExceededException",
            |n| json!({ "TableName": "abc", "GlobalSecondaryIndexes": repeat_n(json!({ "IndexName": "abc" }), n).collect::<Vec<_>>() }),
        );
        at(255, "dynamodb", "UpdateTimeToLive", "ValidationException", |n| json!({ "TimeToLiveSpecification": { "AttributeName": x(n) } }));
        at(3653, "logs", "PutRetentionPolicy", "InvalidParameterException", |n| json!({ "retentionInDays": n }));
        at(128, "apigateway", "CreateStage", "BadRequestException", |n| json!({ "stageName": x(n) }));
        at(128, "lambda", "TagResource", "InvalidParameterValueException", |n| json!({ "Tags": { x(n): "v" } }));
        at(256, "dynamodb", "TagResource", "ValidationException", |n| json!({ "Tags": [{ "Key": "k", "Value": x(n) }] }));
        at(
            50,
            "logs",
            "CreateLogGroup",
            "InvalidParameterException",
            |n| json!({ "tags": (0..n).map(|index| (format!("t{index}"), json!("v"))).collect::<serde_json::Map<_, _>>() }),
        );
    }

    #[test]
    fn too_little_is_refused_as_well() {
        for (service, name, body) in [
            ("lambda", "CreateFunction", json!({ "MemorySize": 127 })),
            ("lambda", "CreateFunction", json!({ "Timeout": 0 })),
            ("dynamodb", "CreateTable", json!({ "TableName": "ab" })),
            ("logs", "PutRetentionPolicy", json!({ "retentionInDays": 2 })),
        ] {
            assert!(judged(service, name, &sent("/", body.to_string().into_bytes())).is_some(), "{body}");
        }
    }

    #[test]
    fn forms_addresses_and_xml_pass_at_the_limit_and_not_above() {
        let form = |name: &str, value: String| sent("/", format!("RoleName=r&{name}={value}").into_bytes());
        let role = |n| judged("iam", "CreateRole", &sent("/", format!("RoleName={}", x(n)).into_bytes()));
        assert_eq!((role(64), role(65).as_deref()), (None, Some("ValidationError")));
        // Blanks do not count.
        let policy = |n| judged("iam", "PutRolePolicy", &form("PolicyDocument", x(n) + "+++"));
        assert_eq!((policy(10_240), policy(10_241).as_deref()), (None, Some("LimitExceeded")));
        let bucket = |n| judged("s3", "CreateBucket", &sent(&format!("/{}", x(n)), Vec::new()));
        assert_eq!((bucket(63), bucket(64).as_deref(), bucket(2).as_deref()), (None, Some("InvalidBucketName"), Some("InvalidBucketName")));
        let key = |n| judged("s3", "PutObject", &sent(&format!("/bucket/site/{}", x(n)), Vec::new()));
        assert_eq!((key(1019), key(1020).as_deref()), (None, Some("KeyTooLongError")));
        let behavior = |pattern: &str| format!("<CacheBehavior><PathPattern>{pattern}</PathPattern></CacheBehavior>");
        let distribution = |items: String| {
            let body = format!("<DistributionConfig><CacheBehaviors><Items>{items}</Items></CacheBehaviors></DistributionConfig>");
            judged("cloudfront", "CreateDistribution", &sent("/", body.into_bytes()))
        };
        assert_eq!(distribution(behavior("/a").repeat(75)), None);
        assert_eq!(distribution(behavior("/a").repeat(76)).as_deref(), Some("TooManyCacheBehaviors"));
        assert_eq!((distribution(behavior(&x(255))), distribution(behavior(&x(256))).as_deref()), (None, Some("InvalidArgument")));
    }

    #[test]
    fn alarms_look_back_a_day_or_a_week() {
        let alarm = |name: &str, period: u32, periods: u32| {
            let mut body = Vec::new();
            let mut encoder = Encoder::new(&mut body);
            encoder.map(3).unwrap().str("AlarmName").unwrap().str(name).unwrap();
            encoder.str("Period").unwrap().u32(period).unwrap().str("EvaluationPeriods").unwrap().u32(periods).unwrap();
            judged("cloudwatch", "PutMetricAlarm", &sent("/", body))
        };
        assert_eq!((alarm("a", 60, 1440), alarm("a", 60, 1441).as_deref()), (None, Some("ValidationError")));
        assert_eq!((alarm("a", 3600, 168), alarm("a", 3600, 169).as_deref()), (None, Some("ValidationError")));
        assert_eq!((alarm(&x(255), 60, 1), alarm(&x(256), 60, 1).as_deref()), (None, Some("ValidationError")));
    }

    #[test]
    fn an_api_has_300_resources() {
        let document = |n: usize| {
            let paths: serde_json::Map<String, Value> = (0..n).map(|index| (format!("/r{index}"), json!({}))).collect();
            judged("apigateway", "PutRestApi", &sent("/restapis/a?mode=overwrite", json!({ "paths": paths }).to_string().into_bytes()))
        };
        assert_eq!((document(300), document(301).as_deref()), (None, Some("LimitExceededException")));
    }
}
