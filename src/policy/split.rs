//! Splits policies by size. IAM limits the size of a policy, so one too long for inline use becomes several managed ones, all
//! attached.

use serde_json::Value;

/// Maximum length of a customer managed policy in characters, white space not counted ("IAM and AWS STS quotas").
pub const LIMIT: usize = 6144;

/// Maximum total length of the inline policies of a role in characters, white space not counted (same page).
pub const INLINE_LIMIT: usize = 10_240;

/// Groups the statements in order into as few groups as fit into `limit` characters each. A statement is never divided.
pub fn split(statements: &[Value], limit: usize) -> Vec<Vec<Value>> {
    let mut groups: Vec<Vec<Value>> = vec![Vec::new()];
    for statement in statements {
        let fits = |group: &Vec<Value>| size(&super::document(&[group, std::slice::from_ref(statement)].concat())) <= limit;
        match groups.last_mut().filter(|group| group.is_empty() || fits(group)) {
            Some(group) => group.push(statement.clone()),
            None => groups.push(vec![statement.clone()]),
        }
    }
    groups
}

/// Returns the length of a document as IAM counts it.
pub fn size(document: &Value) -> usize {
    document.to_string().chars().filter(|character| !character.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::{size, split};
    use serde_json::{Value, json};

    #[test]
    fn every_statement_is_in_exactly_one_group_and_no_group_is_too_long() {
        let statements: Vec<Value> = (0..9).map(|number| json!({ "Sid": "S".repeat(40 + number) })).collect();
        for limit in [110, 160, 250, 10_000] {
            let groups = split(&statements, limit);
            assert_eq!(groups.concat(), statements);
            assert!(groups.iter().all(|group| size(&crate::policy::document(group)) <= limit), "{limit}");
        }
        assert_eq!(split(&statements, 10_000).len(), 1);
        assert_eq!(split(&statements, 110).len(), 9);
    }
}
