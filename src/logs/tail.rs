//! Polls several log groups, and returns each line once.
//!
//! A line can become visible later than a younger one, so every round reads again from [`LATE`] before the newest line seen.
//! Lines that were returned before are left out. Within a round, lines of one group are in order of time. A late line comes in
//! a later round, out of order, rather than never.
//!
//! Clocks jump: the one that stamps the lines (a laptop's, when the AWS is local), and this machine's. So the service's time in
//! each answer counts. A line from the future does not move the start of the next round, and when the service's clock goes
//! back, so does that start.

use super::read::{FILTER, Page, Query, Read, RecordedLine};
use crate::{aws::Pages, engine::Result};
use std::collections::BTreeMap;

/// Maximum delay in milliseconds between a line's time and its visibility for which the line is still found. CloudWatch
/// guarantees none; its documentation of live tails states "within a few seconds".
pub const LATE: i64 = 30_000;

/// Number of the newest lines before that window to remember, so that they are not repeated when a clock goes back.
const REMEMBERED: usize = 100_000;

/// Log group, with the label of its lines on the screen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Function name in stack.yaml.
    pub name: String,
    /// Physical name of the log group.
    pub group: String,
}

/// Line to display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Label of the line, from [`Source::name`].
    pub source: String,
    /// Time in milliseconds since 1970.
    pub at: i64,
    /// Text without the trailing newline.
    pub text: String,
}

/// Reader of new lines, with its position in each group.
#[derive(Debug)]
pub struct Tail {
    from: i64,
    seen: BTreeMap<Source, Seen>,
}

/// Lines of one group so far.
#[derive(Debug)]
struct Seen {
    /// Start of the next round, in milliseconds since 1970.
    from: i64,
    /// Set if the start follows from lines that were read.
    settled: bool,
    /// Number of times that each line from the start on, and of the newest before, was returned. The same text can occur twice
    /// in one millisecond.
    lines: BTreeMap<Key, usize>,
}

/// Identity of a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: i64,
    /// CloudWatch's identifier, or else stream and text.
    identity: String,
}

impl Key {
    fn of(line: &RecordedLine) -> Self {
        let identity = line.id.clone().unwrap_or_else(|| format!("{}\0{}", line.stream, line.text));
        Self { at: line.at, identity }
    }
}

impl Tail {
    /// Creates a reader of lines from `from` on, in milliseconds since 1970.
    pub fn new(from: i64) -> Self {
        Self { from, seen: BTreeMap::new() }
    }

    /// Reads everything new in these groups, by time, and reports the groups that do not exist (yet).
    pub async fn round(&mut self, reader: &impl Read, sources: &[Source]) -> Result<Round> {
        let mut round = Round::default();
        for source in sources {
            let seen = self.seen.entry(source.clone()).or_insert_with(|| Seen { from: self.from, settled: false, lines: BTreeMap::new() });
            let mut read = read_group(reader, &source.group, seen.from).await?;
            if let Some(Recorded { ahead, .. }) = read
                && !seen.settled
                && ahead.abs() > LATE
            {
                // The initial start came from this machine's clock, which is off by `ahead`.
                seen.from += ahead;
                read = read_group(reader, &source.group, seen.from).await?;
            }
            match read {
                None => round.absent.push(source.name.clone()),
                Some(recorded) => {
                    let new = seen.take(recorded);
                    round.lines.extend(new.into_iter().map(|line| Line { source: source.name.clone(), at: line.at, text: line.text }));
                }
            }
        }
        // The sort is stable: lines of one millisecond keep the order of their group.
        round.lines.sort_by_key(|line| line.at);
        Ok(round)
    }
}

/// Result of one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// New lines, by time.
    pub lines: Vec<Line>,
    /// Names of sources without a log group.
    pub absent: Vec<String>,
}

/// Lines of a group from a time on.
struct Recorded {
    lines: Vec<RecordedLine>,
    /// Same as [`Page::now`] of the last page.
    now: i64,
    /// Same as [`Page::ahead`] of the last page.
    ahead: i64,
}

impl Seen {
    /// Returns the lines that were not returned yet. `lines` are all from `self.from` on.
    fn take(&mut self, Recorded { lines: mut recorded, now, .. }: Recorded) -> Vec<RecordedLine> {
        recorded.sort_by_key(|line| line.at);
        let newest = recorded.last().map_or(self.from, |line| line.at);
        let mut met: BTreeMap<Key, usize> = BTreeMap::new();
        recorded.retain(|line| {
            let key = Key::of(line);
            let count = met.entry(key.clone()).or_default();
            *count += 1;
            *count > self.lines.get(&key).copied().unwrap_or_default()
        });
        for (key, count) in met {
            let said = self.lines.entry(key).or_default();
            *said = count.max(*said);
        }
        // The initial start is by this machine's clock. The service's clock, which has a resolution of one second, may be just
        // behind it.
        let slack = if self.settled { 0 } else { 1_000 };
        if now + slack < self.from {
            self.from = now - LATE;
        } else {
            self.from = self.from.max(newest.min(now) - LATE);
        }
        self.settled = true;
        while self.lines.len() > REMEMBERED && self.lines.first_key_value().is_some_and(|(key, _)| key.at < self.from) {
            self.lines.pop_first();
        }
        recorded
    }
}

/// Reads all lines of a group from a time on, over all pages.
async fn read_group(reader: &impl Read, group: &str, from: i64) -> Result<Option<Recorded>> {
    let (mut lines, mut from, mut token) = (Vec::new(), from, None);
    let mut pages = Pages::new(FILTER);
    loop {
        let Some(page) = reader.page(Query { group, from, token: token.as_deref() }).await? else { return Ok(None) };
        let Page { lines: more, next, now, ahead, cut } = page;
        lines.extend(more);
        token = pages.next(next)?;
        if token.is_some() {
            continue;
        }
        let Some(last) = lines.last().map(|line: &RecordedLine| line.at).filter(|_| cut) else {
            return Ok(Some(Recorded { lines, now, ahead }));
        };
        // Read again from the last time on, because the cut may lie between two lines of one millisecond. A page that contains
        // only that millisecond can only be skipped.
        let again = if last > from { last } else { from + 1 };
        lines.retain(|line| line.at < again);
        pages.count()?;
        from = again;
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
