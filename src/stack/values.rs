//! Values that people write in more than one way: lengths of time, thresholds, plain text.
//!
//! Each reads what was typed and turns it into one unit; limits are checked elsewhere.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A length of time in whole seconds, written `30s`, `5m`, `2h`, `1d`, or as a bare number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u32);

/// What an alarm's metric is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// A number of times: `5`.
    Count(f64),
    /// A share of all requests, between 0 and 1, written `10%`.
    Share(f64),
    /// A time in milliseconds, written `25s` or `800ms`.
    Milliseconds(f64),
}

/// Text that may look like something else (`8080`, `true`), kept as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

const SECONDS_EXPECTED: &str = "a length of time such as 30s, 5m or 2h";
const THRESHOLD_EXPECTED: &str = "a number of times such as 5, a share such as 10%, or a time such as 25s or 800ms";

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (number, unit) = deserializer.deserialize_any(Amount { expected: SECONDS_EXPECTED })?;
        let factor = match unit.as_str() {
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => {
                return Err(de::Error::custom(format!("unknown unit `{unit}`, expected {SECONDS_EXPECTED}")));
            }
        };
        let seconds = number * factor;
        if seconds.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&seconds) {
            return Err(de::Error::custom("expected a whole number of seconds"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range, as just checked")]
        Ok(Self(seconds as u32))
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (number, unit) = deserializer.deserialize_any(Amount { expected: THRESHOLD_EXPECTED })?;
        Ok(match unit.as_str() {
            "" => Self::Count(number),
            "%" => Self::Share(number / 100.0),
            "ms" => Self::Milliseconds(number),
            "s" => Self::Milliseconds(number * 1000.0),
            "m" => Self::Milliseconds(number * 60_000.0),
            _ => {
                return Err(de::Error::custom(format!("unknown unit `{unit}`, expected {THRESHOLD_EXPECTED}")));
            }
        })
    }
}

/// Reads a number with an optional unit behind it.
struct Amount {
    expected: &'static str,
}

impl Visitor<'_> for Amount {
    type Value = (f64, String);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        match number.parse::<f64>() {
            Ok(number) => Ok((number, unit.trim().to_owned())),
            Err(_) => Err(E::custom(format!("`{text}` is not {}", self.expected))),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        if number.is_finite() && number >= 0.0 {
            Ok((number, String::new()))
        } else {
            Err(E::custom(format!("`{number}` is not {}", self.expected)))
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 every limit is exceeded anyway")]
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 every limit is exceeded anyway")]
        self.visit_f64(number as f64)
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: 30s, 5m, 2h, 1d, or a number of seconds.",
            "anyOf": [{ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?[smhd]?$" }, { "type": "integer", "minimum": 0 }],
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
                { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(%|ms|s|m)?$" },
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
