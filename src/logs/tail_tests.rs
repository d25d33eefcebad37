//! Tests that no line is missed or repeated, wherever the pages end and however late a line becomes visible.

use super::{LATE, Line, Source, Tail};
use crate::{
    engine::Result,
    logs::{Page, Query, Read, RecordedLine},
};
use proptest::prelude::*;
use std::cell::Cell;

/// Log group in memory.
struct Group {
    /// Lines, each with the first round in which it is visible.
    lines: Vec<(usize, RecordedLine)>,
    round: Cell<usize>,
    page: usize,
    /// Behaves like the local AWS: no identifiers, and long answers are cut without a token.
    plain: bool,
    /// Returns every second page empty, as CloudWatch may.
    gaps: bool,
    /// Service's clock by round; the last value repeats. If empty, the clock is the time of the newest visible line.
    clock: Vec<i64>,
    /// Milliseconds by which this machine's clock is behind.
    ahead: i64,
}

impl Group {
    fn of(lines: Vec<(usize, RecordedLine)>, page: usize) -> Self {
        Self { lines, round: Cell::new(0), page, plain: false, gaps: false, clock: Vec::new(), ahead: 0 }
    }
}

impl Read for Group {
    async fn page(&self, query: Query<'_>) -> Result<Option<Page>> {
        if query.group != "there" {
            return Ok(None);
        }
        let visible = self.lines.iter().filter(|(from, line)| *from <= self.round.get() && line.at >= query.from);
        let mut lines: Vec<RecordedLine> = visible.map(|(_, line)| line.clone()).collect();
        lines.sort_by_key(|line| line.at);
        let ahead = self.ahead;
        let now = self.clock.get(self.round.get()).or(self.clock.last()).copied();
        let now = now.unwrap_or_else(|| lines.last().map_or(query.from, |line| line.at));
        if self.plain {
            let cut = lines.len() > self.page;
            lines.truncate(self.page);
            return Ok(Some(Page { lines, next: None, now, ahead, cut }));
        }
        let step: usize = query.token.map_or(0, |token| token.parse().unwrap());
        if self.gaps && step % 2 == 1 {
            return Ok(Some(Page { lines: Vec::new(), next: Some((step + 1).to_string()), now, ahead, cut: false }));
        }
        let start = if self.gaps { step / 2 } else { step } * self.page;
        let rest = lines.split_off(start.min(lines.len()));
        let more = rest.len() > self.page;
        Ok(Some(Page {
            lines: rest.into_iter().take(self.page).collect(),
            next: more.then(|| (step + 1).to_string()),
            now,
            ahead,
            cut: false,
        }))
    }
}

fn source(group: &str) -> Source {
    Source { name: "stats".to_owned(), group: group.to_owned() }
}

/// Returns the lines of each of `rounds` rounds.
fn tail(group: &Group, rounds: usize) -> Vec<Vec<Line>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tail = Tail::new(0);
    let mut said = Vec::new();
    for round in 0..rounds {
        group.round.set(round);
        said.push(runtime.block_on(tail.round(group, &[source("there")])).unwrap().lines);
    }
    said
}

/// Lines as (round of visibility, time, stream, text), with few different values, so that many lines are equal.
fn lines() -> impl Strategy<Value = Vec<(usize, i64, u8, u8)>> {
    // Times grow with the round by less than [`LATE`], so no line is too late to be found.
    let line = (0_usize..5, 0..LATE / 8, 0_u8..2, 0_u8..3);
    proptest::collection::vec(
        line.prop_map(|(round, jitter, stream, text)| {
            let coarse = jitter / 1_000 * 1_000;
            (round, i64::try_from(round).unwrap() * (LATE / 8) + coarse, stream, text)
        }),
        0..120,
    )
}

proptest! {
    #[test]
    fn every_line_once(lines in lines(), page in 1_usize..20, gaps: bool) {
        let record = |(index, (round, at, stream, text)): (usize, (usize, i64, u8, u8))| {
            (round, RecordedLine { id: Some(index.to_string()), stream: stream.to_string(), at, text: format!("{text} #{index}") })
        };
        let lines: Vec<_> = lines.into_iter().enumerate().map(record).collect();
        let group = Group { gaps, ..Group::of(lines, page) };
        check(&group)?;
    }

    #[test]
    fn every_line_once_without_identifiers_and_tokens(lines in lines()) {
        let record = |(round, at, stream, text): (usize, i64, u8, u8)| {
            (round, RecordedLine { id: None, stream: stream.to_string(), at, text: text.to_string() })
        };
        // A page filled by one millisecond cannot be passed without tokens; a real one holds 10,000 lines.
        let most = lines.iter().map(|line| lines.iter().filter(|other| other.1 == line.1).count()).max().unwrap_or(1);
        let group = Group { plain: true, ..Group::of(lines.into_iter().map(record).collect(), most + 1) };
        check(&group)?;
    }
}

fn check(group: &Group) -> std::result::Result<(), TestCaseError> {
    let said = tail(group, 6);
    for round in &said {
        prop_assert!(round.is_sorted_by_key(|line| line.at));
    }
    prop_assert!(said[5].is_empty(), "nothing new in the last round");
    let mut said: Vec<(i64, String)> = said.into_iter().flatten().map(|line| (line.at, line.text)).collect();
    let mut written: Vec<(i64, String)> = group.lines.iter().map(|(_, line)| (line.at, line.text.clone())).collect();
    said.sort();
    written.sort();
    prop_assert_eq!(said, written);
    Ok(())
}

#[test]
fn a_group_that_is_not_there_is_named_and_found_later() {
    let line = RecordedLine { id: None, stream: "a".to_owned(), at: 5, text: "hello".to_owned() };
    let group = Group { plain: true, ..Group::of(vec![(0, line)], 10) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tail = Tail::new(0);
    let round = runtime.block_on(tail.round(&group, &[source("elsewhere"), source("there")])).unwrap();
    assert_eq!(round.absent, ["stats"]);
    assert_eq!(round.lines, [Line { source: "stats".to_owned(), at: 5, text: "hello".to_owned() }]);
}

const HOUR: i64 = 3_600_000;

/// Builds lines from (round of visibility, time); the text of each is its own number.
fn written(lines: &[(usize, i64)]) -> Vec<(usize, RecordedLine)> {
    let line = |at: i64, number: usize| RecordedLine { id: None, stream: "a".to_owned(), at, text: number.to_string() };
    lines.iter().enumerate().map(|(number, (round, at))| (*round, line(*at, number))).collect()
}

fn said(group: &Group, rounds: usize) -> Vec<String> {
    tail(group, rounds).into_iter().flatten().map(|line| line.text).collect()
}

#[test]
fn a_line_from_the_future_hides_none_of_the_present() {
    let now = 10 * HOUR;
    let lines = written(&[(0, now), (1, now + HOUR), (2, now + 4_000), (3, now + 6_000)]);
    let group = Group { plain: true, clock: vec![now, now + 2_000, now + 4_000, now + 6_000], ..Group::of(lines, 10) };
    assert_eq!(said(&group, 6), ["0", "1", "2", "3"]);
}

#[test]
fn no_line_is_lost_or_said_again_when_the_services_clock_goes_back_and_forth() {
    let now = 10 * HOUR;
    for jump in [LATE / 2, LATE, LATE + 500, LATE + 10_000, HOUR] {
        let back = now - jump;
        let lines = written(&[(0, now - 2_000), (0, now), (1, back + 1_000), (2, back + 3_000), (3, now + HOUR), (4, now + HOUR + 2_000)]);
        let clock = vec![now, back + 1_000, back + 3_000, now + HOUR, now + HOUR + 2_000];
        let mut texts = said(&Group { plain: true, clock, ..Group::of(lines, 10) }, 8);
        texts.sort();
        assert_eq!(texts, ["0", "1", "2", "3", "4", "5"], "{jump}");
    }
}

#[test]
fn where_to_begin_is_reckoned_by_the_services_clock() {
    // The true time is 10 o'clock. This machine's clock is at 11, and the user wants the last ten minutes.
    let now = 10 * HOUR;
    let lines = written(&[(0, now - 20 * 60_000), (0, now - 5 * 60_000)]);
    let group = Group { plain: true, clock: vec![now], ahead: -HOUR, ..Group::of(lines, 10) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tail = Tail::new(now + HOUR - 10 * 60_000);
    for expected in [vec!["1".to_owned()], vec![]] {
        let round = runtime.block_on(tail.round(&group, &[source("there")])).unwrap();
        assert_eq!(round.lines.into_iter().map(|line| line.text).collect::<Vec<_>>(), expected);
    }
}
