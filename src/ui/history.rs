//! List of releases, as text and as JSON.

use super::{
    fit::{Columns, SHORTEST, pad, shorten, width},
    json,
    style::{BAD, FAINT, paint},
};
use crate::{
    lock::time,
    release::{Action, Record, Release},
};
use aws_smithy_types::DateTime;
use serde::Serialize;

/// Width of a time such as 2026-11-22T23:59:03Z, in columns.
const TIME: usize = 20;

/// Formats a line for each release, with the first line of the commit's message. Where such lines do not fit, the changes stand
/// below.
pub fn text(releases: &[Release], columns: Columns) -> String {
    let rows: Vec<[String; 4]> = releases.iter().map(cells).collect();
    let longest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or_default();
    let (number, commit) = (longest(0), longest(2));
    let entry = |by: usize, below: bool| {
        let line = move |(release, row): (&Release, &[String; 4])| {
            let [of, who, from, what] = row;
            let subject = release.record.as_ref().and_then(|record| record.author.subject.as_deref()).unwrap_or_default();
            let head = format!("{of:>number$}  {}  {}  {}", at(release), pad(&shorten(who, by), by), pad(from, commit));
            let tail = if subject.is_empty() { what.clone() } else { format!("{what}  {}", paint(FAINT, subject)) };
            if below {
                let indent = number + 2;
                format!("{}\n{}{}", head.trim_end(), " ".repeat(indent), columns.wrap(&tail, indent, indent))
            } else {
                format!("{head}  {tail}")
            }
        };
        releases.iter().zip(&rows).map(line).collect::<Vec<_>>()
    };
    let lines = entry(longest(1), false);
    if lines.iter().all(|line| columns.hold(width(line))) {
        return lines.join("\n");
    }
    let beside = number + 2 + TIME + 2 + 2 + commit;
    entry(longest(1).min(columns.beside(beside).max(SHORTEST)), true).join("\n")
}

fn cells(release: &Release) -> [String; 4] {
    let number = release.number.to_string();
    let Some(record) = &release.record else {
        return [number, "?".into(), "-".into(), paint(BAD, "its record is damaged, or a newer program's")];
    };
    let changed = record.changed.join(", ");
    let what = match record.action {
        Action::Up => changed,
        Action::Rollback(to) => format!("rollback to {to}: {changed}"),
    };
    [number, record.author.by.clone(), record.author.commit.clone().unwrap_or_else(|| "-".into()), what]
}

/// Formats the JSON document. A release with a malformed record has number and time only.
pub fn json(releases: &[Release]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        releases: Vec<Row<'a>>,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        number: u64,
        at: String,
        #[serde(flatten)]
        record: Option<&'a Record>,
    }
    let releases = releases.iter().map(|release| Row { number: release.number, at: at(release), record: release.record.as_ref() });
    json::document(&Document { releases: releases.collect() })
}

/// Formats the time of a release, to the second.
fn at(release: &Release) -> String {
    time(DateTime::from_secs(release.at.secs()))
}
