//! A CloudWatch Logs log group.
//!
//! `CreateLogGroup` takes tags but no retention, which is a call of its own. Names are only searchable by prefix. The ARN in
//! `arn` ends with `:*`; tagging wants the one without.

use super::{api_common::rest_apis, rest_api::find_ours};
use crate::{
    aws::{Aws, Optional, Tags},
    engine::{Changes, Gone, Handle, Live, Ref, Resource, Result, Stray, Written},
};
use serde::Serialize;

/// A log group.
#[derive(Debug, Clone, Serialize)]
pub struct LogGroup {
    /// `/aws/lambda/{function}` or `API-Gateway-Execution-Logs_{api}/{stage}`.
    pub name: Ref<String>,
    /// What the physical names of this family of groups begin with: they are read together.
    #[serde(skip)]
    pub family: String,
    /// Days after which events go; one of the values that `PutRetentionPolicy` lists. `None`: it is left as it is.
    pub retention_days: Option<i32>,
    /// Tags.
    pub tags: Tags,
}

/// What is known of a log group that exists.
#[derive(Debug, Clone, Serialize)]
pub struct LogGroupOutput {
    /// Its name.
    pub name: String,
}

/// One group as `DescribeLogGroups` lists it.
#[derive(Debug, Clone)]
struct Listed {
    name: String,
    retention_days: Option<i32>,
}

impl Resource for LogGroup {
    type Cloud = Aws;
    const KIND: &'static str = "logs.log_group";
    type Output = LogGroupOutput;

    fn name(&self) -> String {
        self.name.get().unwrap_or_else(|_| format!("{}…", self.family))
    }

    fn stamp(&mut self, marks: &str) {
        self.tags.stamp(marks);
    }

    async fn observe(&self, aws: &Aws) -> Result<Option<Live<Self>>> {
        let name = self.name.get()?;
        let listed = list(aws, &self.family).await?;
        let Some(group) = listed.iter().find(|group| group.name == name) else { return Ok(None) };
        let Some(tags) = read_tags(aws, &name).await? else { return Ok(None) };
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let spec = Self { name: name.clone().into(), family: self.family.clone(), retention_days: group.retention_days, tags };
        Ok(Some(Live { spec, output: LogGroupOutput { name }, busy: None, owner, applied }))
    }

    async fn create(&self, aws: &Aws) -> Result<Written<LogGroupOutput>> {
        let name = self.name.get()?;
        aws.write("logs:CreateLogGroup", || aws.logs.create_log_group().log_group_name(&name).set_tags(Some(self.tags.to_map())).send())
            .await?;
        self.write_retention(aws, &name).await?;
        Ok(Written::Complete(LogGroupOutput { name }))
    }

    async fn update(&self, aws: &Aws, live: &Live<Self>, changes: &Changes) -> Result<Written<LogGroupOutput>> {
        let name = &live.output.name;
        if changes.touch("retention_days") {
            self.write_retention(aws, name).await?;
        }
        if changes.touch("tags") {
            let arn = arn(aws, name);
            aws.write("logs:TagResource", || aws.logs.tag_resource().resource_arn(&arn).set_tags(Some(self.tags.to_map())).send()).await?;
            let gone = live.spec.tags.missing_from(&self.tags);
            if !gone.is_empty() {
                aws.write("logs:UntagResource", || aws.logs.untag_resource().resource_arn(&arn).set_tag_keys(Some(gone.clone())).send())
                    .await?;
            }
        }
        Ok(Written::Complete(live.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &LogGroupOutput) -> Result<Gone> {
        aws.write("logs:DeleteLogGroup", || aws.logs.delete_log_group().log_group_name(&output.name).send()).await.optional()?;
        Ok(Gone::Yes)
    }
}

impl LogGroup {
    async fn write_retention(&self, aws: &Aws, name: &str) -> Result<()> {
        let Some(days) = self.retention_days else { return Ok(()) };
        aws.write("logs:PutRetentionPolicy", || aws.logs.put_retention_policy().log_group_name(name).retention_in_days(days).send())
            .await
            .map(drop)
    }

    /// Finds the groups of a family that are ours. `logical` gives the logical name of a physical one, if it could be ours.
    pub async fn sweep(aws: &Aws, family: String, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Stray<Aws>>> {
        let mut strays = Vec::new();
        for group in list(aws, &family).await?.iter() {
            let Some(logical) = logical(&group.name) else { continue };
            let Some(tags) = read_tags(aws, &group.name).await? else { continue };
            if aws.owner(&tags) == crate::engine::Owner::Us {
                let output = LogGroupOutput { name: group.name.clone() };
                let spec = Self { name: group.name.clone().into(), family: family.clone(), retention_days: None, tags };
                strays.push(Stray::new(&logical, spec, output));
            }
        }
        Ok(strays)
    }
}

impl LogGroup {
    /// Finds the log groups of our stage of REST APIs, ours and vanished ones. The logical name of the one of the API called `api` is
    /// `logical`; that of any other is its API's id. No call is spent on a group of an API that exists and is not ours.
    pub async fn sweep_api(aws: &Aws, family: String, stage: String, api: String, logical: &str) -> Result<Vec<Stray<Aws>>> {
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

impl Handle<LogGroup> {
    /// Its name; whoever refers to it waits for the group.
    pub fn name(&self) -> Ref<String> {
        self.output("name", |output| output.name.clone())
    }
}

fn arn(aws: &Aws, name: &str) -> String {
    aws.arn("logs", &format!("log-group:{name}"))
}

async fn list(aws: &Aws, family: &str) -> Result<std::rc::Rc<Vec<Listed>>> {
    aws.shared("logs", &format!("groups/{family}"), || async {
        let mut groups = Vec::new();
        let mut token = None;
        loop {
            let page = aws
                .read("logs:DescribeLogGroups", || {
                    aws.logs.describe_log_groups().log_group_name_prefix(family).set_next_token(token.clone()).send()
                })
                .await?;
            groups.extend(
                page.log_groups().iter().filter_map(|group| {
                    Some(Listed { name: group.log_group_name()?.to_owned(), retention_days: group.retention_in_days() })
                }),
            );
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(groups);
            }
        }
    })
    .await
}

/// The tags, or `None` if the group is gone by now. Shared, because the sweep asks as well.
async fn read_tags(aws: &Aws, name: &str) -> Result<Option<Tags>> {
    let tags = aws
        .shared("logs", &format!("tags/{name}"), || async {
            let answer = aws
                .read("logs:ListTagsForResource", || aws.logs.list_tags_for_resource().resource_arn(arn(aws, name)).send())
                .await
                .optional()?;
            Ok(answer.map(|answer| answer.tags().into_iter().flatten().collect::<Tags>()))
        })
        .await?;
    Ok((*tags).clone())
}
