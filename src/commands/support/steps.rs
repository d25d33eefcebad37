//! Steps of a canary: `10%:5m,50%:10m`.

use super::span;
use std::{str::FromStr, time::Duration};

/// Maximum duration of a step: a longer canary should be two.
const LONGEST: Duration = Duration::from_hours(24);

/// Steps of a canary, with increasing shares.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::commands) struct Steps(Vec<Step>);

/// Share of the requests for a duration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::commands) struct Step {
    /// Share of the requests, between 0 and 1, both excluded.
    pub(in crate::commands) share: f64,
    /// Duration of the step.
    pub(in crate::commands) duration: Duration,
}

impl Steps {
    /// Iterates over the steps in order.
    pub(in crate::commands) fn iter(&self) -> impl Iterator<Item = Step> {
        self.0.iter().copied()
    }
}

impl FromStr for Steps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut steps: Vec<Step> = Vec::new();
        for part in text.split(',') {
            let step = step(part.trim())?;
            if steps.last().is_some_and(|last| last.share >= step.share) {
                return Err(format!("the share of `{part}` is not larger than that of the step before"));
            }
            steps.push(step);
        }
        Ok(Self(steps))
    }
}

fn step(text: &str) -> Result<Step, String> {
    let expected = || format!("`{text}`: expected a share and a time such as 10%:5m; several with commas between them");
    let (share, duration) = text.split_once(':').ok_or_else(expected)?;
    if share.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(format!("`{text}`: a share needs its unit: write {share}%:{duration}"));
    }
    let percent: f64 = share.strip_suffix('%').and_then(|share| share.parse().ok()).ok_or_else(expected)?;
    // A finer share is a mistake, and so is one that leaves nothing to either side.
    if !(0.01..=99.99).contains(&percent) {
        return Err(format!("`{text}`: a share is from 0.01% to 99.99%; without --canary all requests move at once"));
    }
    let duration = span::parse(duration).map_err(|error| format!("`{text}`: {error}"))?;
    if duration > LONGEST {
        return Err(format!("`{text}`: a step lasts a day at the most"));
    }
    Ok(Step { share: (percent * 100.0).round() / 10_000.0, duration })
}

#[cfg(test)]
mod tests {
    use super::{Step, Steps};
    use std::time::Duration;

    #[test]
    fn steps_are_shares_and_times() {
        let step = |share, seconds| Step { share, duration: Duration::from_secs(seconds) };
        assert_eq!("10%:5m".parse(), Ok(Steps(vec![step(0.1, 300)])));
        assert_eq!("0.5%:30s, 50%:1h".parse(), Ok(Steps(vec![step(0.005, 30), step(0.5, 3_600)])));
    }

    #[test]
    fn what_is_no_step_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "expected a share and a time"),
            ("10%", "expected a share and a time"),
            ("10:5m", "a share needs its unit: write 10%:5m"),
            ("10%:5", "a number needs a unit: write 5s, 5m, 5h or 5d"),
            ("ten%:5m", "expected a share and a time"),
            ("NaN%:5m", "from 0.01% to 99.99%"),
            ("0%:5m", "from 0.01% to 99.99%"),
            ("100%:5m", "from 0.01% to 99.99%"),
            ("-5%:5m", "from 0.01% to 99.99%"),
            ("10%:soon", "expected a length of time"),
            ("10%:2d", "a day at the most"),
            ("50%:5m,50%:5m", "not larger"),
            ("50%:5m,10%:5m", "not larger"),
            ("10%:5m,", "expected a share and a time"),
        ] {
            let error = text.parse::<Steps>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
