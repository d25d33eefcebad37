//! From the standard AWS configuration to an [`Aws`].

use super::{
    Aws, Place, RequestLimit,
    batch::Gathering,
    bucket_owner::BucketOwner,
    budget::Budgets,
    call::{SKEWED, Tally},
    credentials::{Kept, account_in},
    error::{Verdict, read_answer},
    memo::Memo,
    notes::Notes,
    nulls,
    pages::MAX_PAGES,
    reports::Reports,
    retry::Retries,
    surroundings::{Resolved, SERVICES, Surroundings},
    told::Told,
    transport::{self, Route},
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

/// Attempts to learn the account if the answer is lost or AWS fails; the pause between them grows.
const STUMBLES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The clients' configuration before it is known whose account it is.
pub struct Connection {
    config: SdkConfig,
    surroundings: Surroundings,
    /// Set once AWS was asked for the account.
    asked: Cell<bool>,
}

/// The account that credentials name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its 12 digits.
    pub account: String,
    /// Set if a setting names the account: that of a role, of SSO, of `AWS_ACCOUNT_ID` or `aws_account_id`. Otherwise the form of the key
    /// does.
    pub is_said: bool,
}

/// Caller as `GetCallerIdentity` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The first part of every ARN.
    pub partition: String,
    /// The account's 12 digits.
    pub account: String,
    /// The user's ARN, or that of the session of a role.
    pub arn: String,
}

/// Why there is no access.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `GetCallerIdentity` was refused or did not answer.
    #[error(transparent)]
    Identity(#[from] Error),
    /// The answer named no account.
    #[error("sts:GetCallerIdentity named no account")]
    NoAccount,
}

impl Connection {
    /// Environment, profiles, SSO, web identity and `AWS_ENDPOINT_URL`, as every AWS tool reads them.
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

    /// The account that the credentials name: very likely it is the one, and no proof.
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

    /// Connects to one endpoint on this machine for every service, with these keys. Nothing of the caller counts: no variable, no profile,
    /// no proxy, no certificate.
    pub fn endpoint(region: &str, url: &str, access_key: &str, secret_key: &str) -> Ready<Self> {
        let credentials = Credentials::new(access_key, secret_key, None, None, APP_NAME);
        // Not from `aws_config`, which reads variables and files.
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

    /// Asks whose account it is: (partition, account).
    pub fn identity(&self) -> impl Future<Output = Result<(String, String), ConnectError>> + Send + use<> {
        let caller = self.caller();
        async move { caller.await.map(|Caller { partition, account, .. }| (partition, account)) }
    }

    /// Asks who calls.
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
                    // Here it is found out that the clock is wrong, if it is.
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

    /// The clients, for one stack in one place.
    pub fn aws(&self, place: Place, stack: String, limits: impl Iterator<Item = &'static RequestLimit>) -> Aws {
        let is_elsewhere = self.is_elsewhere();
        let mut s3 = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(is_elsewhere);
        if let Some(owner) = BucketOwner::new(&place.account) {
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
            budgets: Budgets::new(limits.filter(|_| place.limits)),
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
            place,
            tally: if self.asked.get() { Tally::with_identity() } else { Tally::default() },
            max_pages: Cell::new(MAX_PAGES),
            memo: Memo::default(),
            notes: Notes::default(),
            recorder: None,
            reports: Reports::default(),
            retries: Retries::default(),
            surroundings: self.surroundings.clone(),
            told: Told::default(),
            locks: RefCell::new(HashMap::new()),
        }
    }
}

/// Our own layer retries, waits and bounds; the SDK sends each request once.
fn loader(region: &str) -> aws_config::ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(transport::shared(Route::Environment))
        .app_name(app_name())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Endpoints of single services that the configuration has and that are not those of all.
fn endpoints_of_services(config: &SdkConfig) -> BTreeMap<&'static str, String> {
    let endpoint_of = |service: &'static str| {
        // As the SDK calls the service: it has spaces there.
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

/// Returns the variables that are text.
fn lossless(variables: std::env::VarsOs) -> impl Iterator<Item = (String, String)> {
    variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
