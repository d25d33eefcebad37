//! CloudWatch Logs: log groups.

use super::{
    harness::{Bench, contract},
    proxy::{Fate, lose_each, script},
};
use liveinsight::{aws::Aws, engine::Graph, resources::LogGroup};

fn group(bench: &Bench, name: &str, days: i32, team: Option<&str>) -> LogGroup {
    LogGroup {
        name: bench.name(name).into(),
        // The ends of the names separate the families of tests that run at once.
        family: name[..3].to_owned(),
        retention_days: Some(days),
        tags: team.iter().fold(bench.tags(), |tags, team| tags.with("Team", *team)),
    }
}

fn declare(bench: &Bench, days: i32, team: Option<&str>) -> Graph<Aws> {
    let mut graph = Graph::default();
    graph.add("log", group(bench, "log", days, team));
    let logical = bench.logical();
    graph.sweep(move |aws: &Aws| Box::pin(LogGroup::sweep(aws, "log".to_owned(), logical.clone())));
    graph
}

#[tokio::test]
async fn each_declared_field_is_kept() {
    let bench = Bench::new("logs").await;
    let variants = [(7, None), (30, None), (30, Some("blue")), (14, Some("red"))];
    contract(&bench, variants.len(), |variant| declare(&bench, variants[variant].0, variants[variant].1)).await;
}

#[tokio::test]
async fn drift_of_each_field_is_seen_and_made_good() {
    let bench = Bench::new("logs-drift").await;
    let graph = declare(&bench, 7, None);
    bench.up(&graph).await;
    let (logs, name) = (&bench.aws.logs, bench.name("log"));
    let arn = bench.aws.arn("logs", &format!("log-group:{name}"));

    logs.put_retention_policy().log_group_name(&name).retention_in_days(365).send().await.unwrap();
    bench.heals_with(1, &graph, &["logs.log_group/log retention_days"]).await;
    logs.delete_retention_policy().log_group_name(&name).send().await.unwrap();
    bench.heals_with(1, &graph, &["logs.log_group/log retention_days"]).await;

    logs.tag_resource().resource_arn(&arn).tags("Team", "red").tags("ManagedBy", "hand").send().await.unwrap();
    bench.heals_with(2, &graph, &["logs.log_group/log tags.ManagedBy", "logs.log_group/log tags.Team"]).await;
    logs.untag_resource().resource_arn(&arn).tag_keys("ManagedBy").send().await.unwrap();
    bench.heals_with(1, &graph, &["logs.log_group/log tags.ManagedBy"]).await;

    logs.delete_log_group().log_group_name(&name).send().await.unwrap();
    bench.heals_with(2, &graph, &["logs.log_group/log"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_group_that_a_function_made_is_refused_then_adopted() {
    let bench = Bench::new("logs-foreign").await;
    bench.aws.logs.create_log_group().log_group_name(bench.name("log")).send().await.unwrap();
    let graph = declare(&bench, 7, None);
    bench.adopts(&graph, &["logs.log_group/log"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_group_that_is_declared_no_longer_is_found() {
    let bench = Bench::new("logs-strays").await;
    let mut both = declare(&bench, 7, None);
    both.add("log-old", group(&bench, "log-old", 7, None));
    bench.up(&both).await;
    // A group with the same prefix and another owner.
    let theirs = bench.name("log-theirs");
    bench.aws.logs.create_log_group().log_group_name(&theirs).send().await.unwrap();
    let graph = declare(&bench, 7, None);
    bench.removes_orphans(&graph, &["logs.log_group/log-old"]).await;
    bench.down(&graph).await;
    bench.aws.logs.delete_log_group().log_group_name(&theirs).send().await.expect("somebody else's is left alone");
}

#[tokio::test]
async fn conflicts_and_throttles_are_waited_for() {
    let conflict =
        Fate::Refuse(400, "OperationAbortedException", "Multiple concurrent requests to update the same resource were in conflict.");
    let throttled = Fate::RefuseFor(1, 400, "ThrottlingException", "Rate exceeded");
    let bench = Bench::hostile(
        "logs-busy",
        script(&[
            ("CreateLogGroup", &[conflict, conflict, throttled]),
            ("PutRetentionPolicy", &[conflict]),
            ("DescribeLogGroups", &[throttled]),
            ("TagResource", &[conflict, throttled]),
            ("DeleteLogGroup", &[conflict, conflict]),
        ]),
    )
    .await;
    bench.up(&declare(&bench, 7, None)).await;
    let graph = declare(&bench, 7, Some("blue"));
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_answer_lost_after_each_write_changes_nothing() {
    let writes = |request: &str| !request.contains("/ Describe") && !request.contains("/ List");
    let bench = Bench::hostile("logs-lost", lose_each(writes)).await;
    bench.up(&declare(&bench, 7, Some("red"))).await;
    let graph = declare(&bench, 30, None);
    bench.up(&graph).await;
    bench.down(&graph).await;
}
