//! DynamoDB: one table with its indexes, time to live and recovery.

use super::{
    harness::{Bench, contract, endpoint},
    proxy::{Fate, first, lose_each, script},
};
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{
        AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate,
        KeySchemaElement, KeyType, OnDemandThroughput, PointInTimeRecoverySpecification, Projection, ProjectionType, ProvisionedThroughput,
        ScalarAttributeType, TableClass, Tag, TimeToLiveSpecification,
    },
};
use liveinsight::{
    aws::Aws,
    engine::{Action, Graph, Objection},
    resources::{Index, KeyAttribute, LocalIndex, Projected, Table},
};
use strict_aws::{Config, Strict, Windows};

const INFREQUENT: &str = "STANDARD_INFREQUENT_ACCESS";

/// Desired state that the tests vary; the default is the first declaration.
#[derive(Clone, Copy)]
struct Wish {
    sort_key: bool,
    /// Name, partition key, sort key (`shop+day` is a key of two attributes), projection: `INCLUDE title price` includes two attributes.
    indexes: &'static [(&'static str, &'static str, Option<&'static str>, &'static str)],
    /// Name, sort key, projection.
    local: &'static [(&'static str, &'static str, &'static str)],
    ttl: Option<&'static str>,
    recovery: bool,
    protected: Option<bool>,
    restore_days: i32,
    /// Limits of read and write units a second.
    most: (Option<i64>, Option<i64>),
    class: &'static str,
    team: Option<&'static str>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            sort_key: true,
            indexes: &[("by-day", "day", Some("at"), "ALL")],
            local: &[],
            ttl: Some("expires"),
            recovery: true,
            restore_days: 35,
            most: (None, None),
            protected: Some(false),
            class: "STANDARD",
            team: None,
        }
    }
}

fn key(name: &str) -> KeyAttribute {
    KeyAttribute { name: name.to_owned(), kind: "S".to_owned() }
}

fn projected(text: &str) -> Projected {
    let mut words = text.split(' ').map(str::to_owned);
    Projected { projection: words.next().unwrap(), include: words.collect() }
}

fn table(bench: &Bench, name: &str, wish: &Wish) -> Table {
    let index = |(name, partition, sort, projection): &(&str, &str, Option<&str>, &str)| {
        let keys = |names: &str| names.split('+').map(key).collect();
        let (partition_key, sort_key) = (keys(partition), sort.map(keys).unwrap_or_default());
        let index = Index { partition_key, sort_key, projected: projected(projection) };
        ((*name).to_owned(), index)
    };
    let local = |(name, sort, projection): &(&str, &str, &str)| {
        ((*name).to_owned(), LocalIndex { sort_key: key(sort), projected: projected(projection) })
    };
    Table {
        name: bench.name(name),
        billing_mode: "PAY_PER_REQUEST".to_owned(),
        partition_key: key("session"),
        sort_key: wish.sort_key.then(|| key("at")),
        indexes: wish.indexes.iter().map(index).collect(),
        local_indexes: wish.local.iter().map(local).collect(),
        time_to_live: wish.ttl.map(str::to_owned).into(),
        point_in_time_recovery: wish.recovery,
        deletion_protection: wish.protected,
        restore_days: wish.recovery.then_some(wish.restore_days),
        max_read_units: wish.most.0,
        max_write_units: wish.most.1,
        class: wish.class.to_owned(),
        tags: wish.team.iter().fold(bench.tags(), |tags, team| tags.with("Team", *team)),
    }
}

fn declare(bench: &Bench, wish: &Wish) -> Graph<Aws> {
    let mut graph = Graph::default();
    graph.add("events", table(bench, "events", wish));
    sweep(bench, &mut graph);
    graph
}

fn sweep(bench: &Bench, graph: &mut Graph<Aws>) {
    let logical = bench.logical();
    graph.sweep(move |aws: &Aws| Box::pin(Table::sweep(aws, logical.clone())));
}

/// Returns the paths of one index.
fn index_fields(name: &str) -> [String; 3] {
    ["partition_key", "projection", "sort_key"].map(|field| format!("dynamodb.table/events indexes.{name}.{field}"))
}

#[tokio::test]
async fn each_declared_field_is_kept() {
    let bench = Bench::new("dynamodb").await;
    let first = Wish::default;
    let variants = [
        first(),
        Wish { indexes: &[("by-day", "day", Some("at"), "ALL"), ("by-user", "user", None, "KEYS_ONLY")], ..first() },
        Wish { indexes: &[("by-day", "day", Some("at"), "ALL"), ("by-user", "user", Some("at"), "ALL")], ..first() },
        Wish { indexes: &[("by-day", "day", Some("at"), "INCLUDE title"), ("by-user", "user", Some("at"), "ALL")], ..first() },
        Wish { indexes: &[("by-day", "day", Some("at"), "INCLUDE price title"), ("by-user", "user", None, "INCLUDE page")], ..first() },
        Wish { indexes: &[("by-day", "day", Some("at"), "KEYS_ONLY")], ..first() },
        Wish { indexes: &[("by-day", "shop+day", Some("at"), "ALL")], ..first() },
        Wish { indexes: &[("by-day", "day+shop", Some("at"), "ALL")], ..first() },
        Wish { indexes: &[("by-day", "shop+day+user+page", Some("at+size+price+id"), "INCLUDE title")], ..first() },
        Wish { indexes: &[("by-user", "page", Some("at"), "ALL")], ..first() },
        Wish { indexes: &[("by-page", "page", None, "ALL"), ("by-user", "user", None, "ALL")], ..first() },
        Wish { indexes: &[], ..first() },
        Wish { indexes: &[], ttl: None, ..first() },
        Wish { indexes: &[("by-day", "day", None, "ALL")], ttl: Some("gone_at"), ..first() },
        Wish { ttl: Some("expires"), recovery: false, ..first() },
        Wish { recovery: false, team: Some("blue"), ..first() },
        Wish { team: Some("red"), ..first() },
        Wish { protected: Some(true), ..first() },
        Wish { protected: Some(true), indexes: &[], ..first() },
        Wish { most: (None, Some(200)), ..first() },
        Wish { most: (Some(100), Some(200)), ..first() },
        Wish { most: (Some(100), None), ..first() },
        Wish { class: INFREQUENT, ..first() },
        Wish { class: INFREQUENT, most: (None, Some(200)), indexes: &[], ..first() },
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, &variants[variant])).await;
}

#[tokio::test]
async fn a_table_can_be_restored_for_as_many_days_as_declared() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(1000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "dynamodb-restore").await;
    let days = |days: i32| declare(&bench, &Wish { restore_days: days, indexes: &[], ttl: None, ..Wish::default() });
    bench.up(&days(1)).await;
    let kept = async || {
        let answer = bench.aws.dynamodb.describe_continuous_backups().table_name(bench.name("events")).send().await.unwrap();
        answer.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap().recovery_period_in_days
    };
    assert_eq!(kept().await, Some(1));
    assert_eq!(bench.open(&days(1)).await, Vec::<String>::new(), "nothing is left to do");
    // The days are increased by hand, and then in the declaration.
    let longer = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
    let request = bench.aws.dynamodb.update_continuous_backups().table_name(bench.name("events"));
    request.point_in_time_recovery_specification(longer).send().await.unwrap();
    assert_eq!(kept().await, Some(35));
    bench.heals_with(1, &days(1), &["dynamodb.table/events restore_days"]).await;
    assert_eq!(kept().await, Some(1));
    bench.up(&days(7)).await;
    assert_eq!(kept().await, Some(7));
    bench.down(&days(7)).await;
}

#[tokio::test]
async fn all_changes_of_one_table_are_made_in_one_round() {
    let bench = Bench::new("dynamodb-round").await;
    bench.up(&declare(&bench, &Wish { ttl: None, recovery: false, ..Wish::default() })).await;
    let graph = declare(&bench, &Wish { team: Some("blue"), indexes: &[], ..Wish::default() });
    // The plan, a look after the writes, which is the proof, and the look of the test.
    let before = bench.called("dynamodb:DescribeTable");
    bench.up(&graph).await;
    assert_eq!(bench.called("dynamodb:DescribeTable") - before, 3, "nothing is left for a second round");
    bench.down(&graph).await;
}

#[tokio::test]
async fn drift_of_each_field_is_seen_and_made_good() {
    let bench = Bench::new("dynamodb-drift").await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let (dynamodb, name) = (&bench.aws.dynamodb, bench.name("events"));
    let arn = bench.aws.arn("dynamodb", &format!("table/{name}"));

    let off = TimeToLiveSpecification::builder().enabled(false).attribute_name("expires").build().unwrap();
    dynamodb.update_time_to_live().table_name(&name).time_to_live_specification(off).send().await.unwrap();
    let lost = ["time_to_live.attribute", "time_to_live.enabled"].map(|field| format!("dynamodb.table/events {field}"));
    bench.heals_with(1, &graph, &lost.each_ref().map(String::as_str)).await;

    let off = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(false).build().unwrap();
    dynamodb.update_continuous_backups().table_name(&name).point_in_time_recovery_specification(off).send().await.unwrap();
    bench.heals_with(1, &graph, &["dynamodb.table/events point_in_time_recovery"]).await;

    let protected = declare(&bench, &Wish { protected: Some(true), ..Wish::default() });
    bench.up(&protected).await;
    dynamodb.update_table().table_name(&name).deletion_protection_enabled(false).send().await.unwrap();
    bench.heals_with(1, &protected, &["dynamodb.table/events deletion_protection"]).await;
    bench.up(&graph).await;

    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    dynamodb.tag_resource().resource_arn(&arn).tags(tag("Team", "red")).tags(tag("ManagedBy", "hand")).send().await.unwrap();
    bench.heals_with(2, &graph, &["dynamodb.table/events tags.ManagedBy", "dynamodb.table/events tags.Team"]).await;
    dynamodb.untag_resource().resource_arn(&arn).tag_keys("ManagedBy").send().await.unwrap();
    bench.heals_with(1, &graph, &["dynamodb.table/events tags.ManagedBy"]).await;

    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("by-day").build().unwrap();
    let update = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    dynamodb.update_table().table_name(&name).global_secondary_index_updates(update).send().await.unwrap();
    bench.heals_with(1, &graph, &index_fields("by-day").each_ref().map(String::as_str)).await;

    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
    let schema = KeySchemaElement::builder().attribute_name("user").key_type(KeyType::Hash).build().unwrap();
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let create = CreateGlobalSecondaryIndexAction::builder().index_name("rogue").key_schema(schema).projection(all).build().unwrap();
    let update = dynamodb
        .update_table()
        .table_name(&name)
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
    let definitions = ["session", "at", "day", "user"].map(attribute).to_vec();
    update.set_attribute_definitions(Some(definitions)).send().await.unwrap();
    bench.heals_with(1, &graph, &index_fields("rogue").each_ref().map(String::as_str)).await;

    dynamodb.delete_table().table_name(&name).send().await.unwrap();
    // Created again, with its time to live and recovery.
    bench.heals_with(3, &graph, &["dynamodb.table/events"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_index_that_includes_other_attributes_is_made_anew() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(100_000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "dynamodb-include").await;
    let including = |indexes| declare(&bench, &Wish { indexes, ttl: None, recovery: false, ..Wish::default() });
    let (dynamodb, name) = (&bench.aws.dynamodb, bench.name("events"));
    let copied = async || {
        let table = dynamodb.describe_table().table_name(&name).send().await.unwrap().table.unwrap();
        let projection = table.global_secondary_indexes()[0].projection().unwrap().clone();
        let mut include = projection.non_key_attributes.unwrap_or_default();
        include.sort();
        (projection.projection_type.unwrap(), include)
    };
    let first = including(&[("by-day", "day", Some("at"), "INCLUDE price title")]);
    bench.up(&first).await;
    assert_eq!(copied().await, (ProjectionType::Include, vec!["price".to_owned(), "title".to_owned()]), "set by the creation");

    // The index is made anew by hand, with one attribute less.
    let change = async |update: GlobalSecondaryIndexUpdate| {
        let attribute =
            |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
        let request = dynamodb.update_table().table_name(&name).global_secondary_index_updates(update);
        request.set_attribute_definitions(Some(["session", "at", "day"].map(attribute).to_vec())).send().await
    };
    let make = |include: &[&str]| {
        let element = |name: &str, of| KeySchemaElement::builder().attribute_name(name).key_type(of).build().unwrap();
        let projection = Projection::builder().projection_type(ProjectionType::Include);
        let projection = projection.set_non_key_attributes(Some(include.iter().map(|name| (*name).to_owned()).collect())).build();
        let action = CreateGlobalSecondaryIndexAction::builder().index_name("by-day").projection(projection);
        let action = action.key_schema(element("day", KeyType::Hash)).key_schema(element("at", KeyType::Range)).build().unwrap();
        GlobalSecondaryIndexUpdate::builder().create(action).build()
    };
    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("by-day").build().unwrap();
    change(GlobalSecondaryIndexUpdate::builder().delete(delete).build()).await.unwrap();
    for wrong in [&["title", "at"][..], &["title", "title"], &[]] {
        let refused = change(make(wrong)).await.unwrap_err().into_service_error();
        assert_eq!(refused.code(), Some("ValidationException"), "{wrong:?}");
    }
    change(make(&["title"])).await.unwrap();
    bench.heals_with(2, &first, &["dynamodb.table/events indexes.by-day.include"]).await;
    assert_eq!(copied().await.1, ["price", "title"]);

    // The declaration changes: the plan names it, and the table itself stays.
    let made = async || dynamodb.describe_table().table_name(&name).send().await.unwrap().table.unwrap().table_id;
    let before = made().await;
    let all = including(&[("by-day", "day", Some("at"), "ALL")]);
    let plan = bench.plan(&all).await;
    let step = plan.changes().next().unwrap();
    assert_eq!((step.action, step.objection.clone()), (Some(Action::Update), None));
    assert_eq!(step.changes.within(&["indexes"]).paths(), "indexes.by-day.include, indexes.by-day.projection");
    bench.up(&all).await;
    assert_eq!(copied().await, (ProjectionType::All, Vec::new()));
    assert_eq!(made().await, before);
    bench.down(&all).await;
}

#[tokio::test]
async fn an_index_of_several_attributes_is_kept_and_repaired() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(100_000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "dynamodb-keys").await;
    let graph = declare(
        &bench,
        &Wish { indexes: &[("by-day", "shop+day", Some("at+price"), "ALL")], ttl: None, recovery: false, ..Wish::default() },
    );
    bench.up(&graph).await;
    assert_eq!(bench.open(&graph).await, Vec::<String>::new(), "nothing is left to do");
    let (dynamodb, name) = (&bench.aws.dynamodb, bench.name("events"));
    let kept = async || {
        let table = dynamodb.describe_table().table_name(&name).send().await.unwrap().table.unwrap();
        let schema = table.global_secondary_indexes()[0].key_schema().to_vec();
        schema.iter().map(|key| format!("{} {}", key.attribute_name(), key.key_type())).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(kept().await, "shop HASH, day HASH, at RANGE, price RANGE");

    // Made anew by hand, with one attribute less.
    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("by-day").build().unwrap();
    let delete = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    dynamodb.update_table().table_name(&name).global_secondary_index_updates(delete).send().await.unwrap();
    let element = |name: &str, of| KeySchemaElement::builder().attribute_name(name).key_type(of).build().unwrap();
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let create = CreateGlobalSecondaryIndexAction::builder().index_name("by-day").projection(all);
    let create = create.key_schema(element("shop", KeyType::Hash)).key_schema(element("at", KeyType::Range));
    let create = create.key_schema(element("price", KeyType::Range)).build().unwrap();
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
    let update = dynamodb.update_table().table_name(&name);
    let update = update.set_attribute_definitions(Some(["session", "at", "shop", "price"].map(attribute).to_vec()));
    let update = update.global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
    update.send().await.unwrap();
    bench.heals_with(2, &graph, &["dynamodb.table/events indexes.by-day.partition_key"]).await;
    assert_eq!(kept().await, "shop HASH, day HASH, at RANGE, price RANGE");
    bench.down(&graph).await;
}

#[tokio::test]
async fn limits_of_a_tables_units_are_kept_repaired_and_taken_away() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(1000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "dynamodb-units").await;
    let most = |read, write| declare(&bench, &Wish { most: (read, write), indexes: &[], ttl: None, recovery: false, ..Wish::default() });
    let (dynamodb, name) = (&bench.aws.dynamodb, bench.name("events"));
    let kept = async || {
        let table = dynamodb.describe_table().table_name(&name).send().await.unwrap().table.unwrap();
        let of = |units: Option<i64>| units.filter(|units| *units != -1);
        table.on_demand_throughput.map_or((None, None), |most| (of(most.max_read_request_units), of(most.max_write_request_units)))
    };
    let set = async |read, write| {
        let most = OnDemandThroughput::builder().set_max_read_request_units(read).set_max_write_request_units(write).build();
        dynamodb.update_table().table_name(&name).on_demand_throughput(most).send().await
    };
    let declared = most(None, Some(200));
    bench.up(&declared).await;
    assert_eq!(kept().await, (None, Some(200)), "set by the creation");
    // The limit is raised by hand, and another one is added.
    set(Some(7), Some(40_000)).await.unwrap();
    bench.heals_with(1, &declared, &["dynamodb.table/events max_read_units", "dynamodb.table/events max_write_units"]).await;
    assert_eq!(kept().await, (None, Some(200)));
    // The limit is removed by hand.
    set(None, Some(-1)).await.unwrap();
    bench.heals_with(1, &declared, &["dynamodb.table/events max_write_units"]).await;
    bench.up(&most(Some(50), Some(200))).await;
    assert_eq!(kept().await, (Some(50), Some(200)));
    // The lines are deleted from stack.yaml.
    let plain = most(None, None);
    assert_eq!(bench.open(&plain).await.len(), 1);
    bench.up(&plain).await;
    assert_eq!(kept().await, (None, None));
    // A limit that is set by hand where none is declared is a difference as well: no further call is needed to see it.
    set(None, Some(1)).await.unwrap();
    bench.heals_with(1, &plain, &["dynamodb.table/events max_write_units"]).await;
    for wrong in [0, -2] {
        let refused = set(None, Some(wrong)).await.unwrap_err().into_service_error();
        assert_eq!(refused.code(), Some("ValidationException"), "{wrong}");
    }
    bench.down(&plain).await;
}

#[tokio::test]
async fn the_class_of_a_table_is_kept_repaired_and_changed_twice_at_most() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(1000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "dynamodb-class").await;
    let class = |class| declare(&bench, &Wish { class, indexes: &[], ttl: None, recovery: false, ..Wish::default() });
    let (infrequent, standard) = (class(INFREQUENT), class("STANDARD"));
    let (dynamodb, name) = (&bench.aws.dynamodb, bench.name("events"));
    let seen = async || dynamodb.describe_table().table_name(&name).send().await.unwrap().table.unwrap();
    let kept = async || seen().await.table_class_summary.unwrap().table_class.unwrap();
    bench.up(&infrequent).await;
    assert_eq!(kept().await, TableClass::StandardInfrequentAccess, "set by the creation");
    assert_eq!(bench.open(&infrequent).await, Vec::<String>::new(), "nothing is left to do");
    let table = seen().await.table_id;

    // Changed by hand together with another setting, and alone, and returned.
    let both = dynamodb.update_table().table_name(&name).table_class(TableClass::Standard).deletion_protection_enabled(true);
    assert_eq!(both.send().await.unwrap_err().into_service_error().code(), Some("ValidationException"));
    dynamodb.update_table().table_name(&name).table_class(TableClass::Standard).send().await.unwrap();
    bench.heals_with(1, &infrequent, &["dynamodb.table/events class"]).await;
    assert_eq!(kept().await, TableClass::StandardInfrequentAccess);

    // A third change in 30 days fails at once, in DynamoDB's words, and the rest is made.
    let third = declare(&bench, &Wish { indexes: &[], ttl: None, recovery: false, team: Some("blue"), ..Wish::default() });
    let before = bench.called("dynamodb:UpdateTable");
    let report = bench.try_up(&third).await;
    let error = report.failed.values().next().expect("it fails").to_string();
    assert!(error.contains("Updates to TableClass are limited to 2 times in 30 day(s)"), "{error}");
    assert_eq!(bench.called("dynamodb:UpdateTable") - before, 1, "it is not tried again");
    let plan = bench.plan(&third).await;
    assert_eq!(plan.changes().next().unwrap().changes.paths(), "class", "the tag is there");
    assert_eq!(seen().await.table_id, table, "the table stays");
    bench.down(&standard).await;
}

#[tokio::test]
async fn provisioned_capacity_is_drift() {
    let bench = Bench::new("dynamodb-billing").await;
    let graph = declare(&bench, &Wish { indexes: &[], ..Wish::default() });
    bench.up(&graph).await;
    let capacity = ProvisionedThroughput::builder().read_capacity_units(1).write_capacity_units(1).build().unwrap();
    let update = bench.aws.dynamodb.update_table().table_name(bench.name("events"));
    update.billing_mode(BillingMode::Provisioned).provisioned_throughput(capacity).send().await.unwrap();
    bench.heals_with(1, &graph, &["dynamodb.table/events billing_mode"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn another_key_means_another_table_and_asks_first() {
    let bench = Bench::new("dynamodb-key").await;
    bench.up(&declare(&bench, &Wish::default())).await;
    let graph = declare(&bench, &Wish { sort_key: false, ..Wish::default() });
    let plan = bench.plan(&graph).await;
    let step = plan.changes().next().expect("a sort key that is no longer declared is a change");
    assert_eq!(step.action, Some(Action::Replace));
    assert_eq!(step.objection, Some(Objection::LosesData(Action::Replace)));
    bench.up_losing_data(&graph).await;
    let answer = bench.aws.dynamodb.describe_table().table_name(bench.name("events")).send().await.unwrap();
    assert_eq!(answer.table().unwrap().key_schema().len(), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn other_local_indexes_mean_another_table_and_ask_first() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(100_000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "dynamodb-local").await;
    let with = |local| declare(&bench, &Wish { local, ttl: None, recovery: false, ..Wish::default() });
    let first = with(&[("by-price", "price", "INCLUDE title"), ("by-size", "size", "KEYS_ONLY")]);
    bench.up(&first).await;
    assert_eq!(bench.open(&first).await, Vec::<String>::new(), "nothing is left to do");
    let (dynamodb, name) = (&bench.aws.dynamodb, bench.name("events"));
    let seen = async || dynamodb.describe_table().table_name(&name).send().await.unwrap().table.unwrap();
    let table = seen().await;
    let made: Vec<_> = table.local_secondary_indexes().iter().map(|index| index.index_name().unwrap()).collect();
    assert_eq!(made, ["by-price", "by-size"]);

    // Global indexes come and go beside them: the key attributes of both are defined.
    let global = declare(
        &bench,
        &Wish {
            local: &[("by-price", "price", "INCLUDE title"), ("by-size", "size", "KEYS_ONLY")],
            indexes: &[("by-user", "user", None, "ALL")],
            ttl: None,
            recovery: false,
            ..Wish::default()
        },
    );
    bench.up(&global).await;
    bench.up(&first).await;
    assert_eq!(seen().await.table_id, table.table_id, "the table stays");

    // One more, one less, another sort key, another projection, none: each is a table that would be made anew, and none is without a word.
    let others: [(&'static [_], &str); 5] = [
        (
            &[("by-price", "price", "INCLUDE title"), ("by-size", "size", "KEYS_ONLY"), ("by-user", "user", "ALL")],
            "local_indexes.by-user.projection, local_indexes.by-user.sort_key",
        ),
        (&[("by-price", "price", "INCLUDE title")], "local_indexes.by-size.projection, local_indexes.by-size.sort_key"),
        (&[("by-price", "cost", "INCLUDE title"), ("by-size", "size", "KEYS_ONLY")], "local_indexes.by-price.sort_key"),
        (&[("by-price", "price", "INCLUDE page"), ("by-size", "size", "KEYS_ONLY")], "local_indexes.by-price.include"),
        (
            &[],
            "local_indexes.by-price.include, local_indexes.by-price.projection, local_indexes.by-price.sort_key, \
             local_indexes.by-size.projection, local_indexes.by-size.sort_key",
        ),
    ];
    for (other, paths) in others {
        let plan = bench.plan(&with(other)).await;
        let step = plan.changes().next().unwrap();
        assert_eq!((step.action, step.objection.clone()), (Some(Action::Replace), Some(Objection::LosesData(Action::Replace))));
        assert_eq!(step.changes.within(&["local_indexes"]).paths(), paths);
    }
    let other = with(&[("by-price", "cost", "ALL")]);
    let refused = bench.try_up(&other).await;
    assert!(!refused.complete(), "nothing is deleted without consent");
    assert_eq!(seen().await.table_id, table.table_id);
    bench.up_losing_data(&other).await;
    assert_eq!(seen().await.local_secondary_indexes()[0].key_schema()[1].attribute_name(), "cost");

    // A table that was made by hand, with a local index that no declaration has, is not lost either.
    let plain = with(&[]);
    assert_eq!(bench.plan(&plain).await.changes().next().unwrap().action, Some(Action::Replace));
    bench.up_losing_data(&plain).await;
    assert_eq!(seen().await.local_secondary_indexes().len(), 0);
    bench.down(&plain).await;
}

#[tokio::test]
async fn a_table_of_another_stack_is_never_touched_and_one_of_nobody_adopted() {
    let bench = Bench::new("dynamodb-foreign").await;
    let theirs = table(&bench, "events", &Wish { ttl: None, recovery: false, ..Wish::default() });
    let mut elsewhere = Graph::default();
    elsewhere.add("theirs", Table { tags: liveinsight::aws::Tags::default().with("liveinsight:stack", "other/stack"), ..theirs });
    let plan = bench.plan(&elsewhere).await;
    assert_eq!(plan.count(Action::Create), 1);
    // It is created as another stack would create it; a second look finds it foreign.
    bench.try_up(&elsewhere).await;
    let graph = declare(&bench, &Wish::default());
    bench.never_takes(&graph, &["dynamodb.table/events"]).await;
    let arn = bench.aws.arn("dynamodb", &format!("table/{}", bench.name("events")));
    bench.aws.dynamodb.untag_resource().resource_arn(arn).tag_keys("liveinsight:stack").send().await.unwrap();
    bench.adopts(&graph, &["dynamodb.table/events"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_table_that_is_declared_no_longer_is_found() {
    let bench = Bench::new("dynamodb-strays").await;
    let mut both = declare(&bench, &Wish::default());
    both.add("old", table(&bench, "old", &Wish::default()));
    bench.up(&both).await;
    let graph = declare(&bench, &Wish::default());
    let plan = bench.plan(&graph).await;
    assert!(plan.changes().all(|step| step.objection == Some(Objection::LosesData(Action::Delete))));
    bench.removes_orphans(&graph, &["dynamodb.table/old"]).await;
    bench.down(&graph).await;
}

fn not_active(body: &str) -> String {
    body.replacen(r#""TableStatus": "ACTIVE""#, r#""TableStatus": "CREATING""#, 1)
}

fn updating(body: &str) -> String {
    body.replacen(r#""TableStatus": "ACTIVE""#, r#""TableStatus": "UPDATING""#, 1)
}

fn deleting(body: &str) -> String {
    body.replacen(r#""TableStatus": "ACTIVE""#, r#""TableStatus": "DELETING""#, 1)
}

const BUSY: &str = "Attempt to change a resource which is still in use: Table is being created: t";

#[tokio::test]
async fn a_table_on_its_way_is_waited_for() {
    let creating = Fate::Rewrite(not_active);
    let bench = Bench::hostile(
        "dynamodb-slow",
        script(&[
            ("CreateTable", &[Fate::Refuse(400, "ResourceInUseException", "Attempt to change a resource which is still in use: Table is being deleted: t")]),
            ("DescribeTable", &[Fate::Pass, creating, creating, creating, Fate::Rewrite(updating)]),
            (
                "UpdateContinuousBackups",
                &[
                    Fate::Refuse(400, "TableNotFoundException", "Table not found: t"),
                    Fate::Refuse(400, "ContinuousBackupsUnavailableException", "Backups are being enabled for the table: t. Please retry later"),
                    Fate::Refuse(400, "ContinuousBackupsUnavailableException", "Backups are being enabled for the table: t. Please retry later"),
                ],
            ),
            (
                "UpdateTimeToLive",
                &[
                    Fate::Refuse(400, "ResourceNotFoundException", "Requested resource not found: Table: t not found"),
                    Fate::Refuse(400, "ResourceInUseException", BUSY),
                    // The write happened, and its answer was lost.
                    Fate::Lose,
                    Fate::Refuse(400, "ValidationException", "TimeToLive is already enabled"),
                ],
            ),
            (
                "DeleteTable",
                &[
                    Fate::Refuse(400, "ResourceInUseException", "Attempt to change a resource which is still in use: Table tags are being updated: t"),
                    Fate::Refuse(
                        400,
                        "ResourceInUseException",
                        "Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.",
                    ),
                    Fate::RefuseFor(0, 400, "ThrottlingException", "The rate of control plane requests made by this account is too high"),
                ],
            ),
        ]),
    )
    .await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    assert_eq!(bench.called("dynamodb:UpdateTimeToLive"), 4, "two refusals, one lost answer and its repetition");
    bench.down(&graph).await;
}

#[tokio::test]
async fn changes_wait_for_the_locks_of_tags_and_indexes() {
    let one_at_a_time = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    let tags = "Subscriber limit exceeded: Table tags are being updated: t";
    let bench = Bench::hostile(
        "dynamodb-locks",
        script(&[
            ("UpdateTable", &[Fate::Refuse(400, "LimitExceededException", one_at_a_time); 12]),
            ("TagResource", &[Fate::Refuse(400, "LimitExceededException", tags); 12]),
        ]),
    )
    .await;
    bench.up(&declare(&bench, &Wish::default())).await;
    let graph = declare(&bench, &Wish { indexes: &[], team: Some("blue"), ..Wish::default() });
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn tags_are_changed_though_each_change_locks_them() {
    let mut refusals = 0;
    let bench = Bench::hostile("dynamodb-tags", move |request| {
        if !request.ends_with("/ TagResource") && !request.ends_with("/ UntagResource") {
            return Fate::Pass;
        }
        if refusals == 0 {
            refusals = 2;
            return Fate::Pass;
        }
        refusals -= 1;
        Fate::Refuse(400, "LimitExceededException", "Subscriber limit exceeded: Table tags are being updated: t")
    })
    .await;
    bench.up(&declare(&bench, &Wish { team: Some("blue"), ..Wish::default() })).await;
    let graph = declare(&bench, &Wish { team: None, ..Wish::default() });
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_throttle_that_lasts_is_outlasted() {
    // The answer asks for no wait; otherwise this would take a minute.
    let throttled = Fate::RefuseFor(0, 400, "ThrottlingException", "The rate of control plane requests made by this account is too high");
    let bench = Bench::hostile("dynamodb-throttled", script(&[("CreateTable", &[throttled; 17])])).await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    assert_eq!(bench.called("dynamodb:CreateTable"), 18);
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_quota_is_not_waited_for() {
    let quota = "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20";
    let refuse = Fate::Refuse(400, "LimitExceededException", quota);
    let bench = Bench::hostile("dynamodb-quota", first(1, refuse, |request| request.ends_with("CreateTable"))).await;
    let graph = declare(&bench, &Wish::default());
    let report = bench.try_up(&graph).await;
    let error = report.failed.values().next().expect("it fails").to_string();
    assert!(error.contains("per-table limit of 20"), "{error}");
    assert_eq!(bench.called("dynamodb:CreateTable"), 1);
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_table_that_is_being_deleted_is_made_again() {
    let bench = Bench::hostile(
        "dynamodb-leaving",
        script(&[
            // As created; then being deleted, while `up` looks at it.
            ("DescribeTable", &[Fate::Pass, Fate::Pass, Fate::Pass, Fate::Pass, Fate::Pass, Fate::Rewrite(deleting)]),
        ]),
    )
    .await;
    let graph = declare(&bench, &Wish { ttl: None, recovery: false, ..Wish::default() });
    bench.up(&graph).await;
    while bench.called("dynamodb:DescribeTable") < 5 {
        bench.plan(&graph).await;
    }
    let plan = bench.plan(&graph).await;
    assert_eq!(plan.count(Action::Create), 1, "what is on its way out is not in sync");
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_table_that_is_being_created_is_not_taken_for_somebody_elses() {
    // A run is killed during CREATING, when tags cannot be read, and `down` follows at once.
    let mut left = 0;
    let (down, armed) = (std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)), std::sync::atomic::Ordering::SeqCst);
    let asked = down.clone();
    let bench = Bench::hostile("dynamodb-killed", move |request| {
        if asked.swap(false, armed) {
            left = 3;
        }
        let not_found = Fate::Refuse(400, "ResourceNotFoundException", "Requested resource not found");
        if left > 0 && request.ends_with("DescribeTable") {
            left -= 1;
            Fate::Rewrite(not_active)
        } else if left > 0 && request.ends_with("ListTagsOfResource") {
            not_found
        } else {
            Fate::Pass
        }
    })
    .await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    down.store(true, armed);
    let removal = bench.removal(&graph).await;
    assert_eq!(removal.leaving.len(), 1, "foreign: {:?}", removal.foreign);
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_answer_lost_after_each_write_changes_nothing() {
    let writes = |request: &str| ["Create", "Update", "Delete", "Tag", "Untag"].iter().any(|verb| request.contains(&format!("/ {verb}")));
    let bench = Bench::hostile("dynamodb-lost", lose_each(writes)).await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let graph = declare(
        &bench,
        &Wish { indexes: &[("by-user", "user", None, "ALL")], ttl: None, team: Some("blue"), recovery: false, ..Wish::default() },
    );
    bench.up(&graph).await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    bench.down(&graph).await;
}
