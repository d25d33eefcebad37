//! A CloudWatch Logs log group.
//!
//! `CreateLogGroup` takes tags but no retention, which is a call of its own. Names are only searchable by prefix. The ARN in `arn` ends with `:*`;
//! tagging expects the one without.

use crate::apigateway::{find_ours, rest_apis};
use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{API_LOG_GROUP, Billable, Call, FOR_EVER, Guard, Identity, Kind, Scope, Sweep, Task, Trail, Typical, encoded, log_group_of},
};
use aws_sdk_cloudwatchlogs::types::LogGroup as LogGroupDescription;
use engine::{Changes, DeleteOutcome, Handle, Observed, Orphan, Protection, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;

/// A log group.
#[derive(Debug, Clone, Serialize)]
pub struct LogGroup {
    /// `/aws/lambda/{function}` or `API-Gateway-Execution-Logs_{api}/{stage}`.
    pub name: Ref<String>,
    /// Common prefix of the physical names of this family of groups: one call reads all of them.
    #[serde(skip)]
    pub family: String,
    /// Days after which events are deleted; one of the values that `PutRetentionPolicy` lists. `None`: it is left as it is.
    pub retention_days: Option<i32>,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Output of a log group that exists.
#[derive(Debug, Clone)]
pub struct LogGroupOutput {
    /// Physical name of the log group.
    pub name: String,
}

/// Entry of `DescribeLogGroups`.
#[derive(Debug, Clone)]
struct Listed {
    name: String,
    retention_days: Option<i32>,
    is_protected: bool,
}

/// Log groups of the stack.
pub const LOG_GROUPS: Scope = Scope::of("LogGroups", |target, names, _| {
    let of = |group: String| target.arn("logs", &format!("log-group:{group}"));
    let groups = [names.function_log_group("*"), names.api_log_group("*")];
    groups.into_iter().map(of).flat_map(|arn| [arn.clone(), format!("{arn}:*")]).collect()
})
.guarded(|action, _| match action {
    "logs:DeleteLogGroup" => Guard::Ours,
    "logs:PutRetentionPolicy" | "logs:TagResource" | "logs:UntagResource" => Guard::NotAnothers,
    _ => Guard::None,
});

const FACTS: Kind = Kind {
    name: LogGroup::KIND,
    trail: Trail {
        source: "logs",
        is_global: false,
        operations: &["CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy", "TagResource", "UntagResource"],
    },
    typical: Typical::of_calls,
    pace: Some("logs:PutRetentionPolicy"),
    request_limits: &[
        RequestLimit::new("logs:CreateLogGroup", 10.0, 10.0, Source::Documented),
        RequestLimit::new("logs:DeleteLogGroup", 10.0, 10.0, Source::Documented),
        RequestLimit::new("logs:DescribeLogGroups", 10.0, 10.0, Source::Documented),
        RequestLimit::new("logs:PutRetentionPolicy", 5.0, 5.0, Source::Documented),
        RequestLimit::new("logs:ListTagsForResource", 5.0, 5.0, Source::Documented),
        RequestLimit::new("logs:TagResource", 5.0, 5.0, Source::Documented),
        RequestLimit::new("logs:UntagResource", 5.0, 5.0, Source::Documented),
    ],
    calls: &[
        Call::takes("logs:CreateLogGroup", &[("logs:CreateLogGroup", &LOG_GROUPS), ("logs:TagResource", &LOG_GROUPS)], Task::UP),
        Call::same("logs:DeleteLogGroup", &LOG_GROUPS, Task::REMOVING),
        Call::same("logs:DescribeLogGroups", &Scope::EVERYTHING, Task::ALL),
        Call::same("logs:ListTagsForResource", &LOG_GROUPS, Task::ALL),
        Call::same("logs:PutRetentionPolicy", &LOG_GROUPS, Task::UP),
        Call::same("logs:TagResource", &LOG_GROUPS, Task::UP),
        Call::same("logs:UntagResource", &LOG_GROUPS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let (family, names) = (stack.names.function_log_group_family(), stack.names.clone());
        let logical = move |name: &str| names.owns(name.strip_prefix("/aws/lambda/")?).map(|function| log_group_of(function).to_owned());
        graph.sweep(move |aws: &Aws| Box::pin(LogGroup::sweep(aws, family.clone(), logical.clone())));
        let (family, stage, api) = (stack.names.api_log_group_family(), stack.names.stage(), stack.names.api());
        graph.sweep(move |aws: &Aws| Box::pin(LogGroup::sweep_api(aws, family.clone(), stage.clone(), api.clone(), API_LOG_GROUP)));
    }),
    quota: None,
    billable: Some(Billable::Logs { days: FOR_EVER }),
};

impl Resource for LogGroup {
    type Cloud = Aws;
    const KIND: &'static str = "logs.log_group";
    const FACTS: &'static Kind = &FACTS;
    const EARLY: bool = true;
    type Output = LogGroupOutput;

    fn name(&self) -> String {
        self.name.get().unwrap_or_else(|_| format!("{}…", self.family))
    }

    fn identity(&self, target: &Target, _: Option<&LogGroupOutput>) -> Identity {
        // The log group of an API is named after the API's id.
        let Ok(name) = self.name.get() else { return Identity::default() };
        // In this page, `$25` stands for the percent sign of an encoded character.
        let page = format!("logsV2:log-groups/log-group/{}", encoded(&name).replace('%', "$25"));
        let arn = target.arn("logs", &format!("log-group:{name}"));
        Identity { console: Some(target.console("cloudwatch", &page)), names: vec![name, format!("{arn}:*"), arn], also: Vec::new() }
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let Some(group) = self.listed(aws).await? else { return Ok(None) };
        Ok(read_tags(aws, &group.name, from).await?.map(|tags| self.of(aws, group, tags)))
    }

    async fn locate(&self, aws: &Aws) -> Result<Option<LogGroupOutput>> {
        Ok(self.listed(aws).await?.map(|group| LogGroupOutput { name: group.name }))
    }

    async fn protection(&self, aws: &Aws, output: &LogGroupOutput) -> Result<Option<Protection>> {
        let groups = list(aws, &self.family).await?;
        let is_on = groups.iter().any(|group| group.name == output.name && group.is_protected);
        // "PutLogGroupDeletionProtection" of the CloudWatch Logs API reference.
        let remove = || {
            let region = &aws.target.region;
            let group = &output.name;
            format!(
                "aws logs put-log-group-deletion-protection --log-group-identifier {group} --no-deletion-protection-enabled --region {region}"
            )
        };
        Ok(is_on.then(|| Protection { setting: "deletion protection", remove: remove() }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<LogGroupOutput>> {
        let name = self.name.get()?;
        aws.write("logs:CreateLogGroup", || aws.logs.create_log_group().log_group_name(&name).set_tags(Some(self.tags.to_map())).send())
            .await?;
        aws.cache_tags(&arn(aws, &name), &self.tags);
        self.write_retention(aws, &name).await?;
        Ok(WriteOutcome::Complete(LogGroupOutput { name }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<LogGroupOutput>> {
        let name = &observed.output.name;
        if changes.touch("retention_days") {
            self.write_retention(aws, name).await?;
        }
        if changes.touch("tags") {
            let arn = arn(aws, name);
            let tag = async || {
                aws.write("logs:TagResource", || aws.logs.tag_resource().resource_arn(&arn).set_tags(Some(self.tags.to_map())).send())
                    .await?;
                Ok(())
            };
            let untag = async |keys: Vec<String>| {
                aws.write("logs:UntagResource", || aws.logs.untag_resource().resource_arn(&arn).set_tag_keys(Some(keys.clone())).send())
                    .await?;
                Ok(())
            };
            aws.sync_tags(&arn, &observed.spec.tags, &self.tags, tag, untag).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &LogGroupOutput) -> Result<DeleteOutcome> {
        aws.write("logs:DeleteLogGroup", || aws.logs.delete_log_group().log_group_name(&output.name).send()).await.optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl LogGroup {
    async fn listed(&self, aws: &Aws) -> Result<Option<Listed>> {
        let name = self.name.get()?;
        Ok(list(aws, &self.family).await?.iter().find(|group| group.name == name).cloned())
    }

    fn of(&self, aws: &Aws, group: Listed, tags: Tags) -> Observed<Self> {
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let Listed { name, retention_days, .. } = group;
        let spec = Self { name: name.clone().into(), family: self.family.clone(), retention_days, tags };
        Observed { spec, output: LogGroupOutput { name }, busy: None, failed: None, owner, applied }
    }

    async fn write_retention(&self, aws: &Aws, name: &str) -> Result<()> {
        let Some(days) = self.retention_days else { return Ok(()) };
        aws.write("logs:PutRetentionPolicy", || aws.logs.put_retention_policy().log_group_name(name).retention_in_days(days).send())
            .await
            .map(drop)
    }

    /// Finds the groups of a family that could be ours: `logical` gives the logical name of a physical one.
    pub async fn sweep(aws: &Aws, family: String, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        let groups = list(aws, &family).await?;
        let orphan = |group: &Listed| {
            let (logical, output) = (logical(&group.name)?, LogGroupOutput { name: group.name.clone() });
            let wish = Self { name: group.name.clone().into(), family: family.clone(), retention_days: None, tags: Tags::default() };
            Some(Orphan::new(&logical, wish, output).unproven())
        };
        Ok(groups.iter().filter_map(orphan).collect())
    }
}

impl LogGroup {
    /// Finds the log groups of our stage of REST APIs, ours and vanished ones. The logical name of the one of the API called `api` is
    /// `logical`; that of any other is its API's id. No call is spent on a group of an API that exists and is not ours.
    pub async fn sweep_api(aws: &Aws, family: String, stage: String, api: String, logical: &str) -> Result<Vec<Orphan<Aws>>> {
        // The groups are listed at the same time: the sweep below finds the answer.
        let (apis, ours, _) = futures::try_join!(rest_apis(aws), find_ours(aws, &api), list(aws, &family))?;
        let name_of = |name: &str| {
            let (id, of_stage) = name.strip_prefix(&family)?.split_once('/')?;
            let is_ours = ours.as_ref().is_some_and(|ours| ours.id() == Some(id));
            let exists = apis.iter().any(|api| api.id() == Some(id));
            (of_stage == stage && (is_ours || !exists)).then(|| if is_ours { logical.to_owned() } else { id.to_owned() })
        };
        Self::sweep(aws, family.clone(), name_of).await
    }
}

impl LogGroup {
    /// Name of the log group; a resource that refers to it waits for the group.
    pub fn name_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("name", |output| output.name.clone())
    }
}

fn arn(aws: &Aws, name: &str) -> String {
    aws.arn("logs", &format!("log-group:{name}"))
}

async fn list(aws: &Aws, family: &str) -> Result<std::rc::Rc<Vec<Listed>>> {
    aws.shared("logs", &format!("groups/{family}"), || async {
        let mut groups = Vec::new();
        let listed = |group: LogGroupDescription| {
            let is_protected = group.deletion_protection_enabled == Some(true);
            Some(Listed { name: group.log_group_name?, retention_days: group.retention_in_days, is_protected })
        };
        let send = |token| aws.logs.describe_log_groups().log_group_name_prefix(family).set_next_token(token).send();
        aws.pages("logs:DescribeLogGroups", send, |page| {
            groups.extend(page.log_groups.into_iter().flatten().filter_map(listed));
            Ok(page.next_token)
        })
        .await?;
        Ok(groups)
    })
    .await
}

/// Returns the tags, or `None` if the group no longer exists. Shared, because the sweep reads them as well.
async fn read_tags(aws: &Aws, name: &str, from: ReadFrom) -> Result<Option<Tags>> {
    let arn = arn(aws, name);
    aws.tags("logs", &arn, from, async || {
        let answer =
            aws.read("logs:ListTagsForResource", || aws.logs.list_tags_for_resource().resource_arn(&arn).send()).await.optional()?;
        Ok(answer.map(|answer| answer.tags().into_iter().flatten().collect()))
    })
    .await
}
