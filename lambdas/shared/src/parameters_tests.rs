//! Tests of parameters against an HTTP service with prepared answers.

use super::*;
use crate::endpoints::Service;
use crate::secrets::{self, REFRESH_VARIABLE, Rotation};
use crate::store::Store;
use crate::time::{MINUTE, Millis, SECOND};
use crate::token::Readers;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const NAME: &str = "/shop/dev/READ_TOKEN_SHA256";
const DENIAL: (u16, &str) =
    (400, r#"{"__type":"AccessDeniedException","Message":"User: f is not authorized to perform: ssm:GetParameters"}"#);
const THROTTLE: (u16, &str) = (400, r#"{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}"#);

/// Service that gives each answer once and the last one for ever, and records its requests.
struct Standin {
    url: String,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Standin {
    async fn start(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let standin = Self { url, answers: Arc::default(), asked: Arc::default() };
        standin.will_answer(answers);
        let (answers, asked) = (standin.answers.clone(), standin.asked.clone());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, answers.clone(), asked.clone()));
            }
        });
        standin
    }

    fn will_answer(&self, answers: &[(u16, &str)]) {
        *self.answers.lock().unwrap() = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn client(&self) -> Client {
        let credentials = Credentials::new("AKIDEXAMPLE", "not-shown", Some("session".to_owned()), None, "test");
        Client::of(SharedCredentialsProvider::new(credentials), "eu-west-1", &self.url)
    }

    async fn error(&self, names: &[&str]) -> String {
        self.client().read(names, Moment::Refresh).await.unwrap_err().to_string()
    }
}

async fn serve(connection: TcpStream, answers: Arc<Mutex<VecDeque<(u16, String)>>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut connection = BufReader::new(connection);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await.unwrap();
        asked.lock().unwrap().push(format!("{head}\n{}", String::from_utf8(body).unwrap()));
        let (status, body) = {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
        };
        let answer =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn answer(values: &[(&str, &str)]) -> String {
    let parameters: Vec<_> =
        values.iter().map(|(name, value)| serde_json::json!({ "Name": name, "Type": "SecureString", "Value": value })).collect();
    serde_json::json!({ "Parameters": parameters, "InvalidParameters": [] }).to_string()
}

#[tokio::test]
async fn all_parameters_are_read_decrypted_by_one_signed_request() {
    let both = answer(&[("/shop/dev/TOKEN_SECRET", "one"), (NAME, "two")]);
    let service = Standin::start(&[(200, &both)]).await;
    let values = service.client().read(&["/shop/dev/TOKEN_SECRET", NAME], Moment::Start).await.unwrap();
    assert_eq!((values["/shop/dev/TOKEN_SECRET"].as_str(), values[NAME].as_str()), ("one", "two"));
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    let request = requests[0].to_lowercase();
    for part in [
        "post / http/1.1",
        "x-amz-target: amazonssm.getparameters",
        "content-type: application/x-amz-json-1.1",
        "x-amz-security-token: session",
        "/eu-west-1/ssm/aws4_request",
        "signedheaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        r#""withdecryption":true"#,
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
    assert!(!request.contains("not-shown"));
}

#[tokio::test]
async fn more_names_than_a_request_takes_go_into_several() {
    let names: Vec<String> = (0..12).map(|number| format!("/shop/dev/SECRET_{number}")).collect();
    let of = |names: &[String]| answer(&names.iter().map(|name| (name.as_str(), "x")).collect::<Vec<_>>());
    let service = Standin::start(&[(200, &of(&names[..10])), (200, &of(&names[10..]))]).await;
    let values = service.client().read(&names.iter().map(String::as_str).collect::<Vec<_>>(), Moment::Start).await.unwrap();
    assert_eq!((values.len(), service.requests().len()), (12, 2));
}

#[tokio::test]
async fn a_missing_parameter_is_named_with_the_command_that_makes_it() {
    let one =
        r#"{"Parameters":[{"Name":"/shop/dev/TOKEN_SECRET","Value":"never-shown"}],"InvalidParameters":["/shop/dev/READ_TOKEN_SHA256"]}"#;
    let service = Standin::start(&[(200, one)]).await;
    let error = service.error(&["/shop/dev/TOKEN_SECRET", NAME]).await;
    assert_eq!(
        error,
        "ssm:GetParameters found no parameter /shop/dev/READ_TOKEN_SHA256 in eu-west-1; make it with: aws ssm put-parameter --region \
         eu-west-1 --type SecureString --name /shop/dev/READ_TOKEN_SHA256 --value VALUE"
    );
    assert_eq!(service.requests().len(), 1, "asking again helps nobody");
}

#[tokio::test]
async fn a_denial_is_told_with_what_allows_it() {
    let service = Standin::start(&[DENIAL]).await;
    let error = service.error(&[NAME]).await;
    for part in [
        "ssm:GetParameters of /shop/dev/READ_TOKEN_SHA256 in eu-west-1 is denied (AccessDeniedException: User: f is not authorized",
        "`liveinsight up` allows it",
        "policy --boundary",
        "kms:Decrypt",
        "aws ssm put-parameter --region eu-west-1 --type SecureString --overwrite --name /shop/dev/READ_TOKEN_SHA256 --value VALUE",
    ] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn a_function_that_starts_waits_until_iam_knows_what_its_role_may() {
    let value = answer(&[(NAME, "x")]);
    let service = Standin::start(&[DENIAL, DENIAL, (200, &value)]).await;
    assert_eq!(service.client().read(&[NAME], Moment::Start).await.unwrap()[NAME], "x");
    service.will_answer(&[DENIAL]);
    service.requests();
    let error = service.client().read(&[NAME], Moment::Start).await.unwrap_err().to_string();
    assert!(error.contains("is denied") && service.requests().len() == 6, "{error}");
}

#[tokio::test]
async fn a_throttle_is_waited_out_and_told_after_three_attempts() {
    let value = answer(&[(NAME, "x")]);
    let service = Standin::start(&[THROTTLE, (503, "busy"), (200, &value)]).await;
    assert_eq!(service.client().read(&[NAME], Moment::Start).await.unwrap()[NAME], "x");
    assert_eq!(service.requests().len(), 3);

    service.will_answer(&[THROTTLE]);
    let error = service.error(&[NAME]).await;
    assert!(error.contains(NAME) && error.contains("was throttled 3 times (ThrottlingException: Rate exceeded)"), "{error}");
    assert!(error.contains("high-throughput-enabled"), "{error}");
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_shows_nothing_of_what_it_holds() {
    for broken in [r#"{"Parameters":"never-shown"}"#, r#"{"Parameters":[{"Name":"never-shown","Value":7}]}"#, "never-shown", ""] {
        let service = Standin::start(&[(200, broken)]).await;
        let error = service.error(&[NAME]).await;
        assert!(
            error.contains("got no answer: its answer is none of GetParameters") && error.contains("aws ssm get-parameters"),
            "{error}"
        );
        assert!(!error.contains("never-shown"), "{error}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let credentials = SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test"));
    let error =
        Client::of(credentials, "eu-west-1", &format!("http://{gone}/")).read(&[NAME], Moment::Start).await.unwrap_err().to_string();
    assert!(error.contains(NAME) && error.contains("got no answer: ") && error.to_lowercase().contains("refused"), "{error}");
}

#[test]
fn the_address_is_that_of_the_region_unless_it_is_set() {
    assert_eq!(url("eu-west-1", None, None), "https://ssm.eu-west-1.amazonaws.com/");
    assert_eq!(url("us-gov-west-1", None, None), "https://ssm.us-gov-west-1.amazonaws.com/");
    assert_eq!(url("cn-north-1", Some(""), None), "https://ssm.cn-north-1.amazonaws.com.cn/");
    assert_eq!(url("eu-west-1", None, Some("http://a:1")), "http://a:1/");
    assert_eq!(url("eu-west-1", Some("http://b:2/"), Some("http://a:1")), "http://b:2/");
}

// Rotation.

/// `printf one | sha256sum` and so on.
const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
const TWO: &str = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

async fn load(service: &Standin, variables: &[(&str, &str)]) -> Result<(Arc<Service>, Rotation), String> {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(&service.url)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .build();
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let (access, rotation) = secrets::load(&config, variable, 0).await?;
    let service = Service::new(Store::new(aws_sdk_dynamodb::Client::new(&config), "events", ""));
    service.set_access(access);
    Ok((Arc::new(service), rotation.expect("there are parameters")))
}

fn admits(service: &Service, token: &str) -> bool {
    service.access().readers.admit(Some(token), "default")
}

#[tokio::test]
async fn a_new_value_is_taken_after_five_minutes_and_the_old_one_refused() {
    let standin = Standin::start(&[(200, &answer(&[(NAME, ONE)]))]).await;
    let (service, rotation) = load(&standin, &[("READ_TOKEN_SHA256_PARAMETER", NAME)]).await.unwrap();
    assert!(admits(&service, "one") && !admits(&service, "two"));
    standin.will_answer(&[(200, &answer(&[(NAME, TWO)]))]);
    rotation.refresh(&service, 5 * MINUTE - 1).await;
    assert!(admits(&service, "one") && standin.requests().len() == 1);
    rotation.refresh(&service, 5 * MINUTE).await;
    assert!(!admits(&service, "one") && admits(&service, "two"));
    rotation.refresh(&service, 5 * MINUTE + 1).await;
    assert_eq!(standin.requests().len(), 1, "not for every request");
    // A clock that was set back by more than that.
    rotation.refresh(&service, -MINUTE).await;
    assert_eq!(standin.requests().len(), 1);
}

#[tokio::test]
async fn what_fails_or_is_wrong_keeps_the_values_and_is_tried_again_a_minute_later() {
    let two = answer(&[(NAME, TWO)]);
    let (token, blank) = (answer(&[(NAME, "a token in place of its hash")]), answer(&[(NAME, " , ")]));
    for (status, wrong) in [DENIAL, THROTTLE, (200, &*token), (200, &*blank), (200, r#"{"Parameters":[]}"#), (200, "{")] {
        let standin = Standin::start(&[(200, &answer(&[(NAME, ONE)]))]).await;
        // It stays closed although it would be open without a token.
        let (service, rotation) = load(&standin, &[("READ_TOKEN_SHA256_PARAMETER", NAME), ("READERS", "public")]).await.unwrap();
        standin.will_answer(&[(status, wrong)]);
        standin.requests();
        let now = 5 * MINUTE;
        rotation.refresh(&service, now).await;
        assert!(admits(&service, "one") && !admits(&service, "two"), "{wrong}");
        standin.requests();
        standin.will_answer(&[(200, &two)]);
        rotation.refresh(&service, now + MINUTE - 1).await;
        assert!(admits(&service, "one") && standin.requests().is_empty(), "{wrong}");
        rotation.refresh(&service, now + MINUTE).await;
        assert!(!admits(&service, "one") && admits(&service, "two"), "{wrong}");
    }
}

#[tokio::test]
async fn one_wrong_value_does_not_hold_up_the_other() {
    let secret = "/shop/dev/TOKEN_SECRET";
    let standin = Standin::start(&[(200, &answer(&[(NAME, ONE), (secret, "s1")]))]).await;
    let variables = [("READ_TOKEN_SHA256_PARAMETER", NAME), ("TOKEN_SECRET_PARAMETER", secret)];
    let (service, rotation) = load(&standin, &variables).await.unwrap();
    assert_eq!(standin.requests().len(), 1, "both by one request");
    let sign = |now: Millis| service.access().signer.as_ref().unwrap().sign("shop", "session-0001", now);
    let verify = |token: &str| service.access().signer.as_ref().unwrap().verify(token, "shop", "session-0001", 0);
    let before = sign(0);
    standin.will_answer(&[(200, &answer(&[(NAME, "wrong"), (secret, "s2")]))]);
    rotation.refresh(&service, 5 * MINUTE).await;
    assert!(admits(&service, "one") && !verify(&before));
    standin.will_answer(&[(200, &answer(&[(NAME, TWO), (secret, "s2, s1")]))]);
    rotation.refresh(&service, 6 * MINUTE).await;
    assert!(admits(&service, "two") && verify(&before), "a second secret is taken as well");
}

#[tokio::test]
async fn a_function_does_not_start_with_a_value_that_is_of_no_use() {
    for value in ["a-token=in-place-of-its-hash", "é", " "] {
        let standin = Standin::start(&[(200, &answer(&[(NAME, value)]))]).await;
        let error = load(&standin, &[("READ_TOKEN_SHA256_PARAMETER", NAME)]).await.map(|_| ()).unwrap_err();
        assert!(error.contains("the parameter /shop/dev/READ_TOKEN_SHA256 is of no use: READ_TOKEN_SHA256"), "{error}");
        assert!(error.contains("--overwrite") && !error.contains("in-place") && !error.contains("a-token"), "{error}");
    }
    let standin = Standin::start(&[(200, &answer(&[(NAME, ONE)]))]).await;
    for seconds in ["0", "-1", "5m"] {
        let error = load(&standin, &[("READ_TOKEN_SHA256_PARAMETER", NAME), (REFRESH_VARIABLE, seconds)]).await.map(|_| ()).unwrap_err();
        assert!(error.contains(REFRESH_VARIABLE) && error.contains(seconds), "{error}");
    }
    assert!(standin.requests().is_empty());
}

#[tokio::test]
async fn the_time_between_two_looks_can_be_set() {
    let standin = Standin::start(&[(200, &answer(&[(NAME, ONE)]))]).await;
    let (service, rotation) = load(&standin, &[("READ_TOKEN_SHA256_PARAMETER", NAME), (REFRESH_VARIABLE, "2")]).await.unwrap();
    standin.requests();
    rotation.refresh(&service, 2 * SECOND - 1).await;
    assert!(standin.requests().is_empty());
    // Nor does one that failed wait longer than that.
    standin.will_answer(&[DENIAL, (200, &answer(&[(NAME, TWO)]))]);
    rotation.refresh(&service, 2 * SECOND).await;
    rotation.refresh(&service, 4 * SECOND).await;
    assert!(admits(&service, "two") && matches!(service.access().readers, Readers::WithToken(_)));
}
