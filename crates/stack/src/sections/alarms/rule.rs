//! Parses an alarm's rule: the metric that it watches, and its threshold in `CloudWatch`'s units.

use super::metric::{self, API_METRICS, FUNCTION_METRICS, Metric, TABLE_METRICS, Unit};
use super::{Alarm, RuleFile, Statistic, Watches};
use crate::diagnostic::Problem;
use crate::limits::{ALARM_DAY, ALARM_WEEK};
use crate::values::{Seconds, Threshold};

/// Default length of a period, in seconds.
const PERIOD: Seconds = Seconds(300);

/// A problem of a rule, with the key that it is about; the empty key is the rule itself.
pub(crate) type At = (&'static str, Problem);

/// Parses a rule, or returns all of its problems. The existence of the function or table is not checked.
pub(crate) fn parse(rule: &RuleFile) -> Result<Alarm, Vec<At>> {
    let mut problems = Vec::new();
    let watches = watches(rule).map_err(|problem| problems.push(problem)).ok();
    let threshold = watches.as_ref().and_then(|watches| threshold(watches, rule).map_err(|problem| problems.push(problem)).ok());
    let periods = periods(rule).map_err(|found| problems.extend(found)).ok();
    match (watches, threshold, periods) {
        (Some(watches), Some((statistic, threshold)), Some((period, periods))) => {
            Ok(Alarm { watches, threshold, statistic, period, periods })
        }
        _ => Err(problems),
    }
}

fn watches(rule: &RuleFile) -> Result<Watches, At> {
    let metric_of = |known: &'static [Metric]| {
        let Some(metric) = rule.metric.as_deref() else {
            let known = metric::names(known).collect::<Vec<_>>().join(" or ");
            let problem = Problem::new("the alarm does not say which metric it watches");
            return Err(("", problem.expected(format!("expected metric: {known}"))));
        };
        find(known, metric).map_err(|problem| ("metric", problem))
    };
    match (&rule.function, &rule.api, &rule.table) {
        (Some(name), None, None) => Ok(Watches::Function { name: name.clone(), metric: metric_of(FUNCTION_METRICS)? }),
        (None, Some(_), None) if rule.metric.is_some() => {
            Err(("metric", Problem::new("an alarm of the API has no `metric`").help("write api: 5xx alone")))
        }
        (None, Some(api), None) => find(API_METRICS, api).map(|metric| Watches::Api { metric }).map_err(|problem| ("api", problem)),
        (None, None, Some(name)) => Ok(Watches::Table { name: name.clone(), metric: metric_of(TABLE_METRICS)? }),
        (None, None, None) => Err(("", Problem::new("the alarm watches nothing").expected("expected function, api or table"))),
        _ => Err(("", Problem::new("the alarm watches more than one thing").expected("expected one of function, api, table"))),
    }
}

fn find(known: &'static [Metric], name: &str) -> Result<&'static Metric, Problem> {
    let unknown = || Problem::new(format!("unknown metric `{name}`")).known(name, metric::names(known));
    known.iter().find(|metric| metric.name == name).ok_or_else(unknown)
}

/// Returns the statistic of the metric, and the threshold in `CloudWatch`'s unit for it.
fn threshold(watches: &Watches, rule: &RuleFile) -> Result<(Statistic, f64), At> {
    let at_threshold = |problem: Problem| Err(("threshold", problem));
    let longest = match rule.percentile {
        None => Statistic::Maximum,
        Some(percentile @ 1..=99) => Statistic::Percentile(percentile),
        Some(percentile) => {
            let problem = Problem::new(format!("{percentile} is no percentile of a time")).expected("expected 1 to 99, such as 90");
            return Err(("percentile", problem));
        }
    };
    let (Watches::Function { metric, .. } | Watches::Api { metric } | Watches::Table { metric, .. }) = watches;
    let (statistic, value) = match (metric.unit, rule.threshold) {
        (Unit::Milliseconds, Threshold::Milliseconds(value)) => (longest, value),
        (Unit::Level, Threshold::Count(value)) => (Statistic::Maximum, value),
        (Unit::Requests, Threshold::Share(value)) => (Statistic::Average, value),
        (Unit::Requests | Unit::Count, Threshold::Count(value)) => (Statistic::Sum, value),
        (Unit::Milliseconds, _) => {
            return at_threshold(Problem::new("this metric is a time").expected("expected a threshold such as 25s or 800ms"));
        }
        (Unit::Requests, _) => {
            let problem = Problem::new("this metric is a number or a share of requests");
            return at_threshold(problem.expected("expected a threshold such as 10% or 5"));
        }
        (Unit::Count | Unit::Level, _) => {
            return at_threshold(Problem::new("this metric is a number").expected("expected a threshold such as 5"));
        }
    };
    if value <= 0.0 {
        return at_threshold(Problem::new("a threshold of 0 is always reached").expected("expected more than 0"));
    }
    if statistic == Statistic::Average && value > 1.0 {
        return at_threshold(Problem::new("a share above 100% is never reached").expected("expected at most 100%"));
    }
    if rule.percentile.is_some() && metric.unit != Unit::Milliseconds {
        let problem = Problem::new(format!("`{}` has no percentiles: it is not a time", metric.name));
        return Err(("percentile", problem.help("leave `percentile` out")));
    }
    Ok((statistic, value))
}

fn periods(rule: &RuleFile) -> Result<(u32, u32), Vec<At>> {
    let Seconds(period) = rule.period.unwrap_or(PERIOD);
    let periods = rule.periods.unwrap_or(1);
    let mut problems = Vec::new();
    if period == 0 || period % 60 != 0 {
        let problem = Problem::new(format!("a period of {period} s is not made of whole minutes"));
        problems.push(("period", problem.expected("expected 1m, 5m, 1h …")));
    }
    if periods == 0 {
        problems.push(("periods", Problem::new("an alarm needs at least one period").expected("expected 1 or more")));
    }
    let reach = u64::from(period) * u64::from(periods);
    let limit = if period < 3600 { ALARM_DAY } else { ALARM_WEEK };
    if !limit.allows(reach) {
        let problem = Problem::new(format!("the alarm looks back {reach} s, CloudWatch at most {} s", limit.most));
        let key = if rule.periods.is_some() { "periods" } else { "period" };
        problems.push((key, problem.help("use fewer or shorter periods (a week in all if they last an hour, else a day)")));
    }
    if problems.is_empty() { Ok((period, periods)) } else { Err(problems) }
}
