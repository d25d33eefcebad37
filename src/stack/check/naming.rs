//! Project, environments, regions, tags, and the lengths of all physical names.

use std::collections::BTreeMap;

use super::super::diagnostic::{Problem, nearest};
use super::super::file::StackFile;
use super::super::names::Names;
use super::super::values::Text;
use super::{Problems, below, overrides};

/// Longest names in characters: Lambda quotas and IAM quotas (both 64), `CreateTable`, `PutMetricAlarm`, bucket naming
/// rules, `CreateStage`.
const FUNCTION_LENGTH: usize = 64;
const TABLE_LENGTH: usize = 255;
const ALARM_LENGTH: usize = 255;
const BUCKET_LENGTH: usize = 63;
const STAGE_LENGTH: usize = 128;

/// Tags of one resource: at most 50 in all ("Tag naming limits and requirements"), ten of which are kept for our own.
const TAG_COUNT: usize = 40;
const TAG_KEY_LENGTH: usize = 128;
const TAG_VALUE_LENGTH: usize = 256;
/// The tags every resource carries anyway.
const OWN_TAGS: [&str; 4] = ["Project", "Environment", "Name", "ManagedBy"];

/// The regions with all services of a stack, for suggestions only: a new one works without being here.
const REGIONS: [&str; 26] = [
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

pub(super) fn check(file: &StackFile, problems: &mut Problems) {
    if let Some(problem) = project(&file.project) {
        problems.value(&["project"], problem);
    }
    environments(file, problems);
    if let Some(problem) = region(&file.region) {
        problems.value(&["region"], problem);
    }
    tags(&file.tags, &[], problems);
    for (name, overrides) in overrides(file) {
        if let Some(problem) = overrides.region.as_deref().and_then(region) {
            problems.value(&["environments", name, "region"], problem);
        }
        tags(&overrides.tags, &["environments", name], problems);
    }
    lengths(file, problems);
}

/// A problem of a region's name, without a place.
pub(in super::super) fn region(region: &str) -> Option<Problem> {
    let parts: Vec<&str> = region.split('-').collect();
    let sound = match parts.as_slice() {
        [area, middle @ .., number] => {
            area.len() == 2
                && !middle.is_empty()
                && std::iter::once(area).chain(middle).all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()))
                && number.len() == 1
                && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    };
    if sound {
        return None;
    }
    let problem = Problem::new(format!("`{region}` is not an AWS region")).expected("expected a region such as us-east-1");
    Some(match nearest(region, &REGIONS) {
        Some(known) => problem.help(format!("did you mean `{known}`?")),
        None => problem,
    })
}

fn project(project: &str) -> Option<Problem> {
    // The strictest of all names it becomes part of is the bucket's.
    let sound = project.starts_with(|c: char| c.is_ascii_lowercase())
        && project.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !project.ends_with('-')
        && !project.contains("--");
    if sound {
        return None;
    }
    let problem = Problem::new(format!("`{project}` cannot be the name of a project"))
        .expected("expected lower-case letters, digits and single hyphens, a letter first");
    let words: Vec<String> =
        project.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    let suggestion = words.join("-");
    let usable = suggestion.starts_with(|c: char| c.is_ascii_lowercase());
    Some(if usable { problem.help(format!("write {suggestion}")) } else { problem })
}

fn environments(file: &StackFile, problems: &mut Problems) {
    if file.environments.is_empty() {
        problems.key(&["environments"], Problem::new("there is no environment").help("write dev: {} below it"));
    }
    for name in file.environments.keys() {
        // A hyphen would make names ambiguous: is `shop-events-eu-dev` the table `events` or `events-eu`?
        let sound =
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !sound {
            let problem = Problem::new(format!("`{name}` cannot be the name of an environment"));
            problems.key(&["environments", name], problem.expected("expected lower-case letters and digits, a letter first"));
        }
    }
    if let Some(name) = &file.default_environment
        && !file.environments.contains_key(name)
    {
        let problem = Problem::new(format!("there is no environment `{name}`"));
        problems.value(&["default_environment"], problem.known(name, file.environments.keys().map(String::as_str)));
    }
}

fn tags(tags: &BTreeMap<String, Text>, base: &[&str], problems: &mut Problems) {
    let allowed = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c));
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (key, Text(value)) in tags {
        let path = below(base, &["tags", key]);
        let lower = key.to_lowercase();
        if let Some(own) = OWN_TAGS.iter().find(|own| own.to_lowercase() == lower) {
            problems.key(&path, Problem::new(format!("every resource carries the tag `{own}` already")).help("leave it out"));
        } else if lower.starts_with("aws:") || lower.starts_with("liveinsight:") {
            let owner = if lower.starts_with("aws:") { "AWS" } else { "liveinsight" };
            problems.key(&path, Problem::new(format!("tags like `{key}` are reserved for {owner}")).help("choose another prefix"));
        } else if let Some(other) = seen.insert(lower, key) {
            let problem = Problem::new(format!("the tags `{other}` and `{key}` differ only in case"));
            problems.key(&path, problem.help("IAM takes them for the same tag: keep one"));
        }
        for (what, text, limit) in [("key", key, TAG_KEY_LENGTH), ("value", value, TAG_VALUE_LENGTH)] {
            let length = text.chars().count();
            let problem = if length > limit {
                Problem::new(format!("the tag's {what} is {length} characters long, AWS allows {limit}"))
            } else if !allowed(text) {
                Problem::new(format!("the tag's {what} has a character that AWS does not allow"))
                    .expected("expected letters, digits, spaces and + - = . _ : / @")
            } else if what == "key" && text.is_empty() {
                Problem::new("the tag has no key")
            } else {
                continue;
            };
            if what == "key" {
                problems.key(&path, problem);
            } else {
                problems.value(&path, problem);
            }
        }
    }
    if tags.len() > TAG_COUNT {
        let problem = Problem::new(format!("{} tags, at most {TAG_COUNT} are possible", tags.len()));
        problems.key(&below(base, &["tags"]), problem);
    }
}

/// Checks how long names become in the environment where they are longest.
fn lengths(file: &StackFile, problems: &mut Problems) {
    let Some(environment) = file.environments.keys().max_by_key(|name| name.chars().count()) else {
        return;
    };
    // Account and region change the digits of the bucket's name, not its length.
    let names = Names::of(&file.project, environment, &file.region, "");
    for name in file.functions.keys() {
        limit(&["functions", name], "Lambda function", &names.function(name), FUNCTION_LENGTH, problems);
    }
    for name in file.tables.keys() {
        limit(&["tables", name], "DynamoDB table", &names.table(name), TABLE_LENGTH, problems);
    }
    for name in file.alarms.rules.keys() {
        limit(&["alarms", "rules", name], "CloudWatch alarm", &names.alarm(name), ALARM_LENGTH, problems);
    }
    if file.site.is_some() {
        limit(&["project"], "S3 bucket", &names.bucket(), BUCKET_LENGTH, problems);
    }
    limit(&["environments", environment], "API Gateway stage", &names.stage(), STAGE_LENGTH, problems);
}

fn limit(path: &[&str], what: &str, name: &str, limit: usize, problems: &mut Problems) {
    let length = name.chars().count();
    if length > limit {
        let problem = Problem::new(format!("the {what} would be named `{name}`: {length} characters, AWS allows {limit}"));
        problems.key(path, problem.help(format!("make it, the project or the environment {} shorter", length - limit)));
    }
}
