//! Durations on the command line: `30s`, `10m`, `1h30m`, `1d`.

use crate::stack::duration::{self, Fault};
use std::time::Duration;

/// Maximum in seconds, a hundred years: later sums cannot overflow.
const LONGEST: f64 = 3_153_600_000.0;

/// Parses a duration. A bare number is refused, because its unit is unclear.
pub(in crate::commands) fn parse(text: &str) -> Result<Duration, String> {
    let expected = "expected a length of time such as 30s, 10m, 2h or 1d";
    let seconds = match duration::parse(text) {
        Ok(milliseconds) => milliseconds / 1000.0,
        Err(Fault::NoUnit(_)) => return Err(format!("a number needs a unit: write {text}s, {text}m, {text}h or {text}d")),
        Err(Fault::UnknownUnit(unit)) => return Err(format!("unknown unit `{unit}`, {expected}")),
        Err(Fault::Disordered) => return Err("the longer unit comes first, as in 1m30s".to_owned()),
        Err(Fault::NoLength) => return Err(expected.to_owned()),
    };
    if (1.0..=LONGEST).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(expected.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7_200), ("1d", 86_400), ("1m30s", 90), ("1.5h", 5_400)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "m", "-5m", "5w", "0s", "500ms", "99999999999999999999d", "10min", "5é"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bare_number_is_asked_for_its_unit() {
        assert_eq!(parse("5").unwrap_err(), "a number needs a unit: write 5s, 5m, 5h or 5d");
    }
}
