//! An evaluation of policies from outside this project: the local AWS's, which its enforcement of IAM uses as well.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A request, as IAM sees it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) action: String,
    pub(crate) arn: String,
    /// Condition keys with their values.
    context: BTreeMap<String, String>,
    /// ARN of the role that makes the request.
    by: String,
}

impl Question {
    pub(crate) fn new(action: &str, arn: &str, context: &[(&str, &str)]) -> Self {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { action: action.to_owned(), arn: arn.to_owned(), context, by: "arn:aws:iam::123456789012:role/site-up".to_owned() }
    }

    /// Returns the question as another role's.
    pub(crate) fn by(self, role: &str) -> Self {
        Self { by: role.to_owned(), ..self }
    }
}

/// Returns for each question whether a role with these policies, within this permissions boundary, is allowed to.
pub(crate) fn judge(account: &str, policies: &[Value], boundary: Option<&Value>, questions: &[Question]) -> Vec<bool> {
    let questions: Vec<Value> = questions
        .iter()
        .map(|question| json!({ "action": question.action, "arn": question.arn, "context": question.context, "by": question.by }))
        .collect();
    let asked = json!({ "account": account, "policies": policies, "boundary": boundary, "questions": questions });
    let mut judge =
        Command::new(python()).args(["-c", include_str!("judge.py")]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    judge.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "the judge failed");
    let judged: Vec<bool> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(judged.len(), questions.len());
    judged
}

/// Returns the questions with another answer than the expected one.
pub(crate) fn otherwise(
    account: &str,
    policies: &[Value],
    boundary: Option<&Value>,
    questions: &[Question],
    expected: bool,
) -> Vec<String> {
    let judged = judge(account, policies, boundary, questions);
    let wrong = questions.iter().zip(judged).filter(|(_, judged)| *judged != expected);
    wrong.map(|(question, _)| format!("{question:?}")).collect()
}

/// Returns the interpreter that the local AWS is installed for.
fn python() -> PathBuf {
    // The first start installs it, unless it is there already.
    let _ = test_support::endpoint();
    let installed = fs::read_dir(test_support::cache().join("local-aws")).unwrap();
    let pythons = installed.map(|entry| entry.unwrap().path().join("venv/bin/python"));
    pythons.filter(|python| python.exists()).max().expect("the local AWS is installed")
}
