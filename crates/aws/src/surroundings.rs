//! Settings of the caller that decide the destination of requests. Errors name the ones that led to an unreachable endpoint.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::{self, Display},
};

/// Prefix of the variables that name an endpoint, of all services or of one.
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// Proxy variables by the scheme of the endpoint, in order of precedence ([`ProxyConfig::from_env`]).
///
/// [`ProxyConfig::from_env`]: aws_smithy_http_client::proxy::ProxyConfig::from_env
const PROXIES: [(&str, &[&str]); 2] = [
    ("https", &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
    ("http", &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
];

/// Variables with the hosts that are reached without a proxy.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Variables that choose the source of credentials and hold none themselves.
const CREDENTIALS: [&str; 7] = [
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
];

/// Variables that hold credentials, which count only together.
const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Settings of the caller that redirect requests. Empty for the local AWS, where none of them counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// Environment variables that count, with their values.
    variables: BTreeMap<String, String>,
    /// Variable of [`KEYS`] that is set without the other.
    lone_key: Option<&'static str>,
    /// Settings that come from the profile.
    profile: Vec<Setting>,
    /// Endpoints of single services, by [`SERVICES`].
    services: BTreeMap<&'static str, Setting>,
}

/// Setting with its name and value, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    name: String,
    value: String,
}

/// Settings that the SDK resolved from variables and profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolved<'a> {
    /// Name of the profile.
    pub(super) profile: &'a str,
    /// Endpoint of all services.
    pub(super) endpoint_url: Option<&'a str>,
    /// Use of FIPS endpoints.
    pub(super) fips: bool,
    /// Use of dual-stack endpoints.
    pub(super) dual_stack: bool,
    /// Endpoints of single services, by [`SERVICES`], from the profile's `services` section.
    pub(super) services: BTreeMap<&'static str, String>,
}

impl Surroundings {
    /// Collects the settings. `resolved` adds those of a profile.
    pub(super) fn of(variables: impl Iterator<Item = (String, String)>, resolved: &Resolved<'_>) -> Self {
        let counts = |name: &str, value: &str| {
            let is_switch = name == "AWS_USE_FIPS_ENDPOINT" || name == "AWS_USE_DUALSTACK_ENDPOINT";
            let is_known = name.starts_with(ENDPOINT_URL)
                || name == "AWS_CA_BUNDLE"
                || CREDENTIALS.contains(&name)
                || NO_PROXY.contains(&name)
                || PROXIES.iter().any(|(_, names)| names.contains(&name));
            !value.is_empty() && (is_known || (is_switch && value.eq_ignore_ascii_case("true")))
        };
        // Of the keys, only the names are kept.
        let mut keys = Vec::new();
        let variables = variables.inspect(|(name, _)| keys.extend(KEYS.iter().copied().filter(|key| key == name)));
        let variables: BTreeMap<String, String> = variables.filter(|(name, value)| counts(name, value)).collect();
        let lone_key = if let [key] = keys[..] { Some(key) } else { None };
        let mut profile = Vec::new();
        let mut add = |key: &str, value: String, variable: &str| {
            if !variables.contains_key(variable) {
                profile.push(Setting { name: format!("{key} of the profile {}", resolved.profile), value });
            }
        };
        if let Some(url) = resolved.endpoint_url {
            add("endpoint_url", url.to_owned(), ENDPOINT_URL);
        }
        if resolved.fips {
            add("use_fips_endpoint", "true".to_owned(), "AWS_USE_FIPS_ENDPOINT");
        }
        if resolved.dual_stack {
            add("use_dualstack_endpoint", "true".to_owned(), "AWS_USE_DUALSTACK_ENDPOINT");
        }
        let of_section = |url: &String| Setting {
            name: format!("endpoint_url in the services of the profile {}", resolved.profile),
            value: url.clone(),
        };
        let services = resolved.services.iter().map(|(service, url)| (*service, of_section(url))).collect();
        Self { variables, lone_key, profile, services }
    }

    /// Describes the settings that sent a request of `service` to an unreachable endpoint, for the end of an error message. Empty if there are
    /// none.
    pub(super) fn blame(&self, service: &str, error: &(dyn Error + 'static)) -> String {
        let text = chain(error);
        if let Some(proxy) = self.proxy(service).filter(|_| text.contains("tunnel") || text.contains("proxy")) {
            return format!("; connecting through {proxy} failed");
        }
        if text.contains("certificate") || text.contains("UnknownIssuer") {
            return self.certificates();
        }
        let all: Vec<String> = self.endpoint(service).into_iter().chain(self.proxy(service)).map(|setting| setting.to_string()).collect();
        if all.is_empty() { String::new() } else { format!("; it goes there because of {}", all.join(" and ")) }
    }

    /// Describes the settings that should have led to credentials, for an error about missing ones: ` (AWS_PROFILE=work is set)`. Empty if there
    /// are none.
    pub(super) fn for_credentials(&self) -> String {
        let mut given: Vec<String> = CREDENTIALS.iter().filter_map(|name| self.variable(name)).map(|setting| setting.to_string()).collect();
        let other = |key| if key == KEYS[0] { KEYS[1] } else { KEYS[0] };
        given.extend(self.lone_key.map(|key| format!("{key} without {}", other(key))));
        match &given[..] {
            [] => String::new(),
            [one] => format!(" ({one} is set)"),
            several => format!(" ({} are set)", several.join(" and ")),
        }
    }

    /// Returns the settings that choose the endpoint of a service.
    fn endpoint(&self, service: &str) -> Vec<Setting> {
        let own = format!("{ENDPOINT_URL}_{}", service_id(service));
        let variable = [own.as_str(), ENDPOINT_URL].into_iter().find_map(|name| self.variable(name));
        let own = self.services.get(service_id(service));
        let general = self.profile.iter().filter(|_| own.is_none());
        let by_profile = own.into_iter().chain(general).filter(|_| variable.is_none()).cloned();
        let switches = ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"].into_iter().filter_map(|name| self.variable(name));
        let (variable, switches) = (variable.clone(), switches.filter(|_| variable.is_none()).collect::<Vec<_>>());
        variable.into_iter().chain(by_profile).chain(switches).collect()
    }

    /// Returns the proxy of a service's endpoint, if one is set.
    fn proxy(&self, service: &str) -> Option<Setting> {
        let endpoint = self.endpoint(service);
        let is_plain = endpoint.iter().any(|setting| setting.value.starts_with("http://"));
        if self.is_exempt(&host(service, &endpoint)) {
            return None;
        }
        let (_, names) = PROXIES[usize::from(is_plain)];
        let mut proxy = names.iter().find_map(|name| self.variable(name))?;
        proxy.value = without_password(&proxy.value);
        Some(proxy)
    }

    /// Returns whether a host is reached without a proxy: the list contains the host, a domain above it, or `*`.
    fn is_exempt(&self, host: &str) -> bool {
        let Some(exempt) = NO_PROXY.iter().find_map(|name| self.variable(name)) else { return false };
        let domains = exempt.value.split(',').map(|domain| domain.trim().trim_start_matches('.')).filter(|domain| !domain.is_empty());
        domains.into_iter().any(|domain| {
            let within = host.strip_suffix(domain);
            domain == "*" || within.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }

    /// Describes a certificate variable that other tools read and this program ignores.
    fn certificates(&self) -> String {
        let bundle = self.variable("AWS_CA_BUNDLE");
        bundle.map_or_else(String::new, |bundle| format!("; {bundle} is not read: set SSL_CERT_FILE to the same file"))
    }

    fn variable(&self, name: &str) -> Option<Setting> {
        self.variables.get(name).map(|value| Setting { name: name.to_owned(), value: value.clone() })
    }
}

impl Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Returns the host of a service: that of the configured URL, or one below AWS's domain, without the region.
fn host(service: &str, endpoint: &[Setting]) -> String {
    let url = endpoint.iter().find_map(|setting| setting.value.split_once("://"));
    let Some((_, rest)) = url else { return format!("{service}.amazonaws.com") };
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority.rfind(':').filter(|colon| authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    authority[..port.unwrap_or(authority.len())].trim_matches(['[', ']']).to_owned()
}

/// Names of the services that the program calls, as returned by [`service_id`].
pub(super) const SERVICES: [&str; 11] = [
    "API_GATEWAY",
    "CLOUDFRONT",
    "CLOUDTRAIL",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "DYNAMODB",
    "IAM",
    "LAMBDA",
    "RESOURCE_GROUPS_TAGGING_API",
    "S3",
    "STS",
];

/// Returns the name of a service in `AWS_ENDPOINT_URL_…`: its id with underscores ("Service-specific endpoints", AWS SDKs and Tools Reference
/// Guide).
fn service_id(service: &str) -> &str {
    match service {
        "apigateway" => "API_GATEWAY",
        "cloudfront" => "CLOUDFRONT",
        "cloudtrail" => "CLOUDTRAIL",
        "cloudwatch" => "CLOUDWATCH",
        "dynamodb" => "DYNAMODB",
        "iam" => "IAM",
        "lambda" => "LAMBDA",
        "logs" => "CLOUDWATCH_LOGS",
        "s3" => "S3",
        "sts" => "STS",
        "tag" => "RESOURCE_GROUPS_TAGGING_API",
        other => other,
    }
}

/// Returns the address of a proxy without its password, for messages: `http://user:…@host:1`.
fn without_password(url: &str) -> String {
    let Some((before, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let user = before.rfind(':').filter(|colon| !before[*colon..].starts_with("://")).map_or(before, |colon| &before[..colon]);
    format!("{user}:…@{host}")
}

/// Returns the text of an error with all its causes, because the outermost one has little detail.
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::{Resolved, Surroundings, without_password};
    use std::io::Error;

    fn blame(variables: &[(&str, &str)], resolved: &Resolved<'_>, service: &str, error: &str) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Surroundings::of(variables, resolved).blame(service, &Error::other(error.to_owned()))
    }

    #[test]
    fn what_was_to_lead_to_credentials_is_named() {
        let given = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Surroundings::of(variables, &Resolved::default()).for_credentials()
        };
        assert_eq!(given(&[("HTTPS_PROXY", "http://a")]), "");
        assert_eq!(given(&[("AWS_PROFILE", "work")]), " (AWS_PROFILE=work is set)");
        assert_eq!(given(&[("AWS_ACCESS_KEY_ID", "AKIA")]), " (AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY is set)");
        assert_eq!(given(&[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")]), "");
        assert_eq!(
            given(&[("AWS_ROLE_ARN", "arn"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")]),
            " (AWS_WEB_IDENTITY_TOKEN_FILE=/t and AWS_ROLE_ARN=arn are set)"
        );
    }

    #[test]
    fn the_setting_that_led_there_is_named() {
        let none = Resolved::default();
        let dns = "dns error: failed to lookup address information";
        assert_eq!(blame(&[], &none, "s3", dns), "");
        assert_eq!(blame(&[("AWS_USE_FIPS_ENDPOINT", "true")], &none, "s3", dns), "; it goes there because of AWS_USE_FIPS_ENDPOINT=true");
        assert_eq!(blame(&[("AWS_USE_FIPS_ENDPOINT", "false")], &none, "s3", dns), "");
        let urls = [("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_S3", "http://b"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")];
        assert_eq!(blame(&urls, &none, "s3", dns), "; it goes there because of AWS_ENDPOINT_URL_S3=http://b");
        assert_eq!(blame(&urls, &none, "logs", dns), "; it goes there because of AWS_ENDPOINT_URL=http://a");
        assert_eq!(
            blame(&[("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://c")], &none, "logs", dns),
            "; it goes there because of AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=http://c"
        );
        let profile = Resolved { profile: "work", endpoint_url: Some("http://d"), fips: true, ..none.clone() };
        let text = blame(&[], &profile, "s3", dns);
        assert_eq!(
            text,
            "; it goes there because of endpoint_url of the profile work=http://d and use_fips_endpoint of the profile work=true"
        );
        let section =
            Resolved { services: [("LOGS", "x"), ("S3", "http://e")].map(|(name, url)| (name, url.to_owned())).into(), ..profile };
        assert_eq!(blame(&[], &section, "s3", dns), "; it goes there because of endpoint_url in the services of the profile work=http://e");
        assert!(blame(&[], &section, "iam", dns).contains("endpoint_url of the profile work=http://d"));
        assert!(blame(&urls[..1], &section, "s3", dns).ends_with("because of AWS_ENDPOINT_URL=http://a"), "a variable counts more");
    }

    #[test]
    fn a_proxy_is_to_blame_where_it_counts() {
        let none = Resolved::default();
        let proxies = [("HTTPS_PROXY", "http://u:secret@p:1"), ("HTTP_PROXY", "http://q:2")];
        assert_eq!(blame(&proxies, &none, "s3", "tunnel error: unsuccessful"), "; connecting through HTTPS_PROXY=http://u:…@p:1 failed");
        let local = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), proxies[0], proxies[1]];
        assert_eq!(blame(&local, &none, "s3", "proxy error"), "; connecting through HTTP_PROXY=http://q:2 failed");
        assert_eq!(blame(&[("all_proxy", "http://r:3")], &none, "iam", "refused"), "; it goes there because of all_proxy=http://r:3");
        let exempt = |host: &str, url: &str| {
            let variables = [("NO_PROXY", host), ("HTTP_PROXY", "http://q:2"), ("HTTPS_PROXY", "http://q:2"), ("AWS_ENDPOINT_URL", url)];
            !blame(&variables[..if url.is_empty() { 3 } else { 4 }], &none, "s3", "refused").contains("PROXY")
        };
        assert!(exempt("127.0.0.1", "http://127.0.0.1:1/") && exempt("::1", "http://[::1]:1") && exempt("*", "http://127.0.0.1:1"));
        assert!(exempt("a.example, .amazonaws.com", "") && exempt("aws.example", "https://s3.aws.example"));
        assert!(!exempt("xamazonaws.com,naws.com", "") && !exempt("s.example", "https://aws.example") && !exempt(",", ""));
    }

    #[test]
    fn a_bundle_of_certificates_that_does_not_count_is_named() {
        let error = "invalid peer certificate: UnknownIssuer";
        let bundle = [("AWS_CA_BUNDLE", "/a.pem")];
        let text = blame(&bundle, &Resolved::default(), "s3", error);
        assert_eq!(text, "; AWS_CA_BUNDLE=/a.pem is not read: set SSL_CERT_FILE to the same file");
        assert_eq!(blame(&[], &Resolved::default(), "s3", error), "");
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("http://user:pass@host:8080"), "http://user:…@host:8080");
        assert_eq!(without_password("http://host:8080"), "http://host:8080");
        assert!(!without_password("user:p@ss@host").contains("p@ss"));
    }
}
