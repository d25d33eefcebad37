//! Fits lines to the terminal: names are shortened in their middle, texts wrap.

use textwrap::{Options, WordSplitter, WrapAlgorithm, core::display_width};

/// Placeholder for the removed middle of a name.
const ELLIPSIS: char = '…';
/// Minimum number of columns to fit to. Narrower lines would be unreadable.
const LEAST: usize = 20;
/// Blanks between two columns.
const GAP: usize = 2;
/// Minimum length of a shortened name, in characters. A shorter one identifies nothing.
pub(super) const SHORTEST: usize = 8;

/// Columns that a line may take; no limit where no terminal sets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns(Option<usize>);

impl Columns {
    /// Lines of any length, for files and pipes.
    pub const UNLIMITED: Self = Self(None);

    /// Creates a limit of this many columns.
    pub fn of(columns: usize) -> Self {
        Self(Some(columns.max(LEAST)))
    }

    /// Returns the columns left beside `taken`.
    pub(super) fn beside(self, taken: usize) -> usize {
        self.0.map_or(usize::MAX, |columns| columns.saturating_sub(taken))
    }

    /// Returns true if a line of this length fits.
    pub(super) fn hold(self, length: usize) -> bool {
        self.0.is_none_or(|columns| length <= columns)
    }

    /// Returns the widths of two columns of names beside `taken` columns: their full lengths (`first`, `second`), or less. The
    /// second is left out (0) where hardly anything of it would be left.
    pub(super) fn share(self, taken: usize, first: usize, second: usize) -> (usize, usize) {
        let room = self.beside(taken);
        let both = if second == 0 { first } else { first + GAP + second };
        if both <= room {
            return (first, second);
        }
        let first = first.min((room / 3 * 2).max(room.saturating_sub(GAP + second)));
        match room.saturating_sub(first + GAP) {
            0..SHORTEST => (first.min(room), 0),
            second => (first, second),
        }
    }

    /// Wraps a text. `taken` columns of the first line are already in use; further lines begin with `indent` blanks. Where
    /// hardly any room is left in the first line, the text begins in the second.
    pub(super) fn wrap(self, text: &str, taken: usize, indent: usize) -> String {
        let Some(columns) = self.0.filter(|columns| text.split('\n').any(|line| taken.max(indent) + width(line) > *columns)) else {
            return text.to_owned();
        };
        let indent = indent.min(columns / 2);
        let later = " ".repeat(indent);
        let (first, begin) =
            if taken > columns / 4 * 3 { (later.clone(), format!("\n{later}")) } else { (" ".repeat(taken), String::new()) };
        let options = Options::new(columns)
            .initial_indent(&first)
            .subsequent_indent(&later)
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit);
        let filled = textwrap::fill(text, options);
        begin + filled.strip_prefix(first.as_str()).unwrap_or(&filled)
    }
}

/// Returns the columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    display_width(text)
}

/// Returns the blanks that pad a text to this width.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Keeps the beginning and the end of a text that is longer than this.
pub(super) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(1);
    let begin = take(text.chars(), kept.div_ceil(2));
    let end: String = take(text.chars().rev(), kept / 2).chars().rev().collect();
    format!("{begin}{ELLIPSIS}{end}")
}

/// Keeps the beginning of a text that is longer than this.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    format!("{}{ELLIPSIS}", take(text.chars(), columns.saturating_sub(1)))
}

/// Returns as many characters as fit into this many columns.
fn take(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = String::new();
    for character in characters {
        taken.push(character);
        if width(&taken) > columns {
            taken.pop();
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::{Columns, cut, pad, shorten, width};

    #[test]
    fn a_name_keeps_both_of_its_ends() {
        assert_eq!(shorten("liveinsight-events-dev", 22), "liveinsight-events-dev");
        assert_eq!(shorten("liveinsight-events-dev", 11), "livei…s-dev");
        assert_eq!(cut("liveinsight-events-dev", 11), "liveinsigh…");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(width("시작"), 4);
        assert_eq!(pad("시작", 6), "시작  ");
        assert!(width(&shorten("처음부터 끝까지", 8)) <= 8);
    }

    #[test]
    fn a_text_goes_on_below_its_beginning() {
        let columns = Columns::of(24);
        assert_eq!(columns.wrap("a text of several words", 6, 6), "a text of several\n      words");
        assert_eq!(columns.wrap("short", 6, 6), "short");
        assert_eq!(Columns::UNLIMITED.wrap("a text of several words", 6, 6), "a text of several words");
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_whatever_is_in_it() {
        for columns in 20..120 {
            let text = format!("{} a b {}", "x".repeat(70), "y z ".repeat(30));
            for (taken, indent) in [(0, 0), (4, 8), (30, 30), (90, 2)] {
                let wrapped = Columns::of(columns).wrap(&text, taken, indent);
                let first = wrapped.lines().next().map_or(0, width);
                assert!(first == 0 || first + taken <= columns, "{columns}: {wrapped}");
                assert!(wrapped.lines().all(|line| width(line) <= columns), "{columns}: {wrapped}");
            }
        }
    }
}
