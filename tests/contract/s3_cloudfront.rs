//! S3 and CloudFront: a private bucket with a small site, and the distribution that serves it.

use super::{
    harness::{Bench, Calls, contract, endpoint},
    proxy::{Fate, first},
};
use aws_sdk_cloudfront::types::PriceClass;
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{BucketVersioningStatus, ObjectIdentifier, Tag, Tagging, VersioningConfiguration},
};
use liveinsight::{
    aws::{Aws, Headers},
    engine::{Action, Class, Graph, Owner, ReadFrom, Resource, digest, survey},
    resources::{
        Behavior, Bucket, BucketPolicy, Distribution, DistributionOutput, ErrorPage, Origin, OriginAccessControl, PublicAccessBlock,
        SiteObject,
    },
};
use md5::{Digest, Md5};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    rc::Rc,
};

/// Desired state that the tests vary; the default is the first declaration.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for one declared switch")]
struct Wish {
    site: &'static [(&'static str, &'static str)],
    versioning: bool,
    object_ownership: &'static str,
    encryption: &'static str,
    bucket_team: Option<&'static str>,
    restrict: bool,
    tells_missing: bool,
    tls_only: bool,
    signing: &'static str,
    index: &'static str,
    enabled: bool,
    price_class: &'static str,
    http_version: &'static str,
    ipv6: bool,
    https: bool,
    compress: bool,
    api_port: Option<u16>,
    api_path: &'static str,
    patterns: &'static [&'static str],
    taking_data: &'static [&'static str],
    missing: i32,
    error_status: Option<&'static str>,
    team: Option<&'static str>,
}

const SITE: &[(&str, &str)] =
    &[("index.html", "<p>first</p>"), ("error.html", "<p>nothing here</p>"), ("assets/app.js", "let a = 1"), ("ü b.txt", "text")];

impl Default for Wish {
    fn default() -> Self {
        Self {
            site: SITE,
            versioning: true,
            object_ownership: "BucketOwnerEnforced",
            encryption: "AES256",
            bucket_team: None,
            restrict: true,
            tells_missing: true,
            // The tests send their requests without TLS.
            tls_only: false,
            signing: "always",
            index: "index.html",
            enabled: true,
            price_class: "PriceClass_100",
            http_version: "http2and3",
            ipv6: true,
            https: false,
            compress: true,
            api_port: Some(8080),
            api_path: "/dev",
            patterns: &["/api/*"],
            taking_data: &["/api/events"],
            missing: 404,
            error_status: Some("404"),
            team: None,
        }
    }
}

fn object(text: &str) -> SiteObject {
    let md5 = Md5::digest(text).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    });
    let content_type = if text.starts_with("<p>") { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    SiteObject { md5, bytes: Rc::from(text.as_bytes()), headers: Headers::new(content_type, "public, max-age=300") }
}

fn bucket(bench: &Bench, wish: &Wish) -> Bucket {
    let files: BTreeMap<String, SiteObject> = wish.site.iter().map(|(key, text)| ((*key).to_owned(), object(text))).collect();
    Bucket {
        name: bench.name("site"),
        versioning: wish.versioning,
        encryption: wish.encryption.into(),
        object_ownership: wish.object_ownership.into(),
        site: Some(files.iter().map(|(key, file)| (key.clone(), file.md5.clone())).collect()),
        files,
        tags: wish.bucket_team.iter().fold(bench.tags(), |tags, team| tags.with("Team", *team)),
    }
}

fn declare(bench: &Bench, wish: &Wish) -> Graph<Aws> {
    let mut graph = Graph::default();
    let spec = bucket(bench, wish);
    let content = spec.site.as_ref().map(digest);
    let name = bench.name("site");
    let bucket = graph.add("static", spec);
    let block = PublicAccessBlock { restrict_public_buckets: wish.restrict, ..PublicAccessBlock::all(Bucket::name_of(&bucket)) };
    graph.add_part(&bucket, "static", block);
    let access = OriginAccessControl {
        signing_behavior: wish.signing.into(),
        ..OriginAccessControl::for_s3(name.clone(), &bench.aws.stack, &bench.aws.target.region)
    };
    let access = graph.add("static", access);
    let api = Origin::server("localhost".to_owned().into(), wish.api_path.to_owned().into(), wish.api_port);
    let origins = BTreeMap::from([
        (
            "site".into(),
            Origin::bucket(
                bucket.known("regional_domain", bench.aws.target.bucket_host(&name)),
                "/site",
                OriginAccessControl::id_of(&access),
            ),
        ),
        ("api".into(), api),
    ]);
    let files = Behavior { compress: wish.compress, ..Behavior::files("site", wish.https) };
    let mut behaviors = BTreeMap::from([("default".to_owned(), files)]);
    behaviors.extend(wish.patterns.iter().map(|pattern| ((*pattern).to_owned(), Behavior::api("api", wish.https))));
    behaviors.extend(wish.taking_data.iter().map(|pattern| ((*pattern).to_owned(), Behavior::api_taking_data("api", wish.https))));
    let tags = wish.team.iter().fold(bench.tags(), |tags, team| tags.with("Team", *team));
    let page = |status: &str| ErrorPage { page: "/error.html".into(), status: status.into(), cached_seconds: 0 };
    let distribution = Distribution {
        enabled: wish.enabled,
        price_class: wish.price_class.into(),
        http_version: wish.http_version.into(),
        ipv6: wish.ipv6,
        error_pages: wish.error_status.iter().map(|status| (wish.missing, page(status))).collect(),
        content,
        ..Distribution::serving(&name, wish.index, tags, origins, behaviors)
    };
    let distribution = graph.add("static", distribution);
    let (tells_missing, tls_only) = (wish.tells_missing, wish.tls_only);
    let policy = BucketPolicy {
        tells_missing,
        tls_only,
        ..BucketPolicy::reader(Bucket::name_of(&bucket), Distribution::arn_of(&distribution), "site/")
    };
    let policy = graph.add_part(&bucket, "static", policy);
    graph.delete_freely(&policy, &distribution);
    let swept = name.clone();
    graph.sweep(move |aws: &Aws| Box::pin(Distribution::sweep(aws, swept.clone(), "static")));
    let swept = name.clone();
    graph.sweep(move |aws: &Aws| Box::pin(OriginAccessControl::sweep(aws, swept.clone(), "static")));
    graph.sweep(move |aws: &Aws| Box::pin(Bucket::sweep(aws, name.clone(), "static")));
    graph
}

/// Returns the distribution's id and its host.
async fn served(bench: &Bench) -> (String, String) {
    let list = bench.aws.cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap();
    let name = bench.name("site");
    let ours = list.items.unwrap().into_iter().find(|item| item.comment == name).unwrap();
    (ours.id, ours.domain_name)
}

/// Requests a page as a visitor: returns status, content type, body.
fn visit(domain: &str, path: &str) -> (u16, String, String) {
    let endpoint = endpoint();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    // The name that the local AWS serves it under.
    let host = domain.replace(".net", ".localhost");
    let mut answer = agent.get(format!("{endpoint}{path}")).header("Host", host).call().unwrap();
    let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    (answer.status().as_u16(), content_type, answer.body_mut().read_to_string().unwrap())
}

/// Returns the paths of all invalidations, sorted.
async fn invalidated(bench: &Bench, id: &str) -> Vec<String> {
    let list = bench.aws.cloudfront.list_invalidations().distribution_id(id).send().await.unwrap();
    let mut paths = Vec::new();
    for one in list.invalidation_list.unwrap().items.unwrap_or_default() {
        let answer = bench.aws.cloudfront.get_invalidation().distribution_id(id).id(one.id).send().await.unwrap();
        paths.extend(answer.invalidation.unwrap().invalidation_batch.unwrap().paths.unwrap().items.unwrap());
    }
    paths.sort();
    paths
}

#[tokio::test]
async fn every_declared_change_converges() {
    let bench = Bench::new("s3cf-changes").await;
    let first = Wish::default;
    let variants = [
        first(),
        Wish { site: &[("index.html", "<p>second</p>"), ("assets/new.js", "")], ..first() },
        Wish { site: &[], ..first() },
        Wish { versioning: false, ..first() },
        Wish { object_ownership: "ObjectWriter", encryption: "aws:kms", ..first() },
        Wish { bucket_team: Some("red"), team: Some("blue"), ..first() },
        Wish { restrict: false, ..first() },
        Wish { tells_missing: false, ..first() },
        Wish { tls_only: true, ..first() },
        Wish { signing: "no-override", ..first() },
        Wish { index: "home.html", ..first() },
        Wish { enabled: false, ..first() },
        Wish { price_class: "PriceClass_All", ..first() },
        Wish { http_version: "http2", ipv6: false, ..first() },
        Wish { https: true, ..first() },
        Wish { compress: false, ..first() },
        Wish { api_port: None, ..first() },
        Wish { api_path: "/prod", ..first() },
        Wish { patterns: &["/api/*", "/v2/*"], ..first() },
        Wish { patterns: &["/api/*", "/api/events"], taking_data: &[], ..first() },
        Wish { patterns: &[], taking_data: &[], ..first() },
        Wish { error_status: Some("200"), ..first() },
        Wish { error_status: None, ..first() },
        Wish { missing: 403, ..first() },
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, &variants[variant])).await;
}

#[tokio::test]
#[expect(deprecated, reason = "what the API's behaviors use came before cache policies")]
async fn changes_from_outside_are_seen_and_made_good() {
    let bench = Bench::new("s3cf-drift").await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let (aws, name) = (&bench.aws, bench.name("site"));
    let (id, _) = served(&bench).await;

    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    aws.s3.put_bucket_versioning().bucket(&name).versioning_configuration(suspended).send().await.unwrap();
    bench.heals(&graph, &["s3.bucket/static versioning"]).await;

    let tags = bench.tags().with("Team", "red");
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap()).collect();
    let tags = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
    aws.s3.put_bucket_tagging().bucket(&name).tagging(tags).send().await.unwrap();
    bench.heals(&graph, &["s3.bucket/static tags.Team", "s3.bucket/static tags.liveinsight:applied"]).await;

    aws.s3.delete_public_access_block().bucket(&name).send().await.unwrap();
    bench.heals(&graph, &["s3.public_access_block/static"]).await;

    aws.s3.delete_bucket_policy().bucket(&name).send().await.unwrap();
    bench.heals(&graph, &["s3.bucket_policy/static"]).await;

    let policy = aws.s3.get_bucket_policy().bucket(&name).send().await.unwrap().policy.unwrap();
    let extra = policy.replacen(
        "[{",
        &format!(r#"[{{"Sid":"X","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::{name}/*"}},{{"#),
        1,
    );
    assert_ne!(policy, extra);
    aws.s3.put_bucket_policy().bucket(&name).policy(extra).send().await.unwrap();
    let other = ["Action", "Effect", "Principal", "Resource"].map(|part| format!("s3.bucket_policy/static other.X.{part}"));
    bench.heals(&graph, &other.iter().map(String::as_str).collect::<Vec<_>>()).await;

    assert_eq!(invalidated(&bench, &id).await, Vec::<String>::new());
    aws.s3.put_object().bucket(&name).key("site/index.html").body(ByteStream::from_static(b"defaced")).send().await.unwrap();
    let page = aws.s3.put_object().bucket(&name).key("site/error.html").body(ByteStream::from_static(b"<p>nothing here</p>"));
    page.content_type("text/html").send().await.unwrap();
    aws.s3.delete_object().bucket(&name).key("site/assets/app.js").send().await.unwrap();
    aws.s3.put_object().bucket(&name).key("site/extra.html").body(ByteStream::from_static(b"extra")).send().await.unwrap();
    aws.s3.put_object().bucket(&name).key("lock").body(ByteStream::from_static(b"not the site's")).send().await.unwrap();
    let seen =
        ["files.error.html.cache_control", "files.error.html.content_type", "site.assets/app.js", "site.extra.html", "site.index.html"];
    let seen = seen.map(|path| format!("s3.bucket/static {path}"));
    bench.heals(&graph, &seen.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(invalidated(&bench, &id).await, ["/*"], "caches may have what was wrong");
    aws.s3.head_object().bucket(&name).key("lock").send().await.unwrap();

    let answer = aws.cloudfront.get_distribution_config().id(&id).send().await.unwrap();
    let (etag, mut config) = (answer.e_tag, answer.distribution_config.unwrap());
    config.comment = "renamed by hand".into();
    config.price_class = Some(PriceClass::PriceClassAll);
    let origin = config.origins.as_mut().unwrap().items.iter_mut().find(|origin| origin.id == "api").unwrap();
    origin.domain_name = "elsewhere.example".into();
    let behaviors = config.cache_behaviors.as_mut().unwrap().items.as_mut().unwrap();
    behaviors.reverse();
    let api = behaviors.iter_mut().find(|behavior| behavior.path_pattern == "/api/*").unwrap();
    api.max_ttl = Some(3_600);
    api.forwarded_values.as_mut().unwrap().query_string = false;
    aws.cloudfront.update_distribution().id(&id).set_if_match(etag).distribution_config(config).send().await.unwrap();
    let seen = [
        "name",
        "price_class",
        "precedence",
        "origins.api.domain",
        "behaviors./api/*.forwarding.query",
        "behaviors./api/*.forwarding.shared_at_most",
    ]
    .map(|path| format!("cloudfront.distribution/static {path}"));
    bench.heals(&graph, &seen.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(served(&bench).await.0, id, "it was found in spite of its new comment");

    bench.down(&graph).await;
}

#[tokio::test]
async fn visitors_see_the_site_and_each_release_of_it() {
    let bench = Bench::new("s3cf-visits").await;
    // The local AWS answers 403 for an object that is missing, with or without the permission to list; AWS answers 404 with it.
    let first = Wish { missing: 403, ..Wish::default() };
    bench.up(&declare(&bench, &first)).await;
    let (id, domain) = served(&bench).await;
    assert_eq!(visit(&domain, "/"), (200, "text/html; charset=utf-8".into(), "<p>first</p>".into()));
    assert_eq!(visit(&domain, "/assets/app.js").2, "let a = 1");
    assert_eq!(visit(&domain, "/missing"), (404, "text/html; charset=utf-8".into(), "<p>nothing here</p>".into()));
    assert_eq!(invalidated(&bench, &id).await, Vec::<String>::new(), "nothing was cached before");

    let second: &[(&str, &str)] = &[("index.html", "<p>second</p>"), ("error.html", "<p>nothing here</p>"), ("ü b.txt", "other")];
    let graph = declare(&bench, &Wish { site: second, ..first });
    bench.up(&graph).await;
    assert_eq!(visit(&domain, "/").2, "<p>second</p>");
    assert_eq!(visit(&domain, "/assets/app.js").0, 404);
    assert_eq!(invalidated(&bench, &id).await, ["/", "/%C3%BC%20b.txt", "/assets/app.js", "/index.html"], "what changed, and no more");
    assert_eq!(bench.aws.warnings(), Vec::<String>::new());
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_bucket_goes_with_all_that_is_in_it() {
    let bench = Bench::new("s3cf-full").await;
    let mut graph = Graph::default();
    let spec = bucket(&bench, &Wish::default());
    graph.add("static", spec.clone());
    bench.up(&graph).await;
    let (s3, name) = (&bench.aws.s3, bench.name("site"));
    for nth in 0..3 {
        s3.put_object().bucket(&name).key("elsewhere").body(ByteStream::from(vec![nth])).send().await.unwrap();
    }
    s3.delete_object().bucket(&name).key("elsewhere").send().await.unwrap();
    s3.create_multipart_upload().bucket(&name).key("unfinished").send().await.unwrap();
    bench.down(&graph).await;
    assert!(s3.head_bucket().bucket(&name).send().await.is_err(), "it is gone");
}

/// Answers to `DeleteObjects` in which objects meet errors.
const STUMBLED: &str = "<DeleteResult><Error><Key>site/assets/app.js</Key><Code>InternalError</Code><Message>We encountered an internal \
    error. Please try again.</Message></Error><Error><Key>site/ü b.txt</Key><Code>SlowDown</Code></Error></DeleteResult>";
const DENIED: &str = "<DeleteResult><Error><Key>site/assets/app.js</Key><Code>InternalError</Code></Error>\
    <Error><Key>site/ü b.txt</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>";
const GONE: &str = "<DeleteResult><Error><Key>site/assets/app.js</Key><Code>NoSuchVersion</Code></Error></DeleteResult>";

#[tokio::test]
async fn objects_that_stay_are_asked_for_again_unless_that_is_final() {
    let shrunk = |bench: &Bench| {
        let mut graph = Graph::default();
        graph.add("static", bucket(bench, &Wish { site: &SITE[..2], ..Wish::default() }));
        graph
    };
    let full = |bench: &Bench| {
        let mut graph = Graph::default();
        graph.add("static", bucket(bench, &Wish::default()));
        graph
    };
    let bench = Bench::new("s3cf-stay").await;
    bench.up(&full(&bench)).await;
    let is_delete = |request: &str| request.starts_with("POST /site-s3cf-stay");

    let denied = bench.behind(first(1, Fate::Answer(DENIED), is_delete)).await;
    let report = denied.try_up(&shrunk(&denied)).await;
    let error = report.failed.values().next().expect("it is denied");
    assert_eq!(error.class(), Some(Class::Denied));
    assert!(error.to_string().contains("2 of 2 objects stayed; site/ü b.txt: Access Denied"), "{error}");

    let stumbling = denied.behind(first(2, Fate::Answer(STUMBLED), is_delete)).await;
    stumbling.up(&shrunk(&stumbling)).await;
    assert_eq!(stumbling.called("s3:DeleteObjects"), 3, "twice it stumbled");

    stumbling.up(&full(&stumbling)).await;
    let gone = stumbling.behind(first(1, Fate::Answer(GONE), is_delete)).await;
    assert!(gone.aws.delete_objects(&gone.name("site"), Vec::new()).await.is_ok());
    let version = ObjectIdentifier::builder().key("site/assets/app.js").version_id("v").build().unwrap();
    gone.aws.delete_objects(&gone.name("site"), vec![version]).await.unwrap();
    gone.down(&full(&gone)).await;
}

#[tokio::test]
async fn a_bucket_whose_creation_was_cut_short_is_completed() {
    let bench = Bench::new("s3cf-cut").await;
    let mut graph = Graph::default();
    let spec = bucket(&bench, &Wish::default());
    Bucket { versioning: false, site: None, ..spec.clone() }.create(&bench.aws).await.unwrap();
    graph.add("static", spec);
    let report = bench.up(&graph).await;
    assert_eq!(report.count(Action::Update), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn more_files_than_one_page_of_a_list() {
    let bench = Bench::new("s3cf-many").await;
    let declare = |files: usize| {
        let files: BTreeMap<String, SiteObject> = (0..files).map(|nth| (format!("f{nth:04}"), object("x"))).collect();
        let site = Some(files.iter().map(|(key, file)| (key.clone(), file.md5.clone())).collect());
        let mut graph = Graph::default();
        graph.add("static", Bucket { site, files, ..bucket(&bench, &Wish::default()) });
        graph
    };
    bench.up(&declare(1050)).await;
    bench.up(&declare(10)).await;
    bench.down(&declare(10)).await;
}

#[tokio::test]
async fn a_bucket_without_our_tag_is_left_alone() {
    let bench = Bench::new("s3cf-foreign").await;
    let name = bench.name("site");
    bench.aws.s3.create_bucket().bucket(&name).send().await.unwrap();
    let spec = bucket(&bench, &Wish::default());
    let live = Box::pin(spec.observe(&bench.aws, ReadFrom::Service)).await.unwrap().expect("it exists");
    assert_eq!(live.owner, Owner::Other("it has no tag liveinsight:stack".into()));
    let (mut graph, swept) = (Graph::default(), name.clone());
    graph.sweep(move |aws: &Aws| Box::pin(Bucket::sweep(aws, swept.clone(), "static")));
    assert!(survey(&graph, &bench.aws, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}")).steps.is_empty());
    bench.aws.s3.delete_bucket().bucket(&name).send().await.unwrap();
}

#[tokio::test]
async fn two_distributions_of_ours_are_an_error_that_names_both() {
    let bench = Bench::new("s3cf-two").await;
    let origin = Origin::server("example.com".to_owned().into(), String::new().into(), None);
    let behaviors = BTreeMap::from([("default".to_owned(), Behavior::files("site", false))]);
    let origins = BTreeMap::from([("site".to_owned(), origin)]);
    let spec = Distribution::serving(&bench.name("site"), "", bench.tags(), origins, behaviors);
    spec.create(&bench.aws).await.unwrap();
    let (first, _) = served(&bench).await;
    spec.create(&bench.aws).await.unwrap();
    let error = spec.find(&bench.aws).await.unwrap_err().to_string();
    assert!(error.contains("two distributions") && error.contains(&first), "{error}");
    let list = bench.aws.cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap();
    let ours: BTreeSet<(String, String, String)> = list
        .items
        .unwrap()
        .into_iter()
        .filter(|item| item.comment == spec.name)
        .map(|item| (item.id, item.arn, item.domain_name))
        .collect();
    assert_eq!(ours.len(), 2);
    for (id, arn, domain) in ours {
        Box::pin(spec.delete(&bench.aws, &DistributionOutput { id, arn, domain })).await.unwrap();
    }
    assert!(spec.find(&bench.aws).await.unwrap().is_none());
}

#[tokio::test]
async fn calls_are_few() {
    let bench = Bench::new("s3cf-calls").await;
    let graph = declare(&bench, &Wish::default());
    let (_, absent) = bench.calls(bench.plan(&graph)).await;
    // A list of each CloudFront kind, and one for the bucket.
    assert_eq!(absent, Calls { reads: 3, writes: 0 });
    let (_, first) = bench.calls(bench.up(&graph)).await;
    // Bucket, versioning, four files, block, access control, distribution, policy.
    assert_eq!(first.writes, 10);
    let (_, unchanged) = bench.calls(bench.up(&graph)).await;
    // `up` here observes twice, and no run kept the headers that the four files were written with: each run requests them.
    assert_eq!(unchanged, Calls { reads: 2 * (11 + 4), writes: 0 });
    let release = declare(&bench, &Wish { site: &SITE[..2], ..Wish::default() });
    let (_, release) = bench.calls(bench.up(&release)).await;
    // One `DeleteObjects`, an invalidation, tags of bucket and distribution.
    assert_eq!(release.writes, 4);
    let ((), down) = bench.calls(bench.down(&graph)).await;
    // Of the distribution: disable, delete; the access control; objects, bucket.
    assert_eq!(down.writes, 5);
}
