//! Renders a recording as a page: self-contained, without scripts and without requests.

use super::{
    Achieved, Call, Link, Recording, Wait,
    chart::{chart, seconds, verb},
};
use crate::engine::Id;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::{BTreeMap, BTreeSet};

const STYLE: &str = include_str!("page.css");

/// Maximum number of waits to list, the longest first.
const WAITS: usize = 20;

/// Heading of the page.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// Command of the run, such as `up`.
    pub command: &'a str,
    /// Stack, with its account and region.
    pub stack: &'a str,
    /// End of the run.
    pub when: &'a str,
    /// Duration of the run in seconds.
    pub seconds: f64,
}

/// Renders the page. `achieved` is the run beside its critical path, if anything was done.
pub fn page(heading: Heading<'_>, recording: &Recording, achieved: Option<&Achieved>) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "liveinsight " (heading.command) ": " (heading.stack) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (heading.command) " " (heading.stack) }
                p { "ended at " (heading.when) }
                (figures(heading, recording, achieved))
                (legend())
                div class="scroll" { (chart(recording, achieved, heading.seconds)) }
                @if let Some(achieved) = achieved {
                    (path(recording, achieved))
                }
                (waits(recording))
                (operations(&recording.calls))
            }
        }
    };
    markup.into_string()
}

fn figures(heading: Heading<'_>, recording: &Recording, achieved: Option<&Achieved>) -> Markup {
    let requests = requests_of(recording.calls.iter());
    let writes = requests_of(recording.calls.iter().filter(|call| call.write));
    html! {
        ul class="figures" {
            li { b { (seconds(heading.seconds)) } span { "the whole run" } }
            @if let Some(achieved) = achieved {
                li { b { (seconds(achieved.seconds)) } span { "work on " (worked(recording)) " resources" } }
                li { b { (seconds(achieved.path_seconds())) } span { "the critical path of that" } }
                li { b { (format!("{:.2}", achieved.ratio())) " times" } span { "the critical path was taken" } }
                @if let Some(wait) = &achieved.longest_wait {
                    li { b { (seconds(wait.span.seconds())) } span { "the longest wait: " (name(wait.id.as_ref())) " for " (wait.why) } }
                }
            }
            li { b { (requests) } span { "requests to AWS, " (writes) " of them writes" } }
        }
    }
}

fn worked(recording: &Recording) -> usize {
    recording.works.iter().map(|work| &work.id).collect::<BTreeSet<_>>().len()
}

fn requests_of<'a>(calls: impl Iterator<Item = &'a Call>) -> usize {
    calls.map(|call| call.attempts.len()).sum()
}

fn legend() -> Markup {
    let sample = |class: &str, text: &str| {
        html! {
            li {
                svg width="22" height="12" aria-hidden="true" { rect class=(class) width="22" height="12" {} }
                (text)
            }
        }
    };
    html! {
        ul class="legend" {
            (sample("work create", "work on what is created"))
            (sample("work", "updated or replaced"))
            (sample("work delete", "deleted"))
            (sample("work failed", "failed"))
            (sample("call read", "a request that reads"))
            (sample("call write", "a request that writes"))
            (sample("wait", "waiting until AWS is ready"))
            (sample("queue", "queueing: a request limit, a turn, a repetition"))
            li class="critical" {
                svg width="22" height="12" aria-hidden="true" { rect class="work" x="1" y="1" width="20" height="10" {} }
                "on the critical path"
            }
        }
    }
}

fn path(recording: &Recording, achieved: &Achieved) -> Markup {
    let action =
        |link: &Link| recording.works.iter().find(|work| work.id == link.id && work.span == link.span).map(|work| verb(work.action));
    html! {
        h2 { "The critical path" }
        p {
            "The longest chain of resources of which each waits for the one before, without the time in which one only queued. "
            "Nothing but faster answers, or a shorter chain, makes a run shorter than this."
        }
        table {
            tr { th { "resource" } th { "action" } th class="number" { "from" } th class="number" { "took" } th class="number" { "of it queueing" } }
            @for link in &achieved.path {
                tr {
                    td { (link.id) }
                    td { (action(link).unwrap_or_default()) }
                    td class="number" { (format!("{:.1} s", link.span.begin)) }
                    td class="number" { (seconds(link.span.seconds())) }
                    td class="number" { (seconds((link.span.seconds() - link.own).max(0.0))) }
                }
            }
        }
    }
}

fn waits(recording: &Recording) -> Markup {
    let mut waits: Vec<&Wait> = recording.waits.iter().collect();
    waits.sort_by(|a, b| b.span.seconds().total_cmp(&a.span.seconds()));
    html! {
        h2 { "Waits" }
        @if waits.is_empty() {
            p { "Nothing was waited for." }
        } @else {
            p { (waits.len()) " in all" @if waits.len() > WAITS { "; the " (WAITS) " longest are listed" } "." }
            table {
                tr { th { "resource" } th { "waited for" } th class="number" { "from" } th class="number" { "for" } }
                @for wait in waits.iter().take(WAITS) {
                    tr {
                        td { (name(wait.id.as_ref())) }
                        td { (wait.why) }
                        td class="number" { (format!("{:.1} s", wait.span.begin)) }
                        td class="number" { (seconds(wait.span.seconds())) }
                    }
                }
            }
        }
    }
}

fn operations(calls: &[Call]) -> Markup {
    let mut operations: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for call in calls {
        operations.entry(call.operation).or_default().extend(call.attempts.iter().map(|attempt| attempt.seconds()));
    }
    operations.retain(|_, times| !times.is_empty());
    for times in operations.values_mut() {
        times.sort_by(f64::total_cmp);
    }
    html! {
        h2 { "Requests by operation" }
        table {
            tr {
                th { "operation" }
                th class="number" { "requests" }
                th class="number" { "median" }
                th class="number" { "longest" }
                th class="number" { "together" }
            }
            @for (operation, times) in &operations {
                tr {
                    td { (operation) }
                    td class="number" { (times.len()) }
                    td class="number" { (seconds(times[times.len() / 2])) }
                    td class="number" { (seconds(times[times.len() - 1])) }
                    td class="number" { (seconds(times.iter().sum())) }
                }
            }
        }
    }
}

fn name(id: Option<&Id>) -> &str {
    id.map_or("several resources", Id::as_str)
}

#[cfg(test)]
mod tests {
    use super::{Heading, page};
    use crate::{
        engine::{Action, Id},
        resources::{Function, Role},
        timings::{Call, Recording, Span, Wait, Work, achieved},
    };

    fn span(begin: f64, end: f64) -> Span {
        Span { begin, end }
    }

    #[test]
    fn everything_recorded_is_on_the_page_and_nothing_in_it_is_markup() {
        let (role, function, orphan) = (Id::new::<Role>("a"), Id::new::<Function>("a"), Id::new::<Role>("<script>&\""));
        let work = |id: &Id, begin, end| Work { id: id.clone(), action: Action::Create, span: span(begin, end), failed: false, round: 0 };
        let call = |id: Option<&Id>, write, attempts: &[Span]| Call {
            operation: if write { "iam:CreateRole" } else { "iam:GetRole" },
            write,
            id: id.cloned(),
            span: span(attempts[0].begin, attempts[attempts.len() - 1].end),
            attempts: attempts.to_vec(),
        };
        let recording = Recording {
            phases: vec![(0.0, "reading"), (1.0, "writing")],
            works: vec![work(&role, 1.0, 2.0), work(&function, 2.0, 9.0)],
            calls: vec![
                call(Some(&role), true, &[span(1.0, 1.2), span(1.6, 2.0)]),
                call(Some(&orphan), false, &[span(0.1, 0.2)]),
                call(None, false, &[span(0.1, 0.3)]),
            ],
            waits: vec![Wait { id: Some(function.clone()), why: "a <role>".to_owned(), span: span(2.0, 8.0), queued: false }],
        };
        let achieved = achieved(&recording, &[&role, &function], &[vec![], vec![0]]);
        let text = page(Heading { command: "up", stack: "x/dev", when: "today", seconds: 10.0 }, &recording, achieved.as_ref());
        assert_eq!((text.matches("class=\"call write\" x").count(), text.matches("class=\"call read\" x").count()), (2, 2));
        assert_eq!(text.matches("class=\"row critical\"").count(), 2);
        assert_eq!(text.matches("<path d=").count(), 1);
        assert!(text.contains("1.00</b>") || text.contains("1.00 times"), "{text}");
        assert!(text.contains("4 </b>") || text.contains("<b>4</b>"), "{text}");
        assert!(text.contains("lambda.function/a for a &lt;role&gt;"));
        assert!(text.contains("attempt 2 of 2"));
        for foreign in ["<script", "http-equiv", "src=", "href=", "@import", "url(http"] {
            assert!(!text.contains(foreign), "{foreign}");
        }
    }
}
