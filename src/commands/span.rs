//! Lengths of time on the command line: `30s`, `10m`, `2h`, `1d`.

use std::time::Duration;

/// Reads a length of time; a bare number is seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let factor = match &text[number.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    // A hundred years: later sums cannot overflow.
    seconds.filter(|seconds| (1..=3_153_600_000).contains(seconds)).map(Duration::from_secs).ok_or_else(expected)
}

fn expected() -> String {
    "expected a length of time such as 30s, 10m, 2h or 1d".to_owned()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7_200), ("1d", 86_400), ("45", 45)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "m", "-5m", "1.5h", "5 m", "5w", "0s", "99999999999999999999d", "10min", "5é"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
