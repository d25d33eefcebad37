//! Judgement of an answer: who gave it, and whether it is worse than that of the release before.

use crate::http::{Answer, ClientError};
use std::collections::BTreeMap;

/// Messages of API Gateway for a path or a stage that is not there, or not yet (documented, "Gateway response types").
const NOWHERE: [&str; 2] = ["Missing Authentication Token", "Forbidden"];
/// Errors that it names for the same.
const NOWHERE_ERRORS: [&str; 3] = ["MissingAuthenticationTokenException", "ForbiddenException", "NotFoundException"];

/// Answers of the release before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// No release was there.
    FirstRelease,
    /// Answers of a release that was not asked.
    Unknown,
    /// Status by request, such as `GET /api/stats`, where the function answered.
    Answered(BTreeMap<String, u16>),
}

/// Judgement of an answer without an expectation of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The function answered.
    Answers,
    /// The request did not reach the function, or no answer came back.
    Unreached(String),
    /// The function failed, or answered with an error of its own.
    Broken(String),
}

/// Treatment of an answer that is [`Verdict::Broken`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Failure of the check; a reason may follow the answer.
    Fails(String),
    /// Same status as under the release before.
    AsBefore(u16),
    /// Note, as nothing says what is expected; with the reason.
    Shown(&'static str),
}

impl Before {
    /// Returns the treatment of a broken answer to a request.
    pub(super) fn treatment(&self, request: &str) -> Treatment {
        match self {
            Self::FirstRelease => Treatment::Shown("this is the first release"),
            Self::Unknown => Treatment::Shown("what it answered before is not known"),
            Self::Answered(statuses) => match statuses.get(request) {
                Some(status) if *status < 500 => Treatment::Fails(format!("; the release before answered {status}")),
                Some(status) => Treatment::AsBefore(*status),
                None => Treatment::Shown("the release before did not answer it"),
            },
        }
    }
}

/// Judges an answer. Asking for a token or for more parameters is an answer of the function.
///
/// API Gateway answers 500 itself if it may not call the function or the integration is wrong, and 502 if the function ended without an
/// answer, both with the same body (reported): only the second one reached the function. A function may answer 500 with that body as well,
/// but without the gateway's header.
pub(super) fn judge(answer: &Result<Answer, ClientError>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Verdict::Unreached(error.to_string()),
    };
    let is_nowhere = matches!(answer.status, 403 | 404) && is_nowhere(answer);
    if is_nowhere || (answer.status == 500 && answer.gateway_error.is_some()) {
        return Verdict::Unreached(said(answer));
    }
    if answer.status < 500 { Verdict::Answers } else { Verdict::Broken(said(answer)) }
}

/// Judges an answer of a function's URL. Lambda itself refuses a caller whom the function's policy does not admit (Lambda developer guide, "Control
/// access to Lambda function URLs").
pub(super) fn judge_at_url(answer: &Result<Answer, ClientError>) -> Verdict {
    let is_refused = |answer: &Answer| {
        answer.status == 403 && answer.gateway_error.as_deref().is_some_and(|error| error.starts_with("AccessDeniedException"))
    };
    match answer {
        Ok(answer) if is_refused(answer) => Verdict::Unreached(said(answer)),
        _ => judge(answer),
    }
}

/// Tests whether the gateway knows no such path or stage.
fn is_nowhere(answer: &Answer) -> bool {
    if let Some(error) = &answer.gateway_error {
        return NOWHERE_ERRORS.contains(&error.split(':').next().unwrap_or_default());
    }
    let Some(body) = answer.json.as_object() else { return false };
    let message = body.get("message").and_then(|message| message.as_str());
    body.len() == 1 && message.is_some_and(|message| NOWHERE.contains(&message))
}

/// Formats the answer in a few words.
pub(super) fn said(answer: &Answer) -> String {
    let message = answer.json.get("message").and_then(|message| message.as_str()).unwrap_or_default();
    format!("answered {} {}", answer.status, excerpt(message)).trim_end().to_owned()
}

/// Returns the beginning of a text, without control characters.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::{Before, Treatment, Verdict, judge, judge_at_url};
    use crate::http::Answer;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn answer(status: u16, json: Value) -> Answer {
        Answer { status, json, ..Answer::default() }
    }

    fn of_gateway(status: u16, message: &str, error: &str) -> Answer {
        Answer { gateway_error: Some(error.to_owned()), ..answer(status, json!({ "message": message })) }
    }

    #[test]
    fn a_refusal_by_the_function_is_an_answer() {
        for (status, json) in [
            (200, json!({})),
            (401, json!({"status": "error", "message": "a token, please"})),
            (404, json!("nothing")),
            (404, json!({"message": "there is no such order"})),
            (403, json!({"message": "Forbidden", "code": 7})),
        ] {
            assert_eq!(judge(&Ok(answer(status, json))), Verdict::Answers);
        }
    }

    #[test]
    fn a_refusal_of_the_gateway_did_not_reach_the_function() {
        let nowhere = "answered 403 Missing Authentication Token".to_owned();
        assert_eq!(judge(&Ok(answer(403, json!({"message": "Missing Authentication Token"})))), Verdict::Unreached(nowhere.clone()));
        let named = of_gateway(403, "Missing Authentication Token", "MissingAuthenticationTokenException");
        assert_eq!(judge(&Ok(named)), Verdict::Unreached(nowhere));
        assert_eq!(judge(&Ok(of_gateway(403, "User is not authorized", "AccessDeniedException"))), Verdict::Answers);
    }

    #[test]
    fn a_url_that_admits_nobody_did_not_reach_the_function() {
        let refused = of_gateway(403, "Forbidden", "AccessDeniedException");
        assert_eq!(judge_at_url(&Ok(refused)), Verdict::Unreached("answered 403 Forbidden".to_owned()));
        assert_eq!(judge_at_url(&Ok(answer(403, json!({ "error": "no" })))), Verdict::Answers);
        assert_eq!(judge_at_url(&Ok(answer(502, json!("Internal Server Error")))), Verdict::Broken("answered 502".to_owned()));
    }

    #[test]
    fn a_missing_permission_is_told_from_a_function_that_fails() {
        let (text, error) = ("Internal server error", "InternalServerErrorException");
        let said = |status: u16| format!("answered {status} {text}");
        assert_eq!(judge(&Ok(of_gateway(500, text, error))), Verdict::Unreached(said(500)));
        assert_eq!(judge(&Ok(of_gateway(502, text, error))), Verdict::Broken(said(502)));
        assert_eq!(judge(&Ok(answer(500, json!({ "message": text })))), Verdict::Broken(said(500)));
    }

    #[test]
    fn an_error_is_judged_by_what_was_answered_before() {
        let before = Before::Answered(BTreeMap::from([("/good".to_owned(), 404), ("/bad".to_owned(), 502)]));
        assert_eq!(before.treatment("/good"), Treatment::Fails("; the release before answered 404".to_owned()));
        assert_eq!(before.treatment("/bad"), Treatment::AsBefore(502));
        assert!(matches!(before.treatment("/new"), Treatment::Shown(_)));
        assert_eq!(Before::FirstRelease.treatment("/good"), Treatment::Shown("this is the first release"));
    }
}
