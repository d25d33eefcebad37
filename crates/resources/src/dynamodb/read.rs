//! What is read of a DynamoDB table: its description, and the settings that have calls of their own.

use aws::{Aws, Optional, Tags};
use aws_sdk_dynamodb::types::{
    GlobalSecondaryIndexDescription, LocalSecondaryIndexDescription, PointInTimeRecoveryStatus, TableDescription, TimeToLiveStatus,
};
use engine::{Class, ReadFrom, Result};
use serde::Serialize;
use std::rc::Rc;

/// Expiry of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimeToLive {
    /// Set if items expire.
    pub enabled: bool,
    /// The attribute that holds the time, in seconds since 1970.
    pub attribute: Option<String>,
}

impl From<Option<String>> for TimeToLive {
    fn from(attribute: Option<String>) -> Self {
        Self { enabled: attribute.is_some(), attribute }
    }
}

/// Point-in-time recovery that is on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovery {
    /// Days that can be restored, if the service returns them.
    pub(super) days: Option<i32>,
}

/// Settings that `DescribeTable` leaves out.
pub(super) struct Rest {
    pub(super) time_to_live: TimeToLive,
    /// Point-in-time recovery; `None` if it is off.
    pub(super) recovery: Option<Recovery>,
    /// Tags; `None` if the table no longer exists.
    pub(super) tags: Option<Tags>,
}

impl Rest {
    pub(super) async fn read(aws: &Aws, name: &str, tags: impl Future<Output = Result<Option<Tags>>>) -> Result<Self> {
        let (time_to_live, recovery, tags) = futures::join!(time_to_live(aws, name), recovery(aws, name), tags);
        Ok(Self { time_to_live: time_to_live?, recovery: recovery?, tags: tags? })
    }
}

/// Size of a table's data in bytes, as DynamoDB counts it every six hours or so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Bytes in the table itself.
    pub table: i64,
    /// Bytes in its indexes.
    pub indexes: i64,
}

impl Stored {
    /// Reads the sizes from the table's description: the one that this run has, if it observed the table.
    pub async fn of(aws: &Aws, name: &str) -> Result<Option<Self>> {
        let table = describe(aws, name).await?;
        Ok(table.map(|table| Self {
            table: table.table_size_bytes().unwrap_or_default(),
            indexes: {
                let global = table.global_secondary_indexes().iter().filter_map(GlobalSecondaryIndexDescription::index_size_bytes);
                let local = table.local_secondary_indexes().iter().filter_map(LocalSecondaryIndexDescription::index_size_bytes);
                global.chain(local).sum()
            },
        }))
    }
}

pub(super) fn arn(aws: &Aws, name: &str) -> String {
    aws.arn("dynamodb", &format!("table/{name}"))
}

/// Returns the names of all tables of the region.
pub(super) async fn list(aws: &Aws) -> Result<Rc<Vec<String>>> {
    aws.shared("dynamodb", "tables", || async {
        let mut names = Vec::new();
        let send = |last| aws.dynamodb.list_tables().set_exclusive_start_table_name(last).send();
        aws.pages("dynamodb:ListTables", send, |page| {
            names.extend(page.table_names.unwrap_or_default());
            Ok(page.last_evaluated_table_name)
        })
        .await?;
        Ok(names)
    })
    .await
}

pub(super) async fn describe(aws: &Aws, name: &str) -> Result<Option<TableDescription>> {
    let table = aws.shared("dynamodb", &format!("table/{name}"), || describe_now(aws, name)).await?;
    Ok((*table).clone())
}

pub(super) async fn describe_now(aws: &Aws, name: &str) -> Result<Option<TableDescription>> {
    let answer = aws.read("dynamodb:DescribeTable", || aws.dynamodb.describe_table().table_name(name).send()).await.optional()?;
    Ok(answer.and_then(|answer| answer.table))
}

async fn time_to_live(aws: &Aws, name: &str) -> Result<TimeToLive> {
    let answer =
        aws.read("dynamodb:DescribeTimeToLive", || aws.dynamodb.describe_time_to_live().table_name(name).send()).await.optional()?;
    let Some(description) = answer.and_then(|answer| answer.time_to_live_description) else { return Ok(None.into()) };
    let enabled = matches!(description.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    Ok(TimeToLive::from(description.attribute_name.filter(|_| enabled)))
}

/// Returns the days that the table can be restored for, if it can.
async fn recovery(aws: &Aws, name: &str) -> Result<Option<Recovery>> {
    let answer = aws
        .read("dynamodb:DescribeContinuousBackups", || aws.dynamodb.describe_continuous_backups().table_name(name).send())
        .await
        .optional()?;
    let description = answer.and_then(|answer| answer.continuous_backups_description?.point_in_time_recovery_description);
    let enabled = description.filter(|description| description.point_in_time_recovery_status == Some(PointInTimeRecoveryStatus::Enabled));
    Ok(enabled.map(|description| Recovery { days: description.recovery_period_in_days }))
}

/// Returns the tags, or `None` if the table no longer exists: another run may be deleting it.
pub(super) async fn read_tags(aws: &Aws, name: &str, from: ReadFrom) -> Result<Option<Tags>> {
    let arn = arn(aws, name);
    aws.tags("dynamodb", &arn, from, async || {
        let mut tags = Vec::new();
        let send = |token| aws.dynamodb.list_tags_of_resource().resource_arn(&arn).set_next_token(token).send();
        let listed = aws.pages("dynamodb:ListTagsOfResource", send, |page| {
            tags.extend(page.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)));
            Ok(page.next_token)
        });
        match listed.await.optional() {
            Ok(listed) => Ok(listed.map(|()| Tags::from_iter(tags))),
            // DynamoDB denies access to tables that do not exist.
            Err(error) if error.class() == Some(Class::Denied) => match describe_now(aws, name).await? {
                Some(_) => Err(error),
                None => Ok(None),
            },
            Err(error) => Err(error),
        }
    })
    .await
}
