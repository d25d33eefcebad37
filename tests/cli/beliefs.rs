//! Assumptions of the strict AWS about the real one: listed in `docs/aws.md`, counted in `docs/reliability.md`, and compared
//! with the recordings.

use liveinsight::{aws::Source as Mark, resources::all_calls};
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};
use strict_aws::{ANSWERS, DELAYS, LIMITS, RULES, Rule, Source};

const RECORDED: &str = include_str!("../recorded/errors.tsv");

#[test]
fn the_list_of_beliefs_is_current() {
    current("docs/aws.md", "beliefs", &list());
}

#[test]
fn the_tally_of_beliefs_is_current() {
    current("docs/reliability.md", "tally", &tally());
}

/// Asserts that a page has this text between its markers, or writes it there.
fn current(page: &str, mark: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let kept = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {mark} -->\n"), "<!-- end -->");
    let (head, rest) = kept.split_once(&begin).unwrap_or_else(|| panic!("{page} has no {begin}"));
    let (_, tail) = rest.split_once(end).unwrap_or_else(|| panic!("{page} has no {end}"));
    let wanted = format!("{head}{begin}{text}{end}{tail}");
    // Other tests read the page meanwhile, so one that is current is not written.
    if std::env::var_os("UPDATE_DOCS").is_some() && kept != wanted {
        fs::write(&path, &wanted).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept == wanted, "{page} is not current; run `UPDATE_DOCS=1 cargo test --test cli beliefs`");
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*")
}

fn list() -> String {
    let mut text = String::from("### Refusals\n\n| service | refused | status and code | mark | who says so |\n|---|---|---|---|---|\n");
    for Rule { service, when, status, code, source, from, .. } in RULES {
        let service = if *service == "*" { "all" } else { service };
        writeln!(text, "| {service} | {} | {status} `{code}` | {source} | {} |", cell(when), cell(from)).unwrap();
    }
    text.push_str("\n### Delays\n\n| service | delayed | seconds | mark | who says so |\n|---|---|---|---|---|\n");
    for delay in DELAYS {
        writeln!(text, "| {} | {} | {} | {} | {} |", delay.service, cell(delay.when), delay.seconds, delay.source, cell(delay.from))
            .unwrap();
    }
    text.push_str("\n### Other answers\n\n| service | what | mark | who says so |\n|---|---|---|---|\n");
    for answer in ANSWERS {
        writeln!(text, "| {} | {} | {} | {} |", answer.service, cell(answer.what), answer.source, cell(answer.from)).unwrap();
    }
    text.push_str("\n### Request limits\n\n| what | a second | at once | mark | who says so |\n|---|---|---|---|---|\n");
    for limit in LIMITS {
        let rate = (limit.rate * 1000.0).round() / 1000.0;
        writeln!(text, "| `{}` | {rate} | {} | {} | {} |", limit.what, limit.burst, limit.source, cell(limit.from)).unwrap();
    }
    text
}

fn tally() -> String {
    let kinds: [(&str, Vec<Source>); 4] = [
        ("refusals", RULES.iter().map(|rule| rule.source).collect()),
        ("delays", DELAYS.iter().map(|delay| delay.source).collect()),
        ("other answers", ANSWERS.iter().map(|answer| answer.source).collect()),
        ("request limits", LIMITS.iter().map(|limit| limit.source).collect()),
    ];
    let heads = Source::ALL.map(|source| source.to_string()).join(" | ");
    let mut text = format!("| of the strict AWS | {heads} | all |\n|---|---|---|---|---|---|---|\n");
    let mut row = |kind: &str, sources: &[Source]| {
        let counts = Source::ALL.map(|source| sources.iter().filter(|found| **found == source).count().to_string());
        writeln!(text, "| {kind} | {} | {} |", counts.join(" | "), sources.len()).unwrap();
    };
    for (kind, sources) in &kinds {
        row(kind, sources);
    }
    row("all", &kinds.iter().flat_map(|(_, sources)| sources.clone()).collect::<Vec<_>>());
    text
}

/// Returns the recorded errors, as (service, status, code, message, test, day).
fn recordings() -> Vec<[&'static str; 6]> {
    let row = |line: &'static str| {
        let columns: Vec<&str> = line.split('\t').collect();
        [columns[1], columns[4], columns[5], columns[6], columns[7], columns[8]]
    };
    RECORDED.lines().skip(1).map(row).collect()
}

/// Returns true if a message matches this text, with anything in its gaps.
fn fits(text: &str, message: &str) -> bool {
    let mut parts = text.split("{}");
    let Some(mut rest) = message.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        if part.is_empty() {
            return true;
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn what_is_marked_as_recorded_is_what_was_recorded() {
    let recordings = recordings();
    let marked = RULES.iter().filter(|rule| rule.source == Source::Recorded);
    for rule in marked {
        let (test, day) = rule.from.split_once(", ").unwrap();
        let found = recordings.iter().find(|[service, status, code, message, source, on]| {
            *service == rule.service
                && *status == rule.status.to_string()
                && *code == rule.code
                && fits(rule.text, message)
                && source.contains(test)
                && *on == day
        });
        assert!(found.is_some(), "no recording says so: {rule:?}");
    }
}

#[test]
fn what_was_recorded_is_marked_so() {
    let recordings = recordings();
    for rule in RULES.iter().filter(|rule| rule.source != Source::Recorded) {
        let found = recordings.iter().find(|[service, status, code, message, ..]| {
            *service == rule.service && *status == rule.status.to_string() && *code == rule.code && fits(rule.text, message)
        });
        // For these, the message is recorded, but not the situation.
        assert!(found.is_none() || rule.from.contains("the words are recorded"), "{rule:?} was recorded: {found:?}");
    }
}

#[test]
fn every_update_has_its_semantics() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws.md")).unwrap();
    let (_, page) = page.split_once("## What an update leaves in place").unwrap();
    let (page, _) = page.split_once("\n## ").unwrap();
    let marks = Mark::ALL.map(|mark| mark.to_string());
    let rows: BTreeMap<&str, Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once("` | "))
        .map(|(operation, rest)| (operation, rest.trim_end_matches(" |").split(" | ").collect()))
        .collect();
    for permission in all_calls() {
        let name = permission.operation.split(':').next_back().unwrap_or_default();
        if name.starts_with("Update") || name.starts_with("Put") {
            let row = rows.get(permission.operation);
            let row = row.unwrap_or_else(|| panic!("docs/aws.md does not say what {} leaves in place", permission.operation));
            assert!(row.len() == 3 && marks.iter().any(|mark| mark == row[2]), "{}: {row:?}", permission.operation);
        }
    }
}
