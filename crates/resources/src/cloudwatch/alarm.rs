//! A CloudWatch alarm on one metric.
//!
//! `PutMetricAlarm` overwrites everything but the tags, which it takes only on creation. So a change repeats the alarm's undeclared settings: its
//! other actions, the number of periods that must breach, the unit.

use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{Billable, Call, Guard, Identity, Kind, Quota, Scope, Sweep, Task, Trail, Typical, Used, encoded, length},
};
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricAlarm, StateValue, Statistic, Tag};
use engine::{Changes, DeleteOutcome, Observed, Orphan, ReadFrom, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::{collections::BTreeMap, rc::Rc};

/// Desired state of a CloudWatch alarm.
#[derive(Debug, Clone, Serialize)]
pub struct Alarm {
    /// Physical name of the alarm.
    pub name: String,
    /// Common prefix of the physical names of the stack's alarms: one call reads all of them.
    #[serde(skip)]
    pub family: String,
    /// Description that the console shows.
    pub description: String,
    /// Namespace of the metric: `AWS/Lambda`, …
    pub namespace: String,
    /// Name of the metric: `Errors`, …
    pub metric: String,
    /// Dimensions of the series.
    pub dimensions: BTreeMap<String, String>,
    /// `Sum`, `Average` or `Maximum`, or a percentile such as `p90`.
    pub statistic: String,
    /// Length of a period, in seconds.
    pub period: i32,
    /// Number of consecutive periods that the alarm evaluates.
    pub evaluation_periods: i32,
    /// Threshold, in the metric's unit.
    pub threshold: f64,
    /// Comparison with the threshold: `GreaterThanOrEqualToThreshold`.
    pub comparison: String,
    /// Treatment of missing data: `notBreaching`.
    pub missing_data: String,
    /// ARNs of SNS topics that get a message when it fires.
    pub actions: Vec<String>,
    /// Set if actions are enabled: an alarm can be muted by hand.
    pub actions_enabled: bool,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Output of an alarm that exists.
#[derive(Debug, Clone)]
pub struct AlarmOutput {
    /// ARN of the alarm.
    pub arn: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// The alarm as it was observed: a change repeats some of its fields.
    pub seen: Option<Rc<MetricAlarm>>,
}

impl AlarmOutput {
    /// Returns whether the alarm fires.
    pub fn is_firing(&self) -> bool {
        self.state == "ALARM"
    }
}

/// Alarms of the stack.
const ALARMS: Scope = Scope::of("Alarms", |target, names, _| vec![target.arn("cloudwatch", &format!("alarm:{}", names.pattern()))])
    .guarded(|action, _| match action {
        "cloudwatch:DeleteAlarms" => Guard::Ours,
        "cloudwatch:PutMetricAlarm" | "cloudwatch:TagResource" | "cloudwatch:UntagResource" => Guard::NotAnothers,
        _ => Guard::None,
    });

const FACTS: Kind = Kind {
    name: Alarm::KIND,
    trail: Trail {
        source: "monitoring",
        is_global: false,
        operations: &["PutMetricAlarm", "DeleteAlarms", "EnableAlarmActions", "DisableAlarmActions", "TagResource", "UntagResource"],
    },
    typical: Typical::of_calls,
    pace: Some("cloudwatch:PutMetricAlarm"),
    request_limits: &[
        RequestLimit::new("cloudwatch:PutMetricAlarm", 3.0, 3.0, Source::Documented),
        RequestLimit::new("cloudwatch:DescribeAlarms", 9.0, 9.0, Source::Documented),
        RequestLimit::new("cloudwatch:DeleteAlarms", 3.0, 3.0, Source::Documented),
        RequestLimit::new("cloudwatch:ListTagsForResource", 10.0, 10.0, Source::Documented),
        RequestLimit::new("cloudwatch:TagResource", 20.0, 20.0, Source::Documented),
        RequestLimit::new("cloudwatch:UntagResource", 20.0, 20.0, Source::Documented),
    ],
    calls: &[
        Call::same("cloudwatch:DeleteAlarms", &ALARMS, Task::REMOVING),
        Call::same("cloudwatch:DescribeAlarms", &Scope::EVERYTHING, Task::COUNTING),
        Call::same("cloudwatch:ListTagsForResource", &ALARMS, Task::ALL),
        Call::takes("cloudwatch:PutMetricAlarm", &[("cloudwatch:PutMetricAlarm", &ALARMS), ("cloudwatch:TagResource", &ALARMS)], Task::UP),
        Call::same("cloudwatch:TagResource", &ALARMS, Task::UP),
        Call::same("cloudwatch:UntagResource", &ALARMS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let (family, logical) = (stack.names.alarm_family(), stack.logical());
        graph.sweep(move |aws: &Aws| Box::pin(Alarm::sweep(aws, family.clone(), logical.clone())));
    }),
    quota: Some(Quota { of: "alarms", used: |aws| Box::pin(count(aws)) }),
    billable: Some(Billable::Alarm),
};

/// "CloudWatch service quotas": metric alarms per account and region, initially.
const QUOTA: u64 = 5_000;

async fn count(aws: &Aws) -> Result<Used> {
    let mut total = 0;
    let send = |token| aws.cloudwatch.describe_alarms().max_records(100).set_next_token(token).send();
    aws.pages("cloudwatch:DescribeAlarms", send, |page| {
        total += length(page.metric_alarms());
        Ok(page.next_token)
    })
    .await?;
    Ok(Used::of_initial(total, QUOTA))
}

impl Resource for Alarm {
    type Cloud = Aws;
    const KIND: &'static str = "cloudwatch.alarm";
    const FACTS: &'static Kind = &FACTS;
    type Output = AlarmOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&AlarmOutput>) -> Identity {
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
        let Some(alarm) = self.listed(aws).await? else { return Ok(None) };
        let Some(tags) = read_tags(aws, alarm.alarm_arn().unwrap_or_default(), from).await? else { return Ok(None) };
        Ok(Some(Self::of(aws, &alarm, tags, &self.family)))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<AlarmOutput>> {
        self.put(aws, None).await?;
        let arn = arn(aws, &self.name);
        aws.cache_tags(&arn, &self.tags);
        Ok(WriteOutcome::Complete(AlarmOutput { arn, state: "INSUFFICIENT_DATA".to_owned(), seen: None }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<AlarmOutput>> {
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
        if changes.iter().any(|change| !change.path.starts_with("tags.")) {
            self.put(aws, observed.output.seen.as_deref()).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, _output: &AlarmOutput) -> Result<DeleteOutcome> {
        aws.delete_alarm(&self.name).await.map(|()| DeleteOutcome::Deleted)
    }
}

impl Alarm {
    async fn listed(&self, aws: &Aws) -> Result<Option<MetricAlarm>> {
        Ok(list(aws, &self.family).await?.iter().find(|alarm| alarm.alarm_name() == Some(&self.name)).cloned())
    }

    /// Creates or updates the alarm. AWS takes the tags only on creation. An update sends them as well: another run may have deleted the alarm a
    /// moment ago, and then this call creates it, and it must not be without an owner. `seen` is the observed alarm.
    async fn put(&self, aws: &Aws, seen: Option<&MetricAlarm>) -> Result<()> {
        let tags = sdk_tags(&self.tags);
        let dimensions: Vec<Dimension> =
            self.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
        aws.write("cloudwatch:PutMetricAlarm", || {
            let request = aws.cloudwatch.put_metric_alarm().alarm_name(&self.name).alarm_description(&self.description);
            let request = request.namespace(&self.namespace).metric_name(&self.metric).set_dimensions(Some(dimensions.clone()));
            // CloudWatch takes percentiles in another member.
            let request = if self.statistic.starts_with('p') {
                request.extended_statistic(&self.statistic)
            } else {
                request.statistic(Statistic::from(self.statistic.as_str()))
            };
            let request = request.period(self.period);
            let request = request.evaluation_periods(self.evaluation_periods).threshold(self.threshold);
            let request = request.comparison_operator(ComparisonOperator::from(self.comparison.as_str()));
            let request = request.treat_missing_data(&self.missing_data).set_alarm_actions(Some(self.actions.clone()));
            let request = request.actions_enabled(self.actions_enabled).set_tags(Some(tags.clone()));
            let request = match seen {
                Some(seen) => request
                    // AWS evaluates no more periods than that, so more cannot breach.
                    .set_datapoints_to_alarm(seen.datapoints_to_alarm().filter(|datapoints| *datapoints <= self.evaluation_periods))
                    .set_unit(seen.unit().cloned())
                    .set_ok_actions(seen.ok_actions.clone())
                    .set_insufficient_data_actions(seen.insufficient_data_actions.clone())
                    .set_evaluation_window(seen.evaluation_window.clone())
                    .set_warm_up_configuration(seen.warm_up_configuration.clone())
                    .set_action_configuration(seen.action_configuration.clone()),
                None => request,
            };
            request.send()
        })
        .await?;
        Ok(())
    }

    fn of(aws: &Aws, alarm: &MetricAlarm, tags: Tags, family: &str) -> Observed<Self> {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let dimensions = alarm.dimensions().iter().map(|dimension| (text(dimension.name()), text(dimension.value())));
        let state = text(alarm.state_value().map(|state| state.as_str()));
        let output = AlarmOutput { arn: text(alarm.alarm_arn()), state, seen: Some(Rc::new(alarm.clone())) };
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let spec = Self {
            name: text(alarm.alarm_name()),
            family: family.to_owned(),
            description: text(alarm.alarm_description()),
            namespace: text(alarm.namespace()),
            metric: text(alarm.metric_name()),
            dimensions: dimensions.collect(),
            // The local AWS shows a percentile with another statistic beside it.
            statistic: text(alarm.extended_statistic().or(alarm.statistic().map(Statistic::as_str))),
            period: alarm.period().unwrap_or_default(),
            evaluation_periods: alarm.evaluation_periods().unwrap_or_default(),
            threshold: alarm.threshold().unwrap_or_default(),
            comparison: text(alarm.comparison_operator().map(ComparisonOperator::as_str)),
            missing_data: alarm.treat_missing_data().unwrap_or("missing").to_owned(),
            actions: alarm.alarm_actions().to_vec(),
            actions_enabled: alarm.actions_enabled().unwrap_or(true),
            tags,
        };
        Observed { spec, output, busy: None, failed: None, owner, applied }
    }

    /// Returns the logical names of the alarms that are firing now; `declared` maps physical to logical names.
    pub async fn firing(aws: &Aws, family: &str, declared: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let alarms = list(aws, family).await?;
        let is_firing = |alarm: &&MetricAlarm| alarm.state_value() == Some(&StateValue::Alarm);
        let mut firing: Vec<String> =
            alarms.iter().filter(is_firing).filter_map(|alarm| declared.get(alarm.alarm_name()?).cloned()).collect();
        firing.sort();
        Ok(firing)
    }

    /// Finds the alarms that could be ours: `logical` gives the logical name of a physical one.
    pub async fn sweep(aws: &Aws, family: String, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        let alarms = list(aws, &family).await?;
        let orphan = |alarm: &MetricAlarm| {
            let logical = logical(alarm.alarm_name()?)?;
            let observed = Self::of(aws, alarm, Tags::default(), &family);
            Some(Orphan::new(&logical, observed.spec, observed.output).unproven())
        };
        Ok(alarms.iter().filter_map(orphan).collect())
    }
}

fn arn(aws: &Aws, name: &str) -> String {
    aws.arn("cloudwatch", &format!("alarm:{name}"))
}

async fn list(aws: &Aws, family: &str) -> Result<Rc<Vec<MetricAlarm>>> {
    aws.shared("cloudwatch", &format!("alarms/{family}"), || async {
        let mut alarms = Vec::new();
        let send = |token| aws.cloudwatch.describe_alarms().alarm_name_prefix(family).max_records(100).set_next_token(token).send();
        aws.pages("cloudwatch:DescribeAlarms", send, |page| {
            alarms.extend(page.metric_alarms.unwrap_or_default());
            Ok(page.next_token)
        })
        .await?;
        Ok(alarms)
    })
    .await
}

/// Returns the tags, or `None` if the alarm no longer exists: another run may be deleting it.
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
