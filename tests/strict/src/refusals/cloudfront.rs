//! CloudFront: changes that take minutes, reads that are older than writes, and a strict order of deletion (B.5, E.1, E.2).

use super::{Before, Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
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
    /// When each origin access control lost its last distribution.
    freed: HashMap<String, Instant>,
    /// Origin access controls by name.
    access_controls: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Distribution {
    enabled: bool,
    etag: String,
    changed: Option<Instant>,
    access_controls: HashSet<String>,
    /// The last answer to each kind of read, and those before the last change.
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
                let taken = self.references.get(reference).map(|id| {
                    let text = "The caller reference that you are using to create a distribution is associated with another distribution.";
                    Refusal::new(409, "DistributionAlreadyExists", format!("{text} Already exists: {id}"))
                });
                taken.into()
            }
            "UpdateDistribution" | "DeleteDistribution" => {
                let refusal = check_etag(known.map(|known| known.etag.as_str()), if_match).or_else(|| {
                    let known = known.filter(|_| operation.name == "DeleteDistribution")?;
                    let busy = known.enabled || within(known.changed, windows.distribution_deploying, now);
                    let text = "The distribution you are trying to delete has not been disabled.";
                    busy.then(|| Refusal::new(409, "DistributionNotDisabled", text))
                });
                refusal.into()
            }
            "CreateOriginAccessControl" => {
                let name = xml::text(&body, &["OriginAccessControlConfig", "Name"]).unwrap_or_default();
                let text = "An origin access control with this name already exists.";
                self.access_controls.contains_key(name).then(|| Refusal::new(409, "OriginAccessControlAlreadyExists", text)).into()
            }
            "DeleteOriginAccessControl" => {
                let used = self.known.values().any(|known| known.access_controls.contains(&id));
                let held = used || within(self.freed.get(&id).copied(), windows.access_control_held, now);
                let text = "Cannot delete the origin access control because it's in use by one or more distributions.";
                held.then(|| Refusal::new(409, "OriginAccessControlInUse", text)).into()
            }
            _ => Before::Pass,
        }
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
                known.stale = std::mem::take(&mut known.fresh);
                response.header("etag").unwrap_or_default().clone_into(&mut known.etag);
            }
            "DeleteDistribution" => {
                let gone = self.known.remove(&id).unwrap_or_default();
                self.freed.extend(gone.access_controls.into_iter().map(|control| (control, now)));
            }
            "CreateOriginAccessControl" => {
                let made = xml::text(&text, &["OriginAccessControl", "Id"]).unwrap_or_default();
                let name = xml::text(&text, &["OriginAccessControlConfig", "Name"]).unwrap_or_default();
                self.access_controls.insert(name.to_owned(), made.to_owned());
            }
            "DeleteOriginAccessControl" => self.access_controls.retain(|_, known| *known != id),
            _ => {}
        }
        let note = self.delay(windows, response, &text, now);
        if let ("GetDistribution" | "GetDistributionConfig", Some(known)) = (operation.name.as_str(), self.known.get_mut(&id)) {
            known.fresh.insert(operation.name.clone(), response.clone());
        }
        note
    }

    /// Shows distributions as `InProgress` that were changed a short while ago.
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

/// B.5: a missing `If-Match`, and one that is not of the present version.
fn check_etag(present: Option<&str>, sent: Option<&str>) -> Option<Refusal> {
    let sent = sent.unwrap_or_default();
    if sent.is_empty() {
        return Some(Refusal::new(400, "InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource."));
    }
    let text = "The request failed because it didn't meet the preconditions in one or more request-header fields.";
    present.filter(|present| present.trim_matches('"') != sent.trim_matches('"')).map(|_| Refusal::new(412, "PreconditionFailed", text))
}
