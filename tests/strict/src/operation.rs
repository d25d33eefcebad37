//! Operation of a request, `service:Operation`, and the resource that it is about. Each protocol of the AWS SDKs encodes them elsewhere.
//!
//! Operations are named as in the AWS API references, with one exception: `CreateDistributionWithTags` is `CreateDistribution`, as in IAM's list
//! of actions. The Resource Groups Tagging API is `tag`, as there.

use crate::message::Request;
use std::fmt;

/// Operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Service of the operation: `dynamodb`.
    pub service: &'static str,
    /// Name of the operation: `CreateTable`.
    pub name: String,
}

impl Operation {
    /// Returns the operation of a request; `None` if it is not a call of a known service.
    pub fn of(request: &Request) -> Option<Self> {
        let (service, name) = match scope(request)? {
            "iam" => ("iam", request.form("Action")),
            "sts" => ("sts", request.form("Action")),
            "dynamodb" => ("dynamodb", target(request)),
            "logs" => ("logs", target(request)),
            "cloudtrail" => ("cloudtrail", target(request)),
            "tagging" => ("tag", target(request)),
            "monitoring" => ("cloudwatch", request.segments().pop().filter(|name| !name.is_empty()).or_else(|| target(request))),
            "lambda" => ("lambda", lambda(request)),
            "apigateway" => ("apigateway", api_gateway(request)),
            "cloudfront" => ("cloudfront", cloudfront(request)),
            "s3" => ("s3", s3(request)),
            _ => return None,
        };
        Some(Self { service, name: name? })
    }

    /// Returns whether the operation changes something.
    pub fn is_write(&self) -> bool {
        !["Get", "List", "Lookup", "Describe", "Head"].iter().any(|read| self.name.starts_with(read))
    }

    /// Returns whether this is the named operation: `dynamodb:CreateTable`.
    pub fn is(&self, name: &str) -> bool {
        name.split_once(':') == Some((self.service, &self.name))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

/// Returns the resource that a request is about, as far as its address or body names it: enough to distinguish requests in a log.
pub(crate) fn resource(request: &Request, operation: &Operation) -> String {
    let of_json = |names: &[&str]| {
        let body = request.json();
        names.iter().find_map(|name| body[name].as_str().map(str::to_owned)).unwrap_or_default()
    };
    match operation.service {
        "iam" => ["RoleName", "PathPrefix"].iter().find_map(|name| request.form(name)).unwrap_or_default(),
        "dynamodb" => of_json(&["TableName", "ResourceArn"]),
        "logs" => of_json(&["logGroupName", "resourceArn", "logGroupNamePrefix"]),
        "cloudwatch" => crate::cbor::text(&request.body, "AlarmName").unwrap_or_default(),
        "lambda" if operation.name == "CreateFunction" => of_json(&["FunctionName"]),
        "s3" => request.segments().join("/"),
        "sts" | "tag" => String::new(),
        "apigateway" => request.segments().join("/").trim_start_matches("restapis/").to_owned(),
        _ => request.segments().get(2..).unwrap_or_default().join("/"),
    }
}

/// Returns the service in the credential's scope: `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/dynamodb/aws4_request, …`.
fn scope(request: &Request) -> Option<&str> {
    request.header("authorization")?.split("Credential=").nth(1)?.split('/').nth(3)
}

fn target(request: &Request) -> Option<String> {
    request.header("x-amz-target")?.split('.').nth(1).map(str::to_owned)
}

fn lambda(request: &Request) -> Option<String> {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let name = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["account-settings"]) => "GetAccountSettings",
        ("GET", ["functions"]) => "ListFunctions",
        ("POST", ["functions"]) => "CreateFunction",
        ("GET", ["functions", _]) => "GetFunction",
        ("DELETE", ["functions", _]) => "DeleteFunction",
        ("GET", ["functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", ["functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("PUT", ["functions", _, "code"]) => "UpdateFunctionCode",
        ("GET", ["functions", _, "code-signing-config"]) => "GetFunctionCodeSigningConfig",
        ("GET", ["functions", _, "concurrency"]) => "GetFunctionConcurrency",
        ("PUT", ["functions", _, "concurrency"]) => "PutFunctionConcurrency",
        ("DELETE", ["functions", _, "concurrency"]) => "DeleteFunctionConcurrency",
        ("GET", ["functions", _, "urls"]) => "ListFunctionUrlConfigs",
        ("POST", ["functions", _, "url"]) => "CreateFunctionUrlConfig",
        ("GET", ["functions", _, "url"]) => "GetFunctionUrlConfig",
        ("PUT", ["functions", _, "url"]) => "UpdateFunctionUrlConfig",
        ("DELETE", ["functions", _, "url"]) => "DeleteFunctionUrlConfig",
        ("GET", ["functions", _, "versions"]) => "ListVersionsByFunction",
        ("POST", ["functions", _, "versions"]) => "PublishVersion",
        ("GET", ["functions", _, "aliases"]) => "ListAliases",
        ("POST", ["functions", _, "aliases"]) => "CreateAlias",
        ("GET", ["functions", _, "aliases", _]) => "GetAlias",
        ("PUT", ["functions", _, "aliases", _]) => "UpdateAlias",
        ("DELETE", ["functions", _, "aliases", _]) => "DeleteAlias",
        ("GET", ["functions", _, "policy"]) => "GetPolicy",
        ("POST", ["functions", _, "policy"]) => "AddPermission",
        ("DELETE", ["functions", _, "policy", _]) => "RemovePermission",
        ("POST", ["functions", _, "invocations"]) => "Invoke",
        ("GET", ["tags", ..]) => "ListTags",
        ("POST", ["tags", ..]) => "TagResource",
        ("DELETE", ["tags", ..]) => "UntagResource",
        _ => return None,
    };
    Some(name.to_owned())
}

fn api_gateway(request: &Request) -> Option<String> {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    // Single object below each path: the verb completes the name.
    let thing = match parts.as_slice() {
        ["account"] => "Account",
        ["restapis"] if method == "GET" => return Some("GetRestApis".to_owned()),
        ["restapis"] if request.query("mode").as_deref() == Some("import") => return Some("ImportRestApi".to_owned()),
        ["restapis"] => return Some("CreateRestApi".to_owned()),
        ["restapis", _] => "RestApi",
        ["restapis", _, "resources"] => return Some("GetResources".to_owned()),
        ["restapis", _, "resources", _] if method == "POST" => return Some("CreateResource".to_owned()),
        ["restapis", _, "resources", _] => "Resource",
        ["restapis", _, "resources", _, "methods", _] => "Method",
        ["restapis", _, "resources", _, "methods", _, "responses", _] => "MethodResponse",
        ["restapis", _, "resources", _, "methods", _, "integration"] => "Integration",
        ["restapis", _, "resources", _, "methods", _, "integration", "responses", _] => "IntegrationResponse",
        ["restapis", _, "deployments"] if method == "GET" => return Some("GetDeployments".to_owned()),
        ["restapis", _, "deployments"] => return Some("CreateDeployment".to_owned()),
        ["restapis", _, "deployments", _] => "Deployment",
        ["restapis", _, "stages"] if method == "GET" => return Some("GetStages".to_owned()),
        ["restapis", _, "stages"] => return Some("CreateStage".to_owned()),
        ["restapis", _, "stages", _] => "Stage",
        ["restapis", _, "authorizers"] if method == "GET" => return Some("GetAuthorizers".to_owned()),
        ["restapis", _, "authorizers"] => return Some("CreateAuthorizer".to_owned()),
        ["restapis", _, "authorizers", _] => "Authorizer",
        ["restapis", _, "gatewayresponses"] => return Some("GetGatewayResponses".to_owned()),
        ["restapis", _, "gatewayresponses", _] => "GatewayResponse",
        ["tags", ..] => {
            let name = match method {
                "GET" => "GetTags",
                "PUT" => "TagResource",
                _ => "UntagResource",
            };
            return Some(name.to_owned());
        }
        _ => return None,
    };
    let verb = match method {
        "GET" => "Get",
        "PUT" => "Put",
        "PATCH" => "Update",
        "DELETE" => "Delete",
        _ => return None,
    };
    Some(format!("{verb}{thing}"))
}

fn cloudfront(request: &Request) -> Option<String> {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let name = match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["distribution"]) => "CreateDistribution",
        ("GET", ["distribution"]) => "ListDistributions",
        ("GET", ["distribution", _]) => "GetDistribution",
        ("DELETE", ["distribution", _]) => "DeleteDistribution",
        ("GET", ["distribution", _, "config"]) => "GetDistributionConfig",
        ("PUT", ["distribution", _, "config"]) => "UpdateDistribution",
        ("POST", ["distribution", _, "invalidation"]) => "CreateInvalidation",
        ("GET", ["distribution", _, "invalidation"]) => "ListInvalidations",
        ("GET", ["distribution", _, "invalidation", _]) => "GetInvalidation",
        ("POST", ["origin-access-control"]) => "CreateOriginAccessControl",
        ("GET", ["origin-access-control"]) => "ListOriginAccessControls",
        ("GET", ["origin-access-control", _]) => "GetOriginAccessControl",
        ("DELETE", ["origin-access-control", _]) => "DeleteOriginAccessControl",
        ("GET", ["origin-access-control", _, "config"]) => "GetOriginAccessControlConfig",
        ("PUT", ["origin-access-control", _, "config"]) => "UpdateOriginAccessControl",
        ("POST", ["response-headers-policy"]) => "CreateResponseHeadersPolicy",
        ("GET", ["response-headers-policy"]) => "ListResponseHeadersPolicies",
        ("GET", ["response-headers-policy", _]) => "GetResponseHeadersPolicy",
        ("PUT", ["response-headers-policy", _]) => "UpdateResponseHeadersPolicy",
        ("DELETE", ["response-headers-policy", _]) => "DeleteResponseHeadersPolicy",
        ("GET", ["response-headers-policy", _, "config"]) => "GetResponseHeadersPolicyConfig",
        ("GET", ["tagging"]) => "ListTagsForResource",
        ("POST", ["tagging"]) if request.query("Operation").as_deref() == Some("Untag") => "UntagResource",
        ("POST", ["tagging"]) => "TagResource",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Returns the operation of a request to S3, for path-style addresses only: `/bucket/key`.
fn s3(request: &Request) -> Option<String> {
    /// Parts of a bucket's configuration: (parameter, name of the part).
    const CONFIGURATION: &[(&str, &str)] = &[
        ("policy", "BucketPolicy"),
        ("publicAccessBlock", "PublicAccessBlock"),
        ("versioning", "BucketVersioning"),
        ("encryption", "BucketEncryption"),
        ("ownershipControls", "BucketOwnershipControls"),
        ("tagging", "BucketTagging"),
        ("location", "BucketLocation"),
        ("accelerate", "BucketAccelerateConfiguration"),
        ("acl", "BucketAcl"),
        ("cors", "BucketCors"),
        ("lifecycle", "BucketLifecycleConfiguration"),
        ("logging", "BucketLogging"),
        ("notification", "BucketNotificationConfiguration"),
        ("object-lock", "ObjectLockConfiguration"),
        ("policyStatus", "BucketPolicyStatus"),
        ("replication", "BucketReplication"),
        ("requestPayment", "BucketRequestPayment"),
        ("website", "BucketWebsite"),
    ];
    let segments = request.segments();
    let has = |name: &str| request.query(name).is_some();
    let verb = match request.method.as_str() {
        "GET" => "Get",
        "PUT" => "Put",
        "DELETE" => "Delete",
        "HEAD" => "Head",
        "POST" if has("delete") => return Some("DeleteObjects".to_owned()),
        _ => return None,
    };
    let bucket = segments.first().is_some_and(|bucket| !bucket.is_empty());
    if segments.len() > 1 {
        if verb == "Put" && request.header("x-amz-copy-source").is_some() {
            return Some("CopyObject".to_owned());
        }
        let part = if has("tagging") { "ObjectTagging" } else { "Object" };
        return Some(if has("uploadId") && verb == "Delete" { "AbortMultipartUpload".to_owned() } else { format!("{verb}{part}") });
    }
    if let Some((_, thing)) = CONFIGURATION.iter().find(|(parameter, _)| has(parameter)) {
        return Some(format!("{verb}{thing}"));
    }
    let name = match verb {
        "Get" if !bucket => "ListBuckets",
        "Get" if has("versions") => "ListObjectVersions",
        "Get" if has("uploads") => "ListMultipartUploads",
        "Get" => "ListObjectsV2",
        "Put" => "CreateBucket",
        "Head" => "HeadBucket",
        _ => "DeleteBucket",
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Operation, resource};
    use crate::message::Request;

    fn request(service: &str, method: &str, target: &str, amz_target: &str, body: &str) -> Request {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0");
        let headers = vec![("Authorization".to_owned(), authorization), ("X-Amz-Target".to_owned(), amz_target.to_owned())];
        Request { method: method.to_owned(), target: target.to_owned(), headers, body: body.into() }
    }

    #[test]
    fn each_protocol_names_its_operation_and_resource() {
        let cases = [
            (request("iam", "POST", "/", "", "Action=CreateRole&RoleName=r&Version=2010-05-08"), "iam:CreateRole", "r", true),
            (
                request("dynamodb", "POST", "/", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"t"}"#),
                "dynamodb:DescribeTable",
                "t",
                false,
            ),
            (request("logs", "POST", "/", "Logs_20140328.CreateLogGroup", r#"{"logGroupName":"g"}"#), "logs:CreateLogGroup", "g", true),
            (
                request("monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", "", ""),
                "cloudwatch:DescribeAlarms",
                "",
                false,
            ),
            (request("lambda", "PUT", "/2015-03-31/functions/f/code", "", ""), "lambda:UpdateFunctionCode", "f/code", true),
            (
                request("apigateway", "PUT", "/restapis/a/resources/r/methods/GET/integration/responses/200", "", ""),
                "apigateway:PutIntegrationResponse",
                "a/resources/r/methods/GET/integration/responses/200",
                true,
            ),
            (request("apigateway", "PATCH", "/account", "", ""), "apigateway:UpdateAccount", "account", true),
            (request("cloudfront", "POST", "/2020-05-31/distribution?WithTags", "", ""), "cloudfront:CreateDistribution", "", true),
            (
                request("cloudfront", "PUT", "/2020-05-31/distribution/E1/config", "", ""),
                "cloudfront:UpdateDistribution",
                "E1/config",
                true,
            ),
            (request("s3", "PUT", "/bucket/?publicAccessBlock", "", ""), "s3:PutPublicAccessBlock", "bucket", true),
            (request("s3", "GET", "/bucket/?list-type=2&prefix=site", "", ""), "s3:ListObjectsV2", "bucket", false),
            (request("s3", "PUT", "/bucket/site/a%20b.html?x-id=PutObject", "", ""), "s3:PutObject", "bucket/site/a b.html", true),
        ];
        for (request, name, about, write) in cases {
            let operation = Operation::of(&request).unwrap_or_else(|| panic!("{name} is not recognised"));
            assert_eq!(
                (operation.to_string().as_str(), resource(&request, &operation).as_str(), operation.is_write()),
                (name, about, write)
            );
        }
        assert_eq!(Operation::of(&request("ec2", "POST", "/", "", "Action=RunInstances")), None);
        assert_eq!(Operation::of(&request("lambda", "PATCH", "/2015-03-31/functions/f", "", "")), None);
    }
}
