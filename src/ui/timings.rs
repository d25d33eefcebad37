//! Expected and actual durations of a run.

use crate::timings::{Achieved, Estimate};

/// Formats `estimated time: about 25 s (longest: dynamodb.table/events)`.
pub fn estimate_line(estimate: &Estimate) -> String {
    format!("estimated time: about {} (longest: {})", about(estimate.seconds), estimate.longest)
}

/// Formats `critical path: 14.0 s, and 1.08 times that was taken; longest wait: 12.3 s, lambda.function/x for its role`.
pub fn achieved_line(achieved: &Achieved) -> String {
    let path = format!("critical path: {:.1} s, and {:.2} times that was taken", achieved.path_seconds(), achieved.ratio());
    match &achieved.longest_wait {
        None => path,
        Some(wait) => {
            let who = wait.id.as_ref().map_or("several resources", |id| id.as_str());
            format!("{path}; longest wait: {:.1} s, {who} for {}", wait.span.seconds(), wait.why)
        }
    }
}

/// Formats rounded seconds: in steps of five from ten on, as minutes from two minutes on.
fn about(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{:.0} s", seconds.ceil()),
        seconds if seconds <= 120.0 => format!("{:.0} s", (seconds / 5.0).ceil() * 5.0),
        seconds => format!("{:.0} minutes", (seconds / 60.0).ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::{about, achieved_line, estimate_line};
    use crate::{
        engine::Id,
        resources::{Role, Table},
        timings::{Achieved, Estimate, Link, Span, Wait},
    };

    #[test]
    fn times_are_rounded_up_to_what_an_estimate_is_worth() {
        let of = [0.2, 9.0, 9.2, 21.3, 118.0, 121.0, 526.0].map(about);
        assert_eq!(of, ["1 s", "9 s", "10 s", "25 s", "120 s", "3 minutes", "9 minutes"]);
    }

    #[test]
    fn lines_name_what_takes_longest() {
        let (table, role) = (Id::new::<Table>("events"), Id::new::<Role>("x"));
        let estimate = Estimate { seconds: 21.0, path: vec![table.clone()], longest: table.to_string() };
        assert_eq!(estimate_line(&estimate), "estimated time: about 25 s (longest: dynamodb.table/events)");
        let span = Span { begin: 1.0, end: 11.0 };
        let wait = Wait { id: Some(role), why: "a turn".to_owned(), span, queued: true };
        let achieved = Achieved { seconds: 11.0, path: vec![Link { id: table, span, own: 10.0 }], longest_wait: Some(wait) };
        let expected = "critical path: 10.0 s, and 1.10 times that was taken; longest wait: 10.0 s, iam.role/x for a turn";
        assert_eq!(achieved_line(&achieved), expected);
    }
}
