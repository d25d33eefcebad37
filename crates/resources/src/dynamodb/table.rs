//! A DynamoDB table with its indexes, time to live and point-in-time recovery.
//!
//! `CreateTable` gets all indexes: one that is added later takes 8 to 17 minutes, even on an empty table. Time to live and point-in-time recovery
//! are calls of their own, refused until the table is ACTIVE. Time to live can be changed about once an hour, and no read shows when.

use super::{
    index::{self, Index, LocalIndex},
    keys::{KeyAttribute, definitions, incomplete, or_empty, schema},
    read::{Recovery, Rest, TimeToLive, arn, describe, describe_now, list, read_tags},
};
use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{Billable, Call, Guard, Identity, Kind, Quota, Scope, Sweep, Task, Trail, Typical, Used, encoded, length},
    not_aws,
};
use aws_sdk_dynamodb::types::{
    BillingMode, IndexStatus, KeyType, OnDemandThroughput, PointInTimeRecoverySpecification, TableClass, TableClassSummary,
    TableDescription, TableStatus, Tag, TimeToLiveSpecification,
};
use engine::{
    Action, Change, Changes, DeleteOutcome, Error, Found, Observed, Orphan, Protection, ReadFrom, Refusal, Resource, Result, WriteOutcome,
};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// Reported: AWS Controllers for Kubernetes measured it, as all times of this file.
const CREATING: &str = "the table to be created (usually 2 to 20 s)";

/// Time after a table is ACTIVE until it usually accepts point-in-time recovery: 1.4 to 2.7 s were measured.
const BACKUPS: Duration = Duration::from_millis(2700);

/// Class of a table that declares none (DynamoDB API reference, `TableClass`).
const STANDARD: &str = "STANDARD";

/// Value that removes a limit (DynamoDB API reference, `OnDemandThroughput`).
const NO_LIMIT: i64 = -1;

/// Desired state of a DynamoDB table.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// Physical name of the table.
    pub name: String,
    /// `PAY_PER_REQUEST`: the only mode that is declared.
    pub billing_mode: String,
    /// The partition key.
    pub partition_key: KeyAttribute,
    /// Sort key. None is shown as an empty text: a declaration without one declares that there is none.
    #[serde(serialize_with = "or_empty")]
    pub sort_key: Option<KeyAttribute>,
    /// Global secondary indexes by name.
    pub indexes: BTreeMap<String, Index>,
    /// Local secondary indexes by name. They are made with the table and never change. The JSON leaves the field out where there are none, so that
    /// a table from before they were declared keeps its fingerprint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub local_indexes: BTreeMap<String, LocalIndex>,
    /// Attribute by which items expire.
    pub time_to_live: TimeToLive,
    /// Set if the table can be restored to any second of the last [`Self::restore_days`].
    pub point_in_time_recovery: bool,
    /// Set if AWS refuses to delete the table. `None`: a value that was set by hand stays.
    pub deletion_protection: Option<bool>,
    /// Days that can be restored, 1 to 35. `None`: left as they are, and 35 when recovery is switched on.
    pub restore_days: Option<i32>,
    /// Limit of read units a second, not counting reads through an index. `None` is no limit, and removes an existing one. The JSON leaves the
    /// field out where there is none, so that a table from before there were limits keeps its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_read_units: Option<i64>,
    /// Limit of write units, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_write_units: Option<i64>,
    /// `STANDARD` or `STANDARD_INFREQUENT_ACCESS`. The JSON leaves the first out, so that a table from before classes were declared keeps its
    /// fingerprint.
    #[serde(skip_serializing_if = "is_standard")]
    pub class: String,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

fn is_standard(class: &str) -> bool {
    class == STANDARD
}

/// Output of a table that exists.
#[derive(Debug, Clone)]
pub struct TableOutput {
    /// ARN of the table.
    pub arn: String,
}

/// Tables of the stack.
const TABLES: Scope =
    Scope::of("Tables", |target, names, _| vec![target.arn("dynamodb", &format!("table/{}", names.pattern()))]).guarded(|action, _| {
        match action {
            "dynamodb:DeleteTable"
            | "dynamodb:TagResource"
            | "dynamodb:UntagResource"
            | "dynamodb:UpdateContinuousBackups"
            | "dynamodb:UpdateTable"
            | "dynamodb:UpdateTimeToLive" => Guard::NotAnothers,
            _ => Guard::None,
        }
    });

const FACTS: Kind = Kind {
    name: Table::KIND,
    trail: Trail {
        source: "dynamodb",
        is_global: false,
        operations: &[
            "CreateTable",
            "UpdateTable",
            "DeleteTable",
            "UpdateTimeToLive",
            "UpdateContinuousBackups",
            "TagResource",
            "UntagResource",
        ],
    },
    typical,
    pace: Some("dynamodb:CreateTable"),
    request_limits: &[
        RequestLimit::new("dynamodb:CreateTable", 1.0, 4.0, Source::Reported),
        RequestLimit::new("dynamodb:UpdateTable", 1.0, 4.0, Source::Reported),
        RequestLimit::new("dynamodb:DeleteTable", 1.0, 4.0, Source::Reported),
        RequestLimit::new("dynamodb:TagResource", 1.0, 4.0, Source::Reported),
        RequestLimit::new("dynamodb:DescribeTimeToLive", 2.0, 4.0, Source::Reported),
        RequestLimit::new("dynamodb:DescribeContinuousBackups", 2.0, 4.0, Source::Reported),
    ],
    calls: &[
        Call::takes("dynamodb:CreateTable", &[("dynamodb:CreateTable", &TABLES), ("dynamodb:TagResource", &TABLES)], Task::UP),
        Call::same("dynamodb:DeleteTable", &TABLES, Task::REMOVING),
        Call::same("dynamodb:DescribeContinuousBackups", &TABLES, Task::LOOKING),
        Call::same("dynamodb:DescribeTable", &TABLES, Task::ALL),
        Call::same("dynamodb:DescribeTimeToLive", &TABLES, Task::LOOKING),
        Call::same("dynamodb:ListTables", &Scope::EVERYTHING, Task::COUNTING),
        Call::same("dynamodb:ListTagsOfResource", &TABLES, Task::ALL),
        Call::same("dynamodb:TagResource", &TABLES, Task::UP),
        Call::same("dynamodb:UntagResource", &TABLES, Task::UP),
        Call::same("dynamodb:UpdateContinuousBackups", &TABLES, Task::UP),
        Call::same("dynamodb:UpdateTable", &TABLES, Task::UP),
        Call::same("dynamodb:UpdateTimeToLive", &TABLES, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let logical = stack.logical();
        graph.sweep(move |aws: &Aws| Box::pin(Table::sweep(aws, logical.clone())));
    }),
    quota: Some(Quota { of: "tables", used: |aws| Box::pin(count(aws)) }),
    billable: Some(Billable::Table { recovery: false, infrequent: false }),
};

/// "Quotas in Amazon DynamoDB": tables per account and region, initially.
const QUOTA: u64 = 2_500;

async fn count(aws: &Aws) -> Result<Used> {
    let mut total = 0;
    let send = |last| aws.dynamodb.list_tables().set_exclusive_start_table_name(last).send();
    aws.pages("dynamodb:ListTables", send, |page| {
        total += length(page.table_names());
        Ok(page.last_evaluated_table_name)
    })
    .await?;
    Ok(Used::of_initial(total, QUOTA))
}

/// aws-controllers-k8s/dynamodb-controller, docs/api-quirks, measured in October 2026: without indexes ACTIVE after 2 to 6 s, with them after 14 to
/// 22. Point-in-time recovery can be set 1.4 to 2.7 s later. An index that is added later takes 506 to 539 s, one that is removed 3 to 5, one after
/// the other; another class 3.6 to 6. A deletion takes 4 to 6.
fn typical(action: Action, changes: &Changes) -> Typical {
    // Each index by its name, with a flag for its creation: one index changes by several fields at once.
    let index = |change: &Change| Some((change.path.strip_prefix("indexes.")?.split('.').next()?.to_owned(), change.to.is_some()));
    let indexes: BTreeMap<String, bool> = changes.iter().filter_map(index).collect();
    match action {
        Action::Create if indexes.is_empty() && !changes.touch("local_indexes") => Typical::seconds(3.0, 9.0),
        Action::Create => Typical::seconds(15.0, 25.0),
        Action::Update if indexes.is_empty() && changes.touch("class") => Typical::seconds(3.6, 6.0),
        Action::Update if indexes.is_empty() => Typical::seconds(1.0, 3.0),
        Action::Update => indexes.values().fold(Typical::seconds(0.0, 0.0), |all, is_made| {
            all + if *is_made { Typical::seconds(506.0, 539.0) } else { Typical::seconds(3.0, 5.0) }
        }),
        Action::Delete => Typical::seconds(4.0, 6.0),
        Action::Replace => typical(Action::Delete, changes) + typical(Action::Create, changes),
    }
}

impl Resource for Table {
    type Cloud = Aws;
    const KIND: &'static str = "dynamodb.table";
    const FACTS: &'static Kind = &FACTS;
    const EARLY: bool = true;
    const FIXED: &'static [&'static str] = &["partition_key", "sort_key", "local_indexes"];
    const HOLDS_DATA: bool = true;
    // An index that is being added to an existing table, for up to 17 minutes, blocks the deletion.
    const REMOVAL: Duration = Duration::from_mins(25);
    type Output = TableOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&TableOutput>) -> Identity {
        Identity {
            console: Some(target.console("dynamodbv2", &format!("table?name={}&tab=overview", encoded(&self.name)))),
            names: vec![self.name.clone(), target.arn("dynamodb", &format!("table/{}", self.name))],
            also: Vec::new(),
        }
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        if from == ReadFrom::Lists {
            if !list(aws).await?.contains(&self.name) {
                return Ok(None);
            }
            return self.see_at_once(aws, read_tags(aws, &self.name, from)).await;
        }
        let Some(table) = describe(aws, &self.name).await? else { return Ok(None) };
        // Until the table is created, the other calls answer that it does not exist; right afterwards, that nothing is set.
        let unset = is(&table, &TableStatus::Creating) || aws.is_bare(&self.name);
        let rest = if unset { None } else { Some(Box::pin(Rest::read(aws, &self.name, read_tags(aws, &self.name, from))).await) };
        self.see(aws, &table, rest)
    }

    async fn find(&self, aws: &Aws) -> Result<Option<Found<TableOutput>>> {
        let Some(table) = describe(aws, &self.name).await? else { return Ok(None) };
        can_tell_whose(&table)?;
        let output = TableOutput { arn: table.table_arn().unwrap_or_default().to_owned() };
        let tags = read_tags(aws, &self.name, ReadFrom::Service).await?;
        Ok(tags.map(|tags| Found { output, owner: aws.owner(&tags) }))
    }

    async fn protection(&self, aws: &Aws, _output: &TableOutput) -> Result<Option<Protection>> {
        if self.deletion_protection.is_some() {
            // The program created it, and removes it with the table.
            return Ok(None);
        }
        let table = describe(aws, &self.name).await?;
        let is_on = table.is_some_and(|table| table.deletion_protection_enabled() == Some(true));
        let remove = || {
            format!("aws dynamodb update-table --table-name {} --no-deletion-protection-enabled --region {}", self.name, aws.target.region)
        };
        Ok(is_on.then(|| Protection { setting: "deletion protection", remove: remove() }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<TableOutput>> {
        let definitions = definitions(self.keys())?;
        let schema = schema([&self.partition_key], &self.sort_key)?;
        let indexes = self.indexes.iter().map(|(name, index)| index.declare(name)).collect::<Result<Vec<_>>>()?;
        let local = self.local_indexes.iter().map(|(name, index)| index.declare(name, &self.partition_key)).collect::<Result<Vec<_>>>()?;
        let tags = sdk_tags(&self.tags)?;
        let answer = aws
            .write("dynamodb:CreateTable", || {
                let request =
                    aws.dynamodb.create_table().table_name(&self.name).billing_mode(BillingMode::from(self.billing_mode.as_str()));
                let request = request.set_attribute_definitions(Some(definitions.clone())).set_key_schema(Some(schema.clone()));
                // An empty list is refused.
                let request = request.set_global_secondary_indexes((!indexes.is_empty()).then(|| indexes.clone()));
                let request = request.set_local_secondary_indexes((!local.is_empty()).then(|| local.clone()));
                let request = request.set_on_demand_throughput(self.throughput(None));
                let request = request.set_table_class((!is_standard(&self.class)).then(|| TableClass::from(self.class.as_str())));
                request.set_deletion_protection_enabled(self.deletion_protection).set_tags(Some(tags.clone())).send()
            })
            .await?;
        let arn = answer.table_description().and_then(TableDescription::table_arn).unwrap_or_default().to_owned();
        aws.cache_tags(&arn, &self.tags);
        aws.note_bare(&self.name);
        let creating = answer.table_description().is_some_and(|table| is(table, &TableStatus::Creating));
        let output = TableOutput { arn };
        Ok(if creating { WriteOutcome::Pending(output, CREATING) } else { WriteOutcome::Settling(output) })
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<TableOutput>> {
        if let Some(refusal) = &observed.failed {
            // No write of this program repairs it.
            return Err(Error::Failed(refusal.clone()));
        }
        let mut complete = true;
        aws.forget_bare(&self.name);
        if changes.touch("tags") {
            complete &= self.write_tags(aws, observed).await?;
        }
        if changes.touch("point_in_time_recovery") || changes.touch("restore_days") {
            let specification = PointInTimeRecoverySpecification::builder()
                .point_in_time_recovery_enabled(self.point_in_time_recovery)
                .set_recovery_period_in_days(self.restore_days)
                .build()
                .map_err(incomplete)?;
            let written = aws.write("dynamodb:UpdateContinuousBackups", || {
                let request = aws.dynamodb.update_continuous_backups().table_name(&self.name);
                request.point_in_time_recovery_specification(specification.clone()).send()
            });
            written.await.map_err(|error| error.or_after(BACKUPS))?;
        }
        if changes.touch("time_to_live") {
            complete &= self.write_time_to_live(aws, observed).await?;
        }
        if changes.touch("deletion_protection") {
            self.protect(aws, self.deletion_protection).await?;
            complete = false;
        } else if changes.touch("billing_mode") || changes.touch("indexes") {
            self.update_table(aws, observed, changes).await?;
            complete = false;
        } else if changes.touch("max_read_units") || changes.touch("max_write_units") {
            let throughput = self.throughput(Some(&observed.spec));
            aws.write("dynamodb:UpdateTable", || {
                aws.dynamodb.update_table().table_name(&self.name).set_on_demand_throughput(throughput.clone()).send()
            })
            .await?;
            complete = false;
        } else if changes.touch("class") {
            // Last of all, because DynamoDB may refuse it for weeks: two changes in 30 days are allowed.
            let class = TableClass::from(self.class.as_str());
            aws.write("dynamodb:UpdateTable", || aws.dynamodb.update_table().table_name(&self.name).table_class(class.clone()).send())
                .await?;
            complete = false;
        }
        Ok(if complete { WriteOutcome::Complete(observed.output.clone()) } else { WriteOutcome::Settling(observed.output.clone()) })
    }

    async fn delete(&self, aws: &Aws, _output: &TableOutput) -> Result<DeleteOutcome> {
        if self.deletion_protection == Some(true)
            && describe_now(aws, &self.name).await?.is_some_and(|table| table.deletion_protection_enabled() == Some(true))
        {
            self.protect(aws, Some(false)).await?;
        }
        let answer = aws.write("dynamodb:DeleteTable", || aws.dynamodb.delete_table().table_name(&self.name).send()).await.optional()?;
        match answer {
            None => Ok(DeleteOutcome::Deleted),
            Some(answer) if answer.table_description.is_some() => Ok(DeleteOutcome::Accepted("dynamodb:DeleteTable")),
            Some(_) => Err(not_aws("dynamodb:DeleteTable")),
        }
    }
}

impl Table {
    /// Reads a table that most likely exists, with all calls at the same time.
    async fn see_at_once(&self, aws: &Aws, tags: impl Future<Output = Result<Option<Tags>>>) -> Result<Option<Observed<Self>>> {
        let (table, rest) = futures::join!(describe(aws, &self.name), Box::pin(Rest::read(aws, &self.name, tags)));
        let Some(table) = table? else { return Ok(None) };
        self.see(aws, &table, Some(rest).filter(|_| !is(&table, &TableStatus::Creating)))
    }

    /// Returns the observed state as a declaration; without the `rest` as long as nothing of it is set.
    fn see(&self, aws: &Aws, table: &TableDescription, rest: Option<Result<Rest>>) -> Result<Option<Observed<Self>>> {
        if is(table, &TableStatus::Deleting) {
            // Anything it still shows is being deleted; a creation waits for that.
            return Ok(None);
        }
        let none = || Rest { time_to_live: None.into(), recovery: None, tags: Some(self.tags.clone()) };
        let rest = rest.unwrap_or_else(|| Ok(none()))?;
        let Some(tags) = rest.tags else { return Ok(None) };
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let output = TableOutput { arn: table.table_arn().unwrap_or_default().to_owned() };
        let mut spec = Self::of(table, rest.time_to_live, rest.recovery, tags);
        // Days are compared only where recovery is on, days are declared and the service returns them. The local AWS does not; AWS always does
        // (recorded: 35 where none were ever set).
        spec.restore_days = self.restore_days.map(|declared| spec.restore_days.unwrap_or(declared));
        Ok(Some(Observed { spec, output, busy: busy(table), failed: failed(table), owner, applied }))
    }

    /// Finds the tables that could be ours: `logical` gives the logical name of a physical one.
    pub async fn sweep(aws: &Aws, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        let tables = list(aws).await?;
        let orphan = |name: &String| {
            let output = TableOutput { arn: arn(aws, name) };
            Some(Orphan::new(&logical(name)?, Self::bare(name), output).unproven())
        };
        Ok(tables.iter().filter_map(orphan).collect())
    }

    /// Returns a table of which only the name is known.
    fn bare(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            billing_mode: String::new(),
            partition_key: KeyAttribute::unknown(),
            sort_key: None,
            indexes: BTreeMap::new(),
            local_indexes: BTreeMap::new(),
            time_to_live: None.into(),
            point_in_time_recovery: false,
            deletion_protection: None,
            restore_days: None,
            max_read_units: None,
            max_write_units: None,
            class: STANDARD.to_owned(),
            tags: Tags::default(),
        }
    }

    fn of(table: &TableDescription, time_to_live: TimeToLive, recovery: Option<Recovery>, tags: Tags) -> Self {
        let definitions = table.attribute_definitions();
        let key = |key_type| KeyAttribute::of(table.key_schema(), key_type, definitions);
        // A removed limit reads as -1 for a second (measured by AWS Controllers for Kubernetes).
        let held_to = |of: fn(&OnDemandThroughput) -> Option<i64>| table.on_demand_throughput().and_then(of).filter(|units| *units > 0);
        Self {
            name: table.table_name().unwrap_or_default().to_owned(),
            // A table that never was on demand has no summary.
            billing_mode: table
                .billing_mode_summary()
                .and_then(|summary| summary.billing_mode())
                .map_or("PROVISIONED", BillingMode::as_str)
                .to_owned(),
            partition_key: key(&KeyType::Hash).unwrap_or_else(KeyAttribute::unknown),
            sort_key: key(&KeyType::Range),
            indexes: table.global_secondary_indexes().iter().map(|index| Index::of(index, definitions)).collect(),
            local_indexes: table.local_secondary_indexes().iter().map(|index| LocalIndex::of(index, definitions)).collect(),
            time_to_live,
            point_in_time_recovery: recovery.is_some(),
            restore_days: recovery.and_then(|recovery| recovery.days),
            deletion_protection: Some(table.deletion_protection_enabled() == Some(true)),
            max_read_units: held_to(OnDemandThroughput::max_read_request_units),
            max_write_units: held_to(OnDemandThroughput::max_write_request_units),
            // A table that always was of the standard class has no summary.
            class: table.table_class_summary().and_then(TableClassSummary::table_class).map_or(STANDARD, TableClass::as_str).to_owned(),
            tags,
        }
    }

    fn keys(&self) -> impl Iterator<Item = &KeyAttribute> {
        let own = [Some(&self.partition_key), self.sort_key.as_ref()].into_iter().flatten();
        let of_local = self.local_indexes.values().map(|index| &index.sort_key);
        own.chain(of_local).chain(self.indexes.values().flat_map(Index::keys))
    }

    /// Writes time to live, and returns whether one write was enough.
    async fn write_time_to_live(&self, aws: &Aws, observed: &Observed<Self>) -> Result<bool> {
        let current = &observed.spec.time_to_live;
        // Another attribute takes two changes, and DynamoDB allows one an hour: the second run makes the second.
        let (enabled, attribute) = match (&current.attribute, &self.time_to_live.attribute) {
            (Some(current), wanted) if observed.spec.time_to_live.enabled && wanted.as_ref() != Some(current) => (false, current),
            (_, Some(wanted)) => (true, wanted),
            (Some(current), None) => (false, current),
            (None, None) => return Ok(true),
        };
        let specification = TimeToLiveSpecification::builder().enabled(enabled).attribute_name(attribute).build().map_err(incomplete)?;
        aws.write("dynamodb:UpdateTimeToLive", || {
            aws.dynamodb.update_time_to_live().table_name(&self.name).time_to_live_specification(specification.clone()).send()
        })
        .await?;
        Ok(enabled == self.time_to_live.enabled)
    }

    /// Returns the limits to write over those of the observed table, if there is one. `None` if there are none: AWS answers an empty structure with
    /// a 500 each time (measured by AWS Controllers for Kubernetes). Both limits are sent, because AWS keeps one that is left out and the local AWS
    /// does not.
    fn throughput(&self, observed: Option<&Self>) -> Option<OnDemandThroughput> {
        let (has_read, has_write) = observed.map_or((None, None), |observed| (observed.max_read_units, observed.max_write_units));
        let read = self.max_read_units.or(has_read.map(|_| NO_LIMIT));
        let write = self.max_write_units.or(has_write.map(|_| NO_LIMIT));
        let throughput = || OnDemandThroughput::builder().set_max_read_request_units(read).set_max_write_request_units(write).build();
        (read.is_some() || write.is_some()).then(throughput)
    }

    /// Switches deletion protection on or off.
    async fn protect(&self, aws: &Aws, wanted: Option<bool>) -> Result<()> {
        aws.write("dynamodb:UpdateTable", || {
            aws.dynamodb.update_table().table_name(&self.name).set_deletion_protection_enabled(wanted).send()
        })
        .await?;
        Ok(())
    }

    /// Makes one step: `UpdateTable` takes one change at a time.
    async fn update_table(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<()> {
        let changes_billing = changes.touch("billing_mode");
        let step = if changes_billing { None } else { index::next(&observed.spec.indexes, &self.indexes)? };
        let added = step.as_ref().and_then(|step| step.added);
        let attributes = added.map(|index| definitions(observed.spec.keys().chain(index.keys()))).transpose()?;
        aws.write("dynamodb:UpdateTable", || {
            let request = aws.dynamodb.update_table().table_name(&self.name);
            match &step {
                Some(step) => request.set_attribute_definitions(attributes.clone()).global_secondary_index_updates(step.update.clone()),
                None => request.billing_mode(BillingMode::from(self.billing_mode.as_str())),
            }
            .send()
        })
        .await?;
        Ok(())
    }

    /// Writes tags in one call, and returns whether no second call is needed. Only one call at a time: each locks the tags for about two seconds,
    /// so a second one right behind the first is refused, and repeating both would never end.
    async fn write_tags(&self, aws: &Aws, observed: &Observed<Self>) -> Result<bool> {
        let arn = &observed.output.arn;
        aws.forget_tags(arn);
        let gone = observed.spec.tags.missing_from(&self.tags);
        let differ: Tags = self.tags.iter().filter(|(key, value)| observed.spec.tags.get(key) != Some(value)).collect();
        let tags = sdk_tags(&differ)?;
        if !tags.is_empty() {
            aws.write("dynamodb:TagResource", || aws.dynamodb.tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send()).await?;
            return Ok(gone.is_empty());
        }
        aws.write("dynamodb:UntagResource", || aws.dynamodb.untag_resource().resource_arn(arn).set_tag_keys(Some(gone.clone())).send())
            .await?;
        Ok(true)
    }
}

fn is(table: &TableDescription, status: &TableStatus) -> bool {
    table.table_status() == Some(status)
}

fn busy(table: &TableDescription) -> Option<&'static str> {
    match table.table_status() {
        Some(TableStatus::Creating) => Some(CREATING),
        Some(TableStatus::Deleting) => Some("the table to be deleted (usually 5 s)"),
        Some(TableStatus::Updating) => Some("the table to be updated"),
        Some(TableStatus::Archiving) => Some("DynamoDB to archive the table"),
        _ if table
            .global_secondary_indexes()
            .iter()
            .any(|index| index.index_status().is_some_and(|status| *status != IndexStatus::Active)) =>
        {
            Some("an index to be built (usually 8 to 17 minutes)")
        }
        _ => None,
    }
}

/// Returns DynamoDB's reason, if the table is in a state that it does not leave by itself.
fn failed(table: &TableDescription) -> Option<Box<Refusal>> {
    let reason = match table.table_status()? {
        TableStatus::InaccessibleEncryptionCredentials => {
            "the KMS key that the table is encrypted with cannot be used; enable the key, or grant DynamoDB its use"
        }
        TableStatus::Archived => "the table was archived, because its KMS key could not be used for a week; restore it from its backup",
        TableStatus::ReplicationNotAuthorized => "the table may not replicate to its other regions; grant it, or remove the replicas",
        _ => return None,
    };
    let status = table.table_status().map_or("", TableStatus::as_str);
    Some(Error::gave_up("dynamodb:DescribeTable", status, reason))
}

/// Refuses to derive an owner while a table is being created or deleted: its tags cannot be read then, and without them it would seem to belong to
/// others.
fn can_tell_whose(table: &TableDescription) -> Result<()> {
    match table.table_status() {
        Some(TableStatus::Creating | TableStatus::Deleting) => Err(Error::not_yet(busy(table).unwrap_or_default())),
        _ => Ok(()),
    }
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect::<Result<_, _>>().map_err(incomplete)
}
