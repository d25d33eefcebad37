//! IAM: writes that are not yet known everywhere, and policies that read back percent-encoded.

use super::{Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    rules,
    wire::Refusal,
    xml,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{collections::HashMap, time::Instant};

/// Encoded characters: all but those that RFC 3986 leaves unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// Time of creation of each role, or `None` once it is deleted. Nothing is known of others.
    made: HashMap<String, Option<Instant>>,
    /// Inline policies by role.
    policies: HashMap<String, Vec<String>>,
}

impl Roles {
    /// Returns whether other services may use the role with this ARN.
    pub(super) fn is_usable(&self, arn: &str, windows: &Windows, now: Instant) -> bool {
        let name = arn.rsplit('/').next().unwrap_or_default();
        self.made.get(name).is_none_or(|made| made.is_some() && !within(*made, windows.role_usable, now))
    }

    pub(super) fn before(&self, windows: &Windows, operation: &Operation, request: &Request, now: Instant) -> Option<Refusal> {
        let name = request.form("RoleName")?;
        let made = self.made.get(&name).copied().flatten();
        match operation.name.as_str() {
            // Reads lag behind writes.
            "GetRole" | "GetRolePolicy" | "ListRolePolicies" if within(made, windows.role_visible, now) => {
                Some(rules::ROLE_UNSEEN.refuse(&[&name]))
            }
            "DeleteRole" if self.policies.get(&name).is_some_and(|policies| !policies.is_empty()) => {
                Some(rules::ROLE_HAS_POLICIES.refuse(&[]))
            }
            _ => None,
        }
    }

    pub(super) fn after(&mut self, operation: &Operation, request: &Request, response: &mut Response, now: Instant) -> &'static str {
        if !response.is_success() {
            return "";
        }
        let name = request.form("RoleName").unwrap_or_default();
        match operation.name.as_str() {
            "CreateRole" => drop(self.made.insert(name, Some(now))),
            "DeleteRole" => drop(self.made.insert(name, None)),
            "PutRolePolicy" => {
                let policy = request.form("PolicyName").unwrap_or_default();
                let policies = self.policies.entry(name).or_default();
                if !policies.contains(&policy) {
                    policies.push(policy);
                }
            }
            "DeleteRolePolicy" => {
                let policy = request.form("PolicyName").unwrap_or_default();
                self.policies.entry(name).or_default().retain(|known| *known != policy);
            }
            "GetRole" | "ListRoles" | "GetRolePolicy" => {
                let mut text = response.text();
                for element in ["AssumeRolePolicyDocument", "PolicyDocument"] {
                    text = xml::map_texts(&text, &[element], encode);
                }
                if text.as_bytes() != response.body {
                    response.body = text.into_bytes();
                    return "policy percent-encoded";
                }
            }
            _ => {}
        }
        ""
    }
}

/// Encodes a document as IAM returns it. A document that is already encoded stays unchanged.
fn encode(document: &str) -> String {
    if document.trim_start().starts_with('%') {
        return document.to_owned();
    }
    let plain = document.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'").replace("&amp;", "&");
    utf8_percent_encode(&plain, ENCODED).to_string()
}
