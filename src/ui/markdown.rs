//! Plan and result in Markdown, for a comment on a pull request and for a CI job's page.

use super::plan;
use crate::engine::{Action, Field, Plan, Step};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// Maximum length of the changes in characters: a comment on GitHub takes 65,536 (its API's error message), and contains other
/// text, too.
const LONGEST: usize = 60_000;

/// Formats the plan: a heading with the counts, and the changes as a diff. The first line is a marker that is constant for the
/// stack, so an earlier comment can be found.
pub fn plan<C: crate::engine::Cloud>(stack: &str, plan: &Plan<C>, only: Option<&BTreeSet<crate::engine::Id>>) -> String {
    let mut changes = String::new();
    for step in plan::steps(plan, only) {
        entry(&mut changes, step);
    }
    let mut out = format!("<!-- liveinsight plan {stack} -->\n### {stack}: {}\n", plan::totals(plan, only));
    if !changes.is_empty() {
        let _ = write!(out, "\n{}", fenced("diff", &shortened(&changes)));
    }
    out
}

/// Formats the result of a run: a heading, and the outputs as a table if there are any.
pub fn result(stack: &str, what: &str, outputs: &BTreeMap<String, String>) -> String {
    let mut out = format!("### {stack}: {what}\n");
    if !outputs.is_empty() {
        out.push_str("\n| output | value |\n|---|---|\n");
        for (name, value) in outputs {
            let _ = writeln!(out, "| {} | {} |", cell(name), cell(value));
        }
    }
    out
}

/// Puts text into a code block that is long enough for any content.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// Adds one resource. In a diff `+`, `-` and `!` have a colour.
fn entry(out: &mut String, step: &Step) {
    let Some(action) = step.action else { return };
    let sign = match action {
        Action::Create => '+',
        Action::Delete => '-',
        Action::Update | Action::Replace => '!',
    };
    // Writing to a String cannot fail.
    let _ = write!(out, "{sign} {}", step.id);
    if let Some(why) = plan::why(step, action) {
        let _ = write!(out, "  ({why})");
    }
    out.push('\n');
    if let Some(objection) = &step.objection {
        let _ = writeln!(out, "!     {}", plan::objection(objection));
    }
    if action == Action::Create {
        return;
    }
    for change in step.changes.without(plan::APPLIED).iter() {
        if change.is_secret() {
            let _ = writeln!(out, "!     {}: {}", change.path, plan::SECRET);
            continue;
        }
        let mut side = |sign: char, field: &Option<Field>| {
            if let Some(field) = field {
                let _ = writeln!(out, "{sign}     {}: {field}", change.path);
            }
        };
        side('-', &change.from);
        side('+', &change.to);
    }
}

/// Cuts the text after the last whole line that fits.
fn shortened(text: &str) -> String {
    let mut room = LONGEST;
    let fits = |line: &&str| {
        let taken = line.chars().count() + 1;
        room.checked_sub(taken).map(|left| room = left).is_some()
    };
    let shown: Vec<&str> = text.lines().take_while(fits).collect();
    let left = text.lines().count() - shown.len();
    let more = if left > 0 { format!("\n… and {left} more lines") } else { String::new() };
    shown.join("\n") + &more
}

/// Escapes a table cell, which a line break or a bar would end.
pub(super) fn cell(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let (tick, space) = ("`".repeat(longest + 1), if longest > 0 { " " } else { "" });
    format!("{tick}{space}{}{space}{tick}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, cell, fenced, result, shortened};
    use std::collections::BTreeMap;

    #[test]
    fn nothing_gets_out_of_its_fence_or_cell() {
        assert_eq!(fenced("", "a\n````\n# heading\n"), "`````\na\n````\n# heading\n`````\n");
        assert_eq!(fenced("diff", "+ a"), "```diff\n+ a\n```\n");
        assert_eq!(cell("a|b\n`c`"), "`` a\\|b `c` ``");
    }

    #[test]
    fn a_long_plan_says_how_much_is_missing() {
        let text = "a line of the plan\n".repeat(5_000);
        let short = shortened(&text);
        assert!(short.chars().count() < LONGEST + 50);
        let shown = short.lines().count() - 1;
        assert!(short.ends_with(&format!("\n… and {} more lines", 5_000 - shown)), "{shown}");
        assert_eq!(shortened("+ a\n- b\n"), "+ a\n- b");
    }

    #[test]
    fn a_result_shows_its_outputs() {
        let outputs = BTreeMap::from([("api_url".to_owned(), "https://example.com".to_owned())]);
        assert_eq!(
            result("a/dev", "1 created", &outputs),
            "### a/dev: 1 created\n\n| output | value |\n|---|---|\n| `api_url` | `https://example.com` |\n"
        );
        assert_eq!(result("a/dev", "gone", &BTreeMap::new()), "### a/dev: gone\n");
    }
}
