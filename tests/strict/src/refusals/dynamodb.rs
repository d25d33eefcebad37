//! DynamoDB: tables that take time, and changes that exclude each other.

use super::{Before, Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    rules::{self, Rule},
    wire::Refusal,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

#[derive(Debug, Default)]
pub(crate) struct Tables(HashMap<String, Table>);

#[derive(Debug, Default)]
struct Table {
    made: Option<Instant>,
    deleted: Option<Instant>,
    tagged: Option<Instant>,
    /// Time of the last change of time to live, with the new state.
    time_to_live: Option<(Instant, bool)>,
    /// Index that was added last, with the time.
    index: Option<(String, Instant)>,
    /// Times at which the class was changed.
    classes: Vec<Instant>,
    /// Description of the table at its deletion.
    last_seen: Value,
    /// Number of days for which the table can be restored, which the local AWS does not keep.
    recovery_days: Option<i64>,
    /// Time at which point-in-time recovery was enabled. No older state can be restored.
    recovery_since: Option<Instant>,
}

impl Table {
    fn is_creating(&self, windows: &Windows, now: Instant) -> bool {
        within(self.made, windows.table_creating, now)
    }

    fn is_deleting(&self, windows: &Windows, now: Instant) -> bool {
        within(self.deleted, windows.table_deleting, now)
    }

    fn is_indexing(&self, windows: &Windows, now: Instant) -> bool {
        within(self.index.as_ref().map(|(_, since)| *since), windows.index_creating, now)
    }

    fn class_changes(&self, windows: &Windows, now: Instant) -> usize {
        self.classes.iter().filter(|since| within(Some(**since), windows.table_class, now)).count()
    }

    /// Returns the time since the table became `ACTIVE`, if the proxy saw its creation.
    fn active_for(&self, windows: &Windows, now: Instant) -> Option<Duration> {
        now.checked_duration_since(self.made? + windows.table_creating)
    }
}

impl Tables {
    pub(super) fn before(&mut self, windows: &Windows, operation: &Operation, request: &Request, now: Instant) -> Before {
        let body = request.json();
        if operation.name == "RestoreTableToPointInTime" {
            return self.restore(windows, &body, now);
        }
        let name = name_of(&body);
        if matches!(operation.name.as_str(), "CreateTable" | "UpdateTable")
            && let Some(refusal) = units(&operation.name, &body).or_else(|| class(&operation.name, &body))
        {
            return Before::Refuse(refusal);
        }
        let Some(table) = self.0.get(&name) else { return Before::Pass };
        let refuse = |rule: &'static Rule| Before::Refuse(rule.refuse(&[]));
        let refuse_it = |rule: &'static Rule| Before::Refuse(rule.refuse(&[&name]));
        let operation = operation.name.as_str();
        if table.is_deleting(windows, now) {
            return match operation {
                "DescribeTable" => {
                    let answer = json!({ "Table": table.last_seen }).to_string();
                    Before::Answer(Response::new(200, "application/x-amz-json-1.0", answer), "being deleted")
                }
                "CreateTable" | "DeleteTable" | "UpdateTable" => refuse_it(&rules::TABLE_DELETING),
                "ListTables" => Before::Pass,
                // As while the table is being created: AWS's answers during a deletion were not measured.
                _ => creating(operation, &name).map_or(Before::Pass, Before::Refuse),
            };
        }
        if table.deleted.is_some() && operation == "ListTagsOfResource" {
            // The local AWS refuses that one in words of its own.
            return creating(operation, &name).map_or(Before::Pass, Before::Refuse);
        }
        if table.is_creating(windows, now) {
            return creating(operation, &name).map_or_else(
                || match operation {
                    "CreateTable" | "UpdateTable" | "DeleteTable" => refuse_it(&rules::TABLE_CREATING),
                    _ => Before::Pass,
                },
                Before::Refuse,
            );
        }
        match operation {
            // Point-in-time recovery is available a moment after the table.
            "UpdateContinuousBackups" if table.active_for(windows, now).is_some_and(|since| since < windows.backups_enabling) => {
                refuse_it(&rules::BACKUPS_ENABLING)
            }
            // Allowed once in half an hour. AWS refuses a change to the present state before it checks that.
            "UpdateTimeToLive" if within(table.time_to_live.map(|(since, _)| since), windows.time_to_live, now) => {
                let enabled = body["TimeToLiveSpecification"]["Enabled"].as_bool() == Some(true);
                refuse(match table.time_to_live {
                    Some((_, true)) if enabled => &rules::TTL_ENABLED,
                    Some((_, false)) if !enabled => &rules::TTL_DISABLED,
                    _ => &rules::TTL_TOO_SOON,
                })
            }
            "TagResource" | "UntagResource" if within(table.tagged, windows.table_tags, now) => refuse_it(&rules::TAGS_LOCKED),
            "DeleteTable" if within(table.tagged, windows.table_tags, now) => refuse_it(&rules::TAGS_IN_THE_WAY),
            "DeleteTable" if table.is_indexing(windows, now) => refuse(&rules::INDEX_IN_THE_WAY),
            "UpdateTable" if table.is_indexing(windows, now) => refuse(&rules::INDEX_AT_A_TIME),
            "UpdateTable" if !body["TableClass"].is_null() && table.class_changes(windows, now) >= 2 => refuse(&rules::CLASS_TOO_OFTEN),
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
        let sent = request.json();
        let name = name_of(&sent);
        let mut body = response.json();
        match operation.name.as_str() {
            "CreateTable" => {
                self.0.insert(name.clone(), Table { made: Some(now), ..Table::default() });
            }
            "DeleteTable" => {
                let mut last_seen = body["TableDescription"].clone();
                last_seen["TableStatus"] = json!("DELETING");
                body["TableDescription"] = last_seen.clone();
                if let Value::Object(description) = &mut body["TableDescription"] {
                    description.retain(|member, _| !["KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"].contains(&&**member));
                }
                response.body = body.to_string().into_bytes();
                self.0.insert(name, Table { deleted: Some(now), last_seen, ..Table::default() });
                return "being deleted";
            }
            "TagResource" | "UntagResource" => self.0.entry(name).or_default().tagged = Some(now),
            "UpdateTimeToLive" => {
                let enabled = sent["TimeToLiveSpecification"]["Enabled"].as_bool() == Some(true);
                self.0.entry(name).or_default().time_to_live = Some((now, enabled));
            }
            "UpdateContinuousBackups" => {
                let specification = &sent["PointInTimeRecoverySpecification"];
                let enabled = specification["PointInTimeRecoveryEnabled"] == true;
                let days = specification["RecoveryPeriodInDays"].as_i64().unwrap_or(35);
                let table = self.0.entry(name.clone()).or_default();
                table.recovery_days = enabled.then_some(days);
                table.recovery_since = enabled.then(|| table.recovery_since.unwrap_or(now));
                self.show_recovery_days(&name, &mut body);
                response.body = body.to_string().into_bytes();
                return "";
            }
            "DescribeContinuousBackups" => {
                self.show_recovery_days(&name, &mut body);
                response.body = body.to_string().into_bytes();
                return "";
            }
            "UpdateTable" => {
                if !sent["TableClass"].is_null() {
                    self.0.entry(name.clone()).or_default().classes.push(now);
                }
                let updates = sent["GlobalSecondaryIndexUpdates"].as_array();
                let added = updates.into_iter().flatten().find_map(|update| update["Create"]["IndexName"].as_str());
                if let Some(added) = added {
                    self.0.entry(name.clone()).or_default().index = Some((added.to_owned(), now));
                }
            }
            "ListTables" => {
                let deleting = self.0.iter().filter(|(_, table)| table.is_deleting(windows, now)).map(|(name, _)| json!(name));
                if let Value::Array(names) = &mut body["TableNames"] {
                    names.extend(deleting);
                }
                response.body = body.to_string().into_bytes();
                return "";
            }
            _ => {}
        }
        let Some(table) = self.0.get(&name_of(&sent)) else { return "" };
        let key = if operation.name == "DescribeTable" { "Table" } else { "TableDescription" };
        let Some(description) = body.get_mut(key).filter(|description| description.is_object()) else { return "" };
        let note = if table.is_creating(windows, now) {
            description["TableStatus"] = json!("CREATING");
            set_index_status(description, |_| true);
            "being created"
        } else if table.is_indexing(windows, now) {
            let added = table.index.as_ref().map(|(name, _)| name.clone());
            set_index_status(description, |name| added.as_deref() == Some(name));
            "index being created"
        } else {
            ""
        };
        response.body = body.to_string().into_bytes();
        note
    }
}

impl Tables {
    /// Refuses a restore to a time before the recovery period, or before recovery was enabled. The local AWS restores the present items for any
    /// time.
    fn restore(&self, windows: &Windows, body: &Value, now: Instant) -> Before {
        let table = body["SourceTableName"].as_str().and_then(|name| self.0.get(name));
        let Some(Table { recovery_days: Some(days), recovery_since: Some(since), .. }) = table else { return Before::Pass };
        let Some(wanted) = body["RestoreDateTime"].as_f64() else { return Before::Pass };
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ago = clock.saturating_sub(Duration::try_from_secs_f64(wanted).unwrap_or_default());
        let reaches = windows.recovery_day.saturating_mul(u32::try_from(*days).unwrap_or(u32::MAX)).min(now.duration_since(*since));
        if ago > reaches { Before::Refuse(rules::RESTORE_TIME.refuse(&[])) } else { Before::Pass }
    }

    /// Adds the days of recovery to an answer, as DynamoDB documents it (API reference, `PointInTimeRecoveryDescription`).
    fn show_recovery_days(&self, name: &str, body: &mut Value) {
        let days = self.0.get(name).and_then(|table| table.recovery_days);
        let description = body.pointer_mut("/ContinuousBackupsDescription/PointInTimeRecoveryDescription");
        if let (Some(days), Some(description)) = (days, description) {
            description["RecoveryPeriodInDays"] = json!(days);
        }
    }
}

/// Refuses invalid limits on a table's units, and limits together with another change.
fn units(operation: &str, body: &Value) -> Option<Refusal> {
    let most = body["OnDemandThroughput"].as_object()?;
    if most.values().filter_map(Value::as_i64).any(|units| units < 1 && units != -1) {
        return Some(rules::UNITS_OF_A_TABLE.refuse(&[]));
    }
    let alone = ["TableName", "BillingMode", "OnDemandThroughput"];
    let has_more = body.as_object()?.keys().any(|member| !alone.contains(&member.as_str()));
    (operation == "UpdateTable" && has_more).then(|| rules::UNITS_ALONE.refuse(&[]))
}

/// Refuses a change of the class together with another.
fn class(operation: &str, body: &Value) -> Option<Refusal> {
    let has_more = body.as_object()?.keys().any(|member| !["TableName", "TableClass"].contains(&member.as_str()));
    (operation == "UpdateTable" && !body["TableClass"].is_null() && has_more).then(|| rules::CLASS_ALONE.refuse(&[]))
}

/// Returns the refusal of a call about parts of a table that is being created.
fn creating(operation: &str, name: &str) -> Option<Refusal> {
    match operation {
        "UpdateTimeToLive" | "ListTagsOfResource" | "TagResource" | "UntagResource" => Some(rules::TABLE_UNSEEN.refuse(&[name])),
        "DescribeTimeToLive" => Some(rules::TABLE_UNSEEN_TTL.refuse(&[])),
        "DescribeContinuousBackups" | "UpdateContinuousBackups" => Some(rules::TABLE_UNSEEN_BACKUPS.refuse(&[name])),
        _ => None,
    }
}

fn set_index_status(description: &mut Value, which: impl Fn(&str) -> bool) {
    if let Value::Array(indexes) = &mut description["GlobalSecondaryIndexes"] {
        for index in indexes.iter_mut().filter(|index| which(index["IndexName"].as_str().unwrap_or_default())) {
            index["IndexStatus"] = json!("CREATING");
        }
    }
}

/// Returns the table's name, which may be given as an ARN.
fn name_of(body: &Value) -> String {
    let given = ["TableName", "ResourceArn"].iter().find_map(|key| body[*key].as_str()).unwrap_or_default();
    given.rsplit('/').next().unwrap_or_default().to_owned()
}
