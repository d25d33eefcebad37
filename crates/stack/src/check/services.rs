//! Parts that the whole stack shares: API, site, logs, alarms.

use std::path::{Component, Path};

use super::super::RETENTION_DAYS;
use super::super::alarm;
use super::super::diagnostic::Problem;
use super::super::file::{ApiFile, CorsFile, LogsFile, StackFile};
use super::super::limits::{PREFLIGHT_AGE, THROTTLE, TOPIC_NAME};
use super::super::model::Watches;
use super::super::values::Seconds;
use super::boundary::boundaries;
use super::functions::source;
use super::{Problems, below, overrides};

pub(super) fn check(file: &StackFile, problems: &mut Problems) {
    api(&file.api, &["api"], problems);
    logs(&file.logs, &["logs"], problems);
    site(file, problems);
    rules(file, problems);
    for (name, overrides) in overrides(file) {
        api(&overrides.api, &["environments", name, "api"], problems);
        logs(&overrides.logs, &["environments", name, "logs"], problems);
    }
    notify(file, problems);
    boundaries(file, problems);
}

fn api(api: &ApiFile, path: &[&str], problems: &mut Problems) {
    if let Some(cors) = &api.cors {
        self::cors(cors, &below(path, &["cors"]), problems);
    }
    if let Some(throttle) = &api.throttle {
        let path = below(path, &["throttle"]);
        for (key, value) in [("requests_per_minute", Some(throttle.requests_per_minute)), ("burst", throttle.burst)] {
            if value.is_some_and(|value| !THROTTLE.allows(value.into())) {
                let problem = Problem::new(format!("`{key}` would let nothing through, or is beyond all limits"));
                problems.value(&below(&path, &[key]), problem.expected("expected 1 or more"));
            }
        }
    }
}

fn cors(cors: &CorsFile, path: &[&str], problems: &mut Problems) {
    if cors.origins.is_empty() {
        problems.key(&below(path, &["origins"]), Problem::new("no origin is allowed").help("write [\"*\"], or leave cors out"));
    }
    for (index, origin) in cors.origins.iter().enumerate() {
        let problem = if origin == "*" {
            if cors.origins.len() == 1 {
                continue;
            }
            Problem::new("`*` allows every origin already").help("leave the others out, or this one")
        } else if is_origin(origin) {
            continue;
        } else {
            let problem = Problem::new(format!("`{origin}` is not an origin"))
                .expected("expected \"*\" or scheme and host, as in https://example.com");
            match origin.trim_end_matches('/') {
                shorter if shorter != origin && is_origin(shorter) => problem.help(format!("write {shorter}, without a path")),
                host if is_origin(&format!("https://{host}")) => problem.help(format!("write https://{host}")),
                _ => problem,
            }
        };
        problems.value(&below(path, &["origins", &index.to_string()]), problem);
    }
    for (index, header) in cors.headers.iter().flatten().enumerate() {
        // RFC 9110, "token", without the quote that would end the value in API Gateway's mapping.
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&*+-.^_`|~".contains(c);
        if header.is_empty() || !header.chars().all(is_token) {
            let problem = Problem::new(format!("`{header}` is not the name of a header")).expected("expected a name such as Content-Type");
            problems.value(&below(path, &["headers", &index.to_string()]), problem);
        }
    }
    if let Some(Seconds(max_age)) = cors.max_age.filter(|Seconds(max_age)| !PREFLIGHT_AGE.allows((*max_age).into())) {
        let problem = Problem::new(format!("no browser remembers a preflight for {max_age} s")).expected("expected at most 24h");
        problems.value(&below(path, &["max_age"]), problem);
    }
}

/// Tests for `scheme://host[:port]`, the form in which a browser sends an origin.
fn is_origin(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return false;
    };
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

fn logs(logs: &LogsFile, path: &[&str], problems: &mut Problems) {
    let Some(days) = logs.retention_days.filter(|days| !RETENTION_DAYS.contains(days)) else {
        return;
    };
    let nearest = RETENTION_DAYS.iter().min_by_key(|known| known.abs_diff(days)).map_or(7, |known| *known);
    let list: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
    let problem = Problem::new(format!("CloudWatch cannot keep logs for {days} days"));
    problems.value(
        &below(path, &["retention_days"]),
        problem.expected(format!("expected {nearest}, the nearest")).help(format!("possible are {}", list.join(", "))),
    );
}

fn site(file: &StackFile, problems: &mut Problems) {
    let Some(site) = &file.site else { return };
    let parts = || Path::new(&site.source).components();
    let inside = parts().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && parts().any(|part| matches!(part, Component::Normal(_)));
    if let Some(problem) = source(&site.source) {
        problems.value(&["site", "source"], problem);
    } else if !inside {
        let problem = Problem::new(format!("the site cannot be `{}`", site.source))
            .expected("expected a directory below the one of stack.yaml")
            .help("everything in it is published");
        problems.value(&["site", "source"], problem);
    }
    for name in site.outputs.keys() {
        let sound = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !sound {
            let problem = Problem::new(format!("`{name}` cannot be the name of an output"));
            problems.key(&["site", "outputs", name], problem.expected("expected lower-case letters, digits and _, as in tracker_url"));
        }
    }
    let single = [("index", &site.index), ("error_page", &site.error_page)];
    let single = single.into_iter().filter_map(|(key, page)| Some((vec!["site", key], page.as_ref()?)));
    let outputs = site.outputs.iter().map(|(name, page)| (vec!["site", "outputs", name], page));
    for (path, page) in single.chain(outputs) {
        let sound = !page.is_empty() && page.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
        if !sound {
            let problem = Problem::new(format!("`{page}` is not a page of the site"));
            problems.value(&path, problem.expected("expected a path inside `source`, as in index.html"));
        }
    }
}

fn rules(file: &StackFile, problems: &mut Problems) {
    let may_have_route = |name: &String| !problems.is_known(&["functions", name, "route"]);
    let has_api = file.functions.iter().any(|(name, function)| function.route.is_some() || may_have_route(name));
    let has_api = has_api || !problems.knows_names(&["functions"]);
    for (name, rule) in &file.alarms.rules {
        let path = ["alarms", "rules", name.as_str()];
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            let problem = Problem::new(format!("`{name}` cannot be the name of an alarm"));
            problems.key(&path, problem.expected("expected letters, digits, . _ -"));
        }
        match alarm::parse(rule) {
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
        && super::region(region).is_none()
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && TOPIC_NAME.fits(name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    sound.then_some(region)
}
