//! Event of the history: a request by any principal.

use super::Author;
use crate::{aws::APP_NAME, lock::time};
use aws_smithy_types::{DateTime, date_time::Format};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) author: Author,
    /// Operation, such as `PutMetricAlarm`.
    pub(super) name: String,
    /// First part of the service's host, such as `monitoring`.
    pub(super) source: String,
    /// Set if this program made the request, in any run.
    pub(super) ours: bool,
    /// Texts in the request, and what CloudTrail takes for the names of resources.
    pub(super) mentions: BTreeSet<String>,
}

/// Fields of a record that are read ("CloudTrail record contents" in its user guide). All may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    user_identity: Identity,
    event_time: String,
    event_source: String,
    event_name: String,
    user_agent: Option<String>,
    error_code: Option<String>,
    /// Boolean; the local AWS writes it as text.
    read_only: Value,
    session_credential_from_console: Value,
    request_parameters: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    arn: Option<String>,
    user_name: Option<String>,
    principal_id: Option<String>,
    /// AWS service that made the request on behalf of a principal.
    invoked_by: Option<String>,
}

/// Services that have different names in event sources and in IAM's actions.
const SERVICES: &[(&str, &str)] = &[("monitoring", "cloudwatch")];

/// Tools that appear in the middle of a user agent.
const TOOLS: &[&str] = &["Terraform", "OpenTofu", "Pulumi", "Ansible"];

/// Maximum length of a name, because the client of a request chooses its user agent freely.
const LONGEST: usize = 256;

impl Event {
    /// Reads a record, with the names of the resources that CloudTrail lists beside it. `None` if it changed nothing or is
    /// malformed.
    pub(super) fn read<'a>(record: &str, resources: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let record: Record = serde_json::from_str(record).ok()?;
        if record.error_code.is_some() || is_true(&record.read_only) {
            return None;
        }
        let at = DateTime::from_str(&record.event_time, Format::DateTime).ok()?;
        let source = record.event_source.split('.').next().unwrap_or_default().to_owned();
        let name = record.operation();
        let service = SERVICES.iter().find(|(of, _)| *of == source).map_or(source.as_str(), |(_, service)| service);
        let mut mentions: BTreeSet<String> = resources.into_iter().map(str::to_owned).collect();
        texts(&record.request_parameters, &mut mentions);
        let author = Author {
            who: clean(&record.who()?),
            operation: format!("{service}:{name}"),
            at: time(at),
            via: record.via().map(|via| clean(&via)),
            seconds: at.secs(),
        };
        let ours = record.user_agent.as_deref().unwrap_or_default().split_whitespace().any(|part| part == format!("app/{APP_NAME}"));
        Some(Self { author, name, source, ours, mentions })
    }
}

impl Record {
    /// Returns the operation's name, without the date that Lambda's have: `UpdateFunctionConfiguration20150331v2`.
    fn operation(&self) -> String {
        // The local AWS names a request by its method and service if the operation is named in its body.
        let in_body = self.request_parameters["Action"].as_str().filter(|_| self.event_name.contains('.'));
        let name = in_body.unwrap_or(&self.event_name);
        let date = name.find(|c: char| c.is_ascii_digit()).filter(|&start| name[start..].len() >= "20150331".len());
        clean(date.map_or(name, |start| &name[..start]))
    }

    fn who(&self) -> Option<String> {
        let Identity { arn, user_name, principal_id, invoked_by } = &self.user_identity;
        [arn, user_name, invoked_by, principal_id].into_iter().flatten().find(|name| !name.is_empty()).cloned()
    }

    fn via(&self) -> Option<String> {
        let agent = self.user_agent.as_deref().unwrap_or_default().trim_matches(['[', ']']);
        let console = ["console.amazonaws.com", "signin.amazonaws.com", "AWS-Console", "S3Console/"];
        if is_true(&self.session_credential_from_console) || console.iter().any(|console| agent.starts_with(console)) {
            return Some("console".to_owned());
        }
        if self.user_identity.invoked_by.is_some() {
            return self.user_identity.invoked_by.clone();
        }
        let tool = TOOLS.iter().find(|tool| agent.contains(&format!("{tool}/")));
        let first = || agent.split([' ', '/', ',']).next().filter(|product| !product.is_empty());
        tool.copied().or_else(first).map(str::to_owned)
    }
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_str() == Some("true")
}

/// Collects every text in a value.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

/// Cleans a text of unknown origin: it must not move the cursor, nor fill the screen.
fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::Event;
    use serde_json::{Value, json};

    /// Builds a record as in the user guide, with a test's changes.
    #[expect(clippy::needless_pass_by_value, reason = "`json!` makes values")]
    fn record(changes: Value) -> String {
        let mut record = json!({
            "eventVersion": "1.08",
            "userIdentity": { "type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/Admin/ada", "accountId": "123456789012" },
            "eventTime": "2026-11-24T12:00:05Z",
            "eventSource": "monitoring.amazonaws.com",
            "eventName": "PutMetricAlarm",
            "userAgent": "aws-cli/2.17.1 md/awscrt#0.20 exec-env/CloudShell",
            "readOnly": false,
            "requestParameters": { "alarmName": "shop-errors-dev", "dimensions": [{ "name": "FunctionName", "value": "f" }] },
        });
        for (name, value) in changes.as_object().unwrap() {
            record[name] = value.clone();
        }
        record.to_string()
    }

    fn read(changes: Value) -> Option<Event> {
        Event::read(&record(changes), ["shop-errors-dev"])
    }

    #[test]
    fn a_record_says_who_did_what_when_and_with_what() {
        let event = read(json!({})).unwrap();
        assert_eq!(event.author.who, "arn:aws:sts::123456789012:assumed-role/Admin/ada");
        assert_eq!((event.author.operation.as_str(), event.author.via.as_deref()), ("cloudwatch:PutMetricAlarm", Some("aws-cli")));
        assert_eq!((event.author.at.as_str(), event.author.seconds), ("2026-11-24T12:00:05Z", 1_795_521_605));
        assert_eq!((event.source.as_str(), event.ours), ("monitoring", false));
        assert!(event.mentions.contains("f") && event.mentions.contains("shop-errors-dev"));
    }

    #[test]
    fn what_changed_nothing_is_no_event() {
        assert_eq!(read(json!({ "readOnly": true })), None);
        assert_eq!(read(json!({ "readOnly": "true" })), None);
        assert_eq!(read(json!({ "errorCode": "AccessDenied" })), None);
        assert_eq!(Event::read("<html>", []), None);
        assert_eq!(Event::read("{}", []), None);
    }

    #[test]
    fn the_tool_is_told_where_it_can_be() {
        let via = |changes: Value| read(changes).unwrap().author.via;
        let agent = |agent: &str| via(json!({ "userAgent": agent }));
        assert_eq!(via(json!({ "sessionCredentialFromConsole": "true" })).as_deref(), Some("console"));
        assert_eq!(agent("console.amazonaws.com").as_deref(), Some("console"));
        assert_eq!(agent("[S3Console/0.4, aws-internal/3]").as_deref(), Some("console"));
        assert_eq!(agent("APN/1.0 HashiCorp/1.0 Terraform/1.9.2 aws-sdk-go-v2/1.30").as_deref(), Some("Terraform"));
        assert_eq!(agent("Boto3/1.43.1 md/Botocore#1.43.1").as_deref(), Some("Boto3"));
        assert_eq!(agent(""), None);
        let service = json!({ "userIdentity": { "type": "AWSService", "invokedBy": "cloudformation.amazonaws.com" } });
        assert_eq!(read(service).unwrap().author.who, "cloudformation.amazonaws.com");
    }

    #[test]
    fn this_programs_own_requests_are_known() {
        let agent = "aws-sdk-rust/1.3.9 ua/2.1 api/cloudwatch#1.140 os/linux lang/rust#1.95 app/liveinsight";
        assert!(read(json!({ "userAgent": agent })).unwrap().ours);
        assert!(!read(json!({ "userAgent": "aws-sdk-rust/1.3.9 app/liveinsight-other" })).unwrap().ours);
    }

    #[test]
    fn operations_go_by_the_names_that_iam_has() {
        let operation = |changes: Value| read(changes).unwrap().author.operation;
        let lambda = json!({ "eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionConfiguration20150331v2" });
        assert_eq!(operation(lambda), "lambda:UpdateFunctionConfiguration");
        let local =
            json!({ "eventSource": "iam.amazonaws.com", "eventName": "POST.iam", "requestParameters": { "Action": "PutRolePolicy" } });
        assert_eq!(operation(local), "iam:PutRolePolicy");
    }

    #[test]
    fn nobody_moves_the_cursor() {
        let event = read(json!({ "userAgent": "a\u{1b}[2J\n/1", "userIdentity": { "userName": "eve\u{7}" } })).unwrap();
        assert_eq!((event.author.who.as_str(), event.author.via.as_deref()), ("eve", Some("a[2J")));
    }
}
