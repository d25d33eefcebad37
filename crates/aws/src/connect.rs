//! Builds an [`Aws`] from the standard AWS configuration.

use super::{
    Aws, RequestLimit, Target,
    batch::Gathering,
    bucket_owner::BucketOwner,
    budget::Budgets,
    call::{SKEWED, Tally},
    credentials::{Kept, account_in},
    error::{Verdict, read_answer},
    inventory::Inventory,
    nulls,
    pages::MAX_PAGES,
    request_cache::RequestCache,
    retry::Retries,
    run_notes::RunNotes,
    surroundings::{Resolved, SERVICES, Surroundings},
    transport::{self, Route},
    write_cache::WriteCache,
};
use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_types::service_config::ServiceConfigKey;
use engine::Error;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    future::{Ready, ready},
    time::Duration,
};

/// Application name in the user agent of every request.
pub const APP_NAME: &str = "liveinsight";

/// Limit of attempts to learn the account if the answer is lost or AWS fails. The pause between them grows.
const STUMBLES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Configuration of the clients while the account is still unknown.
pub struct Connection {
    config: SdkConfig,
    surroundings: Surroundings,
    /// Set once the account was requested from AWS.
    asked: Cell<bool>,
}

/// Account that the credentials name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Account number, 12 digits.
    pub account: String,
    /// Set if a setting names the account: that of a role, of SSO, of `AWS_ACCOUNT_ID` or `aws_account_id`. Otherwise the account follows from
    /// the form of the key.
    pub is_said: bool,
}

/// Caller as returned by `GetCallerIdentity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Partition: the first part of every ARN after `arn`.
    pub partition: String,
    /// Account number, 12 digits.
    pub account: String,
    /// ARN of the user, or of a role's session.
    pub arn: String,
}

/// Reason why there is no access.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `GetCallerIdentity` was refused or did not answer.
    #[error(transparent)]
    Identity(#[from] Error),
    /// The answer contained no account.
    #[error("sts:GetCallerIdentity named no account")]
    NoAccount,
}

impl Connection {
    /// Loads the configuration as every AWS tool reads it: environment, profiles, SSO, web identity and `AWS_ENDPOINT_URL`.
    pub async fn standard(region: &str, profile: Option<&str>) -> Self {
        let mut loader = loader(region);
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        let config = match config.credentials_provider() {
            Some(source) => config.into_builder().credentials_provider(SharedCredentialsProvider::new(Kept::new(source))).build(),
            None => config,
        };
        let named = profile.map(str::to_owned).or_else(|| std::env::var("AWS_PROFILE").ok()).unwrap_or_else(|| "default".to_owned());
        let resolved = Resolved {
            profile: &named,
            endpoint_url: config.endpoint_url(),
            fips: config.use_fips() == Some(true),
            dual_stack: config.use_dual_stack() == Some(true),
            services: endpoints_of_services(&config),
        };
        let surroundings = Surroundings::of(lossless(std::env::vars_os()), &resolved);
        Self { config, surroundings, asked: Cell::new(false) }
    }

    /// Returns the account that the credentials name. It is very likely the right one, but that is no proof.
    pub async fn named_account(&self) -> Option<Named> {
        let credentials = self.config.credentials_provider()?.provide_credentials().await.ok()?;
        let said = credentials.account_id().map(|account| Named { account: account.as_str().to_owned(), is_said: true });
        said.or_else(|| {
            let account = account_in(credentials.access_key_id(), self.is_elsewhere())?;
            Some(Named { account, is_said: false })
        })
    }

    fn is_elsewhere(&self) -> bool {
        let variables = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];
        self.config.endpoint_url().is_some() || variables.iter().any(|name| std::env::var_os(name).is_some())
    }

    /// Connects to one endpoint on this machine for every service, with these keys. No setting of the caller counts: no variable, profile, proxy
    /// or certificate.
    pub fn endpoint(region: &str, url: &str, access_key: &str, secret_key: &str) -> Ready<Self> {
        let credentials = Credentials::new(access_key, secret_key, None, None, APP_NAME);
        // Not built by `aws_config`, which reads variables and files.
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .use_fips(false)
            .use_dual_stack(false)
            .http_client(transport::shared(Route::Direct))
            .app_name(app_name())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        ready(Self { config, surroundings: Surroundings::default(), asked: Cell::new(false) })
    }

    /// Reads the account of the credentials from AWS: (partition, account).
    pub fn identity(&self) -> impl Future<Output = Result<(String, String), ConnectError>> + Send + use<> {
        let caller = self.caller();
        async move { caller.await.map(|Caller { partition, account, .. }| (partition, account)) }
    }

    /// Reads the identity of the caller from AWS.
    pub fn caller(&self) -> impl Future<Output = Result<Caller, ConnectError>> + Send + use<> {
        self.asked.set(true);
        let sts = aws_sdk_sts::Client::new(&self.config);
        let surroundings = self.surroundings.clone();
        async move {
            let mut attempt = 0;
            let answer = loop {
                attempt += 1;
                let answer = match sts.get_caller_identity().send().await {
                    Ok(answer) => break answer,
                    Err(error) => read_answer("sts:GetCallerIdentity", &error, &surroundings),
                };
                let attempts = match answer.verdict {
                    // A wrong clock of this machine shows up here.
                    Verdict::Skewed => SKEWED,
                    Verdict::Lost | Verdict::Throttled => STUMBLES,
                    _ => 1,
                };
                if attempt >= attempts {
                    return Err(answer.into_error().into());
                }
                tokio::time::sleep(PAUSE * attempt).await;
            };
            let partition = answer.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned();
            let account = answer.account().filter(|account| !account.is_empty()).ok_or(ConnectError::NoAccount)?.to_owned();
            Ok(Caller { partition, account, arn: answer.arn.unwrap_or_default() })
        }
    }

    /// Creates the clients for one stack in one place.
    pub fn aws(&self, target: Target, stack: String, limits: impl Iterator<Item = &'static RequestLimit>) -> Aws {
        let is_elsewhere = self.is_elsewhere();
        let mut s3 = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(is_elsewhere);
        if let Some(owner) = BucketOwner::new(&target.account) {
            s3 = s3.interceptor(owner);
        }
        let s3 = s3.build();
        let mut apigateway = aws_sdk_apigateway::config::Builder::from(&self.config);
        apigateway.set_http_client(self.config.http_client().map(nulls::removed));
        let apigateway = apigateway.build();
        Aws {
            is_elsewhere,
            alarms_to_delete: Gathering::default(),
            audits: Cell::new(false),
            budgets: Budgets::new(limits.filter(|_| target.limits)),
            stack,
            apigateway: aws_sdk_apigateway::Client::from_conf(apigateway),
            cloudfront: aws_sdk_cloudfront::Client::new(&self.config),
            cloudtrail: aws_sdk_cloudtrail::Client::new(&self.config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&self.config),
            dynamodb: aws_sdk_dynamodb::Client::new(&self.config),
            iam: aws_sdk_iam::Client::new(&self.config),
            lambda: aws_sdk_lambda::Client::new(&self.config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&self.config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            tagging: aws_sdk_resourcegroupstagging::Client::new(&self.config),
            target,
            tally: if self.asked.get() { Tally::with_identity() } else { Tally::default() },
            max_pages: Cell::new(MAX_PAGES),
            request_cache: RequestCache::default(),
            run_notes: RunNotes::default(),
            recorder: None,
            inventory: Inventory::default(),
            retries: Retries::default(),
            surroundings: self.surroundings.clone(),
            write_cache: WriteCache::default(),
            locks: RefCell::new(HashMap::new()),
        }
    }
}

/// Configures requests to be sent once each: the calling layer retries, waits and bounds them.
fn loader(region: &str) -> aws_config::ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(transport::shared(Route::Environment))
        .app_name(app_name())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Returns the endpoints that the configuration sets for single services, where they differ from the general one.
fn endpoints_of_services(config: &SdkConfig) -> BTreeMap<&'static str, String> {
    let endpoint_of = |service: &'static str| {
        // The SDK writes the ids of services with spaces.
        let service_id = service.replace('_', " ");
        let key = ServiceConfigKey::builder().service_id(&service_id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
        let url = config.service_config()?.load_config(key).filter(|url| config.endpoint_url() != Some(url))?;
        Some((service, url))
    };
    SERVICES.into_iter().filter_map(endpoint_of).collect()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        // The longest single answer is a 50 MB code upload on a slow line.
        .operation_attempt_timeout(Duration::from_mins(2))
        .build()
}

fn app_name() -> AppName {
    AppName::new(APP_NAME).expect("letters only")
}

/// Returns the variables that are valid Unicode.
fn lossless(variables: std::env::VarsOs) -> impl Iterator<Item = (String, String)> {
    variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
