//! Mistakes in `stack.yaml`: their position, the expected value, and their display.
//!
//! A check names a position by its path (`["functions", "stats-api", "memory"]`); [`Document`] knows its line. Messages here have no colours: the
//! printing code may add them.

use std::fmt::Write;

use super::document::Document;
use super::node::Position;

/// Number of problems that are shown with their lines; each further one gets one line.
const SHOWN: usize = 10;
/// Number of problems that are listed at all.
const NAMED: usize = 200;
/// The longest message, in characters.
const MESSAGE_WIDTH: usize = 400;
/// The longest piece of a line that is shown, in characters.
const LINE_WIDTH: usize = 120;

/// Error for an unusable `stack.yaml`. Displays as the complete message: every problem with its line and a caret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{rendered}")]
pub struct StackError {
    file: String,
    problems: Vec<Problem>,
    rendered: String,
}

/// Mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Position; `None` if the problem is about the file as a whole.
    pub position: Option<Position>,
    /// Message: a lower-case fragment that names the faulty part.
    pub message: String,
    /// Value that should be there instead.
    pub expected: Option<String>,
    /// Next step, or the likely spelling.
    pub help: Option<String>,
}

impl StackError {
    /// Line of the first problem, from 1, if it has one.
    pub fn line(&self) -> Option<usize> {
        self.first().and_then(|problem| problem.position).map(|position| position.line)
    }

    /// Column of the first problem in characters, from 1, if it has one.
    pub fn column(&self) -> Option<usize> {
        self.first().and_then(|problem| problem.position).map(|position| position.column)
    }

    /// Message in one line, without the position.
    pub fn message(&self) -> &str {
        self.first().map_or("", |problem| &problem.message)
    }

    /// Name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Problems by line; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns an error about the file as a whole.
    pub(super) fn of_file(name: &str, problem: Problem) -> Self {
        Self::new(&Document::unreadable(name), vec![problem])
    }

    /// Returns all `problems` of a document, of which there must be at least one.
    pub(super) fn new(document: &Document, problems: Vec<Problem>) -> Self {
        let mut problems: Vec<Problem> = problems.into_iter().map(Problem::printable).collect();
        problems.sort_by_key(|problem| problem.position.map(|position| (position.line, position.column)));
        problems.dedup();
        let mut rendered = String::new();
        for (index, problem) in problems.iter().take(SHOWN).enumerate() {
            if index > 0 {
                rendered.push('\n');
            }
            render(&mut rendered, document, problem);
        }
        if problems.len() > SHOWN {
            rendered.push('\n');
        }
        for problem in problems.iter().take(NAMED).skip(SHOWN) {
            let _ = writeln!(rendered, "{}: {}", document.located(problem.position), problem.in_short());
        }
        if problems.len() > NAMED {
            let _ = write!(rendered, "… and {} more", problems.len() - NAMED);
        }
        rendered.truncate(rendered.trim_end().len());
        Self { file: document.name().to_owned(), problems, rendered }
    }

    fn first(&self) -> Option<&Problem> {
        self.problems.first()
    }
}

impl Problem {
    /// Returns message, expected value and help in one line.
    pub fn in_short(&self) -> String {
        let parts = [Some(self.message.as_str()), self.expected.as_deref(), self.help.as_deref()];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// Returns a problem without a position.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { position: None, message: message.into(), expected: None, help: None }
    }

    /// Makes single lines of bounded length: the fields quote parts of the file, which may hold anything.
    fn printable(self) -> Self {
        Self {
            position: self.position,
            message: printable(&self.message),
            expected: self.expected.as_deref().map(printable),
            help: self.help.as_deref().map(printable),
        }
    }

    pub(super) fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Suggests the known name nearest to `wrong`, and lists the known ones as expected.
    pub(super) fn known<'name>(self, wrong: &str, known: impl IntoIterator<Item = &'name str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let suggestion = nearest(wrong, &known);
        let problem = match known.as_slice() {
            [] => self.expected("none is declared"),
            [only] => self.expected(format!("expected `{only}`")),
            many => self.expected(format!("expected one of {}", many.join(", "))),
        };
        match suggestion {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem,
        }
    }
}

/// Returns the known name that `wrong` is most likely a misspelling of.
///
/// Two measures, as each misses some: Jaro-Winkler finds names that begin alike (`KEYS` for `KEYS_ONLY`), the edit distance swapped and doubled
/// letters in short ones (`GTE` for `GET`).
pub(super) fn nearest<'name>(wrong: &str, known: &[&'name str]) -> Option<&'name str> {
    let wrong = wrong.to_lowercase();
    let length = wrong.chars().count();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let alike = strsim::jaro_winkler(&wrong, &name);
        let edits = strsim::damerau_levenshtein(&wrong, &name);
        let close = alike > 0.8 || (length >= 3 && edits <= (length / 3).max(1));
        close.then(|| alike + strsim::normalized_damerau_levenshtein(&wrong, &name))
    };
    known
        .iter()
        .filter_map(|name| Some((likeness(name)?, *name)))
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}

fn printable(text: &str) -> String {
    let mut characters = text.chars().map(visible);
    let mut kept: String = characters.by_ref().take(MESSAGE_WIDTH).collect();
    if characters.next().is_some() {
        kept.push('…');
    }
    kept
}

/// Returns a printable stand-in for a character, always one column wide.
fn visible(character: char) -> char {
    match character {
        '\t' | '\n' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Writes one problem: `file:line:column: message`, the line, a caret with the expected value, the help.
fn render(out: &mut String, document: &Document, problem: &Problem) {
    let expected = problem.expected.as_deref().unwrap_or_default();
    // Writing to a String cannot fail.
    if let Some(position) = problem.position {
        let gutter = position.line.to_string();
        let margin = " ".repeat(gutter.len());
        let (line, column, length) = excerpt(document.line(position.line), position);
        let caret = format!("{}{} {expected}", " ".repeat(column), "^".repeat(length));
        let _ = writeln!(out, "{}: {}", document.located(Some(position)), problem.message);
        let _ = writeln!(out, "{margin} |\n{gutter} | {line}\n{margin} | {}", caret.trim_end());
        if let Some(help) = &problem.help {
            let _ = writeln!(out, "{margin} = {help}");
        }
    } else {
        let _ = writeln!(out, "{}: {}", document.name(), problem.message);
        for text in [expected, problem.help.as_deref().unwrap_or_default()] {
            if !text.is_empty() {
                let _ = writeln!(out, "  = {text}");
            }
        }
    }
}

/// Returns the part of a line to show, the column of the caret in it (from 0), and the caret's length.
///
/// Each character takes one column, so that the caret points at the right one.
fn excerpt(line: &str, position: Position) -> (String, usize, usize) {
    let characters: Vec<char> = line.chars().map(visible).collect();
    let column = position.column.saturating_sub(1).min(characters.len());
    let start = column.saturating_sub(LINE_WIDTH / 2).min(characters.len().saturating_sub(LINE_WIDTH));
    let end = characters.len().min(start + LINE_WIDTH);
    let mut text: String = characters.get(start..end).unwrap_or_default().iter().collect();
    if end < characters.len() {
        text.push('…');
    }
    let mut column = column - start;
    if start > 0 {
        text.insert(0, '…');
        column += 1;
    }
    let room = text.chars().count().saturating_sub(column).max(1);
    (text.trim_end().to_owned(), column, position.length.clamp(1, room))
}
