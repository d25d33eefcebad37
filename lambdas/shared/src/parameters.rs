//! Values of secrets that are kept as parameters in AWS Systems Manager, read by one request.
//!
//! `aws-sdk-ssm` is among the largest crates of the SDK, and the time to compile it would count in every first `up`. This is the one operation that
//! is needed, `GetParameters`, in the JSON 1.1 protocol of the service's model (botocore, `ssm`), signed and sent by what the SDK brings along.
//!
//! No value is in an error, in a log line or in debug output.

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

/// End of the name of a variable that names a parameter: `TOKEN_SECRET_PARAMETER` names the one with the value of `TOKEN_SECRET`.
pub const SUFFIX: &str = "_PARAMETER";
/// Parameters in a request (Systems Manager API reference, `GetParameters`, `Names`).
const MOST_NAMES: usize = 10;
/// Limit of the time to connect.
const CONNECT: Duration = Duration::from_secs(2);
/// Attempts of a request that is throttled or lost.
const ATTEMPTS: u32 = 3;
/// Attempts of a request that is denied while the function starts.
const DENIED_ATTEMPTS: u32 = 6;
/// Longest pause before the second attempt; before each further one it is four times as long, up to the second one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// Error codes of too many requests: an account has 40 a second unless that was raised (Systems Manager quotas).
const THROTTLED: [&str; 3] = ["ThrottlingException", "Throttling", "RequestLimitExceeded"];
/// Variable with another address of the service, as the SDK names it.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_SSM";
const DENIED: &str = "AccessDeniedException";

/// Reads parameters.
pub struct Client {
    connector: Connector,
    credentials: SharedCredentialsProvider,
    region: String,
    url: String,
}

/// Moment at which parameters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The function starts, and has no values yet. Its role may have been allowed to read them a moment ago, which IAM takes seconds to make known
    /// (reported), so that a denial need not be the last word.
    Start,
    /// A request waits, and there are values.
    Refresh,
}

/// Error of reading parameters. Its text names the operation, the parameters and the way on.
#[derive(Debug)]
pub struct ParameterError {
    names: Vec<String>,
    region: String,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// There are no such parameters.
    Missing(Vec<String>),
    /// Refused, with AWS's code and words.
    Refused { code: String, message: String },
    /// No answer, or none that can be read.
    Lost(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Client {
    /// Makes a client of the region and credentials of a function.
    ///
    /// # Errors
    /// If there is no region, or there are no credentials.
    pub fn new(config: &SdkConfig) -> Result<Self, String> {
        let region = config.region().ok_or("AWS_REGION is missing: the secrets' parameters are in a region")?.to_string();
        let credentials = config.credentials_provider().ok_or("there are no credentials to read the secrets' parameters with")?;
        let url = url(&region, std::env::var(ENDPOINT).ok().as_deref(), config.endpoint_url());
        Ok(Self::of(credentials, &region, &url))
    }

    fn of(credentials: SharedCredentialsProvider, region: &str, url: &str) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(Moment::Start.patience()).build();
        let mut connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(Some(settings));
        Self { connector: connector.build(), credentials, region: region.to_owned(), url: url.to_owned() }
    }

    /// Returns the region of the parameters.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the decrypted values of these parameters, by name.
    ///
    /// # Errors
    /// If one is missing, or the request is refused, throttled or lost, and further attempts did not help either. It takes 5 s at most at the start,
    /// and 2 s later.
    pub async fn read(&self, names: &[&str], moment: Moment) -> Result<BTreeMap<String, String>, ParameterError> {
        let reading = async {
            let mut values = BTreeMap::new();
            for names in names.chunks(MOST_NAMES) {
                values.append(&mut self.patiently(names, moment).await?);
            }
            Ok(values)
        };
        let result = tokio::time::timeout(moment.patience(), reading).await;
        let result = result.unwrap_or_else(|_| Err(Fault::Lost(format!("no answer within {} s", moment.patience().as_secs()))));
        let names = || names.iter().map(|name| (*name).to_owned()).collect();
        result.map_err(|fault| ParameterError { names: names(), region: self.region.clone(), fault })
    }

    async fn patiently(&self, names: &[&str], moment: Moment) -> Result<BTreeMap<String, String>, Fault> {
        let (mut attempts, mut pause) = (1, PAUSES.0);
        loop {
            match self.attempt(names).await {
                Err(fault) if attempts < fault.attempts(moment) => tokio::time::sleep(some_of(pause)).await,
                result => return result,
            }
            (attempts, pause) = (attempts + 1, (pause * 4).min(PAUSES.1));
        }
    }

    async fn attempt(&self, names: &[&str]) -> Result<BTreeMap<String, String>, Fault> {
        let body = serde_json::json!({ "Names": names, "WithDecryption": true }).to_string();
        let response = self.connector.call(self.signed(body).await?).await.map_err(|error| Fault::lost(&error))?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await.map_err(|error| Fault::lost(&error))?;
        values(names, status, &body.into_bytes())
    }

    /// Returns a signed request of the operation with this body.
    async fn signed(&self, body: String) -> Result<HttpRequest, Fault> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.GetParameters")];
        let identity: Identity = self.credentials.provide_credentials().await.map_err(|error| Fault::lost(&error))?.into();
        let parameters = v4::SigningParams::builder().identity(&identity).region(&self.region).name("ssm").time(SystemTime::now());
        let parameters = parameters.settings(SigningSettings::default()).build().map_err(|error| Fault::lost(&error))?;
        let signable = SignableRequest::new("POST", &self.url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signed = signable.and_then(|signable| sign(signable, &parameters.into())).map_err(|error| Fault::lost(&error))?;
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| Fault::lost(&error))?;
        request.set_uri(self.url.as_str()).map_err(|error| Fault::lost(&error))?;
        for (name, value) in headers.into_iter().chain(signed.output().headers()) {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned()).map_err(|error| Fault::lost(&error))?;
        }
        Ok(request)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Client({})", self.url)
    }
}

/// Returns where the service answers: at the address that is set for it alone, at the one for all services, or in the partition of the region.
fn url(region: &str, own: Option<&str>, common: Option<&str>) -> String {
    let set = [own, common].into_iter().flatten().find(|url| !url.is_empty());
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let base = set.map_or_else(|| format!("https://ssm.{region}.{suffix}"), str::to_owned);
    format!("{}/", base.trim_end_matches('/'))
}

/// Reads an answer. What its JSON holds is in no error: it may be a value.
fn values(names: &[&str], status: u16, body: &[u8]) -> Result<BTreeMap<String, String>, Fault> {
    if status != 200 {
        return Err(match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { kind, message }) if status < 500 => {
                let code = kind.rsplit('#').next().unwrap_or_default().to_owned();
                Fault::Refused { code, message: message.chars().filter(|letter| !letter.is_control()).take(400).collect() }
            }
            _ => Fault::Lost(format!("it answered {status}")),
        });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Fault::Lost("its answer is none of GetParameters".to_owned()))?;
    let values: BTreeMap<String, String> = answer.parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
    let missing: Vec<String> = names.iter().filter(|name| !values.contains_key(**name)).map(|name| (*name).to_owned()).collect();
    if missing.is_empty() { Ok(values) } else { Err(Fault::Missing(missing)) }
}

/// Returns between a half and all of a pause, so that containers that were refused together do not come back together.
fn some_of(pause: Duration) -> Duration {
    let mut random = [0];
    // Without random numbers, all of it.
    let part = if getrandom::fill(&mut random).is_ok() { u32::from(random[0]) } else { 255 };
    pause / 2 + pause / 2 * part / 255
}

impl Fault {
    fn lost(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Lost(crate::store::describe(error))
    }

    /// Returns the number of attempts after which it stands.
    fn attempts(&self, moment: Moment) -> u32 {
        match self {
            Self::Refused { code, .. } if code == DENIED && moment == Moment::Start => DENIED_ATTEMPTS,
            Self::Refused { code, .. } if THROTTLED.contains(&code.as_str()) => ATTEMPTS,
            Self::Lost(_) => ATTEMPTS,
            Self::Missing(_) | Self::Refused { .. } => 1,
        }
    }
}

impl Moment {
    /// Limit of the time for all attempts. At the start half of what Lambda gives a function for it (10 s, Lambda Developer Guide); later less than
    /// the shortest timeout that a function may sensibly have, which the waiting request is held to.
    fn patience(self) -> Duration {
        match self {
            Self::Start => Duration::from_secs(5),
            Self::Refresh => Duration::from_secs(2),
        }
    }
}

impl std::error::Error for ParameterError {}

impl fmt::Display for ParameterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, region, fault } = self;
        let names = names.join(" and ");
        match fault {
            Fault::Missing(missing) => {
                write!(formatter, "ssm:GetParameters found no parameter {} in {region}; make it with: ", missing.join(" and "))?;
                let commands: Vec<String> = missing.iter().map(|name| put(name, region, false)).collect();
                formatter.write_str(&commands.join("; "))
            }
            Fault::Refused { code, message } if code == DENIED => write!(
                formatter,
                "ssm:GetParameters of {names} in {region} is denied ({code}: {message}); `liveinsight up` allows it to the function's role. A \
                 permissions boundary has to allow it as well (`liveinsight policy --boundary` prints one that does), and a KMS key of your own \
                 the role's kms:Decrypt; with aws/ssm, which needs no more: {}",
                self.names.iter().map(|name| put(name, region, true)).collect::<Vec<_>>().join("; ")
            ),
            Fault::Refused { code, message } if THROTTLED.contains(&code.as_str()) => write!(
                formatter,
                "ssm:GetParameters of {names} in {region} was throttled {ATTEMPTS} times ({code}: {message}); the next request tries again. If it \
                 stays so, raise the throughput: aws ssm update-service-setting --region {region} --setting-id \
                 /ssm/parameter-store/high-throughput-enabled --setting-value true"
            ),
            Fault::Refused { code, message } => {
                write!(formatter, "ssm:GetParameters of {names} in {region} was refused with {code}: {message}")
            }
            Fault::Lost(why) => write!(
                formatter,
                "ssm:GetParameters of {names} in {region} got no answer: {why}; the next request tries again. `aws ssm get-parameters --region \
                 {region} --names {}` shows whether they are there",
                self.names.join(" ")
            ),
        }
    }
}

/// Returns the command that writes a parameter.
pub fn put(name: &str, region: &str, replaces: bool) -> String {
    let overwrite = if replaces { " --overwrite" } else { "" };
    format!("aws ssm put-parameter --region {region} --type SecureString{overwrite} --name {name} --value VALUE")
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
