//! Tests that `--local` stays on this machine, whatever the caller's AWS settings: no variable, profile or file redirects or
//! breaks a request.

use super::{
    response,
    small::{Small, succeeded},
};
use serde_json::Value;
use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    process::Command,
};

/// Settings by name and value. `{trap}` is the address of a server that must receive nothing, `{host}` the same without a
/// scheme, and `{config}` a file with profiles that lead there.
const POISON: &[(&str, &str)] = &[
    ("HTTP_PROXY", "{trap}"),
    ("http_proxy", "{trap}"),
    ("HTTPS_PROXY", "{trap}"),
    ("https_proxy", "{trap}"),
    ("ALL_PROXY", "{trap}"),
    ("all_proxy", "{trap}"),
    ("AWS_USE_FIPS_ENDPOINT", "true"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ("AWS_ENDPOINT_URL", "{trap}"),
    ("AWS_ENDPOINT_URL_API_GATEWAY", "{trap}"),
    ("AWS_ENDPOINT_URL_CLOUDFRONT", "{trap}"),
    ("AWS_ENDPOINT_URL_CLOUDTRAIL", "{trap}"),
    ("AWS_ENDPOINT_URL_CLOUDWATCH", "{trap}"),
    ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "{trap}"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "{trap}"),
    ("AWS_ENDPOINT_URL_IAM", "{trap}"),
    ("AWS_ENDPOINT_URL_LAMBDA", "{trap}"),
    ("AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", "{trap}"),
    ("AWS_ENDPOINT_URL_S3", "{trap}"),
    ("AWS_ENDPOINT_URL_STS", "{trap}"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{trap}"),
    ("AWS_EC2_METADATA_DISABLED", "false"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{trap}"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "{config}"),
    ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/elsewhere"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "elsewhere"),
    ("AWS_SESSION_TOKEN", "elsewhere"),
    ("AWS_ACCOUNT_ID", "123456789012"),
    ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required"),
    ("AWS_CONFIG_FILE", "{config}"),
    ("AWS_SHARED_CREDENTIALS_FILE", "{config}"),
    ("AWS_CA_BUNDLE", "/nonexistent/certificates.pem"),
    ("SSL_CERT_FILE", "/nonexistent/certificates.pem"),
    ("SSL_CERT_DIR", "/nonexistent"),
    ("AWS_REGION", "eu-north-1"),
    ("AWS_DEFAULT_REGION", "nowhere"),
    ("AWS_DEFAULTS_MODE", "nonsense"),
    ("AWS_RETRY_MODE", "nonsense"),
    ("AWS_MAX_ATTEMPTS", "nonsense"),
    ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "legacy"),
    ("AWS_S3_USE_ARN_REGION", "true"),
    ("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "nonsense"),
    ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
    ("AWS_RESPONSE_CHECKSUM_VALIDATION", "nonsense"),
    ("AWS_AUTH_SCHEME_PREFERENCE", "sigv4a"),
    ("AWS_SIGV4A_SIGNING_REGION_SET", "nowhere"),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
];

/// Profiles that lead to the trap in every way that profiles support, and a broken file.
const PROFILES: &[&str] = &["endpoint", "services", "fips", "dualstack", "role", "sso", "process", "s3", "nonexistent"];

fn config(trap: &str) -> String {
    format!(
        "[default]
endpoint_url = {trap}
use_fips_endpoint = true
[profile endpoint]
endpoint_url = {trap}
[profile services]
services = all
[services all]
s3 =
  endpoint_url = {trap}
dynamodb =
  endpoint_url = {trap}
iam =
  endpoint_url = {trap}
[profile fips]
use_fips_endpoint = true
[profile dualstack]
use_dualstack_endpoint = true
[profile role]
role_arn = arn:aws:iam::123456789012:role/elsewhere
source_profile = endpoint
[profile sso]
sso_session = elsewhere
sso_account_id = 123456789012
sso_role_name = Admin
[sso-session elsewhere]
sso_region = us-east-1
sso_start_url = {trap}/start
[profile process]
credential_process = /nonexistent/program
[profile s3]
s3 =
  use_accelerate_endpoint = true
  addressing_style = virtual
  us_east_1_regional_endpoint = legacy
"
    )
}

/// Server that must receive no connection.
struct Trap(TcpListener);

impl Trap {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    #[track_caller]
    fn heard_nothing(&self, with: &str) {
        match self.0.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("with {with}, a request went elsewhere: {other:?}"),
        }
    }
}

#[test]
fn local_stays_on_this_machine_whatever_is_set() {
    let (project, trap) = (Small::new(), Trap::new());
    let config_file = project.write("config", &config(&trap.address()));
    let value = |template: &str| template.replace("{trap}", &trap.address()).replace("{config}", &config_file.to_string_lossy());
    let run = |mut command: Command, with: &str| {
        succeeded(&command.output().unwrap(), with);
        trap.heard_nothing(with);
    };

    // All settings apply at once, with every command that connects.
    let lines: [&[&str]; 6] = [&["up"], &["plan", "--exit-code"], &["status"], &["outputs"], &["logs", "--since", "1h"], &["doctor"]];
    for line in lines {
        let mut command = project.command(line);
        command.arg("--local").envs(POISON.iter().map(|(name, template)| (*name, value(template))));
        run(command, &format!("everything at once, {line:?}"));
    }

    // Each setting applies alone, because one may hide another.
    for (name, template) in POISON {
        let mut command = project.command(&["plan", "--local", "--exit-code"]);
        command.env(name, value(template));
        run(command, name);
    }
    for profile in PROFILES {
        let mut command = project.command(&["plan", "--local", "--exit-code"]);
        command.env("AWS_CONFIG_FILE", &config_file).env("AWS_PROFILE", profile);
        run(command, profile);
        let mut command = project.command(&["plan", "--local", "--exit-code", "--profile", profile]);
        command.env("AWS_CONFIG_FILE", &config_file);
        run(command, profile);
    }
    project.write("config", "[profile\n= [[[ broken");
    let mut command = project.command(&["plan", "--local", "--exit-code"]);
    command.env("AWS_CONFIG_FILE", &config_file);
    run(command, "a broken AWS_CONFIG_FILE");

    // The trap does catch connections.
    TcpStream::connect(trap.0.local_addr().unwrap()).unwrap();
    assert!(trap.0.accept().is_ok());
}

#[test]
fn without_local_the_setting_to_blame_is_named() {
    let project = Small::new();
    // No server listens at this port.
    let nobody = { format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()) };
    let config_file = project.write(
        "config",
        &format!(
            "[profile work]\nendpoint_url = {nobody}\n[profile parts]\nservices = one\n[services one]\nsts =\n  endpoint_url = {nobody}\n"
        ),
    );
    let says = |variables: &[(&str, &str)], expected: &str| {
        let mut command = project.command(&["status"]);
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "x").envs(variables.iter().copied());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{expected} is not in\n{said}");
    };
    says(&[("HTTPS_PROXY", &nobody)], &format!("connecting through HTTPS_PROXY={nobody} failed"));
    says(&[("https_proxy", &nobody)], &format!("connecting through https_proxy={nobody} failed"));
    says(&[("ALL_PROXY", &nobody)], &format!("connecting through ALL_PROXY={nobody} failed"));
    says(&[("AWS_ENDPOINT_URL", &nobody)], &format!("it goes there because of AWS_ENDPOINT_URL={nobody}"));
    says(&[("AWS_ENDPOINT_URL_STS", &nobody)], &format!("it goes there because of AWS_ENDPOINT_URL_STS={nobody}"));
    let config_file = config_file.to_string_lossy();
    let profile = [("AWS_PROFILE", "work"), ("AWS_CONFIG_FILE", &*config_file)];
    says(&profile, &format!("it goes there because of endpoint_url of the profile work={nobody}"));
    let by_service = [("AWS_PROFILE", "parts"), profile[1]];
    says(&by_service, &format!("it goes there because of endpoint_url in the services of the profile parts={nobody}"));
}

#[test]
fn a_browser_can_read_the_errors_of_the_api_itself() {
    let project = Small::new();
    project.ok(&["up", "--local"]);
    let outputs: Value = serde_json::from_str(&project.ok(&["outputs", "--local", "--format", "json"])).unwrap();
    let api = outputs["api_url"].as_str().unwrap();
    let origin = |origins: &str| {
        let answer = response(&format!("{api}/api/nothing"), &[("Origin", "https://page.example")], None);
        assert!(answer.status().is_client_error(), "{answer:?}");
        assert_eq!(answer.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap()), Some(origins), "{answer:?}");
    };
    origin("https://page.example");
    // One header cannot contain several origins, and these errors are the same for every client.
    let stack = std::fs::read_to_string(project.path().join("stack.yaml")).unwrap();
    project.write("stack.yaml", &stack.replace(r#"["https://page.example"]"#, r#"["https://page.example", "https://other.example"]"#));
    project.ok(&["up", "--local"]);
    origin("*");
    project.ok(&["plan", "--local", "--exit-code"]);
    let status = project.ok(&["local", "status"]);
    assert!(status.contains("region eu-west-1"), "{status}");
}
