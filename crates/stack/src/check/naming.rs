//! Project, environments, regions, tags, and the lengths of all physical names.

use crate::diagnostic::Problem;
use crate::limits::{ALARM_NAME, BUCKET_NAME, FUNCTION_NAME, Limit, STAGE_NAME, TABLE_NAME, TAG_KEY, TAG_VALUE, TAGS};
use crate::problems::{Problems, below};
use crate::region::region;
use crate::sections::StackFile;
use crate::values::Text;
use aws::facts::Names;
use std::collections::BTreeMap;

/// Tags that every resource carries anyway.
const OWN_TAGS: [&str; 4] = ["Project", "Environment", "Name", "ManagedBy"];

/// Prefixes that AWS does not allow in bucket names (S3 user guide, bucket naming rules).
const RESERVED_BUCKETS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];

pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    if let Some(problem) = project(&file.project) {
        problems.value(&["project"], problem);
    }
    if let Some(reserved) = RESERVED_BUCKETS.into_iter().find(|reserved| file.site.is_some() && file.project.starts_with(reserved)) {
        let problem = Problem::new(format!("S3 keeps bucket names that begin with `{reserved}` to itself"));
        problems.value(&["project"], problem.help("the site's bucket begins with the project's name: choose another"));
    }
    environments(file, problems);
    if let Some(problem) = region(&file.region) {
        problems.value(&["region"], problem);
    }
    tags(&file.tags, &[], problems);
    for (name, overrides) in file.overrides() {
        if let Some(problem) = overrides.region.as_deref().and_then(region) {
            problems.value(&["environments", name, "region"], problem);
        }
        tags(&overrides.tags, &["environments", name], problems);
        merged_tags(file, name, &overrides.tags, problems);
    }
    lengths(file, problems);
}

fn project(project: &str) -> Option<Problem> {
    // The bucket's name has the strictest rules of all names that contain the project.
    let sound = project.starts_with(|c: char| c.is_ascii_lowercase())
        && project.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !project.ends_with('-')
        && !project.contains("--");
    if sound {
        return None;
    }
    let problem = Problem::new(format!("`{project}` cannot be the name of a project"))
        .expected("expected lower-case letters, digits and single hyphens, a letter first");
    Some(match project_name(project) {
        Some(name) => problem.help(format!("write {name}")),
        None => problem,
    })
}

/// Longest project that [`project_name`] returns: with it, a bucket's name has room for an environment of 20 characters.
const LONGEST_PROJECT: usize = 63 - "-static-".len() - 20 - "-01234567".len();

/// Returns a valid name for a project that resembles a text; `None` if the text has no letter from a to z.
pub fn project_name(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name = name[..name.len().min(LONGEST_PROJECT)].trim_end_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
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
        && problems.knows_names(&["environments"])
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
        for (what, text, limit) in [("key", key, TAG_KEY), ("value", value, TAG_VALUE)] {
            let length = text.chars().count();
            let mut found = Vec::new();
            if length > 0 && !limit.fits(length) {
                found.push(Problem::new(format!("the tag's {what} is {length} characters long, AWS allows {}", limit.most)));
            }
            if !allowed(text) {
                found.push(
                    Problem::new(format!("the tag's {what} has a character that AWS does not allow"))
                        .expected("expected letters, digits, spaces and + - = . _ : / @"),
                );
            }
            if what == "key" && text.is_empty() {
                found.push(Problem::new("the tag has no key"));
            }
            for problem in found {
                if what == "key" {
                    problems.key(&path, problem);
                } else {
                    problems.value(&path, problem);
                }
            }
        }
    }
    if !TAGS.fits(tags.len()) {
        let problem = Problem::new(format!("{} tags, at most {} are possible", tags.len(), TAGS.most));
        problems.key(&below(base, &["tags"]), problem);
    }
}

/// Checks the tags of an environment together with those of the file.
fn merged_tags(file: &StackFile, environment: &str, added: &BTreeMap<String, Text>, problems: &mut Problems) {
    let base = ["environments", environment, "tags"];
    for key in added.keys().filter(|key| !file.tags.contains_key(*key)) {
        if let Some(other) = file.tags.keys().find(|other| other.to_lowercase() == key.to_lowercase()) {
            let problem = Problem::new(format!("the tags `{other}` and `{key}` differ only in case"));
            problems.key(&below(&base, &[key]), problem.help("IAM takes them for the same tag: write both alike"));
        }
    }
    let count = file.tags.len() + added.keys().filter(|key| !file.tags.contains_key(*key)).count();
    if TAGS.fits(file.tags.len()) && TAGS.fits(added.len()) && !TAGS.fits(count) {
        let problem = Problem::new(format!("{count} tags with those of the file, at most {} are possible", TAGS.most));
        problems.key(&base, problem);
    }
}

/// Checks the lengths of names, in the environment where they are longest.
fn lengths(file: &StackFile, problems: &mut Problems) {
    let Some(environment) = file.environments.keys().max_by_key(|name| name.chars().count()) else {
        return;
    };
    // Account and region change the digits of the bucket's name, not its length.
    let names = Names::of(&file.project, environment, &file.region, "");
    for name in file.functions.keys() {
        limit(&["functions", name], "Lambda function", &names.function(name), FUNCTION_NAME, problems);
    }
    for name in file.tables.keys() {
        limit(&["tables", name], "DynamoDB table", &names.table(name), TABLE_NAME, problems);
    }
    for name in file.alarms.rules.keys() {
        limit(&["alarms", "rules", name], "CloudWatch alarm", &names.alarm(name), ALARM_NAME, problems);
    }
    if file.site.is_some() {
        limit(&["project"], "S3 bucket", &names.bucket(), BUCKET_NAME, problems);
    }
    limit(&["environments", environment], "API Gateway stage", &names.stage(), STAGE_NAME, problems);
}

fn limit(path: &[&str], what: &str, name: &str, limit: Limit, problems: &mut Problems) {
    let length = name.chars().count();
    if !limit.fits(length) {
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        let problem = Problem::new(format!("the {what} would be named `{name}`: {length} characters, AWS allows {most}"));
        problems.key(path, problem.help(format!("make it, the project or the environment {} shorter", length.saturating_sub(most))));
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_PROJECT, project, project_name};

    #[test]
    fn a_name_is_made_of_whatever_a_directory_is_called() {
        for (text, name) in [
            ("shop", "shop"),
            ("My Shop", "my-shop"),
            ("my_shop.v2", "my-shop-v2"),
            ("--x--", "x"),
            ("2024-shop", "shop"),
            ("가게 shop", "shop"),
        ] {
            assert_eq!(project_name(text).as_deref(), Some(name), "{text}");
        }
        for text in ["", "42", "가게", "-_-"] {
            assert_eq!(project_name(text), None, "{text}");
        }
        let long = project_name(&"long-name-".repeat(10)).unwrap();
        assert!(long.len() <= LONGEST_PROJECT && project(&long).is_none(), "{long}");
    }
}
