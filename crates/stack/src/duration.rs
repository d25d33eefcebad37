//! Durations in common notation: `30s`, `1m30s`, `1.5h`, `800ms`.

/// Units in milliseconds, the longest first.
const UNITS: [(&str, f64); 5] = [("d", 86_400_000.0), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1000.0), ("ms", 1.0)];

/// Reason why a text is no duration.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Number without a unit.
    NoUnit(f64),
    /// Unit that is not known.
    UnknownUnit(String),
    /// Unit that is not shorter than the one before, as in `30s1m`.
    Disordered,
    /// Any other text.
    NoLength,
}

/// Parses a duration, in milliseconds: numbers with units, the longer units first.
pub fn parse(text: &str) -> Result<f64, Fault> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (mut rest, mut sum, mut units) = (text, 0.0, UNITS.as_slice());
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !is_number(c)).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(unit_at);
        let number = number.parse::<f64>().map_err(|_| Fault::NoLength)?;
        // A blank before a lone unit is common: `30 s`.
        let behind = if rest.len() == text.len() { behind.trim_start() } else { behind };
        let next = behind.find(is_number).unwrap_or(behind.len());
        let (unit, left) = behind.split_at(next);
        if unit.is_empty() {
            return Err(if rest.len() == text.len() { Fault::NoUnit(number) } else { Fault::NoLength });
        }
        let Some(index) = units.iter().position(|(name, _)| *name == unit) else {
            let is_known = UNITS.iter().any(|(name, _)| *name == unit);
            return Err(if is_known { Fault::Disordered } else { Fault::UnknownUnit(unit.to_owned()) });
        };
        sum += number * units[index].1;
        units = &units[index + 1..];
        rest = left;
    }
    if text.is_empty() { Err(Fault::NoLength) } else { Ok(sum) }
}

#[cfg(test)]
mod tests {
    use super::{Fault, parse};

    #[test]
    fn lengths_are_sums_of_parts() {
        for (text, milliseconds) in [
            ("30s", 30_000.0),
            ("30 s", 30_000.0),
            ("1m30s", 90_000.0),
            ("1.5m", 90_000.0),
            ("1h30m", 5_400_000.0),
            ("1d", 86_400_000.0),
            ("2s500ms", 2_500.0),
            ("800ms", 800.0),
        ] {
            assert_eq!(parse(text), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_says_why() {
        for (text, fault) in [
            ("5", Fault::NoUnit(5.0)),
            ("1.5", Fault::NoUnit(1.5)),
            ("5w", Fault::UnknownUnit("w".to_owned())),
            ("10min", Fault::UnknownUnit("min".to_owned())),
            ("1m30", Fault::NoLength),
            ("30s1m", Fault::Disordered),
            ("1m1m", Fault::Disordered),
            ("", Fault::NoLength),
            ("soon", Fault::NoLength),
            ("-5m", Fault::NoLength),
            ("m", Fault::NoLength),
            ("1..5s", Fault::NoLength),
            ("5é", Fault::UnknownUnit("é".to_owned())),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }
}
