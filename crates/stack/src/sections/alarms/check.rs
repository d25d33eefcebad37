//! Checks of alarms: names, subjects, topics.

use super::{Watches, rule};
use crate::diagnostic::Problem;
use crate::limits::TOPIC_NAME;
use crate::problems::{Problems, below};
use crate::region;
use crate::sections::StackFile;

/// Checks the alarms in all environments.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    rules(file, problems);
    notify(file, problems);
}

fn rules(file: &StackFile, problems: &mut Problems) {
    let may_have_route = |name: &String| ["route", "routes"].into_iter().any(|key| !problems.is_known(&["functions", name, key]));
    let has_api = file.functions.iter().any(|(name, function)| function.has_route() || may_have_route(name));
    let has_api = has_api || !problems.knows_names(&["functions"]);
    for (name, rule) in &file.alarms.rules {
        let path = ["alarms", "rules", name.as_str()];
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            let problem = Problem::new(format!("`{name}` cannot be the name of an alarm"));
            problems.key(&path, problem.expected("expected letters, digits, . _ -"));
        }
        match rule::parse(rule) {
            Ok(alarm) => watched(file, &path, &alarm.watches, has_api, problems),
            Err(found) => {
                for (key, problem) in found {
                    match key {
                        "" if problems.is_known(&path) => problems.key(&path, problem),
                        "" => {}
                        key => problems.value(&below(&path, &[key]), problem),
                    }
                }
            }
        }
    }
}

/// Checks that the subject of an alarm exists.
fn watched(file: &StackFile, path: &[&str], watches: &Watches, has_api: bool, problems: &mut Problems) {
    match watches {
        Watches::Function { name, .. } if !file.functions.contains_key(name) && problems.knows_names(&["functions"]) => {
            let problem = Problem::new(format!("there is no function `{name}`"));
            let problem = problem.known(name, file.functions.keys().map(String::as_str));
            problems.value(&below(path, &["function"]), problem);
        }
        Watches::Table { name, .. } if !file.tables.contains_key(name) && problems.knows_names(&["tables"]) => {
            let problem = Problem::new(format!("there is no table `{name}`"));
            let problem = problem.known(name, file.tables.keys().map(String::as_str));
            problems.value(&below(path, &["table"]), problem);
        }
        Watches::Api { .. } if !has_api => {
            let problem = Problem::new("there is no API to watch: no function has a route");
            problems.value(&below(path, &["api"]), problem.help("give a function a route, or remove the alarm"));
        }
        _ => {}
    }
}

/// Checks the topics that alarms notify, in each environment.
fn notify(file: &StackFile, problems: &mut Problems) {
    for (name, overrides) in &file.environments {
        let overrides = overrides.as_ref();
        let region = overrides.and_then(|overrides| overrides.region.as_ref()).unwrap_or(&file.region);
        if !problems.knows_names(&["region"]) || !problems.knows_names(&["environments", name]) {
            continue;
        }
        if let Some(topic) = overrides.and_then(|overrides| overrides.alarms.notify.as_deref()) {
            if let Some(problem) = topic_problem(topic, name, region) {
                problems.value(&["environments", name, "alarms", "notify"], problem);
            }
        } else if let Some(problem) = file.alarms.notify.as_deref().and_then(|topic| topic_problem(topic, name, region)) {
            problems.value(&["alarms", "notify"], problem);
        }
    }
}

fn topic_problem(topic: &str, environment: &str, region: &str) -> Option<Problem> {
    match topic_region(topic) {
        None => {
            Some(Problem::new(format!("`{topic}` is not the ARN of an SNS topic")).expected("expected arn:aws:sns:REGION:ACCOUNT:NAME"))
        }
        Some(other) if other != region => Some(
            Problem::new(format!("the topic is in {other}, the alarms of {environment} are in {region}"))
                .help("CloudWatch notifies topics of its own region only; an environment can name its own"),
        ),
        Some(_) => None,
    }
}

/// Returns the region in the ARN of an SNS topic, if it is one.
fn topic_region(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = parts.as_slice() else {
        return None;
    };
    let sound = partition.starts_with("aws")
        && region::region(region).is_none()
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && TOPIC_NAME.fits(name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    sound.then_some(region)
}
