//! DynamoDB: tables that take their time, and changes that exclude each other (B.3).

use super::{Before, Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    wire::Refusal,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

#[derive(Debug, Default)]
pub(crate) struct Tables(HashMap<String, Table>);

#[derive(Debug, Default)]
struct Table {
    made: Option<Instant>,
    deleted: Option<Instant>,
    tagged: Option<Instant>,
    /// When time to live was last changed, and to what.
    time_to_live: Option<(Instant, bool)>,
    /// The index that was added last, and when.
    index: Option<(String, Instant)>,
    /// What the table was when it was deleted.
    last_seen: Value,
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

    /// How long ago it became `ACTIVE`, if it was made while we looked.
    fn active_for(&self, windows: &Windows, now: Instant) -> Option<Duration> {
        now.checked_duration_since(self.made? + windows.table_creating)
    }
}

impl Tables {
    pub(super) fn before(&mut self, windows: &Windows, operation: &Operation, request: &Request, now: Instant) -> Before {
        let body = request.json();
        let name = name_of(&body);
        let Some(table) = self.0.get(&name) else { return Before::Pass };
        let in_use = |what: &str| {
            let text = format!("Attempt to change a resource which is still in use: {what}: {name}");
            Before::Refuse(Refusal::new(400, "ResourceInUseException", text))
        };
        let operation = operation.name.as_str();
        if table.is_deleting(windows, now) {
            return match operation {
                "DescribeTable" => {
                    let answer = json!({ "Table": table.last_seen }).to_string();
                    Before::Answer(Response::new(200, "application/x-amz-json-1.0", answer), "being deleted")
                }
                "CreateTable" | "DeleteTable" | "UpdateTable" => in_use("Table is being deleted"),
                "ListTables" => Before::Pass,
                // As while it is being created; what AWS says then was not measured.
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
                    "CreateTable" | "UpdateTable" | "DeleteTable" => in_use("Table is being created"),
                    _ => Before::Pass,
                },
                Before::Refuse,
            );
        }
        match operation {
            // Point-in-time recovery comes a moment after the table.
            "UpdateContinuousBackups" if table.active_for(windows, now).is_some_and(|since| since < windows.backups_enabling) => {
                let text = format!("Backups are being enabled for the table: {name}. Please retry later");
                Before::Refuse(Refusal::new(400, "ContinuousBackupsUnavailableException", text))
            }
            // Once in half an hour; what it is already is refused before that.
            "UpdateTimeToLive" if within(table.time_to_live.map(|(since, _)| since), windows.time_to_live, now) => {
                let enabled = body["TimeToLiveSpecification"]["Enabled"].as_bool() == Some(true);
                let text = match table.time_to_live {
                    Some((_, true)) if enabled => "TimeToLive is already enabled",
                    Some((_, false)) if !enabled => "TimeToLive is already disabled",
                    _ => "Time to live has been modified multiple times within a fixed interval",
                };
                Before::Refuse(Refusal::new(400, "ValidationException", text))
            }
            "TagResource" | "UntagResource" if within(table.tagged, windows.table_tags, now) => {
                let text = format!("Subscriber limit exceeded: Table tags are being updated: {name}");
                Before::Refuse(Refusal::new(400, "LimitExceededException", text))
            }
            "DeleteTable" if within(table.tagged, windows.table_tags, now) => in_use("Table tags are being updated"),
            "DeleteTable" if table.is_indexing(windows, now) => {
                let text = "Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.";
                Before::Refuse(Refusal::new(400, "ResourceInUseException", text))
            }
            "UpdateTable" if table.is_indexing(windows, now) => {
                let text = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
                Before::Refuse(Refusal::new(400, "LimitExceededException", text))
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
                response.body = body.to_string().into_bytes();
                self.0.insert(name, Table { deleted: Some(now), last_seen, ..Table::default() });
                return "being deleted";
            }
            "TagResource" | "UntagResource" => self.0.entry(name).or_default().tagged = Some(now),
            "UpdateTimeToLive" => {
                let enabled = sent["TimeToLiveSpecification"]["Enabled"].as_bool() == Some(true);
                self.0.entry(name).or_default().time_to_live = Some((now, enabled));
            }
            "UpdateTable" => {
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

/// What the calls about parts of a table say while it is being created.
fn creating(operation: &str, name: &str) -> Option<Refusal> {
    let (code, text) = match operation {
        "UpdateTimeToLive" | "ListTagsOfResource" | "TagResource" | "UntagResource" => {
            ("ResourceNotFoundException", format!("Requested resource not found: Table: {name} not found"))
        }
        "DescribeTimeToLive" => (
            "ValidationException",
            "Cannot describe time to live while table is in CREATING state: Current table state is CREATING".to_owned(),
        ),
        "DescribeContinuousBackups" | "UpdateContinuousBackups" => ("TableNotFoundException", format!("Table not found: {name}")),
        _ => return None,
    };
    Some(Refusal::new(400, code, text))
}

fn set_index_status(description: &mut Value, which: impl Fn(&str) -> bool) {
    if let Value::Array(indexes) = &mut description["GlobalSecondaryIndexes"] {
        for index in indexes.iter_mut().filter(|index| which(index["IndexName"].as_str().unwrap_or_default())) {
            index["IndexStatus"] = json!("CREATING");
        }
    }
}

/// The table's name, which may be given as an ARN.
fn name_of(body: &Value) -> String {
    let given = ["TableName", "ResourceArn"].iter().find_map(|key| body[*key].as_str()).unwrap_or_default();
    given.rsplit('/').next().unwrap_or_default().to_owned()
}
