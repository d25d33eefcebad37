//! Snapshot of an account's full content, read from each service without the program's own code for reading.
//!
//! There is one entry for each resource that has an owner, with the text of all its parts. A part that appears, disappears or
//! changes changes the entry.

use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_sdk_iam::{config::Credentials, types::Tag};
use std::{collections::BTreeMap, fmt::Debug};

/// Text of each resource, by name.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// Account's own role for API Gateway's logs, which belongs to no stack and is shared by all.
const SHARED_ROLE: &str = "liveinsight-apigateway-logs";

/// Clients for the services of one region. Unlike the program's own clients they retry after a lost answer.
struct Eye {
    account: String,
    apigateway: aws_sdk_apigateway::Client,
    cloudfront: aws_sdk_cloudfront::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    iam: aws_sdk_iam::Client,
    lambda: aws_sdk_lambda::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    s3: aws_sdk_s3::Client,
}

impl Eye {
    async fn new(account: &str, region: &'static str) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::from_static(region));
        let config = config.endpoint_url(test_support::endpoint()).retry_config(RetryConfig::standard().with_max_attempts(6));
        let config = config.credentials_provider(Credentials::new(account, "test", None, None, "test")).load().await;
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Self {
            account: account.to_owned(),
            apigateway: aws_sdk_apigateway::Client::new(&config),
            cloudfront: aws_sdk_cloudfront::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
        }
    }
}

/// Observer of an account from several regions.
pub(crate) struct Observer(Vec<(&'static str, Eye)>);

impl Observer {
    pub(crate) async fn new(account: &str, regions: &[&'static str]) -> Self {
        let mut eyes = Vec::new();
        for region in regions {
            eyes.push((*region, Eye::new(account, region).await));
        }
        Self(eyes)
    }

    /// Lists all resources.
    pub(crate) async fn look(&self) -> Snapshot {
        let mut found = Snapshot::new();
        for (region, aws) in &self.0 {
            tables(aws, region, &mut found).await;
            log_groups(aws, region, &mut found).await;
            alarms(aws, region, &mut found).await;
            functions(aws, region, &mut found).await;
            apis(aws, region, &mut found).await;
            buckets(aws, &mut found).await;
        }
        let (_, aws) = &self.0[0];
        roles(aws, &mut found).await;
        controls(aws, &mut found).await;
        headers_policies(aws, &mut found).await;
        distributions(aws, &mut found).await;
        found
    }

    /// Creates a role with a policy and a log group of this name, as a user without this program does.
    pub(crate) async fn make_strangers(&self, region: &str, name: &str) {
        let (_, aws) = self.0.iter().find(|(of, _)| *of == region).unwrap();
        let trust = allow(r#""Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}"#);
        let tag = Tag::builder().key("Team").value("web").build().unwrap();
        aws.iam.create_role().role_name(name).assume_role_policy_document(trust).tags(tag).send().await.unwrap();
        let document = allow(r#""Action":"s3:ListAllMyBuckets","Resource":"*""#);
        aws.iam.put_role_policy().role_name(name).policy_name(name).policy_document(document).send().await.unwrap();
        aws.logs.create_log_group().log_group_name(format!("/aws/lambda/{name}")).send().await.unwrap();
    }

    /// Adds a policy to a role.
    pub(crate) async fn add_policy(&self, role: &str) {
        let (_, aws) = &self.0[0];
        let document = allow(r#""Action":"s3:GetObject","Resource":"*""#);
        aws.iam.put_role_policy().role_name(role).policy_name("more").policy_document(document).send().await.unwrap();
    }
}

fn allow(what: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{what}}}]}}"#)
}

/// Sorts the parts of a debug text, because maps print theirs in any order.
fn text(parts: &[&dyn Debug]) -> String {
    let all = parts.iter().map(|part| format!("{part:?}")).collect::<Vec<_>>().join(", ");
    let mut words: Vec<&str> = all.split([',', '{', '}', '[', ']', '(', ')']).map(str::trim).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    // The number of equal parts counts as well.
    let numbered = words.iter().enumerate().map(|(index, word)| {
        let nth = words[..index].iter().rev().take_while(|other| *other == word).count();
        format!("{word} #{nth}")
    });
    numbered.filter(|line| !line.starts_with("state_") && !line.starts_with("table_size_bytes")).collect::<Vec<_>>().join("\n")
}

async fn tables(aws: &Eye, region: &str, found: &mut Snapshot) {
    for name in aws.dynamodb.list_tables().send().await.unwrap().table_names() {
        let table = aws.dynamodb.describe_table().table_name(name).send().await.unwrap().table.unwrap();
        let tags = aws.dynamodb.list_tags_of_resource().resource_arn(table.table_arn().unwrap()).send().await.unwrap().tags;
        let ttl = aws.dynamodb.describe_time_to_live().table_name(name).send().await.unwrap().time_to_live_description;
        let backups = aws.dynamodb.describe_continuous_backups().table_name(name).send().await.unwrap().continuous_backups_description;
        found.insert(format!("{region} table {name}"), text(&[&table, &tags, &ttl, &backups]));
    }
}

async fn log_groups(aws: &Eye, region: &str, found: &mut Snapshot) {
    for group in aws.logs.describe_log_groups().send().await.unwrap().log_groups() {
        let name = group.log_group_name().unwrap();
        let arn = format!("arn:aws:logs:{region}:{}:log-group:{name}", aws.account);
        let tags = aws.logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap().tags;
        found.insert(format!("{region} log group {name}"), text(&[&group, &tags]));
    }
}

async fn alarms(aws: &Eye, region: &str, found: &mut Snapshot) {
    for alarm in aws.cloudwatch.describe_alarms().send().await.unwrap().metric_alarms() {
        let tags = aws.cloudwatch.list_tags_for_resource().resource_arn(alarm.alarm_arn().unwrap()).send().await.unwrap().tags;
        found.insert(format!("{region} alarm {}", alarm.alarm_name().unwrap()), text(&[&alarm, &tags]));
    }
}

async fn functions(aws: &Eye, region: &str, found: &mut Snapshot) {
    for function in aws.lambda.list_functions().send().await.unwrap().functions() {
        let name = function.function_name().unwrap();
        let whole = aws.lambda.get_function().function_name(name).send().await.unwrap();
        let versions = aws.lambda.list_versions_by_function().function_name(name).send().await.unwrap().versions;
        let aliases = aws.lambda.list_aliases().function_name(name).send().await.unwrap().aliases;
        let mut policies = vec![aws.lambda.get_policy().function_name(name).send().await.ok().and_then(|answer| answer.policy)];
        for alias in aliases.iter().flatten() {
            let policy = aws.lambda.get_policy().function_name(name).qualifier(alias.name().unwrap()).send().await;
            policies.push(policy.ok().and_then(|answer| answer.policy));
        }
        let urls = aws.lambda.list_function_url_configs().function_name(name).send().await.unwrap().function_url_configs;
        let content = text(&[&whole.configuration, &whole.tags, &versions, &aliases, &policies, &urls]);
        found.insert(format!("{region} function {name}"), content);
    }
}

async fn apis(aws: &Eye, region: &str, found: &mut Snapshot) {
    for api in aws.apigateway.get_rest_apis().limit(500).send().await.unwrap().items() {
        let id = api.id().unwrap();
        let nodes = aws.apigateway.get_resources().rest_api_id(id).limit(500).embed("methods").send().await.unwrap().items;
        let stages = aws.apigateway.get_stages().rest_api_id(id).send().await.unwrap().item;
        let deployments = aws.apigateway.get_deployments().rest_api_id(id).limit(500).send().await.unwrap().items;
        let authorizers = aws.apigateway.get_authorizers().rest_api_id(id).limit(500).send().await.unwrap().items;
        found.insert(format!("{region} api {id}"), text(&[&api, &nodes, &stages, &deployments, &authorizers]));
    }
}

async fn roles(aws: &Eye, found: &mut Snapshot) {
    for role in aws.iam.list_roles().send().await.unwrap().roles() {
        let name = role.role_name();
        if name == SHARED_ROLE {
            continue;
        }
        let whole = aws.iam.get_role().role_name(name).send().await.unwrap().role;
        let attached = aws.iam.list_attached_role_policies().role_name(name).send().await.unwrap().attached_policies;
        let mut policies = BTreeMap::new();
        for policy in aws.iam.list_role_policies().role_name(name).send().await.unwrap().policy_names() {
            let document = aws.iam.get_role_policy().role_name(name).policy_name(policy).send().await.unwrap().policy_document;
            policies.insert(policy.clone(), document);
        }
        found.insert(format!("role {name}"), text(&[&whole, &attached, &policies]));
    }
}

async fn buckets(aws: &Eye, found: &mut Snapshot) {
    for bucket in aws.s3.list_buckets().send().await.unwrap().buckets() {
        let name = bucket.name().unwrap();
        // Every region lists all buckets, but each bucket answers in its own region only.
        let Ok(objects) = aws.s3.list_object_versions().bucket(name).send().await else { continue };
        let policy = aws.s3.get_bucket_policy().bucket(name).send().await.ok().and_then(|answer| answer.policy);
        let block = aws.s3.get_public_access_block().bucket(name).send().await.ok();
        let block = block.and_then(|answer| answer.public_access_block_configuration);
        let tags = aws.s3.get_bucket_tagging().bucket(name).send().await.ok().map(|answer| answer.tag_set);
        let versioning = aws.s3.get_bucket_versioning().bucket(name).send().await.unwrap().status;
        let content = text(&[&objects.versions, &objects.delete_markers, &policy, &block, &tags, &versioning]);
        found.insert(format!("bucket {name}"), content);
    }
}

async fn controls(aws: &Eye, found: &mut Snapshot) {
    let listed = aws.cloudfront.list_origin_access_controls().send().await.unwrap();
    for control in listed.origin_access_control_list.and_then(|list| list.items).unwrap_or_default() {
        found.insert(format!("origin access control {}", control.id()), text(&[&control]));
    }
}

async fn headers_policies(aws: &Eye, found: &mut Snapshot) {
    let listed = aws.cloudfront.list_response_headers_policies().r#type("custom".into()).send().await.unwrap();
    for listed in listed.response_headers_policy_list.and_then(|list| list.items).unwrap_or_default() {
        let policy = listed.response_headers_policy().unwrap();
        found.insert(format!("response headers policy {}", policy.id()), text(&[policy]));
    }
}

async fn distributions(aws: &Eye, found: &mut Snapshot) {
    let listed = aws.cloudfront.list_distributions().send().await.unwrap();
    for listed in listed.distribution_list.and_then(|list| list.items).unwrap_or_default() {
        let whole = aws.cloudfront.get_distribution().id(listed.id()).send().await.unwrap();
        let tags = aws.cloudfront.list_tags_for_resource().resource(listed.arn()).send().await.unwrap().tags;
        let told = aws.cloudfront.list_invalidations().distribution_id(listed.id()).send().await.unwrap().invalidation_list;
        found.insert(format!("distribution {}", listed.id()), text(&[&whole.e_tag, &whole.distribution, &tags, &told]));
    }
}
