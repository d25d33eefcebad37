//! The list of releases, for people and as JSON.

use super::{
    json,
    style::{BAD, FAINT, paint},
};
use crate::{
    lock::time,
    release::{Action, Record, Release},
};
use aws_smithy_types::DateTime;
use serde::Serialize;

/// One line per release, with the first line of the commit's message.
pub fn text(releases: &[Release]) -> String {
    let rows: Vec<[String; 4]> = releases.iter().map(columns).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (number, by, commit) = (width(0), width(1), width(2));
    let line = |(release, row): (&Release, &[String; 4])| {
        let [of, who, from, what] = row;
        let subject = release.record.as_ref().and_then(|record| record.author.subject.as_deref()).unwrap_or_default();
        let line = format!("{of:>number$}  {}  {who:by$}  {from:commit$}  {what}", at(release));
        if subject.is_empty() { line } else { format!("{line}  {}", paint(FAINT, subject)) }
    };
    releases.iter().zip(&rows).map(line).collect::<Vec<_>>().join("\n")
}

fn columns(release: &Release) -> [String; 4] {
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

/// The JSON document. Of a release whose record makes no sense it has number and time.
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

/// When it was recorded, to the second.
fn at(release: &Release) -> String {
    time(DateTime::from_secs(release.at.secs()))
}
