//! Location of a stack: everything about an account and its environment that a declaration depends on.

/// Account and region, with the addresses of resources there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Target {
    /// Partition: `aws`, `aws-cn`, … It is the first part of every ARN after `arn`.
    pub partition: String,
    /// Code of the region.
    pub region: String,
    /// Region with the CloudTrail history of services without regions (IAM, CloudFront).
    pub global_region: String,
    /// Account number, 12 digits.
    pub account: String,
    /// Host of a REST API, as CloudFront's origin; `{api}` is replaced by the API's id.
    pub api_host: String,
    /// Path in front of a REST API's own; `{api}` and `{stage}` are replaced by the API's id and the stage's name.
    pub api_path: String,
    /// Port of `api_host` if it speaks plain HTTP; otherwise it speaks HTTPS on 443.
    pub api_http_port: Option<u16>,
    /// Address of a distribution; `{domain}` and `{label}` are replaced by its domain and the domain's first label.
    pub distribution_url: String,
    /// Address of a function URL; `{domain}` and `{label}` are replaced by its domain in AWS and the domain's first label.
    pub function_url: String,
    /// Set if viewers are redirected to HTTPS.
    pub viewers_https: bool,
    /// Set if AWS's documented request limits apply.
    pub limits: bool,
    /// Set if an API's parts can be written as one document (`PutRestApi`).
    pub imports_apis: bool,
    /// Set if S3 denies CloudFront a missing object (403), although the bucket's policy allows the answer 404.
    pub denies_missing: bool,
    /// Set if functions run on this very machine, rather than on their declared architecture.
    pub functions_on_host: bool,
}

impl Target {
    /// Creates the place of an account in AWS itself.
    pub fn aws(partition: &str, region: &str, account: &str) -> Self {
        Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            // "Global service events" in the CloudTrail user guide; not checked outside of `aws`.
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
            function_url: "https://{domain}".to_owned(),
            viewers_https: true,
            limits: true,
            imports_apis: true,
            denies_missing: false,
            functions_on_host: false,
        }
    }

    /// Returns the partition of a region by the region's name ("Amazon Resource Names (ARNs)", AWS General Reference).
    pub fn partition_of(region: &str) -> &'static str {
        match region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// Returns an ARN with region and account: `arn:aws:lambda:us-east-1:123456789012:function:f`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// Returns an ARN of a global service: `arn:aws:iam::123456789012:role/r`.
    pub fn global_arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", self.partition, self.account)
    }

    /// Returns the regional host of a bucket, as CloudFront's origin. The global host redirects for a while.
    pub fn bucket_host(&self, bucket: &str) -> String {
        format!("{bucket}.s3.{}.{}", self.region, suffix(&self.partition))
    }

    /// Returns the host at which CloudFront reaches a REST API.
    pub fn api_host(&self, api: &str) -> String {
        self.api_host.replace("{api}", api)
    }

    /// Returns the path at which CloudFront reaches a stage.
    pub fn api_path(&self, api: &str, stage: &str) -> String {
        self.api_path.replace("{api}", api).replace("{stage}", stage)
    }

    /// Returns the address of a stage, without a slash at the end.
    pub fn api_url(&self, api: &str, stage: &str) -> String {
        let (host, path) = (self.api_host(api), self.api_path(api, stage));
        match self.api_http_port {
            Some(port) => format!("http://{host}:{port}{path}"),
            None => format!("https://{host}{path}"),
        }
    }

    /// Returns the address of a distribution, without a slash at the end.
    pub fn distribution_url(&self, domain: &str) -> String {
        at(&self.distribution_url, domain)
    }

    /// Returns the address of a function URL, such as `https://ID.lambda-url.us-east-1.on.aws/` in AWS, without a slash at the end.
    pub fn function_url(&self, url: &str) -> String {
        at(&self.function_url, url.trim_start_matches("https://").trim_end_matches('/'))
    }
}

/// Returns the address that a pattern has for a domain.
fn at(pattern: &str, domain: &str) -> String {
    let label = domain.split('.').next().unwrap_or_default();
    pattern.replace("{domain}", domain).replace("{label}", label)
}

/// Returns the domain that the host names of AWS's services end in.
fn suffix(partition: &str) -> &'static str {
    if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}
