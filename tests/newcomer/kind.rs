//! A CloudWatch alarm on the states of other alarms.
//!
//! `PutCompositeAlarm` overwrites everything but the tags, which it takes only on creation.

use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{Billable, Call, Guard, Identity, Kind, Scope, Sweep, Task, Trail, Typical, encoded},
};
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm as Listed, Tag};
use engine::{Changes, DeleteOutcome, Observed, Orphan, ReadFrom, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::rc::Rc;

/// Desired state of a composite alarm.
#[derive(Debug, Clone, Serialize)]
pub struct CompositeAlarm {
    /// Physical name of the alarm.
    pub name: String,
    /// Common prefix of the physical names of the stack's alarms: one call reads all of them.
    #[serde(skip)]
    pub family: String,
    /// Rule over the states of other alarms: `ALARM("one") OR ALARM("other")`.
    pub rule: String,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Output of a composite alarm that exists.
#[derive(Debug, Clone)]
pub struct CompositeAlarmOutput {
    /// ARN of the alarm.
    pub arn: String,
}

/// Alarms of the stack.
const ALARMS: Scope = Scope::of("CompositeAlarms", |target, names, _| vec![target.arn("cloudwatch", &format!("alarm:{}", names.pattern()))])
    .guarded(|action, _| match action {
        "cloudwatch:DeleteAlarms" => Guard::Ours,
        "cloudwatch:PutCompositeAlarm" | "cloudwatch:TagResource" | "cloudwatch:UntagResource" => Guard::NotAnothers,
        _ => Guard::None,
    });

const FACTS: Kind = Kind {
    name: CompositeAlarm::KIND,
    trail: Trail { source: "monitoring", is_global: false, operations: &["PutCompositeAlarm", "DeleteAlarms", "TagResource", "UntagResource"] },
    typical: Typical::of_calls,
    pace: Some("cloudwatch:PutCompositeAlarm"),
    request_limits: &[RequestLimit::new("cloudwatch:PutCompositeAlarm", 3.0, 3.0, Source::Documented)],
    calls: &[
        Call::same("cloudwatch:DeleteAlarms", &ALARMS, Task::REMOVING),
        Call::same("cloudwatch:DescribeAlarms", &Scope::EVERYTHING, Task::ALL),
        Call::same("cloudwatch:ListTagsForResource", &ALARMS, Task::ALL),
        Call::takes("cloudwatch:PutCompositeAlarm", &[("cloudwatch:PutCompositeAlarm", &ALARMS), ("cloudwatch:TagResource", &ALARMS)], Task::UP),
        Call::same("cloudwatch:TagResource", &ALARMS, Task::UP),
        Call::same("cloudwatch:UntagResource", &ALARMS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let (family, logical) = (stack.names.alarm_family(), stack.logical());
        graph.sweep(move |aws: &Aws| Box::pin(CompositeAlarm::sweep(aws, family.clone(), logical.clone())));
    }),
    quota: None,
    billable: Some(Billable::Alarm),
};

impl Resource for CompositeAlarm {
    type Cloud = Aws;
    const KIND: &'static str = "cloudwatch.composite_alarm";
    const FACTS: &'static Kind = &FACTS;
    type Output = CompositeAlarmOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&CompositeAlarmOutput>) -> Identity {
        Identity {
            console: Some(target.console("cloudwatch", &format!("alarmsV2:alarm/{}", encoded(&self.name)))),
            names: vec![self.name.clone(), target.arn("cloudwatch", &format!("alarm:{}", self.name))],
            also: Vec::new(),
        }
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let alarms = list(aws, &self.family).await?;
        let Some(alarm) = alarms.iter().find(|alarm| alarm.alarm_name() == Some(&self.name)) else { return Ok(None) };
        let Some(tags) = read_tags(aws, &arn(aws, &self.name), from).await? else { return Ok(None) };
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let spec = Self { tags, ..Self::of(alarm, &self.family) };
        let output = CompositeAlarmOutput { arn: arn(aws, &self.name) };
        Ok(Some(Observed { spec, output, busy: None, failed: None, owner, applied }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<CompositeAlarmOutput>> {
        self.put(aws).await?;
        let arn = arn(aws, &self.name);
        aws.cache_tags(&arn, &self.tags);
        Ok(WriteOutcome::Complete(CompositeAlarmOutput { arn }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<CompositeAlarmOutput>> {
        let arn = &observed.output.arn;
        if changes.touch("tags") {
            let tags = sdk_tags(&self.tags);
            let tag = async || {
                aws.write("cloudwatch:TagResource", || aws.cloudwatch.tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send())
                    .await?;
                Ok(())
            };
            let untag = async |keys: Vec<String>| {
                aws.write("cloudwatch:UntagResource", || {
                    aws.cloudwatch.untag_resource().resource_arn(arn).set_tag_keys(Some(keys.clone())).send()
                })
                .await?;
                Ok(())
            };
            aws.sync_tags(arn, &observed.spec.tags, &self.tags, tag, untag).await?;
        }
        if changes.touch("rule") {
            self.put(aws).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, _output: &CompositeAlarmOutput) -> Result<DeleteOutcome> {
        aws.delete_alarm(&self.name).await.map(|()| DeleteOutcome::Deleted)
    }
}

impl CompositeAlarm {
    async fn put(&self, aws: &Aws) -> Result<()> {
        aws.write("cloudwatch:PutCompositeAlarm", || {
            let request = aws.cloudwatch.put_composite_alarm().alarm_name(&self.name).alarm_rule(&self.rule);
            request.set_tags(Some(sdk_tags(&self.tags))).send()
        })
        .await?;
        Ok(())
    }

    fn of(alarm: &Listed, family: &str) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self { name: text(alarm.alarm_name()), family: family.to_owned(), rule: text(alarm.alarm_rule()), tags: Tags::default() }
    }

    /// Finds the alarms that could be ours: `logical` gives the logical name of a physical one.
    pub async fn sweep(aws: &Aws, family: String, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        let alarms = list(aws, &family).await?;
        let orphan = |alarm: &Listed| {
            let spec = Self::of(alarm, &family);
            let output = CompositeAlarmOutput { arn: arn(aws, &spec.name) };
            Some(Orphan::new(&logical(alarm.alarm_name()?)?, spec, output).unproven())
        };
        Ok(alarms.iter().filter_map(orphan).collect())
    }
}

fn arn(aws: &Aws, name: &str) -> String {
    aws.arn("cloudwatch", &format!("alarm:{name}"))
}

async fn list(aws: &Aws, family: &str) -> Result<Rc<Vec<Listed>>> {
    aws.shared("cloudwatch", &format!("composite/{family}"), || async {
        let mut alarms = Vec::new();
        let request = || aws.cloudwatch.describe_alarms().alarm_types(AlarmType::CompositeAlarm).alarm_name_prefix(family);
        let send = |token| request().max_records(100).set_next_token(token).send();
        aws.pages("cloudwatch:DescribeAlarms", send, |page| {
            alarms.extend(page.composite_alarms.unwrap_or_default());
            Ok(page.next_token)
        })
        .await?;
        Ok(alarms)
    })
    .await
}

async fn read_tags(aws: &Aws, arn: &str, from: ReadFrom) -> Result<Option<Tags>> {
    aws.tags("cloudwatch", arn, from, async || {
        let read = aws.read("cloudwatch:ListTagsForResource", || aws.cloudwatch.list_tags_for_resource().resource_arn(arn).send());
        Ok(read.await.optional()?.map(|answer| {
            let tags = answer.tags().iter();
            tags.map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())).collect()
        }))
    })
    .await
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
