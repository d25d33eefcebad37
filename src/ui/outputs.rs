//! Addresses and names, in formats for people, shells and CI.

use super::{
    fit::{Columns, width},
    style::{STRONG, paint},
};
use std::{collections::BTreeMap, fmt::Write};

/// Formats a table of name and value. Values are for copying, so a long one is neither shortened nor broken: it has lines of
/// its own.
pub fn text(outputs: &BTreeMap<String, String>, columns: Columns) -> String {
    let longest = outputs.keys().map(|name| width(name)).max().unwrap_or_default();
    lines(outputs, |out, name, value| {
        if columns.hold(longest + 2 + width(value)) {
            writeln!(out, "{}  {value}", paint(STRONG, format_args!("{name:longest$}")))
        } else {
            writeln!(out, "{}\n{value}", paint(STRONG, name))
        }
    })
}

/// Formats `NAME=value`, in capitals, for a `.env` file or a shell. Quotes are left out where a shell needs none, because
/// GitLab takes them for a part of the value.
pub fn dotenv(outputs: &BTreeMap<String, String>) -> String {
    lines(outputs, |out, name, value| writeln!(out, "{}={}", name.to_uppercase().replace(['-', '.'], "_"), quoted(value)))
}

/// Formats `name=value`, for `$GITHUB_OUTPUT`. A value of several lines is between two lines that it does not contain.
pub fn github(outputs: &BTreeMap<String, String>) -> String {
    lines(outputs, |out, name, value| {
        if !value.contains(['\n', '\r']) {
            return writeln!(out, "{name}={value}");
        }
        let mut end = "END".to_owned();
        while value.contains(&end) {
            end.push('_');
        }
        writeln!(out, "{name}<<{end}\n{value}\n{end}")
    })
}

fn lines(outputs: &BTreeMap<String, String>, line: impl Fn(&mut String, &str, &str) -> std::fmt::Result) -> String {
    let mut out = String::new();
    for (name, value) in outputs {
        // Writing to a String cannot fail.
        let _ = line(&mut out, name, value);
    }
    out
}

/// Puts the value in double quotes if necessary, with escapes against a shell's expansion.
fn quoted(value: &str) -> String {
    if !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c)) {
        return value.to_owned();
    }
    let mut out = String::from('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{Columns, dotenv, github, text};
    use std::collections::BTreeMap;

    fn outputs() -> BTreeMap<String, String> {
        let pairs = [("api_url", "http://localhost:1/_aws"), ("function.stats-api", "a$b\"c")];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn dotenv_names_are_shell_names_and_values_are_safe() {
        assert_eq!(dotenv(&outputs()), "API_URL=http://localhost:1/_aws\nFUNCTION_STATS_API=\"a\\$b\\\"c\"\n");
    }

    #[test]
    fn github_takes_values_as_they_are() {
        assert_eq!(github(&outputs()), "api_url=http://localhost:1/_aws\nfunction.stats-api=a$b\"c\n");
    }

    #[test]
    fn github_does_not_take_a_line_of_a_value_for_another_output() {
        let outputs = BTreeMap::from([("a".to_owned(), "1\nEND\napi_url=x".to_owned())]);
        assert_eq!(github(&outputs), "a<<END_\n1\nEND\napi_url=x\nEND_\n");
    }

    #[test]
    fn text_is_aligned() {
        let plain = |columns| anstream::adapter::strip_str(&text(&outputs(), columns)).to_string();
        assert_eq!(plain(Columns::UNLIMITED), "api_url             http://localhost:1/_aws\nfunction.stats-api  a$b\"c\n");
        assert_eq!(plain(Columns::of(30)), "api_url\nhttp://localhost:1/_aws\nfunction.stats-api  a$b\"c\n", "whole, to be copied");
    }
}
