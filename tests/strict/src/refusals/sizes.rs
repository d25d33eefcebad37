//! Sizes and numbers beyond AWS's limits. Written from AWS's own documents, not from the program's table of limits.

use super::{cloudfront::unescaped, indexes};
use crate::{
    cbor, import,
    message::Request,
    operation::Operation,
    rules::{self, Rule},
    wire::Refusal,
    xml,
};
use serde_json::Value;

/// Days that `PutRetentionPolicy` accepts (CloudWatch Logs API reference).
const RETENTION: [u64; 22] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Refuses a request that exceeds a size.
pub(super) fn refuse(operation: &Operation, request: &Request) -> Option<Refusal> {
    match (operation.service, operation.name.as_str()) {
        ("lambda", "CreateFunction" | "UpdateFunctionConfiguration") => function(&request.json()),
        ("dynamodb", "CreateTable") => {
            let body = request.json();
            table(&body).map(|rule| rule.refuse(&[])).or_else(|| indexes::refuse(&body))
        }
        ("dynamodb", "UpdateTable") => indexes::refuse(&request.json()),
        ("dynamodb", "UpdateTimeToLive") => {
            let body = request.json();
            let attribute = &body["TimeToLiveSpecification"]["AttributeName"];
            when(attribute.is_string() && !named(attribute, 1), &rules::ATTRIBUTE_NAME)
        }
        ("iam", "CreateRole") => when(request.form("RoleName").is_some_and(|name| name.chars().count() > 64), &rules::ROLE_NAME),
        ("iam", "PutRolePolicy") => policy(request),
        ("s3", "CreateBucket") => when(!(3..=63).contains(&request.segments().first()?.len()), &rules::BUCKET_NAME),
        ("s3", "PutObject") => when(request.segments().get(1..)?.join("/").len() > 1024, &rules::KEY_TOO_LONG),
        ("cloudwatch", "PutMetricAlarm") => alarm(&request.body),
        ("logs", "PutRetentionPolicy") => when(!RETENTION.contains(&request.json()["retentionInDays"].as_u64()?), &rules::RETENTION_DAYS),
        ("cloudfront", "CreateDistribution" | "UpdateDistribution") => distribution(&String::from_utf8_lossy(&request.body)),
        ("cloudfront", "CreateResponseHeadersPolicy" | "UpdateResponseHeadersPolicy") => headers(&String::from_utf8_lossy(&request.body)),
        ("apigateway", "PutRestApi") => {
            resources(import::steps(request)?.iter().filter(|step| matches!(step, import::Step::Resource { .. })).count())
        }
        ("apigateway", "CreateStage") => when(request.json()["stageName"].as_str()?.chars().count() > 128, &rules::STAGE_NAME),
        _ => None,
    }
    .or_else(|| tags(operation, request))
}

fn when(is_refused: bool, rule: &'static Rule) -> Option<Refusal> {
    is_refused.then(|| rule.refuse(&[]))
}

/// Refuses more resources than an API may have.
pub(super) fn resources(count: usize) -> Option<Refusal> {
    when(count > 300, &rules::TOO_MANY_RESOURCES)
}

fn function(body: &Value) -> Option<Refusal> {
    let name = body["FunctionName"].as_str().unwrap_or_default();
    let is_outside = |field: &Value, least: u64, most: u64| field.as_u64().is_some_and(|number| !(least..=most).contains(&number));
    let variables = body["Environment"]["Variables"].to_string();
    when(name.chars().count() > 64, &rules::FUNCTION_NAME)
        .or_else(|| when(is_outside(&body["MemorySize"], 128, 10_240), &rules::MEMORY))
        .or_else(|| when(is_outside(&body["Timeout"], 1, 900), &rules::TIMEOUT))
        .or_else(|| when(is_outside(&body["EphemeralStorage"]["Size"], 512, 10_240), &rules::EPHEMERAL_STORAGE))
        .or_else(|| (variables.len() > 4096).then(|| rules::VARIABLES_TOO_LARGE.refuse(&[&variables])))
}

/// Returns whether a text has `least` to 255 bytes.
fn named(name: &Value, least: usize) -> bool {
    name.as_str().is_some_and(|name| (least..=255).contains(&name.len()))
}

fn table(body: &Value) -> Option<&'static Rule> {
    let list = |field: &str| body[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let indexes = list("GlobalSecondaryIndexes");
    if !named(&body["TableName"], 3) {
        Some(&rules::TABLE_NAME)
    } else if indexes.iter().chain(list("LocalSecondaryIndexes")).any(|index| !named(&index["IndexName"], 3)) {
        Some(&rules::INDEX_NAME)
    } else if list("AttributeDefinitions").iter().any(|attribute| !named(&attribute["AttributeName"], 1)) {
        Some(&rules::ATTRIBUTE_NAME)
    } else {
        (indexes.len() > 20).then_some(&rules::TOO_MANY_INDEXES)
    }
}

/// Refuses an inline policy of a role that is too long by itself. AWS adds up all policies of the role.
fn policy(request: &Request) -> Option<Refusal> {
    let size = request.form("PolicyDocument")?.chars().filter(|character| !character.is_whitespace()).count();
    (size > 10_240).then(|| rules::POLICY_TOO_LONG.refuse(&[&request.form("RoleName").unwrap_or_default()]))
}

fn alarm(body: &[u8]) -> Option<Refusal> {
    if !(1..=255).contains(&cbor::text(body, "AlarmName")?.chars().count()) {
        return when(true, &rules::ALARM_NAME);
    }
    let (period, periods) = (cbor::number(body, "Period")?, cbor::number(body, "EvaluationPeriods")?);
    let (most, rule) = if period < 3600 { (86_400, &rules::LOOKS_BACK_A_DAY) } else { (604_800, &rules::LOOKS_BACK_A_WEEK) };
    when(period * periods > most, rule)
}

fn distribution(document: &str) -> Option<Refusal> {
    let patterns = xml::texts(document, &["CacheBehavior", "PathPattern"]);
    let comment = xml::text(document, &["DistributionConfig", "Comment"]).unwrap_or_default();
    when(patterns.len() > 75, &rules::TOO_MANY_BEHAVIORS)
        .or_else(|| when(patterns.iter().any(|pattern| pattern.chars().count() > 255), &rules::PATH_PATTERN))
        .or_else(|| when(comment.chars().count() > 128, &rules::COMMENT_TOO_LONG))
}

/// Headers that CloudFront has a field for ("Understand response headers policies", security headers), in small letters.
const WITH_FIELD: [&str; 6] = [
    "content-security-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
];

/// Beginnings, in small letters, of headers that belong to the connection or to CloudFront.
const NOT_ALLOWED: [&str; 10] = [
    "access-control-",
    "connection",
    "content-length",
    "keep-alive",
    "proxy-",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-amz-cf-",
    "x-edge-",
];

/// Refuses headers beyond the limits, and those that cannot be custom ones.
fn headers(document: &str) -> Option<Refusal> {
    let texts = |path: &[&str]| xml::texts(document, path).into_iter().map(unescaped).collect::<Vec<_>>();
    let (names, values) = (texts(&["ResponseHeadersPolicyCustomHeader", "Header"]), texts(&["ResponseHeadersPolicyCustomHeader", "Value"]));
    let policies = texts(&["ContentSecurityPolicy", "ContentSecurityPolicy"]);
    let named = |is_refused: &dyn Fn(&str) -> bool, rule: &'static Rule| {
        names.iter().find(|name| is_refused(&name.to_ascii_lowercase())).map(|name| rule.refuse(&[name]))
    };
    let is_longer = |texts: &[String], most: usize| texts.iter().any(|text| text.chars().count() > most);
    let total: usize = names.iter().chain(&values).map(|text| text.chars().count()).sum();
    let cors = [("Origins", "Origin"), ("Headers", "Header"), ("Methods", "Method")];
    let lacks = |(list, item): (&str, &str)| texts(&[&format!("AccessControlAllow{list}"), "Items", item]).is_empty();
    named(&|name| WITH_FIELD.contains(&name), &rules::HEADER_HAS_FIELD)
        .or_else(|| named(&|name| NOT_ALLOWED.iter().any(|beginning| name.starts_with(beginning)), &rules::HEADER_REFUSED))
        .or_else(|| when(names.len() > 10, &rules::TOO_MANY_HEADERS))
        .or_else(|| when(is_longer(&names, 256) || is_longer(&values, 1783) || total > 10_240, &rules::HEADER_TOO_LONG))
        .or_else(|| when(is_longer(&policies, 1783), &rules::POLICY_VALUE_TOO_LONG))
        .or_else(|| when(document.contains("<CorsConfig>") && cors.into_iter().any(lacks), &rules::CORS_INCOMPLETE))
}

/// Refuses tags beyond the limits, as a map (Lambda, API Gateway, Logs) or as a list (DynamoDB): 50 tags, keys of 1 to 128 characters, values of
/// up to 256.
fn tags(operation: &Operation, request: &Request) -> Option<Refusal> {
    let rule = match operation.service {
        "lambda" => &rules::TAGS_LAMBDA,
        "dynamodb" => &rules::TAGS_DYNAMODB,
        "apigateway" => &rules::TAGS_API,
        "logs" => &rules::TAGS_LOGS,
        _ => return None,
    };
    let body = request.json();
    let tags = ["Tags", "tags"].iter().map(|field| &body[*field]).find(|tags| tags.is_object() || tags.is_array())?;
    let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    let sizes: Vec<(usize, usize)> = match tags {
        Value::Object(map) => map.iter().map(|(key, value)| (key.chars().count(), length(value))).collect(),
        Value::Array(list) => list.iter().map(|tag| (length(&tag["Key"]), length(&tag["Value"]))).collect(),
        _ => Vec::new(),
    };
    when(sizes.len() > 50 || sizes.iter().any(|(key, value)| !(1..=128).contains(key) || *value > 256), rule)
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

    /// Fails unless `n` passes and `n + 1` is refused with this code.
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
        let including = |attributes: Vec<String>| json!({ "IndexName": "abc", "Projection": { "NonKeyAttributes": attributes } });
        let names = |n: usize| (0..n).map(|index| format!("a{index}")).collect::<Vec<_>>();
        let making = |index: Value| json!({ "GlobalSecondaryIndexUpdates": [{ "Create": index }] });
        let create = |indexes: Vec<Value>| json!({ "TableName": "abc", "GlobalSecondaryIndexes": indexes });
        at(20, "dynamodb", "CreateTable", "ValidationException", |n| create(vec![including(names(n))]));
        at(20, "dynamodb", "UpdateTable", "ValidationException", |n| making(including(names(n))));
        at(255, "dynamodb", "UpdateTable", "ValidationException", |n| making(including(vec![x(n)])));
        let apart = |n: usize| names(n).chunks(20).map(|names| including(names.to_vec())).collect();
        at(100, "dynamodb", "CreateTable", "ValidationException", |n| create(apart(n)));
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
    fn headers_of_answers_pass_at_the_limit_and_not_above() {
        let judged = |inner: &str| {
            let body = format!("<ResponseHeadersPolicyConfig>{inner}</ResponseHeadersPolicyConfig>");
            judged("cloudfront", "CreateResponseHeadersPolicy", &sent("/", body.into_bytes()))
        };
        let custom = |name: &str, value: &str| {
            format!("<ResponseHeadersPolicyCustomHeader><Header>{name}</Header><Value>{value}</Value></ResponseHeadersPolicyCustomHeader>")
        };
        let refused = Some("InvalidArgument");
        assert_eq!((judged(&custom("X-A", "v").repeat(10)), judged(&custom("X-A", "v").repeat(11)).is_some()), (None, true));
        assert_eq!((judged(&custom(&x(256), "v")), judged(&custom(&x(257), "v")).as_deref()), (None, refused));
        assert_eq!((judged(&custom("X-A", &x(1783))), judged(&custom("X-A", &x(1784))).as_deref()), (None, refused));
        let sum = |rest: usize| judged(&(custom("X-A", &x(1783)).repeat(5) + &custom("X-B", &x(rest))));
        assert_eq!((sum(10_240 - 5 * 1786 - 3), sum(10_240 - 5 * 1786 - 2).as_deref()), (None, refused));
        let policy = |text: &str| {
            judged(&format!("<ContentSecurityPolicy><ContentSecurityPolicy>{text}</ContentSecurityPolicy></ContentSecurityPolicy>"))
        };
        // A character counts once, however it is written.
        assert_eq!(policy(&"&apos;".repeat(1783)), None);
        assert_eq!(policy(&"&apos;".repeat(1784)).as_deref(), Some("TooLongCSPInResponseHeadersPolicy"));
        for name in ["Content-Security-Policy", "x-frame-options", "Via", "Access-Control-Allow-Origin", "X-Amz-Cf-Id"] {
            assert_eq!(judged(&custom(name, "v")).as_deref(), refused, "{name}");
        }
        assert_eq!(judged("<CorsConfig></CorsConfig>").as_deref(), refused);
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
