//! Requests of `smoke:` in stack.yaml, each of which must be answered as declared there.

use super::{
    Failure,
    judge::{Verdict, excerpt, judge, said},
    patiently,
};
use crate::{
    engine::Stop,
    http::{Answer, Client, ClientError},
    stack::{Front, SmokeRequest},
};
use std::cell::RefCell;
use tokio::time::{Instant, timeout_at};

/// Asks until the answer is as declared or the time is up. Returns a phrase about the answer.
pub(super) async fn ask(client: &Client, request: &SmokeRequest, stop: &Stop) -> Result<String, Option<Failure>> {
    let what = request.to_string();
    let end = Instant::now() + request.within;
    let seconds = request.within.as_secs();
    let last = RefCell::new(format!("has no answer after {seconds} s"));
    let attempt = async || {
        let asked = client.ask(&request.method, &request.path, &request.headers, request.body.as_deref());
        // An attempt that the end of the time cuts short leaves the reason of the one before.
        if let Ok(answer) = timeout_at(end, asked).await {
            match check(request, answer) {
                Ok(status) => return Ok(status),
                Err(why) => *last.borrow_mut() = why,
            }
        }
        Err(last.borrow().clone())
    };
    let status = patiently(&what, (request.within, stop), attempt).await?;
    Ok(format!("{what} answers {status}"))
}

/// Checks an answer, and returns its status.
fn check(request: &SmokeRequest, answer: Result<Answer, ClientError>) -> Result<u16, String> {
    let expected = request.status.or((request.of == Front::Site).then_some(200));
    let verdict = judge(&answer);
    let answer = answer.map_err(|error| error.to_string())?;
    match (expected, verdict) {
        (Some(status), _) if status != answer.status => return Err(format!("{}; expected {status}", said(&answer))),
        (None, Verdict::Unreached(why) | Verdict::Broken(why)) => {
            return Err(format!("{why}; expected an answer below 500 of the function"));
        }
        _ => {}
    }
    match &request.contains {
        Some(text) if !answer.text.contains(text.as_str()) => {
            Err(format!("answered {} without `{}` in its body: {}", answer.status, excerpt(text), excerpt(&answer.text)))
        }
        _ => Ok(answer.status),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        http::Answer,
        stack::{Front, SmokeRequest, Stack},
    };
    use serde_json::json;
    use std::path::Path;

    fn request(keys: &str) -> SmokeRequest {
        let text = format!(
            "project: a\nregion: us-east-1\nsite: {{ source: s }}\nfunctions: {{ f: {{ source: f, route: GET /x }} }}\n\
             smoke:\n  - {{ request: GET /x, {keys} }}\n"
        );
        Stack::parse(&text, "stack.yaml", Path::new("."), None, None).unwrap().smoke.unwrap().remove(0)
    }

    fn answer(status: u16, text: &str) -> Answer {
        Answer { status, json: serde_json::from_str(text).unwrap_or_default(), text: text.to_owned(), ..Answer::default() }
    }

    #[test]
    fn a_status_and_a_part_of_the_body_are_compared() {
        let declared = request("status: 201, contains: 'ok'");
        assert_eq!(check(&declared, Ok(answer(201, r#""ok""#))), Ok(201));
        let why = check(&declared, Ok(answer(200, &json!({"message": "ok"}).to_string()))).unwrap_err();
        assert_eq!(why, "answered 200 ok; expected 201");
        let why = check(&declared, Ok(answer(201, "no\n"))).unwrap_err();
        assert_eq!(why, "answered 201 without `ok` in its body: no");
    }

    #[test]
    fn without_a_status_the_function_has_to_answer_and_the_site_has_to_have_the_page() {
        let declared = request("within: 1s");
        assert_eq!(check(&declared, Ok(answer(404, "nothing"))), Ok(404));
        assert!(check(&declared, Ok(answer(503, ""))).is_err());
        assert!(check(&declared, Ok(answer(403, r#"{"message":"Forbidden"}"#))).is_err());
        let declared = request("of: site");
        assert_eq!(declared.of, Front::Site);
        assert_eq!(check(&declared, Ok(answer(404, ""))), Err("answered 404; expected 200".to_owned()));
    }
}
