//! Tests that requests about every kind are recognised, and that no author is blamed for another's change.

use super::Subject;
use crate::{
    aws::facts::Identity,
    engine::{Cause, Changes, Id, State, Step},
    resources::{self},
    trail::event::Event,
};
use serde_json::{Value, json};

fn step<R: crate::engine::Resource>(logical: &str, name: &str, state: State, cause: Option<Cause>) -> Step {
    let (id, name) = (Id::new::<R>(logical), name.to_owned());
    Step { id, name, state, action: None, changes: Changes::default(), fixed: &[], cause, objection: None }
}

fn named(names: &[&str], also: &[&str]) -> Identity {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Identity { console: None, names: texts(names), also: texts(also) }
}

fn subject(step: &Step) -> Option<Subject> {
    Subject::of(step, named(&[&step.name], &[]))
}

fn drifted<R: crate::engine::Resource>(name: &str, also: &[&str]) -> Subject {
    Subject::of(&step::<R>("a", name, State::Drifted, Some(Cause::Drift)), named(&[name], also)).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values")]
fn event(source: &str, name: &str, who: &str, parameters: Value) -> Event {
    let agent = if who == "us" { "aws-sdk-rust/1 app/liveinsight" } else { "Boto3/1" };
    let record = json!({
        "userIdentity": { "arn": who }, "eventTime": "2026-11-24T12:00:05Z", "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "userAgent": agent, "readOnly": false, "requestParameters": parameters,
    });
    Event::read(&record.to_string(), []).unwrap()
}

fn explained(subject: &Subject, events: &[Event]) -> Option<String> {
    subject.explained(events).map(|event| event.author.who.clone())
}

#[test]
fn only_what_was_changed_from_outside_or_may_have_been_is_asked_for() {
    let asked = |state, cause| subject(&step::<resources::Role>("stats", "shop-stats-dev", state, cause)).is_some();
    assert!(asked(State::Drifted, Some(Cause::Drift)) && asked(State::Drifted, Some(Cause::Conflict)) && asked(State::Drifted, None));
    assert!(asked(State::Missing, None) && asked(State::Orphan, Some(Cause::Pending)));
    assert!(!asked(State::Drifted, Some(Cause::Pending)) && !asked(State::InSync, None) && !asked(State::Busy, None));
}

#[test]
fn of_a_stack_that_is_not_there_nothing_is_asked() {
    let missing = step::<resources::Role>("stats", "shop-stats-dev", State::Missing, None);
    let steps = vec![missing.clone(), step::<resources::Role>("b", "shop-b-dev", State::InSync, None)];
    let subjects = |steps: Vec<Step>| super::subjects(&steps, |_| Some(named(&["a"], &[]))).len();
    assert_eq!((subjects(vec![missing]), subjects(steps)), (0, 1));
}

#[test]
fn the_newest_change_from_outside_counts() {
    let alarm = drifted::<resources::Alarm>("shop-errors-dev", &[]);
    let put = |who: &str, name: &str| event("monitoring", "PutMetricAlarm", who, json!({ "alarmName": name }));
    // These are another alarm, an operation that changes no alarm, another service's, and this program's own.
    let before = [
        put("eve", "shop-errors-prod"),
        event("monitoring", "PutDashboard", "eve", json!({ "alarmName": "shop-errors-dev" })),
        event("logs", "TagResource", "eve", json!({ "resourceArn": "shop-errors-dev" })),
        put("us", "shop-errors-dev"),
    ];
    assert_eq!(explained(&alarm, &before), None);
    let all = [&before[..], &[put("ada", "shop-errors-dev"), put("bob", "shop-errors-dev")]].concat();
    assert_eq!(explained(&alarm, &all), Some("ada".to_owned()));
}

#[test]
fn without_a_mark_our_own_newer_write_explains_it() {
    let policy = step::<resources::RolePolicy>("stats", "shop-stats-dev", State::Drifted, None);
    let policy = subject(&policy).unwrap();
    let put = |who: &str| event("iam", "PutRolePolicy", who, json!({ "roleName": "shop-stats-dev" }));
    assert_eq!(explained(&policy, &[put("us"), put("ada")]), Some("us".to_owned()));
    assert_eq!(explained(&policy, &[put("ada"), put("us")]), Some("ada".to_owned()));
}

#[test]
fn what_is_missing_was_deleted() {
    let table = step::<resources::Table>("events", "shop-events-dev", State::Missing, None);
    let table = subject(&table).unwrap();
    let events = ["UpdateTable", "DeleteTable"].map(|name| event("dynamodb", name, name, json!({ "tableName": "shop-events-dev" })));
    assert_eq!(explained(&table, &events), Some("DeleteTable".to_owned()));
}

#[test]
fn a_part_of_an_api_is_not_taken_for_its_sibling() {
    let method = drifted::<resources::ApiMethod>("a1b2", &["r1", "GET"]);
    let put = |who: &str, resource: &str| {
        event("apigateway", "UpdateMethod", who, json!({ "restApiId": "a1b2", "resourceId": resource, "httpMethod": "GET" }))
    };
    assert_eq!(explained(&method, &[put("eve", "r2"), put("ada", "r1")]), Some("ada".to_owned()));
}
