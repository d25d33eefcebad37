//! IAM: a role with one policy.

use super::{
    harness::{Bench, contract},
    proxy::{Fate, lose_each, script},
};
use aws_sdk_iam::types::Tag;
use liveinsight::{
    aws::{Aws, FEW_ROLES, Policy, Tags},
    engine::Graph,
    resources::{Role, RoleOthers, RolePolicy},
};
use serde_json::json;

/// Desired state that the tests vary; the default is the first declaration.
#[derive(Clone, Copy)]
struct Wish {
    service: &'static str,
    account_only: bool,
    actions: &'static [&'static str],
    resource: &'static str,
    second_statement: bool,
    policy: bool,
    team: Option<&'static str>,
    /// Name of the boundary, see [`boundary`].
    boundary: Option<&'static str>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            service: "lambda.amazonaws.com",
            account_only: false,
            actions: &["dynamodb:Query", "dynamodb:GetItem"],
            // Characters that a percent-encoding decoded twice, or as a form, would change.
            resource: "arn:aws:s3:::bucket/a+b%20c/ü*",
            second_statement: false,
            policy: true,
            team: None,
            boundary: None,
        }
    }
}

fn trust(service: &str, account_only: bool) -> Policy {
    let mut statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": service } });
    if account_only {
        statement["Condition"] = json!({ "StringEquals": { "aws:SourceAccount": "000000000000" } });
    }
    Policy::default().with("Assume", statement)
}

fn document(wish: &Wish) -> Policy {
    let policy = Policy::default().with("Read", json!({ "Effect": "Allow", "Action": wish.actions, "Resource": wish.resource }));
    if wish.second_statement {
        policy.with("Write", json!({ "Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*" }))
    } else {
        policy
    }
}

fn path(bench: &Bench) -> String {
    format!("/{}/", bench.name("stack"))
}

fn role(bench: &Bench, name: &str, wish: &Wish) -> Role {
    Role {
        name: bench.name(name),
        path: path(bench),
        trust: trust(wish.service, wish.account_only),
        permissions_boundary: wish.boundary.map(|name| boundary(bench, name)),
        others: RoleOthers::default(),
        policy: format!("policy-{name}"),
        tags: wish.team.iter().fold(bench.tags(), |tags, team| tags.with("Team", *team)),
        among: 1,
    }
}

/// Returns the ARN of a boundary.
fn boundary(bench: &Bench, name: &str) -> String {
    bench.aws.target.global_arn("iam", &format!("policy/{}", bench.name(name)))
}

/// Creates the policies that serve as boundaries.
async fn make_boundaries(bench: &Bench, names: &[&str]) {
    let document = Policy::default().with("All", json!({ "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*" })).document();
    for name in names {
        bench.aws.iam.create_policy().policy_name(bench.name(name)).policy_document(&document).send().await.unwrap();
    }
}

fn declare(bench: &Bench, names: &[&str], wish: &Wish) -> Graph<Aws> {
    let mut graph = Graph::default();
    for name in names {
        let among = names.len();
        let role = graph.add(name, Role { among, ..role(bench, name, wish) });
        if wish.policy {
            let policy = RolePolicy { role: Role::name_of(&role), name: format!("policy-{name}"), document: document(wish), among };
            graph.add_part(&role, name, policy);
        }
    }
    let (logical, under) = (bench.logical(), path(bench));
    graph.sweep(move |aws: &Aws| Box::pin(RolePolicy::sweep(aws, under.clone(), logical.clone(), |name| format!("policy-{name}"))));
    let (logical, under) = (bench.logical(), path(bench));
    graph.sweep(move |aws: &Aws| Box::pin(Role::sweep(aws, under.clone(), logical.clone())));
    graph
}

#[tokio::test]
async fn each_declared_field_is_kept() {
    let bench = Bench::new("iam").await;
    make_boundaries(&bench, &["narrow", "wide"]).await;
    let first = Wish::default;
    let variants = [
        first(),
        Wish { service: "apigateway.amazonaws.com", ..first() },
        Wish { account_only: true, ..first() },
        Wish { actions: &["dynamodb:GetItem"], ..first() },
        Wish { resource: "*", ..first() },
        Wish { second_statement: true, ..first() },
        Wish { policy: false, ..first() },
        Wish { boundary: Some("narrow"), ..first() },
        Wish { boundary: Some("wide"), ..first() },
        Wish { team: Some("blue"), ..first() },
        Wish { team: Some("red"), ..first() },
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, &["collector"], &variants[variant])).await;
}

#[tokio::test]
async fn drift_of_each_field_is_seen_and_made_good() {
    let bench = Bench::new("iam-drift").await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let (iam, name) = (&bench.aws.iam, bench.name("collector"));

    let theirs = trust("ec2.amazonaws.com", false).document();
    iam.update_assume_role_policy().role_name(&name).policy_document(&theirs).send().await.unwrap();
    bench.heals_with(1, &graph, &["iam.role/collector trust.Assume.Principal.Service"]).await;

    // Another notation of the same policy is no drift.
    let same = r#"{"Version":"2012-10-17","Statement":{"Sid":"Assume","Principal":{"Service":["lambda.amazonaws.com"]},"Effect":"Allow","Action":["sts:AssumeRole"]}}"#;
    iam.update_assume_role_policy().role_name(&name).policy_document(same).send().await.unwrap();
    assert_eq!(bench.open(&graph).await, Vec::<String>::new());

    let wider = document(&Wish { second_statement: true, resource: "*", ..Wish::default() }).document();
    iam.put_role_policy().role_name(&name).policy_name("policy-collector").policy_document(wider).send().await.unwrap();
    let seen = ["Read.Resource", "Write.Action", "Write.Effect", "Write.Resource"];
    let seen = seen.map(|field| format!("iam.role_policy/collector document.{field}"));
    bench.heals_with(1, &graph, &seen.each_ref().map(String::as_str)).await;

    iam.delete_role_policy().role_name(&name).policy_name("policy-collector").send().await.unwrap();
    bench.heals_with(1, &graph, &["iam.role_policy/collector"]).await;

    // An undeclared boundary is removed, and one that was changed is restored.
    make_boundaries(&bench, &["narrow", "wide"]).await;
    let put = |policy: &str| iam.put_role_permissions_boundary().role_name(&name).permissions_boundary(boundary(&bench, policy));
    put("narrow").send().await.unwrap();
    bench.heals_with(1, &graph, &["iam.role/collector permissions_boundary"]).await;
    let bounded = declare(&bench, &["collector"], &Wish { boundary: Some("narrow"), ..Wish::default() });
    bench.up(&bounded).await;
    put("wide").send().await.unwrap();
    bench.heals_with(1, &bounded, &["iam.role/collector permissions_boundary"]).await;
    iam.delete_role_permissions_boundary().role_name(&name).send().await.unwrap();
    bench.heals_with(1, &bounded, &["iam.role/collector permissions_boundary"]).await;
    bench.up(&graph).await;

    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    iam.tag_role().role_name(&name).tags(tag("Team", "red")).tags(tag("ManagedBy", "hand")).send().await.unwrap();
    bench.heals_with(2, &graph, &["iam.role/collector tags.ManagedBy", "iam.role/collector tags.Team"]).await;
    iam.untag_role().role_name(&name).tag_keys("ManagedBy").send().await.unwrap();
    bench.heals_with(1, &graph, &["iam.role/collector tags.ManagedBy"]).await;

    iam.delete_role_policy().role_name(&name).policy_name("policy-collector").send().await.unwrap();
    iam.delete_role().role_name(&name).send().await.unwrap();
    bench.heals_with(2, &graph, &["iam.role/collector", "iam.role_policy/collector"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn policies_that_others_put_on_a_role_are_found_by_an_audit_only_and_removed() {
    let bench = Bench::new("iam-audit").await;
    make_boundaries(&bench, &["wide"]).await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    let (iam, name) = (&bench.aws.iam, bench.name("collector"));
    iam.attach_role_policy().role_name(&name).policy_arn(boundary(&bench, "wide")).send().await.unwrap();
    let more = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    iam.put_role_policy().role_name(&name).policy_name("more").policy_document(more).send().await.unwrap();
    // A role of another owner beside it.
    let foreign = bench.name("foreign");
    iam.create_role().role_name(&foreign).assume_role_policy_document(trust("ec2.amazonaws.com", false).document()).send().await.unwrap();
    iam.attach_role_policy().role_name(&foreign).policy_arn(boundary(&bench, "wide")).send().await.unwrap();
    assert_eq!(bench.open(&graph).await, Vec::<String>::new(), "it takes calls of its own to see");
    bench.aws.audit();
    let fields = [format!("others.managed_policies.{}", bench.name("wide")), "others.inline_policies.more".to_owned()];
    let fields = fields.map(|field| format!("iam.role/collector {field}"));
    bench.heals_with(2, &graph, &fields.each_ref().map(String::as_str)).await;
    let left = iam.list_role_policies().role_name(&name).send().await.unwrap();
    assert_eq!(left.policy_names(), ["policy-collector"]);
    assert_eq!(iam.list_attached_role_policies().role_name(&foreign).send().await.unwrap().attached_policies().len(), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_role_of_somebody_else_is_refused_then_adopted() {
    let bench = Bench::new("iam-foreign").await;
    let theirs = bench.aws.iam.create_role().role_name(bench.name("collector")).path("/elsewhere/");
    theirs.assume_role_policy_document(trust("ec2.amazonaws.com", false).document()).send().await.unwrap();
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.adopts(&graph, &["iam.role/collector"]).await;
    let answer = bench.aws.iam.get_role().role_name(bench.name("collector")).send().await.unwrap();
    assert_eq!(answer.role().unwrap().path(), path(&bench), "a path cannot be changed: it was made anew");
    bench.down(&graph).await;
}

#[tokio::test]
async fn roles_under_our_path_are_found_and_go_with_all_that_hangs_from_them() {
    let bench = Bench::new("iam-strays").await;
    bench.up(&declare(&bench, &["collector", "old"], &Wish::default())).await;
    let (iam, old) = (&bench.aws.iam, bench.name("old"));
    iam.put_role_policy()
        .role_name(&old)
        .policy_name("by-hand")
        .policy_document(document(&Wish::default()).document())
        .send()
        .await
        .unwrap();
    let arn =
        iam.create_policy().policy_name(bench.name("managed")).policy_document(document(&Wish::default()).document()).send().await.unwrap();
    let arn = arn.policy().unwrap().arn().unwrap().to_owned();
    iam.attach_role_policy().role_name(&old).policy_arn(&arn).send().await.unwrap();
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.removes_orphans(&graph, &["iam.role/old", "iam.role_policy/old"]).await;

    iam.attach_role_policy().role_name(bench.name("collector")).policy_arn(&arn).send().await.unwrap();
    bench.down(&graph).await;
    iam.delete_policy().policy_arn(&arn).send().await.expect("the policy itself is not ours to delete");
}

#[tokio::test]
async fn many_roles_are_read_at_once_and_what_differs_is_asked_about() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    assert!(names.len() > FEW_ROLES);
    let bench = Bench::new("iam-many").await;
    let graph = declare(&bench, &names, &Wish::default());
    bench.up(&graph).await;
    let asked =
        |bench: &Bench| ["GetAccountAuthorizationDetails", "GetRole", "GetRolePolicy"].map(|name| bench.called(&format!("iam:{name}")));

    // A run without writes so far.
    let bench = bench.behind(|_| Fate::Pass).await;
    bench.aws.trust_reports();
    assert_eq!(bench.open(&graph).await, Vec::<String>::new());
    assert_eq!(asked(&bench), [1, 0, 0]);

    let (iam, wider) = (&bench.aws.iam, document(&Wish { resource: "*", ..Wish::default() }).document());
    let theirs = Tag::builder().key("ManagedBy").value("hand").build().unwrap();
    iam.tag_role().role_name(bench.name("a")).tags(theirs).send().await.unwrap();
    iam.put_role_policy().role_name(bench.name("b")).policy_name("policy-b").policy_document(wider).send().await.unwrap();
    iam.delete_role_policy().role_name(bench.name("c")).policy_name("policy-c").send().await.unwrap();
    let drift = ["iam.role/a: Update tags", "iam.role_policy/b: Update document", "iam.role_policy/c: Create "];
    let is_drift =
        |open: Vec<String>| assert!(open.len() == 3 && open.iter().zip(drift).all(|(open, drift)| open.starts_with(drift)), "{open:?}");
    let bench = bench.behind(|_| Fate::Pass).await;
    bench.aws.trust_reports();
    is_drift(bench.open(&graph).await);
    assert_eq!(asked(&bench), [1, 1, 2]);

    // Some callers may not read all roles of an account.
    let denied = |request: &str| {
        let denied = request.contains("GetAccountAuthorizationDetails");
        if denied {
            Fate::Refuse(403, "AccessDenied", "is not authorized to perform: iam:GetAccountAuthorizationDetails")
        } else {
            Fate::Pass
        }
    };
    let bench = bench.behind(denied).await;
    bench.aws.trust_reports();
    is_drift(bench.open(&graph).await);
    assert_eq!(asked(&bench), [1, 9, 9]);
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn what_was_made_is_waited_for() {
    let absent = Fate::Refuse(404, "NoSuchEntity", "The role with name r cannot be found.");
    let refused = Fate::Refuse(409, "DeleteConflict", "Cannot delete entity, must delete policies first.");
    let principal = Fate::Refuse(400, "MalformedPolicyDocument", "Invalid principal in policy: AWS:arn:aws:iam::000000000000:role/new");
    let throttled = Fate::Refuse(400, "Throttling", "Rate exceeded");
    let changing = Fate::Refuse(
        409,
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted simultaneously.",
    );
    let bench = Bench::hostile(
        "iam-slow",
        script(&[
            ("CreateRole", &[throttled, principal, changing]),
            ("PutRolePolicy", &[absent, absent, changing]),
            // Read before the creation; then the reads lag behind.
            ("GetRole", &[Fate::Pass, absent, absent, absent]),
            ("GetRolePolicy", &[absent, absent, absent]),
            ("DeleteRole", &[refused, refused, refused]),
            ("DeleteRolePolicy", &[throttled]),
        ]),
    )
    .await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn an_answer_lost_after_each_write_changes_nothing() {
    let writes = |request: &str| request.starts_with("POST / ") && !request.contains("/ Get") && !request.contains("/ List");
    let bench = Bench::hostile("iam-lost", lose_each(writes)).await;
    bench.up(&declare(&bench, &["collector"], &Wish::default())).await;
    let graph =
        declare(&bench, &["collector"], &Wish { service: "apigateway.amazonaws.com", resource: "*", team: Some("red"), ..Wish::default() });
    bench.up(&graph).await;
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.up(&graph).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_role_of_another_stack_is_never_touched() {
    let bench = Bench::new("iam-other").await;
    let mut other = Graph::default();
    let tags = Tags::default().with("liveinsight:stack", "other/stack");
    other.add("collector", Role { tags, ..role(&bench, "collector", &Wish::default()) });
    bench.try_up(&other).await;
    let put = bench.aws.iam.put_role_policy().role_name(bench.name("collector")).policy_name("policy-collector");
    let theirs = document(&Wish { resource: "*", ..Wish::default() }).document();
    put.policy_document(&theirs).send().await.unwrap();
    let graph = declare(&bench, &["collector"], &Wish::default());
    bench.never_takes(&graph, &["iam.role/collector"]).await;
    let get = || bench.aws.iam.get_role_policy().role_name(bench.name("collector")).policy_name("policy-collector").send();
    assert_eq!(liveinsight::aws::decode_policy(get().await.unwrap().policy_document()), theirs);
    // Without the mark it has no owner, and may be adopted, with its parts.
    bench.aws.iam.untag_role().role_name(bench.name("collector")).tag_keys("liveinsight:stack").send().await.unwrap();
    bench.adopts(&graph, &["iam.role/collector"]).await;
    bench.down(&graph).await;
}
