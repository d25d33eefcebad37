//! Milliseconds since 1970 and the buckets cut from them, all in UTC.
//!
//! A calendar crate would be the largest part of the handlers' zip; a date from a day number is ten lines.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// Milliseconds of a second.
pub const SECOND: Millis = 1_000;
/// Milliseconds of a minute.
pub const MINUTE: Millis = 60 * SECOND;
/// Milliseconds of an hour.
pub const HOUR: Millis = 60 * MINUTE;
/// Milliseconds of a day.
pub const DAY: Millis = 24 * HOUR;

/// Returns the server's time.
///
/// A clock before 1970 reads as 1970: every event is then rejected as coming from the future, which points to the cause.
pub fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| Millis::try_from(elapsed.as_millis()).unwrap_or(Millis::MAX))
}

/// Returns the start of the bucket of `size` milliseconds that contains `time`.
pub fn floor(time: Millis, size: Millis) -> Millis {
    time - time.rem_euclid(size)
}

/// Formats a day as `20261122`; part of a partition's name.
pub fn compact_date(time: Millis) -> String {
    let (year, month, day) = civil_date(time);
    format!("{year:04}{month:02}{day:02}")
}

/// Formats a day as `2026-11-22`, for display.
pub fn date_label(time: Millis) -> String {
    let (year, month, day) = civil_date(time);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Formats an hour as `21:00`, for display.
pub fn hour_label(time: Millis) -> String {
    format!("{:02}:00", hour_of_day(time))
}

/// Returns the hour of the day, 0 to 23.
pub fn hour_of_day(time: Millis) -> i64 {
    time.rem_euclid(DAY) / HOUR
}

/// Returns year, month (1–12) and day (1–31) in the Gregorian calendar.
///
/// Counts in years that begin in March, so that the leap day is a year's last day (Howard Hinnant's "chrono-compatible
/// low-level date algorithms", `civil_from_days`).
fn civil_date(time: Millis) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    const DAYS_FROM_MARCH_OF_YEAR_0_TO_1970: i64 = 719_468;
    let days = time.div_euclid(DAY) + DAYS_FROM_MARCH_OF_YEAR_0_TO_1970;
    let era = days.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_of_known_times() {
        let time = 1_795_380_731_123; // 2026-11-22T20:52:11.123Z
        assert_eq!(date_label(time), "2026-11-22");
        assert_eq!(compact_date(time), "20261122");
        assert_eq!(hour_label(time), "20:00");
        assert_eq!(date_label(0), "1970-01-01");
        assert_eq!(date_label(951_782_400_000), "2000-02-29");
        assert_eq!(date_label(4_107_542_399_999), "2100-02-28");
        assert_eq!(date_label(4_107_542_400_000), "2100-03-01");
    }

    proptest! {
        #[test]
        fn dates_follow_each_other(day in 0_i64..200_000) {
            let (year, month, day_of_month) = civil_date(day * DAY);
            let (next_year, next_month, next_day) = civil_date((day + 1) * DAY);
            let same_month = (next_year, next_month, next_day) == (year, month, day_of_month + 1);
            let next_month_begins = next_day == 1
                && ((next_year, next_month) == (year, month + 1) || (next_year, next_month, month) == (year + 1, 1, 12))
                && (28..=31).contains(&day_of_month);
            prop_assert!(same_month || next_month_begins);
        }

        #[test]
        fn a_bucket_holds_its_time(time in 0_i64..9_000_000_000_000, size in prop::sample::select(vec![MINUTE, 5 * MINUTE, HOUR, DAY])) {
            let start = floor(time, size);
            prop_assert!(start <= time && time < start + size && start % size == 0);
        }
    }
}
