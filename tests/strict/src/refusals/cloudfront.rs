//! CloudFront: changes that take minutes and must be complete, reads that are older than writes, and a strict order of deletion.

use super::{Before, Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    rules,
    wire::Refusal,
    xml,
};
use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

#[derive(Debug, Default)]
pub(crate) struct Distributions {
    known: HashMap<String, Distribution>,
    references: HashMap<String, String>,
    /// Time at which each origin access control and response headers policy lost its last distribution.
    freed: HashMap<String, Instant>,
    /// Ids of origin access controls, by name.
    access_controls: HashMap<String, String>,
    /// Ids of response headers policies, by name.
    headers_policies: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Distribution {
    enabled: bool,
    etag: String,
    changed: Option<Instant>,
    access_controls: HashSet<String>,
    headers_policies: HashSet<String>,
    /// Number of `OriginReadTimeout`s and of origins. A distribution that has the setting must keep it.
    read_timeouts: (usize, usize),
    /// Last answer to each kind of read, and (`stale`) those before the last change.
    fresh: HashMap<String, Response>,
    stale: HashMap<String, Response>,
}

impl Distributions {
    pub(super) fn before(&self, windows: &Windows, operation: &Operation, request: &Request, now: Instant) -> Before {
        let id = request.segments().get(2).cloned().unwrap_or_default();
        let known = self.known.get(&id);
        let body = String::from_utf8_lossy(&request.body);
        let if_match = request.header("if-match");
        match operation.name.as_str() {
            "GetDistribution" | "GetDistributionConfig" => {
                let stale = known.filter(|known| within(known.changed, windows.distribution_stale, now));
                let stale = stale.and_then(|known| known.stale.get(&operation.name));
                stale.map_or(Before::Pass, |answer| Before::Answer(answer.clone(), "as it was before the last change"))
            }
            "CreateDistribution" => {
                let reference = xml::text(&body, &["DistributionConfig", "CallerReference"]).unwrap_or_default();
                let refusal = self.references.get(reference).map(|id| rules::DISTRIBUTION_REFERENCE_TAKEN.refuse(&[id]));
                refusal.or_else(|| self.lacks_headers_policy(&body)).into()
            }
            "UpdateDistribution" | "DeleteDistribution" => {
                let refusal = check_etag(known.map(|known| known.etag.as_str()), if_match).or_else(|| {
                    let known = known?;
                    if operation.name == "UpdateDistribution" {
                        if let Some(refusal) = self.lacks_headers_policy(&body) {
                            return Some(refusal);
                        }
                        let (timeouts, origins) = read_timeouts(&body);
                        let lacks = origins == known.read_timeouts.1 && timeouts < known.read_timeouts.0;
                        return lacks.then(|| rules::DISTRIBUTION_INCOMPLETE.refuse(&[]));
                    }
                    let busy = known.enabled || within(known.changed, windows.distribution_deploying, now);
                    busy.then(|| rules::DISTRIBUTION_ENABLED.refuse(&[]))
                });
                refusal.into()
            }
            "CreateInvalidation" => {
                let paths = xml::texts(&body, &["Paths", "Items", "Path"]);
                let refused = paths.iter().any(|path| !is_path(&unescaped(path))) || paths.len() > MOST_PATHS;
                refused.then(|| rules::INVALIDATION_PATH.refuse(&[])).into()
            }
            "CreateOriginAccessControl" => {
                let name = xml::text(&body, &["OriginAccessControlConfig", "Name"]).unwrap_or_default();
                self.access_controls.contains_key(name).then(|| rules::ACCESS_CONTROL_TAKEN.refuse(&[])).into()
            }
            "DeleteOriginAccessControl" => {
                let used = self.known.values().any(|known| known.access_controls.contains(&id));
                let held = used || within(self.freed.get(&id).copied(), windows.access_control_held, now);
                held.then(|| rules::ACCESS_CONTROL_IN_USE.refuse(&[])).into()
            }
            "CreateResponseHeadersPolicy" => {
                let name = xml::text(&body, &["ResponseHeadersPolicyConfig", "Name"]).unwrap_or_default();
                self.headers_policies.contains_key(name).then(|| rules::HEADERS_POLICY_TAKEN.refuse(&[])).into()
            }
            // The local AWS compares the versions.
            "UpdateResponseHeadersPolicy" => check_etag(None, if_match).into(),
            "DeleteResponseHeadersPolicy" => {
                let used = self.known.values().any(|known| known.headers_policies.contains(&id));
                let held = used || within(self.freed.get(&id).copied(), windows.headers_policy_held, now);
                check_etag(None, if_match).or_else(|| held.then(|| rules::HEADERS_POLICY_IN_USE.refuse(&[]))).into()
            }
            _ => Before::Pass,
        }
    }

    /// Refuses a distribution with a response headers policy that is neither AWS's own nor there.
    fn lacks_headers_policy(&self, body: &str) -> Option<Refusal> {
        let named = xml::texts(body, &["ResponseHeadersPolicyId"]);
        let is_there = |id: &&str| MANAGED_HEADERS.contains(id) || self.headers_policies.values().any(|known| known == id);
        (!named.iter().all(is_there)).then(|| rules::HEADERS_POLICY_MISSING.refuse(&[]))
    }

    pub(super) fn after(
        &mut self,
        windows: &Windows,
        operation: &Operation,
        request: &Request,
        response: &mut Response,
        now: Instant,
    ) -> &'static str {
        if !response.is_success() {
            return "";
        }
        let text = response.text();
        let mut id = request.segments().get(2).cloned().unwrap_or_default();
        let sent = String::from_utf8_lossy(&request.body);
        match operation.name.as_str() {
            "CreateDistribution" | "UpdateDistribution" => {
                if operation.name == "CreateDistribution" {
                    xml::text(&text, &["Distribution", "Id"]).unwrap_or_default().clone_into(&mut id);
                    let reference = xml::text(&sent, &["DistributionConfig", "CallerReference"]).unwrap_or_default();
                    self.references.insert(reference.to_owned(), id.clone());
                }
                let known = self.known.entry(id.clone()).or_default();
                known.enabled = xml::text(&sent, &["DistributionConfig", "Enabled"]) == Some("true");
                known.changed = Some(now);
                known.access_controls = xml::texts(&sent, &["Origin", "OriginAccessControlId"]).into_iter().map(str::to_owned).collect();
                let policies = xml::texts(&sent, &["ResponseHeadersPolicyId"]).into_iter().map(str::to_owned).collect();
                let before = std::mem::replace(&mut known.headers_policies, policies);
                let freed: Vec<String> = before.difference(&known.headers_policies).cloned().collect();
                known.read_timeouts = read_timeouts(&sent);
                known.stale = std::mem::take(&mut known.fresh);
                response.header("etag").unwrap_or_default().clone_into(&mut known.etag);
                self.freed.extend(freed.into_iter().map(|policy| (policy, now)));
            }
            "DeleteDistribution" => {
                let gone = self.known.remove(&id).unwrap_or_default();
                self.freed.extend(gone.access_controls.into_iter().chain(gone.headers_policies).map(|id| (id, now)));
            }
            "CreateOriginAccessControl" => {
                let made = xml::text(&text, &["OriginAccessControl", "Id"]).unwrap_or_default();
                let name = xml::text(&text, &["OriginAccessControlConfig", "Name"]).unwrap_or_default();
                self.access_controls.insert(name.to_owned(), made.to_owned());
            }
            "DeleteOriginAccessControl" => self.access_controls.retain(|_, known| *known != id),
            "CreateResponseHeadersPolicy" => {
                let made = xml::text(&text, &["ResponseHeadersPolicy", "Id"]).unwrap_or_default();
                let name = xml::text(&text, &["ResponseHeadersPolicyConfig", "Name"]).unwrap_or_default();
                self.headers_policies.insert(name.to_owned(), made.to_owned());
            }
            "DeleteResponseHeadersPolicy" => self.headers_policies.retain(|_, known| *known != id),
            _ => {}
        }
        let note = self.delay(windows, response, &text, now);
        if let ("GetDistribution" | "GetDistributionConfig", Some(known)) = (operation.name.as_str(), self.known.get_mut(&id)) {
            known.fresh.insert(operation.name.clone(), response.clone());
        }
        note
    }

    /// Reports distributions that were changed a short while ago as `InProgress`.
    fn delay(&self, windows: &Windows, response: &mut Response, text: &str, now: Instant) -> &'static str {
        let is_deploying = |id: &str| self.known.get(id).is_some_and(|known| within(known.changed, windows.distribution_deploying, now));
        let path: &[&str] = if text.contains("<DistributionSummary>") { &["DistributionSummary"] } else { &["Distribution"] };
        let ids = xml::texts(text, &[path, &["Id"]].concat());
        if ids.is_empty() {
            return "";
        }
        // One status for each id, in the same order.
        let mut busy = ids.iter().map(|id| is_deploying(id));
        let any = busy.clone().any(|busy| busy);
        let statuses = std::cell::RefCell::new(&mut busy);
        let changed = xml::map_texts(text, &[path, &["Status"]].concat(), |_| {
            if statuses.borrow_mut().next() == Some(true) { "InProgress" } else { "Deployed" }.to_owned()
        });
        response.body = changed.into_bytes();
        if any { "in progress" } else { "" }
    }
}

/// Ids of AWS's own response headers policies that tests use ("Use managed response headers policies", documented).
const MANAGED_HEADERS: [&str; 2] = ["67f7725c-6f97-4210-82d7-5512b31e9d03", "e61eb60c-9c35-4d20-a928-2b84e02af89c"];

/// Limits of the paths of one invalidation, in number and in characters ("Quotas on invalidations"; documented).
const MOST_PATHS: usize = 3000;
const LONGEST_PATH: usize = 4000;

/// Returns whether CloudFront accepts a path: it begins with a slash, has a star at the end only, and encodes everything unsafe or not ASCII
/// (documented). CloudFront refuses a tilde though RFC 3986 calls it unreserved (aws/aws-sdk#525, reported). It also refuses brackets and an at
/// sign (reported).
fn is_path(path: &str) -> bool {
    let (path, is_short) = (path.strip_suffix('*').unwrap_or(path), path.len() <= LONGEST_PATH);
    let is_refused = |c: char| !c.is_ascii_graphic() || "*~@<>\"#{}|\\^[]`".contains(c);
    let escapes = path.split('%').skip(1);
    let mut are_escapes = escapes.map(|rest| rest.get(..2).is_some_and(|two| two.chars().all(|c| c.is_ascii_hexdigit())));
    is_short && path.starts_with('/') && !path.contains(is_refused) && are_escapes.all(|is_escape| is_escape)
}

/// Replaces the entities of XML by their characters.
pub(super) fn unescaped(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

/// Counts the `OriginReadTimeout`s and the origins of a configuration.
fn read_timeouts(configuration: &str) -> (usize, usize) {
    let count = |path: &[&str]| xml::texts(configuration, path).len();
    (count(&["OriginReadTimeout"]), count(&["Origin", "DomainName"]))
}

/// Refuses a missing `If-Match`, and one with another than the present version.
fn check_etag(present: Option<&str>, sent: Option<&str>) -> Option<Refusal> {
    let sent = sent.unwrap_or_default();
    if sent.is_empty() {
        return Some(rules::ETAG_MISSING.refuse(&[]));
    }
    present.filter(|present| present.trim_matches('"') != sent.trim_matches('"')).map(|_| rules::ETAG_OLD.refuse(&[]))
}
