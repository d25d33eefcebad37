//! Log lines of several functions, distinguished by name and colour.

use super::{
    fit::{Columns, width},
    json,
    style::{FAINT, paint},
};
use crate::{lock::time, logs::Line};
use anstyle::{AnsiColor, Style};
use aws_smithy_types::DateTime;
use serde::Serialize;

/// Colours that are readable on light and dark; red and yellow are reserved for errors and warnings.
const COLORS: [Style; 5] = [
    AnsiColor::Cyan.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Blue.on_default(),
    AnsiColor::BrightCyan.on_default(),
];

/// Format of log lines.
#[derive(Debug, Clone)]
pub struct LogStyle {
    /// Names of all functions, sorted. The index selects the colour, which is therefore the same in every run.
    functions: Vec<String>,
    /// Set if the date is displayed beside the time of day.
    dates: bool,
    columns: Columns,
}

impl LogStyle {
    /// Creates the format for these functions. `dates` adds the date, for lines that may be old.
    pub fn new(functions: impl IntoIterator<Item = String>, dates: bool, columns: Columns) -> Self {
        let mut functions: Vec<String> = functions.into_iter().collect();
        functions.sort();
        Self { functions, dates, columns }
    }

    /// Formats a line: `22:01:33.120Z stats-api  the text`.
    pub fn text(&self, line: &Line) -> String {
        let time = utc(line.at);
        let time = if self.dates { time.as_str() } else { &time[11..] };
        let longest = self.functions.iter().map(|name| width(name)).max().unwrap_or_default();
        let place = self.functions.iter().position(|name| *name == line.source).unwrap_or_default();
        let name = paint(COLORS[place % COLORS.len()], format_args!("{:longest$}", line.source));
        let text = self.columns.wrap(&printable(&readable(&line.text)), width(time) + 1 + longest + 2, 4);
        format!("{} {name}  {text}", paint(FAINT, time))
    }
}

/// Formats `{"time":"2026-11-22T22:01:33.120Z","function":"stats-api","message":"the text"}`.
pub fn log_json(line: &Line) -> String {
    #[derive(Serialize)]
    struct Record<'a> {
        time: String,
        function: &'a str,
        message: &'a str,
    }
    json::line(&Record { time: utc(line.at), function: &line.source, message: &line.text })
}

/// Formats a line that is one JSON object as `name=value …`, without two fields: the function's name, which is displayed before
/// it, and the metadata that marks its numbers as metrics. Returns any other line unchanged.
fn readable(text: &str) -> String {
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(text) else { return text.to_owned() };
    let members = members.iter().filter(|(name, _)| *name != "function" && *name != "_aws");
    members.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Removes codes that would move the cursor or set the window's title: handlers log anything.
fn printable(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string().replace(['\t', '\n', '\r'], " ");
    plain.chars().filter(|character| !character.is_control()).collect()
}

/// Formats a time such as `2026-11-22T22:01:33.120Z`.
fn utc(millis: i64) -> String {
    let time = time(DateTime::from_secs(millis.div_euclid(1_000)));
    format!("{}.{:03}Z", time.trim_end_matches('Z'), millis.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::{Columns, LogStyle, log_json, utc};
    use crate::logs::Line;

    fn line(text: &str) -> Line {
        Line { source: "stats-api".to_owned(), at: 1_795_384_893_120, text: text.to_owned() }
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(utc(1_795_384_893_120), "2026-11-22T22:01:33.120Z");
        assert_eq!(utc(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn lines_are_aligned_and_harmless() {
        let style = LogStyle::new(["stats-api", "event-collector"].map(str::to_owned), false, Columns::UNLIMITED);
        let shown = anstream::adapter::strip_str(&style.text(&line("a\tb\u{1b}[2Jc\u{7}"))).to_string();
        assert_eq!(shown, "22:01:33.120Z stats-api        a bc");
        let other = Line { source: "event-collector".to_owned(), ..line("x") };
        let color = |text: &str| text.split("stats-api").next().unwrap().split("event-collector").next().unwrap().to_owned();
        assert_ne!(color(&style.text(&line("x"))), color(&style.text(&other)));
    }

    #[test]
    fn a_line_for_machines_is_shown_for_people() {
        let line = line(r#"{"_aws":{"Timestamp":1},"events":3,"function":"demo","route":"events"}"#);
        let shown =
            anstream::adapter::strip_str(&LogStyle::new(["stats-api".to_owned()], false, Columns::UNLIMITED).text(&line)).to_string();
        assert!(shown.ends_with("  events=3 route=\"events\""), "{shown}");
    }

    #[test]
    fn json_keeps_the_text_as_it_is() {
        assert_eq!(log_json(&line("a\"b")), r#"{"time":"2026-11-22T22:01:33.120Z","function":"stats-api","message":"a\"b"}"#);
    }
}
