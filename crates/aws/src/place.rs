//! Where a stack lives: everything about an account and its surroundings that a declaration depends on.

/// An account and region, and the addresses under which things are reached there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Place {
    /// `aws`, `aws-cn`, …: the first part of every ARN.
    pub partition: String,
    /// The region's code.
    pub region: String,
    /// The region that has the requests to services without regions (IAM, CloudFront) in its CloudTrail history.
    pub global_region: String,
    /// The account's 12 digits.
    pub account: String,
    /// The host of a REST API, as CloudFront's origin; `{api}` stands for its id.
    pub api_host: String,
    /// The path in front of a REST API's own; `{api}` and `{stage}` stand for themselves.
    pub api_path: String,
    /// The port of `api_host` if it speaks plain HTTP; otherwise it speaks HTTPS on 443.
    pub api_http_port: Option<u16>,
    /// The address of a distribution; `{domain}` and `{label}` (its first part) stand for themselves.
    pub distribution_url: String,
    /// Set if visitors are sent to HTTPS.
    pub viewers_https: bool,
    /// Set if AWS's documented request limits apply.
    pub limits: bool,
    /// Set if an API's parts can be written as one document (`PutRestApi`).
    pub imports_apis: bool,
    /// Tells that S3 denies CloudFront an object that is missing (403), although the bucket's policy lets it know (404).
    pub denies_missing: bool,
    /// Set if functions run on this very machine, rather than on the architecture that they declare.
    pub functions_on_host: bool,
}

impl Place {
    /// AWS itself.
    pub fn aws(partition: &str, region: &str, account: &str) -> Self {
        Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            // "Global service events" in the CloudTrail user guide; outside of `aws` it was not checked.
            global_region: match partition {
                "aws-cn" => "cn-northwest-1",
                "aws-us-gov" => "us-gov-west-1",
                _ => "us-east-1",
            }
            .to_owned(),
            account: account.to_owned(),
            api_host: format!("{{api}}.execute-api.{region}.{}", suffix(partition)),
            api_path: "/{stage}".to_owned(),
            api_http_port: None,
            distribution_url: "https://{domain}".to_owned(),
            viewers_https: true,
            limits: true,
            imports_apis: true,
            denies_missing: false,
            functions_on_host: false,
        }
    }

    /// The partition that a region is in, as its name tells ("Amazon Resource Names (ARNs)", AWS General Reference).
    pub fn partition_of(region: &str) -> &'static str {
        match region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// An ARN with region and account: `arn:aws:lambda:us-east-1:123456789012:function:f`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// An ARN of a global service: `arn:aws:iam::123456789012:role/r`.
    pub fn global_arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", self.partition, self.account)
    }

    /// The host that serves a bucket in its own region, as CloudFront's origin: the global one redirects for a while.
    pub fn bucket_host(&self, bucket: &str) -> String {
        format!("{bucket}.s3.{}.{}", self.region, suffix(&self.partition))
    }

    /// The host at which CloudFront reaches a REST API.
    pub fn api_host(&self, api: &str) -> String {
        self.api_host.replace("{api}", api)
    }

    /// The path at which CloudFront reaches a stage.
    pub fn api_path(&self, api: &str, stage: &str) -> String {
        self.api_path.replace("{api}", api).replace("{stage}", stage)
    }

    /// The address of a stage, without a slash at the end.
    pub fn api_url(&self, api: &str, stage: &str) -> String {
        let (host, path) = (self.api_host(api), self.api_path(api, stage));
        match self.api_http_port {
            Some(port) => format!("http://{host}:{port}{path}"),
            None => format!("https://{host}{path}"),
        }
    }

    /// The address of a distribution, without a slash at the end.
    pub fn distribution_url(&self, domain: &str) -> String {
        let label = domain.split('.').next().unwrap_or_default();
        self.distribution_url.replace("{domain}", domain).replace("{label}", label)
    }
}

/// Returns the end of the host names of AWS's services.
fn suffix(partition: &str) -> &'static str {
    if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}
