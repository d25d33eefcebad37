//! CloudFront: headers of a site's answers, and the distribution that sends them.

use super::{
    harness::{Bench, contract},
    proxy::{Fate, first},
};
use aws_sdk_cloudfront::types::{
    ResponseHeadersPolicyConfig, ResponseHeadersPolicyRemoveHeader as RemoveHeader,
    ResponseHeadersPolicyRemoveHeadersConfig as RemoveHeaders, ResponseHeadersPolicyServerTimingHeadersConfig as ServerTiming,
};
use liveinsight::{
    aws::{Aws, Tags},
    engine::{Action, Cloud, Graph},
    resources::{Behavior, Distribution, HEADERS_TAG, Origin, ResponseHeadersPolicy},
};
use std::collections::BTreeMap;

/// Declared headers, by name.
type Headers = &'static [(&'static str, &'static str)];

const POLICY: &str = "cloudfront.response_headers_policy/static";
const DISTRIBUTION: &str = "cloudfront.distribution/static";
const CSP: &str = "Content-Security-Policy";
const STRICT: Headers = &[(CSP, "default-src 'self'; frame-ancestors 'none'"), ("Permissions-Policy", "camera=()")];

/// Declares a distribution with these headers; without any it has AWS's own policy.
fn declare(bench: &Bench, headers: Headers) -> Graph<Aws> {
    let (mut graph, name) = (Graph::default(), bench.name("headers"));
    let (mut files, mut tags) = (Behavior::files("site", false), bench.tags());
    if !headers.is_empty() {
        tags = tags.with(HEADERS_TAG, name.clone());
        files.headers_policy = ResponseHeadersPolicy::id_of(&graph.add("static", policy(bench, headers)));
    }
    let origin = Origin::server("example.com".to_owned().into(), String::new().into(), None);
    let (origins, behaviors) = (BTreeMap::from([("site".to_owned(), origin)]), BTreeMap::from([("default".to_owned(), files)]));
    graph.add("static", Distribution::serving(&name, "index.html", tags, origins, behaviors));
    let swept = name.clone();
    graph.sweep(move |aws: &Aws| Box::pin(Distribution::sweep(aws, swept.clone(), "static")));
    graph.sweep(move |aws: &Aws| Box::pin(ResponseHeadersPolicy::sweep(aws, name.clone(), "static")));
    graph
}

fn policy(bench: &Bench, headers: Headers) -> ResponseHeadersPolicy {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ResponseHeadersPolicy::for_site(bench.name("headers"), &bench.aws.stack, &bench.aws.target.region, &headers)
}

/// Returns id, `ETag` and configuration of the policy with this stack's name, if there is one.
async fn live(bench: &Bench) -> Option<(String, Option<String>, ResponseHeadersPolicyConfig)> {
    let cloudfront = &bench.aws.cloudfront;
    let listed = cloudfront.list_response_headers_policies().r#type("custom".into()).send().await.unwrap();
    let mut all = listed
        .response_headers_policy_list
        .unwrap()
        .items
        .unwrap_or_default()
        .into_iter()
        .map(|item| item.response_headers_policy.unwrap());
    let id = all.find(|policy| policy.response_headers_policy_config().unwrap().name() == bench.name("headers"))?.id;
    let answer = cloudfront.get_response_headers_policy_config().id(&id).send().await.unwrap();
    Some((id, answer.e_tag, answer.response_headers_policy_config.unwrap()))
}

/// Changes the policy as another client does.
async fn by_hand(bench: &Bench, change: impl FnOnce(&mut ResponseHeadersPolicyConfig)) {
    let (id, etag, mut config) = live(bench).await.expect("the stack has a policy");
    change(&mut config);
    let update = bench.aws.cloudfront.update_response_headers_policy().id(id).set_if_match(etag);
    update.response_headers_policy_config(config).send().await.unwrap();
}

/// Returns the tags of the stack's distribution.
async fn tags(bench: &Bench) -> Tags {
    let list = bench.aws.cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap();
    let arn = list.items.unwrap().into_iter().find(|item| item.comment == bench.name("headers")).unwrap().arn;
    let tags = bench.aws.cloudfront.list_tags_for_resource().resource(arn).send().await.unwrap().tags.unwrap();
    tags.items.unwrap().into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_declared_change_of_headers_converges() {
    let bench = Bench::new("headers-changes").await;
    let variants: [Headers; 8] = [
        STRICT,
        &[(CSP, "default-src 'none'"), ("Permissions-Policy", "camera=()")],
        &[(CSP, "default-src 'self'; frame-ancestors 'none'")],
        &[("Permissions-Policy", "camera=()"), ("X-Site", "1")],
        &[("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer")],
        &[("Strict-Transport-Security", "max-age=60; includeSubDomains; preload"), ("X-XSS-Protection", "0")],
        &[("X-XSS-Protection", "1; report=https://example.com/x")],
        &[],
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, variants[variant])).await;
}

#[tokio::test]
async fn headers_changed_from_outside_are_named_and_repaired() {
    let bench = Bench::new("headers-drift").await;
    let graph = declare(&bench, STRICT);
    bench.up(&graph).await;

    by_hand(&bench, |config| {
        let security = config.security_headers_config.as_mut().unwrap();
        security.content_security_policy.as_mut().unwrap().content_security_policy = "default-src *".to_owned();
        security.frame_options = None;
        security.strict_transport_security.as_mut().unwrap().r#override = false;
        let custom = config.custom_headers_config.as_mut().unwrap();
        let mut other = custom.items()[0].clone();
        (other.header, other.value) = ("X-Other".to_owned(), "1".to_owned());
        custom.items.as_mut().unwrap().push(other);
        custom.quantity = 2;
        let cors = config.cors_config.as_mut().unwrap();
        cors.access_control_allow_origins.as_mut().unwrap().items = vec!["https://example.com".to_owned()];
        cors.access_control_allow_credentials = true;
    })
    .await;
    let seen =
        ["allow_credentials", "allow_origins", "give_way", "headers.Content-Security-Policy", "headers.X-Frame-Options", "headers.X-Other"];
    let seen = seen.map(|path| format!("{POLICY} {path}"));
    bench.heals_with(1, &graph, &seen.iter().map(String::as_str).collect::<Vec<_>>()).await;

    // HTTP ignores the letter case of names.
    by_hand(&bench, |config| {
        let header = &mut config.custom_headers_config.as_mut().unwrap().items.as_mut().unwrap()[0];
        header.header = header.header.to_lowercase();
    })
    .await;
    assert_eq!(bench.open(&graph).await, Vec::<String>::new());
    bench.down(&graph).await;
}

#[tokio::test]
async fn settings_of_a_headers_policy_that_are_not_declared_survive_an_update() {
    let bench = Bench::new("headers-kept").await;
    bench.up(&declare(&bench, STRICT)).await;
    by_hand(&bench, |config| {
        let removed = RemoveHeader::builder().header("X-Powered-By").build().unwrap();
        config.remove_headers_config = Some(RemoveHeaders::builder().quantity(1).items(removed).build().unwrap());
        config.server_timing_headers_config = Some(ServerTiming::builder().enabled(true).sampling_rate(50.0).build().unwrap());
        config.cors_config.as_mut().unwrap().access_control_max_age_sec = Some(600);
    })
    .await;
    let (_, _, before) = live(&bench).await.unwrap();
    let graph = declare(&bench, &[(CSP, "default-src 'none'")]);
    bench.up(&graph).await;
    let (_, _, after) = live(&bench).await.unwrap();
    assert_eq!(after.security_headers_config().unwrap().content_security_policy().unwrap().content_security_policy(), "default-src 'none'");
    assert_eq!(after.remove_headers_config, before.remove_headers_config);
    assert_eq!(after.server_timing_headers_config, before.server_timing_headers_config);
    assert_eq!(after.cors_config, before.cors_config);
    bench.down(&graph).await;
}

#[tokio::test]
async fn without_headers_the_distribution_goes_back_to_awss_policy_and_then_ours_is_deleted() {
    let bench = Bench::new("headers-leave").await;
    bench.up(&declare(&bench, STRICT)).await;
    assert_eq!(tags(&bench).await.get(HEADERS_TAG), Some(bench.name("headers").as_str()));
    let without = declare(&bench, &[]);
    let open = bench.open(&without).await;
    let [distribution, policy] = &open[..] else { panic!("{open:?}") };
    assert!(distribution.starts_with(&format!("{DISTRIBUTION}: Update ")) && distribution.contains("behaviors.default.headers_policy"));
    assert!(!distribution.contains(HEADERS_TAG), "the tag lasts as long as the policy: {distribution}");
    assert!(policy.starts_with(&format!("{POLICY}: Delete")), "{policy}");
    let report = bench.up(&without).await;
    assert_eq!((report.count(Action::Update), report.count(Action::Delete)), (1, 1));
    assert!(live(&bench).await.is_none());
    assert_eq!(tags(&bench).await.get(HEADERS_TAG), None);
    bench.down(&without).await;
}

#[tokio::test]
async fn a_policy_that_could_not_be_deleted_keeps_its_tag_and_goes_with_the_next_run() {
    let bench = Bench::new("headers-cut").await;
    bench.up(&declare(&bench, STRICT)).await;
    let is_delete = |request: &str| request.starts_with("DELETE /2020-05-31/response-headers-policy/");
    let bench = bench.behind(first(1, Fate::Refuse(403, "AccessDenied", "no"), is_delete)).await;
    let without = declare(&bench, &[]);
    let report = bench.try_up(&without).await;
    assert_eq!(report.failed.keys().map(|id| id.as_str()).collect::<Vec<_>>(), [POLICY]);
    assert_eq!(tags(&bench).await.get(HEADERS_TAG), Some(bench.name("headers").as_str()), "the next `up` finds the policy by it");
    bench.removes_orphans(&without, &[POLICY]).await;
    assert_eq!(tags(&bench).await.get(HEADERS_TAG), None);
    bench.down(&without).await;
}

#[tokio::test]
async fn a_policy_that_the_distribution_never_used_is_found_once_it_is_no_longer_declared() {
    let bench = Bench::new("headers-unused").await;
    let without = declare(&bench, &[]);
    bench.up(&without).await;
    let is_update = |request: &str| request.starts_with("PUT /2020-05-31/distribution/");
    let bench = bench.behind(first(1, Fate::Refuse(403, "AccessDenied", "no"), is_update)).await;
    let report = bench.try_up(&declare(&bench, STRICT)).await;
    assert_eq!(report.failed.keys().map(|id| id.as_str()).collect::<Vec<_>>(), [DISTRIBUTION]);
    assert!(live(&bench).await.is_some());
    bench.removes_orphans(&without, &[POLICY]).await;
    assert_eq!(tags(&bench).await.get(HEADERS_TAG), None);
    bench.down(&without).await;
}

#[tokio::test]
async fn a_headers_policy_of_another_stack_or_of_none_is_never_touched() {
    let bench = Bench::new("headers-foreign").await;
    let mut graph = Graph::default();
    graph.add("static", policy(&bench, STRICT));
    bench.up(&graph).await;
    let swept = async || {
        bench.aws.refresh();
        ResponseHeadersPolicy::sweep(&bench.aws, bench.name("headers"), "static").await.unwrap().len()
    };
    assert_eq!(swept().await, 1);
    by_hand(&bench, |config| config.comment = Some("liveinsight:stack=other/prod us-east-1".to_owned())).await;
    assert_eq!(swept().await, 0, "it is another stack's");
    bench.never_takes(&graph, &[POLICY]).await;
    by_hand(&bench, |config| config.comment = Some("by hand".to_owned())).await;
    assert_eq!(swept().await, 0, "it is nobody's");
    bench.adopts(&graph, &[POLICY]).await;
    bench.down(&graph).await;
}
