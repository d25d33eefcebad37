//! Lambda: a function, the alias that serves it, and the permission to invoke that.

use super::{
    harness::{Bench, contract, endpoint},
    proxy::{Fate, lose_each, script},
};
use aws_sdk_lambda::{
    primitives::Blob,
    types::{
        AliasRoutingConfiguration, Architecture, Cors, Environment, EphemeralStorage, FunctionCode, LogFormat, LoggingConfig, Runtime,
        TracingConfig, TracingMode,
    },
};
use base64::Engine;
use liveinsight::{
    aws::{Aws, Policy},
    engine::{Graph, Ref, digest},
    resources::{Alias, FUNCTION_URL_TAG, Function, FunctionOthers, FunctionSettings, FunctionUrl, Permission, Release, Variable},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
    path::{Path, PathBuf},
};
use strict_aws::{Config, Strict, Windows};

const ALIAS: &str = "live";
/// Layers of another account, which the local AWS takes without their content.
const LAYER: &str = "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension-Arm64:22";
const OTHER_LAYER: &str = "arn:aws:lambda:us-east-1:901920570463:layer:aws-otel-collector-arm64:3";
const ROLE: &str = "arn:aws:iam::000000000000:role/collector";

/// Desired state that the tests vary; the default is the first declaration.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    role: &'static str,
    runtime: &'static str,
    handler: &'static str,
    memory: i32,
    timeout: i32,
    concurrency: Option<i32>,
    environment: &'static [(&'static str, &'static str)],
    log_group: &'static str,
    layers: &'static [&'static str],
    tracing: bool,
    ephemeral_storage: i32,
    log_format: &'static str,
    architecture: &'static str,
    /// Text that the program prints; `None`: it was not built.
    code: Option<&'static str>,
    sources: &'static [&'static str],
    /// Set for a public URL, unset for one that IAM guards; `None`: no URL.
    url: Option<bool>,
    shares: &'static [(&'static str, f64)],
    team: Option<&'static str>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            role: ROLE,
            runtime: "provided.al2023",
            handler: "bootstrap",
            memory: 128,
            timeout: 10,
            concurrency: None,
            environment: &[("TABLE", "events"), ("MODE", "a")],
            log_group: "/aws/lambda/collector",
            layers: &[],
            tracing: false,
            ephemeral_storage: 512,
            log_format: "Text",
            architecture: "arm64",
            code: Some("one"),
            sources: &["arn:aws:execute-api:us-east-1:000000000000:abc/prod/POST/api/events"],
            url: None,
            shares: &[],
            team: None,
        }
    }
}

impl Wish {
    /// Returns the first declaration with another program.
    pub(crate) fn saying(text: &'static str) -> Self {
        Self { code: Some(text), ..Self::default() }
    }
}

/// Returns a zip with one program, the same for the same text, and its digest.
fn package(text: &str) -> (PathBuf, String) {
    let options = zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).unix_permissions(0o755);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", options).unwrap();
    zip.write_all(format!("#!/bin/sh\necho {text}\n").as_bytes()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&zip));
    // Tests that run at once write the same file; it is there completely or not at all.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = directory.join(format!("{text}.zip"));
    let mut file = tempfile::NamedTempFile::new_in(directory).unwrap();
    file.write_all(&zip).unwrap();
    file.persist(&path).unwrap();
    (path, sha256)
}

fn function(bench: &Bench, name: &str, wish: &Wish) -> Function {
    let (code, code_sha256) = wish.code.map(package).unzip();
    Function {
        name: bench.name(name),
        role: wish.role.to_owned().into(),
        runtime: wish.runtime.to_owned(),
        handler: wish.handler.to_owned(),
        architecture: wish.code.map(|_| wish.architecture.to_owned()),
        memory: wish.memory,
        timeout: wish.timeout,
        concurrency: wish.concurrency,
        environment: wish.environment.iter().map(|(key, value)| ((*key).to_owned(), Variable::Set((*value).to_owned()))).collect(),
        log_group: wish.log_group.to_owned().into(),
        settings: FunctionSettings {
            layers: wish.layers.iter().map(|layer| (*layer).to_owned()).collect(),
            tracing: wish.tracing,
            ephemeral_storage: wish.ephemeral_storage,
            log_format: wish.log_format.to_owned(),
        },
        others: FunctionOthers::default(),
        code_sha256,
        code,
        tags: {
            let own = wish.team.map(|team| ("Team", team)).into_iter().chain(wish.url.map(|_| (FUNCTION_URL_TAG, "yes")));
            own.fold(bench.tags(), |tags, (key, value)| tags.with(key, value))
        },
    }
}

fn add(bench: &Bench, graph: &mut Graph<Aws>, name: &str, wish: &Wish) {
    let function = function(bench, name, wish);
    let code_sha256 = function.code_sha256.clone();
    let release = code_sha256.as_ref().map(|code| digest(&(code, wish.memory, wish.timeout, wish.environment, wish.architecture)));
    let function = graph.add(name, function);
    let shares: BTreeMap<String, f64> = wish.shares.iter().map(|(version, share)| ((*version).to_owned(), *share)).collect();
    let release = release.map(Release::Known);
    let alias = Alias { function: Function::name_of(&function), name: ALIAS.to_owned(), release, shares, code_sha256 };
    let alias = graph.add_part(&function, name, alias);
    let sources = wish.sources.iter().map(|source| Ref::from((*source).to_owned()));
    let sources = sources.chain(Permission::at_url().filter(|_| wish.url == Some(true))).collect();
    graph.add_part(
        &function,
        name,
        Permission { function: Function::name_of(&function), alias: Alias::name_of(&alias, ALIAS), sources, others: BTreeMap::new() },
    );
    if let Some(is_public) = wish.url {
        let url = FunctionUrl::new(Function::name_of(&function), Alias::name_of(&alias, ALIAS), is_public);
        graph.add_part(&function, name, url);
    }
}

pub(crate) fn declare(bench: &Bench, names: &[&str], wish: &Wish) -> Graph<Aws> {
    let mut graph = Graph::default();
    for name in names {
        add(bench, &mut graph, name, wish);
    }
    let logical = bench.logical();
    graph.sweep(move |aws: &Aws| Box::pin(FunctionUrl::sweep(aws, ALIAS, logical.clone())));
    let logical = bench.logical();
    graph.sweep_parts(move |aws: &Aws| Box::pin(Permission::sweep(aws, ALIAS, logical.clone())));
    let logical = bench.logical();
    graph.sweep_parts(move |aws: &Aws| Box::pin(Alias::sweep(aws, ALIAS, logical.clone())));
    let logical = bench.logical();
    graph.sweep(move |aws: &Aws| Box::pin(Function::sweep(aws, logical.clone())));
    graph
}

/// Returns the statements of the alias's policy.
async fn policy(bench: &Bench, name: &str) -> Policy {
    let answer = bench.aws.lambda.get_policy().function_name(bench.name(name)).qualifier(ALIAS).send().await.unwrap();
    Policy::parse(answer.policy().unwrap())
}

#[tokio::test]
async fn each_declared_field_is_kept() {
    let bench = Bench::new("lambda").await;
    let first = Wish::default;
    let source = "arn:aws:execute-api:us-east-1:000000000000:abc/prod/GET/api/stats";
    let both: &[&str] = Box::leak(Box::new([source, first().sources[0]]));
    let variants = [
        first(),
        Wish { memory: 256, ..first() },
        Wish { timeout: 30, ..first() },
        Wish { runtime: "python3.13", handler: "app.handler", ..first() },
        Wish { concurrency: Some(5), ..first() },
        Wish { concurrency: Some(0), ..first() },
        Wish { environment: &[("TABLE", "events"), ("MODE", "a"), ("MORE", "b")], ..first() },
        Wish { environment: &[("TABLE", "other")], ..first() },
        Wish { environment: &[], ..first() },
        Wish { role: "arn:aws:iam::000000000000:role/other", ..first() },
        Wish { log_group: "/aws/lambda/other", ..first() },
        Wish { layers: &[LAYER], ..first() },
        Wish { layers: &[OTHER_LAYER, LAYER], ..first() },
        Wish { tracing: true, ..first() },
        Wish { ephemeral_storage: 1024, ..first() },
        Wish { log_format: "JSON", ..first() },
        Wish { log_format: "JSON", log_group: "/aws/lambda/other", layers: &[LAYER], tracing: true, ephemeral_storage: 10_240, ..first() },
        Wish { code: Some("two"), ..first() },
        Wish { architecture: "x86_64", ..first() },
        Wish { code: Some("three"), architecture: "x86_64", memory: 512, team: Some("blue"), ..first() },
        Wish { sources: Box::leak(Box::new([source])), ..first() },
        Wish { sources: both, ..first() },
        Wish { url: Some(true), ..first() },
        Wish { url: Some(false), memory: 256, ..first() },
        Wish { url: Some(true), sources: &[], ..first() },
        Wish { shares: &[("1", 0.25)], ..first() },
        Wish { team: Some("red"), ..first() },
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, &["collector"], &variants[variant])).await;
}

#[tokio::test]
async fn drift_of_the_function_is_seen_and_made_good() {
    let bench = Bench::new("lambda-drift").await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    let arn = bench.aws.arn("lambda", &format!("function:{name}"));

    let update =
        lambda.update_function_configuration().function_name(&name).memory_size(512).timeout(99).role("arn:aws:iam::000000000000:role/x");
    let update = update
        .runtime(Runtime::Providedal2)
        .handler("theirs")
        .environment(Environment::builder().variables("TABLE", "mine").variables("ROGUE", "1").build());
    update.logging_config(LoggingConfig::builder().log_group("/elsewhere").build()).send().await.unwrap();
    let fields =
        ["environment.MODE", "environment.ROGUE", "environment.TABLE", "handler", "log_group", "memory", "role", "runtime", "timeout"];
    let fields = fields.map(|field| format!("lambda.function/collector {field}"));
    bench.heals_with(1, &graph, &fields.each_ref().map(String::as_str)).await;

    let update = lambda.update_function_configuration().function_name(&name).layers(LAYER);
    let update = update.tracing_config(TracingConfig::builder().mode(TracingMode::Active).build());
    let update = update.ephemeral_storage(EphemeralStorage::builder().size(600).build().unwrap());
    let logging = LoggingConfig::builder().log_group(Wish::default().log_group).log_format(LogFormat::Json);
    update.logging_config(logging.build()).send().await.unwrap();
    let fields = ["ephemeral_storage", "layers", "log_format", "tracing"].map(|field| format!("lambda.function/collector {field}"));
    bench.heals_with(1, &graph, &fields.each_ref().map(String::as_str)).await;

    let code = Blob::new(std::fs::read(package("theirs").0).unwrap());
    lambda.update_function_code().function_name(&name).zip_file(code).architectures(Architecture::X8664).send().await.unwrap();
    bench.heals_with(1, &graph, &["lambda.function/collector architecture", "lambda.function/collector code_sha256"]).await;

    lambda.tag_resource().resource(&arn).tags("Team", "red").tags("ManagedBy", "hand").send().await.unwrap();
    bench.heals_with(2, &graph, &["lambda.function/collector tags.ManagedBy", "lambda.function/collector tags.Team"]).await;
    lambda.untag_resource().resource(&arn).tag_keys("ManagedBy").send().await.unwrap();
    bench.heals_with(1, &graph, &["lambda.function/collector tags.ManagedBy"]).await;

    lambda.delete_function().function_name(&name).send().await.unwrap();
    // The function, its version, alias and permission.
    bench.heals_with(4, &graph, &["lambda.alias/collector", "lambda.function/collector", "lambda.permission/collector"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn drift_of_a_function_url_is_seen_and_made_good_and_nothing_of_it_is_left() {
    let bench = Bench::new("lambda-url").await;
    let public = declare(&bench, &["collector"], &Wish { url: Some(true), ..Wish::default() });
    bench.up(&public).await;
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    let url = async || lambda.get_function_url_config().function_name(&name).qualifier(ALIAS).send().await;
    let address = url().await.unwrap().function_url;

    let update = lambda.update_function_url_config().function_name(&name).qualifier(ALIAS).auth_type("AWS_IAM".into());
    let cors = Cors::builder().allow_origins("*").max_age(60).allow_credentials(true).build();
    update.invoke_mode("RESPONSE_STREAM".into()).cors(cors).send().await.unwrap();
    let fields = ["auth_type", "cors.AllowCredentials", "cors.AllowOrigins", "cors.MaxAge", "invoke_mode"];
    let fields = fields.map(|field| format!("lambda.function_url/collector {field}"));
    bench.heals_with(1, &public, &fields.each_ref().map(String::as_str)).await;
    assert_eq!(url().await.unwrap().function_url, address, "the address stays");

    // Without either statement nobody gets through, and Lambda says nothing about it.
    let ours = policy(&bench, "collector").await;
    let at_url: Vec<&str> =
        ours.sids().filter(|sid| ours.statement(sid).unwrap()["Principal"] != json!({ "Service": ["apigateway.amazonaws.com"] })).collect();
    assert_eq!(at_url.len(), 2, "{ours:?}");
    for sid in at_url {
        lambda.remove_permission().function_name(&name).qualifier(ALIAS).statement_id(sid).send().await.unwrap();
        bench.heals_with(1, &public, &["lambda.permission/collector sources"]).await;
    }
    assert_eq!(policy(&bench, "collector").await, ours);

    // An audit looks for URLs of others: the declared one is none of them.
    bench.aws.audit();
    assert_eq!(bench.open(&public).await, Vec::<String>::new());
    lambda.delete_function_url_config().function_name(&name).qualifier(ALIAS).send().await.unwrap();
    bench.heals_with(1, &public, &["lambda.function_url/collector"]).await;

    // A URL that nobody declares any more is found by the function's tag, which goes last.
    let none = declare(&bench, &["collector"], &Wish::default());
    let plan = bench.open(&none).await.concat();
    assert!(plan.contains("lambda.function_url/collector: Delete") && !plan.contains("others"), "{plan}");
    bench.up(&none).await;
    url().await.unwrap_err();
    let tags = lambda.get_function().function_name(&name).send().await.unwrap().tags.unwrap();
    assert!(!tags.contains_key(FUNCTION_URL_TAG), "{tags:?}");
    bench.down(&none).await;
}

#[tokio::test]
async fn a_removal_of_a_function_url_that_was_cut_short_is_finished() {
    let bench = Bench::new("lambda-url-cut").await;
    let declared = declare(&bench, &["collector"], &Wish { url: Some(false), ..Wish::default() });
    bench.up(&declared).await;
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    lambda.delete_function_url_config().function_name(&name).qualifier(ALIAS).send().await.unwrap();
    let none = declare(&bench, &["collector"], &Wish::default());
    let plan = bench.open(&none).await.concat();
    assert!(plan.contains("lambda.function/collector: Update") && plan.contains(FUNCTION_URL_TAG), "{plan}");
    bench.up(&none).await;
    bench.down(&none).await;
}

#[tokio::test]
async fn what_others_put_on_a_function_is_found_by_an_audit_only_and_removed() {
    let bench = Bench::new("lambda-audit").await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    lambda.create_function_url_config().function_name(&name).auth_type("NONE".into()).send().await.unwrap();
    let statement = lambda.add_permission().function_name(&name).statement_id("stranger").action("lambda:InvokeFunction");
    statement.principal("*").send().await.unwrap();
    let guest = lambda.add_permission().function_name(&name).qualifier("1").statement_id("guest").action("lambda:InvokeFunction");
    guest.principal("*").send().await.unwrap();
    assert_eq!(bench.open(&graph).await, Vec::<String>::new(), "it takes calls of its own to see");
    bench.aws.audit();
    let plan = bench.open(&graph).await.concat();
    assert!(plan.contains("others.urls.$LATEST: - \"https://") && plan.contains("for NONE"), "{plan}");
    assert!(plan.contains("others.statements.stranger: - \"lambda:InvokeFunction by everybody\""), "{plan}");
    assert!(plan.contains("others.versions.1.guest: - \"lambda:InvokeFunction by everybody\""), "{plan}");
    let fields = ["others.statements.stranger", "others.urls.$LATEST", "others.versions.1.guest"]
        .map(|field| format!("lambda.function/collector {field}"));
    bench.heals_with(3, &graph, &fields.each_ref().map(String::as_str)).await;
    assert!(lambda.list_function_url_configs().function_name(&name).send().await.unwrap().function_url_configs().is_empty());
    // The declared statement on the alias is still there.
    assert_eq!(policy(&bench, "collector").await.sids().count(), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn the_concurrency_of_a_function_is_kept_repaired_and_taken_away() {
    let strict =
        Strict::start(&endpoint(), Config { windows: Some(Windows::aws(1000.0)), limits: None, ..Config::default() }).await.unwrap();
    let bench = Bench::at(strict.endpoint(), "lambda-concurrency").await;
    let keeps = |concurrency| {
        let mut graph = Graph::default();
        let function = Function { role: ROLE.to_owned().into(), ..function(&bench, "collector", &Wish { concurrency, ..Wish::default() }) };
        graph.add("collector", function);
        let logical = bench.logical();
        graph.sweep(move |aws: &Aws| Box::pin(Function::sweep(aws, logical.clone())));
        graph
    };
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    let kept = async || lambda.get_function_concurrency().function_name(&name).send().await.unwrap().reserved_concurrent_executions;
    let put = async |kept| lambda.put_function_concurrency().function_name(&name).reserved_concurrent_executions(kept).send().await;
    let declared = keeps(Some(5));
    bench.up(&declared).await;
    assert_eq!(kept().await, Some(5));
    put(0).await.unwrap();
    bench.heals_with(1, &declared, &["lambda.function/collector concurrency"]).await;
    lambda.delete_function_concurrency().function_name(&name).send().await.unwrap();
    bench.heals_with(1, &declared, &["lambda.function/collector concurrency"]).await;
    assert_eq!(kept().await, Some(5));
    // More than an account has is refused with Lambda's message, and not retried for ever.
    let report = bench.try_up(&keeps(Some(901))).await;
    let why = report.failed.values().map(ToString::to_string).collect::<String>();
    assert!(why.contains("UnreservedConcurrentExecution below its minimum value"), "{why}");
    // The line is deleted from stack.yaml.
    let plain = keeps(None);
    assert!(bench.open(&plain).await.concat().contains("concurrency"), "{:?}", bench.open(&plain).await);
    bench.up(&plain).await;
    assert_eq!(kept().await, None);
    // A value that is set by hand where none is declared stays: the function may have been switched off in an emergency.
    put(0).await.unwrap();
    lambda.update_function_configuration().function_name(&name).memory_size(512).send().await.unwrap();
    bench.heals(&plain, &["lambda.function/collector memory"]).await;
    assert_eq!(kept().await, Some(0));
    bench.down(&plain).await;
}

#[tokio::test]
async fn an_alias_that_was_moved_or_edited_by_hand_is_seen_and_made_good() {
    let bench = Bench::new("lambda-alias").await;
    bench.up(&declare(&bench, &["collector"], &Wish { code: Some("zero"), ..Wish::default() })).await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    let update = || lambda.update_alias().function_name(&name).name(ALIAS);
    let read = || async { lambda.get_alias().function_name(&name).name(ALIAS).send().await.unwrap() };
    let before = read().await;
    assert_eq!(before.function_version(), Some("2"));

    update().function_version("1").send().await.unwrap();
    bench.heals_with(2, &graph, &["lambda.alias/collector release"]).await;
    update().description("mine").send().await.unwrap();
    bench.heals_with(2, &graph, &["lambda.alias/collector release"]).await;
    let weights = AliasRoutingConfiguration::builder().additional_version_weights("1", 0.5).build();
    update().routing_config(weights.clone()).send().await.unwrap();
    bench.heals_with(2, &graph, &["lambda.alias/collector shares.1"]).await;
    let after = read().await;
    assert_eq!((after.function_version(), after.description()), (before.function_version(), before.description()));

    lambda.delete_alias().function_name(&name).name(ALIAS).send().await.unwrap();
    bench.heals_with(3, &graph, &["lambda.alias/collector", "lambda.permission/collector"]).await;

    // Without code, the alias stays at its version, and only the shares are ours.
    let unbuilt = declare(&bench, &["collector"], &Wish { code: None, memory: 1024, ..Wish::default() });
    update()
        .function_version("1")
        .routing_config(AliasRoutingConfiguration::builder().additional_version_weights("2", 0.5).build())
        .send()
        .await
        .unwrap();
    bench.up(&unbuilt).await;
    let after = read().await;
    assert_eq!(after.function_version(), Some("1"), "nothing was built, so nothing is released");
    assert!(after.routing_config().is_none_or(|routing| routing.additional_version_weights().is_none_or(|shares| shares.is_empty())));
    bench.down(&graph).await;
}

#[tokio::test]
async fn statements_that_were_changed_or_added_are_seen_and_made_good() {
    let bench = Bench::new("lambda-policy").await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let (lambda, name) = (&bench.aws.lambda, bench.name("collector"));
    let add = |sid: &str| {
        let add = lambda.add_permission().function_name(&name).qualifier(ALIAS).statement_id(sid);
        add.action("lambda:InvokeFunction").principal("apigateway.amazonaws.com")
    };
    let source = Wish::default().sources[0];
    let ours = policy(&bench, "collector").await.sids().next().unwrap().to_owned();
    let tamper = async |changed: aws_sdk_lambda::operation::add_permission::builders::AddPermissionFluentBuilder| {
        lambda.remove_permission().function_name(&name).qualifier(ALIAS).statement_id(&ours).send().await.unwrap();
        changed.send().await.unwrap();
        bench.heals_with(2, &graph, &["lambda.permission/collector sources"]).await;
    };
    tamper(add(&ours)).await;
    tamper(add(&ours).source_arn(source).source_account("111111111111")).await;
    tamper(add(&ours).source_arn("arn:aws:execute-api:us-east-1:000000000000:abc/*")).await;
    tamper(add(&ours).principal("111111111111").source_arn(source)).await;
    tamper(add(&ours).action("lambda:*").source_arn(source)).await;

    // The right statement under a foreign Sid is removed only once the right one exists.
    lambda.remove_permission().function_name(&name).qualifier(ALIAS).statement_id(&ours).send().await.unwrap();
    add("liveinsight-mine").source_arn(source).send().await.unwrap();
    add(&ours).source_arn("arn:aws:execute-api:us-east-1:000000000000:xyz/*").send().await.unwrap();
    bench.heals_with(3, &graph, &["lambda.permission/collector sources"]).await;
    assert_eq!(policy(&bench, "collector").await.sids().collect::<Vec<_>>(), [ours.as_str()]);

    add("theirs").source_arn("arn:aws:execute-api:us-east-1:000000000000:xyz/*").send().await.unwrap();
    let open = bench.open(&graph).await;
    assert!(open.len() == 1 && open[0].contains("others.theirs") && open[0].contains("lambda:InvokeFunction by apigateway"), "{open:?}");
    bench.heals_with(1, &graph, &["lambda.permission/collector others.theirs"]).await;
    add("everybody").principal("*").send().await.unwrap();
    let open = bench.open(&graph).await;
    assert!(open.len() == 1 && open[0].contains("lambda:InvokeFunction by everybody"), "{open:?}");
    // Our own statement is restored first.
    lambda.remove_permission().function_name(&name).qualifier(ALIAS).statement_id(&ours).send().await.unwrap();
    bench.heals_with(2, &graph, &["lambda.permission/collector others.everybody", "lambda.permission/collector sources"]).await;
    assert_eq!(policy(&bench, "collector").await.sids().collect::<Vec<_>>(), [ours.as_str()]);
    bench.down(&graph).await;
}

#[tokio::test]
async fn functions_are_made_side_by_side_and_orphans_go() {
    let bench = Bench::new("lambda-many").await;
    let names = ["a", "b", "c", "d"];
    let all = declare(&bench, &names, &Wish::default());
    bench.up(&all).await;
    for name in names {
        let policy = policy(&bench, name).await;
        let sid = policy.sids().next().unwrap();
        assert_eq!(policy.statement(sid).unwrap()["Principal"], json!({ "Service": ["apigateway.amazonaws.com"] }));
    }
    let graph = declare(&bench, &["a", "b"], &Wish::default());
    let orphans = ["alias", "function", "permission"].map(|kind| ["c", "d"].map(|name| format!("lambda.{kind}/{name}"))).concat();
    bench.removes_orphans(&graph, &orphans.iter().map(String::as_str).collect::<Vec<_>>()).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_function_of_somebody_else_is_refused_then_adopted() {
    let bench = Bench::new("lambda-foreign").await;
    let create =
        bench.aws.lambda.create_function().function_name(bench.name("collector")).role(ROLE).handler("x").runtime(Runtime::Providedal2023);
    create.code(FunctionCode::builder().zip_file(Blob::new(std::fs::read(package("theirs").0).unwrap())).build()).send().await.unwrap();
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.adopts(&graph, &["lambda.function/collector"]).await;
    bench.down(&graph).await;
}

fn pending(body: &str) -> String {
    body.replacen(r#""State": "Active""#, r#""State": "Pending""#, 1)
}

fn in_progress(body: &str) -> String {
    body.replacen(r#""LastUpdateStatus": "Successful""#, r#""LastUpdateStatus": "InProgress""#, 1)
}

#[tokio::test]
async fn a_function_on_its_way_is_waited_for() {
    let role = Fate::Refuse(400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.");
    let state = "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    let update = "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:r:a:function:f";
    let (state, update) = (Fate::Refuse(409, "ResourceConflictException", state), Fate::Refuse(409, "ResourceConflictException", update));
    let concurrent =
        Fate::Refuse(409, "ResourceConflictException", "The function could not be updated due to a concurrent update operation.");
    let throttled = Fate::RefuseFor(1, 429, "TooManyRequestsException", "Rate exceeded");
    let absent = Fate::Refuse(404, "ResourceNotFoundException", "Function not found");
    let bench = Bench::hostile(
        "lambda-slow",
        script(&[
            ("POST /2015-03-31/functions", &[role, role, throttled, role]),
            ("/versions", &[state, Fate::Rewrite(pending), update]),
            ("/aliases", &[absent, update]),
            ("/configuration", &[role, update, update]),
            ("/code", &[update, throttled]),
        ]),
    )
    .await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let graph = declare(&bench, &["collector"], &Wish { memory: 256, code: Some("two"), ..Wish::default() });
    bench.up(&graph).await;
    bench.down(&graph).await;

    let name = bench.name("collector");
    let get = format!("GET /2015-03-31/functions/{name}");
    let (policy, delete) = (format!("GET /2015-03-31/functions/{name}/policy"), format!("DELETE /2015-03-31/functions/{name}"));
    let add = format!("POST /2015-03-31/functions/{name}/policy");
    let bench = bench.behind(script(&[
        // Read before; then it is created, and after its update.
        (get.leak(), &[Fate::Pass, Fate::Rewrite(pending), Fate::Rewrite(pending), Fate::Rewrite(in_progress)]),
        (add.leak(), &[absent, concurrent, concurrent]),
        // After the first refusal; then the proof, and a look before writing again.
        (policy.leak(), &[Fate::Pass, absent, absent]),
        (delete.leak(), &[state, update]),
    ]));
    let bench = bench.await;
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn statements_that_were_lost_are_added_again() {
    // Parallel writes to one policy lose statements without an error.
    let bench = Bench::new("lambda-lost-statements").await;
    let name = bench.name("collector");
    let add: &'static str = format!("POST /2015-03-31/functions/{name}/policy").leak();
    let bench = bench.behind(script(&[(add, &[Fate::Answer(r#"{"Statement":"{}"}"#)])])).await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    assert_eq!(policy(&bench, "collector").await.sids().count(), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_answer_lost_after_each_write_changes_nothing() {
    let bench = Bench::hostile("lambda-lost", lose_each(|request| request.contains("/functions") && !request.starts_with("GET"))).await;
    let name = bench.name("collector");
    bench.up(&declare(&bench, &["collector"], &Wish { team: Some("red"), ..Wish::default() })).await;
    let source = "arn:aws:execute-api:us-east-1:000000000000:abc/prod/GET/api/stats";
    let next = Wish { memory: 256, code: Some("two"), environment: &[], sources: Box::leak(Box::new([source])), ..Wish::default() };
    let graph = declare(&bench, &["collector"], &next);
    bench.up(&graph).await;
    let versions = bench.aws.lambda.list_versions_by_function().function_name(name).send().await.unwrap();
    assert_eq!(versions.versions().len(), 3, "$LATEST and one for each release");
    bench.down(&graph).await;
}
