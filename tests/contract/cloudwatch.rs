//! CloudWatch: alarms.

use super::{
    harness::{Bench, contract},
    proxy::{Fate, lose_each, script},
};
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, Statistic, Tag};
use liveinsight::{aws::Aws, engine::Graph, resources::Alarm};

const TOPICS: [&str; 2] = ["arn:aws:sns:us-east-1:000000000000:b", "arn:aws:sns:us-east-1:000000000000:a"];

fn alarm(bench: &Bench, name: &str) -> Alarm {
    Alarm {
        name: bench.name(name),
        family: name[..5].to_owned(),
        description: "Errors of a function".to_owned(),
        namespace: "AWS/Lambda".to_owned(),
        metric: "Errors".to_owned(),
        dimensions: [("FunctionName".to_owned(), "f".to_owned()), ("Resource".to_owned(), "f:live".to_owned())].into(),
        statistic: "Sum".to_owned(),
        period: 300,
        evaluation_periods: 2,
        threshold: 5.0,
        comparison: "GreaterThanOrEqualToThreshold".to_owned(),
        missing_data: "notBreaching".to_owned(),
        actions: vec![TOPICS[0].to_owned()],
        actions_enabled: true,
        tags: bench.tags(),
    }
}

fn declare(bench: &Bench, alarms: impl IntoIterator<Item = (&'static str, Alarm)>) -> Graph<Aws> {
    let mut graph = Graph::default();
    for (name, alarm) in alarms {
        graph.add(name, alarm);
    }
    let logical = bench.logical();
    graph.sweep(move |aws: &Aws| Box::pin(Alarm::sweep(aws, "alarm".to_owned(), logical.clone())));
    graph
}

#[tokio::test]
async fn each_declared_field_is_kept() {
    let bench = Bench::new("alarms").await;
    let first = || alarm(&bench, "alarm");
    let variants = [
        first(),
        Alarm { description: "Other words".to_owned(), ..first() },
        Alarm { namespace: "AWS/ApiGateway".to_owned(), metric: "5XXError".to_owned(), ..first() },
        Alarm { dimensions: [("FunctionName".to_owned(), "g".to_owned())].into(), ..first() },
        Alarm { statistic: "Maximum".to_owned(), ..first() },
        Alarm { statistic: "p90".to_owned(), ..first() },
        Alarm { statistic: "p99".to_owned(), ..first() },
        Alarm { period: 60, ..first() },
        Alarm { evaluation_periods: 1, ..first() },
        Alarm { threshold: 0.5, ..first() },
        Alarm { comparison: "LessThanThreshold".to_owned(), ..first() },
        Alarm { missing_data: "missing".to_owned(), ..first() },
        Alarm { actions: TOPICS.map(str::to_owned).into(), ..first() },
        Alarm { actions: Vec::new(), ..first() },
        Alarm { actions_enabled: false, ..first() },
        Alarm { tags: bench.tags().with("Team", "blue"), ..first() },
        Alarm { tags: bench.tags().with("Team", "red"), threshold: 1.0, ..first() },
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, [("alarm", variants[variant].clone())])).await;
}

#[tokio::test]
async fn drift_of_each_field_is_seen_and_made_good() {
    let bench = Bench::new("alarms-drift").await;
    let graph = declare(&bench, [("alarm", alarm(&bench, "alarm"))]);
    bench.up(&graph).await;
    let (cloudwatch, name) = (&bench.aws.cloudwatch, bench.name("alarm"));
    let arn = bench.aws.arn("cloudwatch", &format!("alarm:{name}"));

    let put = cloudwatch.put_metric_alarm().alarm_name(&name).alarm_description("Mine").namespace("AWS/S3").metric_name("AllRequests");
    let put = put.dimensions(Dimension::builder().name("FunctionName").value("g").build()).statistic(Statistic::Average).period(60);
    let put = put.evaluation_periods(3).threshold(9.0).comparison_operator(ComparisonOperator::LessThanThreshold);
    put.treat_missing_data("breaching").actions_enabled(false).send().await.unwrap();
    let fields = [
        "actions",
        "actions_enabled",
        "comparison",
        "description",
        "dimensions.FunctionName",
        "dimensions.Resource",
        "evaluation_periods",
        "metric",
        "missing_data",
        "namespace",
        "period",
        "statistic",
        "threshold",
    ];
    let fields = fields.map(|field| format!("cloudwatch.alarm/alarm {field}"));
    bench.heals_with(1, &graph, &fields.each_ref().map(String::as_str)).await;

    cloudwatch.disable_alarm_actions().alarm_names(&name).send().await.unwrap();
    bench.heals_with(1, &graph, &["cloudwatch.alarm/alarm actions_enabled"]).await;

    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    cloudwatch.tag_resource().resource_arn(&arn).tags(tag("Team", "red")).tags(tag("ManagedBy", "hand")).send().await.unwrap();
    bench.heals_with(2, &graph, &["cloudwatch.alarm/alarm tags.ManagedBy", "cloudwatch.alarm/alarm tags.Team"]).await;
    cloudwatch.untag_resource().resource_arn(&arn).tag_keys("ManagedBy").send().await.unwrap();
    bench.heals_with(1, &graph, &["cloudwatch.alarm/alarm tags.ManagedBy"]).await;

    cloudwatch.delete_alarms().alarm_names(&name).send().await.unwrap();
    bench.heals_with(1, &graph, &["cloudwatch.alarm/alarm"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_alarm_of_somebody_else_is_refused_then_adopted() {
    let bench = Bench::new("alarms-foreign").await;
    let put = bench.aws.cloudwatch.put_metric_alarm().alarm_name(bench.name("alarm")).namespace("AWS/S3").metric_name("AllRequests");
    let put = put.statistic(Statistic::Sum).period(60).evaluation_periods(1).threshold(1.0);
    put.comparison_operator(ComparisonOperator::LessThanThreshold).send().await.unwrap();
    let graph = declare(&bench, [("alarm", alarm(&bench, "alarm"))]);
    bench.adopts(&graph, &["cloudwatch.alarm/alarm"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn alarms_that_are_declared_no_longer_are_found_and_all_go_with_one_request() {
    let bench = Bench::new("alarms-strays").await;
    let names = ["alarm-a", "alarm-b", "alarm-c"];
    let all = declare(&bench, names.map(|name| (name, alarm(&bench, name))));
    bench.up(&all).await;
    let graph = declare(&bench, [("alarm-b", alarm(&bench, "alarm-b"))]);
    bench.removes_orphans(&graph, &["cloudwatch.alarm/alarm-a", "cloudwatch.alarm/alarm-c"]).await;
    bench.up(&all).await;
    let before = bench.called("cloudwatch:DeleteAlarms");
    bench.down(&all).await;
    assert_eq!(bench.called("cloudwatch:DeleteAlarms") - before, 1);
}

#[tokio::test]
async fn throttles_are_waited_for() {
    let throttled = Fate::Refuse(400, "Throttling", "Rate exceeded");
    let other = Fate::RefuseFor(1, 400, "ThrottlingException", "Rate exceeded");
    let bench = Bench::hostile(
        "alarms-busy",
        script(&[
            ("operation/PutMetricAlarm", &[throttled, other]),
            ("operation/DescribeAlarms", &[other, throttled]),
            ("operation/ListTagsForResource", &[throttled, Fate::Refuse(404, "ResourceNotFound", "Unknown")]),
            ("operation/DeleteAlarms", &[throttled, Fate::Refuse(404, "ResourceNotFound", "Unknown"), throttled]),
        ]),
    )
    .await;
    let graph = declare(&bench, [("alarm", alarm(&bench, "alarm"))]);
    bench.try_up(&graph).await;
    // Here its tags are read, and it seems to have been deleted.
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_answer_lost_after_each_write_changes_nothing() {
    let writes = |request: &str| ["Put", "Delete", "Tag", "Untag"].iter().any(|verb| request.contains(&format!("operation/{verb}")));
    let bench = Bench::hostile("alarms-lost", lose_each(writes)).await;
    let first = alarm(&bench, "alarm");
    bench.up(&declare(&bench, [("alarm", Alarm { tags: bench.tags().with("Team", "red"), ..first.clone() })])).await;
    let graph = declare(&bench, [("alarm", Alarm { threshold: 1.0, ..first })]);
    bench.up(&graph).await;
    bench.down(&graph).await;
}
