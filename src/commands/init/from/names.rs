//! Names of functions and tables in stack.yaml, and physical names that its pattern PROJECT-TABLE-ENVIRONMENT can have.

use super::description::Description;
use crate::stack::project_name;

/// Words that are taken for an environment at the end of a physical name.
const STAGES: [&str; 14] =
    ["dev", "develop", "development", "test", "testing", "qa", "uat", "int", "stage", "staging", "preprod", "prod", "prd", "production"];

/// Environment of a file that names no stage.
const ENVIRONMENT: &str = "dev";

/// Project and environment for a description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) project: String,
    pub(super) environment: String,
}

/// Returns `order-items` for `OrderItemsTable` or `order_items`: words in lower case, without the words at the end that name the kind.
pub(super) fn plain(id: &str, endings: &[&str]) -> String {
    let characters: Vec<char> = id.chars().collect();
    let mut name = String::new();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| characters[before]);
        let begins_word = before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
            || before.is_some_and(|before| before.is_ascii_uppercase()) && characters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if character.is_ascii_uppercase() && begins_word {
            name.push('-');
        }
        name.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' });
    }
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    let kept = if words.len() > 1 && endings.contains(&words[words.len() - 1]) { &words[..words.len() - 1] } else { &words[..] };
    let name = kept.join("-");
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

/// Returns the name, with a number behind it if another thing has it.
pub(super) fn unique(name: String, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(&name) {
        return name;
    }
    (2..=usize::MAX).map(|number| format!("{name}-{number}")).find(|name| !is_taken(name)).unwrap_or(name)
}

/// Returns the next step for a resource that has no counterpart.
pub(super) fn next_for(kind: &str) -> &'static str {
    let kind = kind.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| kind.contains(part));
    if has(&["cognito"]) {
        "keep it with the other tool, and name the ARN of a user pool under `api.authorizers`"
    } else if has(&["sqs", "sns", "events::", "eventbridge", "cloudwatch_event", "scheduler", "kinesis", "s3", "stepfunctions", "sfn"]) {
        "keep it with the other tool; a function may use it by its ARN (`permissions`, `environment`)"
    } else if has(&["certificate", "domain", "route53", "cloudfront"]) {
        "keep it with the other tool, and lead it to the address that `liveinsight outputs` prints"
    } else if has(&["layer"]) {
        "keep it with the other tool, and name the ARN of its version under `layers`"
    } else {
        "keep it with the other tool, or leave it out"
    }
}

/// Chooses project and environment, such that as many tables as possible have their physical name, and names the tables.
///
/// `given` is the project that the user wants, `proposed` the one for want of another.
pub(super) fn choose(description: &mut Description, given: Option<&str>, proposed: &str) -> Chosen {
    let stage = description.stage.clone().filter(|stage| is_environment(stage));
    let guess =
        given.map(str::to_owned).or_else(|| description.name.as_deref().and_then(project_name)).unwrap_or_else(|| proposed.to_owned());
    let physical: Vec<String> = description.tables.iter().filter_map(|table| table.physical.clone()).collect();
    let mut best: Option<(usize, Chosen)> = None;
    for name in &physical {
        let Some((stem, environment)) = name.rsplit_once('-') else { continue };
        let is_stage = STAGES.contains(&environment) || stage.as_deref() == Some(environment);
        if !is_stage || !is_environment(environment) {
            continue;
        }
        let projects = if given.is_some() || stem.starts_with(&format!("{guess}-")) { vec![guess.clone()] } else { prefixes(stem) };
        for project in projects {
            let chosen = Chosen { project, environment: environment.to_owned() };
            let count = physical.iter().filter(|name| chosen.table(name).is_some()).count();
            // Of equal ones the longer prefix comes first.
            if count > best.as_ref().map_or(0, |(count, _)| *count) {
                best = Some((count, chosen));
            }
        }
    }
    let chosen = best.map(|(_, chosen)| chosen);
    let chosen = chosen.unwrap_or_else(|| Chosen { project: guess, environment: stage.unwrap_or_else(|| ENVIRONMENT.to_owned()) });
    for index in 0..description.tables.len() {
        let table = &description.tables[index];
        let name = table.physical.as_deref().and_then(|physical| chosen.table(physical)).map(str::to_owned);
        let taken: Vec<String> = description.tables[..index].iter().map(|table| table.name.clone()).collect();
        let name = unique(name.unwrap_or_else(|| plain(&table.id, &["table"])), |name| taken.iter().any(|taken| taken == name));
        description.tables[index].name = name;
    }
    chosen
}

impl Chosen {
    /// Returns the name in stack.yaml of the table with this physical name; `None` if no name leads to it.
    fn table<'a>(&self, physical: &'a str) -> Option<&'a str> {
        let name = physical.strip_prefix(&self.project)?.strip_prefix('-')?.strip_suffix(&self.environment)?.strip_suffix('-')?;
        let sound =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        sound.then_some(name)
    }

    /// Returns the physical name of a table.
    pub(super) fn physical(&self, table: &str) -> String {
        format!("{}-{table}-{}", self.project, self.environment)
    }
}

fn is_environment(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Returns the beginnings of a name that can be a project and leave a name for a table, the longest first.
fn prefixes(stem: &str) -> Vec<String> {
    let ends: Vec<usize> = stem.match_indices('-').map(|(index, _)| index).collect();
    let valid = |project: &&str| project_name(project).as_deref() == Some(project);
    ends.into_iter().rev().map(|end| &stem[..end]).filter(valid).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::description::{Description, Table};
    use super::{Chosen, choose, plain, unique};

    #[test]
    fn names_are_words_in_lower_case_without_the_kind() {
        for (id, name) in [
            ("OrdersTable", "orders"),
            ("orders_table", "orders"),
            ("Table", "table"),
            ("HTTPApiHandler", "http-api-handler"),
            ("OrdersV2", "orders-v2"),
            ("1st", "st"),
            ("__", "unnamed"),
        ] {
            assert_eq!(plain(id, &["table"]), name, "{id}");
        }
        assert_eq!(unique("a".to_owned(), |name| name == "a" || name == "a-2"), "a-3");
    }

    fn chosen(tables: &[&str], given: Option<&str>, stage: Option<&str>) -> (Chosen, Vec<String>) {
        let table = |name: &&str| Table { id: "T".to_owned(), physical: Some((*name).to_owned()), ..Table::default() };
        let stage = stage.map(str::to_owned);
        let mut description = Description { tables: tables.iter().map(table).collect(), stage, ..Description::default() };
        let chosen = choose(&mut description, given, "here");
        (chosen, description.tables.into_iter().map(|table| table.name).collect())
    }

    #[test]
    fn project_and_environment_fit_the_physical_names_where_they_can() {
        let of = |tables: &[&str], given, stage| {
            let (Chosen { project, environment }, names) = chosen(tables, given, stage);
            format!("{project} {environment} {}", names.join(" "))
        };
        assert_eq!(of(&["shop-orders-prod", "shop-order-items-prod"], None, None), "shop prod orders order-items");
        assert_eq!(of(&["my-shop-orders-dev"], None, None), "my-shop dev orders");
        assert_eq!(of(&["here-orders-dev"], None, None), "here dev orders");
        assert_eq!(of(&["shop-orders-blue"], None, Some("blue")), "shop blue orders");
        // A project that the user names stays, and no word that is no stage becomes an environment.
        assert_eq!(of(&["shop-orders-prod"], Some("other"), None), "other dev t");
        assert_eq!(of(&["my-orders-table"], None, None), "here dev t");
        assert_eq!(of(&["Orders"], None, Some("prod")), "here prod t");
    }
}
