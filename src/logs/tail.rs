//! Reads several log groups again and again, and says each line once.
//!
//! A line can become visible later than another one that is younger, so every round looks back [`LATE`] behind the newest line
//! seen, and what was said before is left out. Lines of one group come in the order of their times within a round; one that
//! was late comes in a later round, out of order, rather than never.
//!
//! Clocks jump: the one that stamps the lines (a laptop's, when the AWS is local), and this machine's. So time is what the service says at
//! each answer. A line from the future does not move the place to go on from, and when the service's clock goes back, so does that place.

use super::read::{FILTER, Page, Query, Read, RecordedLine};
use crate::{aws::Pages, engine::Result};
use std::collections::BTreeMap;

/// How much later than its time a line may become visible and still be found, in milliseconds. CloudWatch promises nothing;
/// "within a few seconds" is what its documentation says of live tails.
pub const LATE: i64 = 30_000;

/// Number of the newest lines that are remembered beyond that, so that they are not repeated when a clock goes back.
const REMEMBERED: usize = 100_000;

/// A log group, and what its lines are called on the screen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The function's name in stack.yaml.
    pub name: String,
    /// The log group's physical name.
    pub group: String,
}

/// A line to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The [`Source::name`].
    pub source: String,
    /// In milliseconds since 1970.
    pub at: i64,
    /// Without the newline at its end.
    pub text: String,
}

/// Reader of new lines, with what it read so far.
#[derive(Debug)]
pub struct Tail {
    from: i64,
    seen: BTreeMap<Source, Seen>,
}

/// Lines of one group so far.
#[derive(Debug)]
struct Seen {
    /// Beginning of the next round.
    from: i64,
    /// Set if that follows from what was read.
    settled: bool,
    /// Number of times that each line from there on, and of the newest before, was shown: the same words can be written twice in one
    /// millisecond.
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
    /// Begins with lines from `from` on, in milliseconds since 1970.
    pub fn new(from: i64) -> Self {
        Self { from, seen: BTreeMap::new() }
    }

    /// Everything that is new in these groups, by time; which of the groups do not exist (yet).
    pub async fn round(&mut self, reader: &impl Read, sources: &[Source]) -> Result<Round> {
        let mut round = Round::default();
        for source in sources {
            let seen = self.seen.entry(source.clone()).or_insert_with(|| Seen { from: self.from, settled: false, lines: BTreeMap::new() });
            let mut read = read_group(reader, &source.group, seen.from).await?;
            if let Some(Recorded { ahead, .. }) = read
                && !seen.settled
                && ahead.abs() > LATE
            {
                // The beginning was reckoned by this machine's clock, which is wrong.
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
        // Stable: lines of one millisecond stay as their group had them.
        round.lines.sort_by_key(|line| line.at);
        Ok(round)
    }
}

/// Result of one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// New lines, by time.
    pub lines: Vec<Line>,
    /// The names of sources without a log group.
    pub absent: Vec<String>,
}

/// Everything that a group has from a time on.
struct Recorded {
    lines: Vec<RecordedLine>,
    /// As [`Page::now`] of the last page.
    now: i64,
    /// As [`Page::ahead`].
    ahead: i64,
}

impl Seen {
    /// The lines that were not said yet. `lines` are all from `self.from` on.
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
        // The beginning is this machine's idea, which the service's, told to the second, may be just behind.
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

/// All lines of a group from a time on, over all pages.
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
        // Again from the last time on, because the cut may lie between two lines of one millisecond. A page that holds nothing
        // else can only be stepped over.
        let again = if last > from { last } else { from + 1 };
        lines.retain(|line| line.at < again);
        pages.count()?;
        from = again;
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
