//! Values with more than one notation: durations, thresholds, plain text.
//!
//! Each type parses the typed text and converts it to one unit; limits are checked elsewhere.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::duration::{self, Fault};

/// A duration in whole seconds, written `30s`, `1m30s`, `2h`, `1d`, or as a bare number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u32);

/// Threshold of an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// Number of occurrences: `5`.
    Count(f64),
    /// A share of all requests, between 0 and 1, written `10%`.
    Share(f64),
    /// A time in milliseconds, written `25s` or `800ms`.
    Milliseconds(f64),
}

/// Text that may resemble another type (`8080`, `true`), kept as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

const SECONDS_EXPECTED: &str = "a length of time such as 30s, 5m or 2h";
const THRESHOLD_EXPECTED: &str = "a number of times such as 5, a share such as 10%, or a time such as 25s or 800ms";

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = match deserializer.deserialize_any(AnyAmount { expected: SECONDS_EXPECTED })? {
            Amount::Time(milliseconds) => milliseconds / 1000.0,
            Amount::Bare(seconds) => seconds,
            Amount::Share(_) => return Err(de::Error::custom(format!("unknown unit `%`, expected {SECONDS_EXPECTED}"))),
        };
        if seconds.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&seconds) {
            return Err(de::Error::custom("expected a whole number of seconds"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range, as just checked")]
        Ok(Self(seconds as u32))
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(AnyAmount { expected: THRESHOLD_EXPECTED })? {
            Amount::Bare(number) => Self::Count(number),
            Amount::Share(number) => Self::Share(number / 100.0),
            Amount::Time(milliseconds) => Self::Milliseconds(milliseconds),
        })
    }
}

/// A number with its suffix.
enum Amount {
    /// Number without a suffix.
    Bare(f64),
    /// Number before `%`.
    Share(f64),
    /// Numbers with units of time; the sum in milliseconds.
    Time(f64),
}

/// Reads an [`Amount`].
struct AnyAmount {
    expected: &'static str,
}

impl Visitor<'_> for AnyAmount {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        if let Some(number) = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok()) {
            return if number.is_finite() && number >= 0.0 { Ok(Amount::Share(number)) } else { Err(self.no_amount(text)) };
        }
        match duration::parse(text) {
            Ok(milliseconds) => Ok(Amount::Time(milliseconds)),
            Err(Fault::NoUnit(number)) => Ok(Amount::Bare(number)),
            Err(Fault::UnknownUnit(unit)) => Err(E::custom(format!("unknown unit `{unit}`, expected {}", self.expected))),
            Err(Fault::Disordered) => Err(E::custom(format!("the longer unit of `{text}` comes first, as in 1m30s"))),
            Err(Fault::NoLength) => Err(self.no_amount(text)),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
        let is_amount = number.is_finite() && number >= 0.0;
        if is_amount { Ok(Amount::Bare(number)) } else { Err(E::invalid_value(de::Unexpected::Float(number), &self)) }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 every limit is exceeded anyway")]
        self.visit_f64(number as f64)
    }
}

impl AnyAmount {
    fn no_amount<E: de::Error>(&self, text: &str) -> E {
        E::custom(format!("`{text}` is not {}", self.expected))
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: 30s, 1m30s, 2h, 1d, or a number of seconds.",
            "anyOf": [{ "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)? ?(d|h|m|s|ms)?)+$" }, { "type": "integer", "minimum": 0 }],
        })
    }
}

impl JsonSchema for Threshold {
    fn schema_name() -> Cow<'static, str> {
        "Threshold".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of times (5), a share of all requests (10%), or a time (25s, 800ms).",
            "anyOf": [
                { "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)? ?%|([0-9]+(\.[0-9]+)? ?(d|h|m|s|ms)?)+)$" },
                { "type": "number", "minimum": 0 },
            ],
        })
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text; a number or a boolean is taken as it is typed.",
            "type": ["string", "number", "boolean"],
        })
    }
}
