//! Every declared resource has a page in AWS's console and names in CloudTrail's requests, as far as its ids are known.

use crate::{Content, Stack, declare};
use aws::{Target, facts::Identity};
use engine::Entry;
use resources::kind;
use std::{collections::BTreeMap, path::Path};

/// Returns the names of every resource of the shipped stack before anything exists.
fn identities(partition: &str, region: &str) -> BTreeMap<String, Identity> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stack.yaml");
    let stack = Stack::read(&file, None, Some(region)).unwrap();
    let target = Target::aws(partition, region, "123456789012");
    let declaration = declare(&stack, &target, &Content::default());
    let identity = |entry: &Entry<_>| (entry.id.to_string(), entry.identity(&target));
    declaration.graph.entries().iter().map(identity).collect()
}

#[test]
fn every_kind_that_can_be_declared_is_registered() {
    for id in identities("aws", "eu-west-1").keys() {
        let name = id.split('/').next().unwrap();
        assert!(kind(name).is_some(), "{name} is not in KINDS");
    }
}

#[test]
fn pages_and_names_are_known_before_a_resource_exists_where_aws_chooses_no_id() {
    let all = identities("aws", "eu-west-1");
    let page = |id: &str| all[id].console.as_deref().unwrap().replace("https://eu-west-1.console.aws.amazon.com/", "");
    assert_eq!(page("lambda.function/stats-api"), "lambda/home?region=eu-west-1#/functions/liveinsight-stats-api-dev");
    assert_eq!(page("dynamodb.table/events"), "dynamodbv2/home?region=eu-west-1#table?name=liveinsight-events-dev&tab=overview");
    assert_eq!(page("cloudwatch.alarm/api-5xx"), "cloudwatch/home?region=eu-west-1#alarmsV2:alarm/liveinsight-api-5xx-dev");
    assert_eq!(
        page("logs.log_group/stats-api"),
        "cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fliveinsight-stats-api-dev"
    );
    assert!(page("s3.bucket/static").starts_with("s3/buckets/liveinsight-static-dev-"));
    // A service without regions.
    let role = &all["iam.role/stats-api"];
    assert_eq!(role.console.as_deref(), Some("https://us-east-1.console.aws.amazon.com/iam/home#/roles/details/liveinsight-stats-api-dev"));
    assert_eq!(role.names, ["liveinsight-stats-api-dev"]);
    assert_eq!(
        all["cloudwatch.alarm/api-5xx"].names,
        ["liveinsight-api-5xx-dev", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:liveinsight-api-5xx-dev"]
    );
    assert_eq!(
        all["lambda.function/stats-api"].names,
        [
            "liveinsight-stats-api-dev",
            "arn:aws:lambda:eu-west-1:123456789012:function:liveinsight-stats-api-dev:live",
            "arn:aws:lambda:eu-west-1:123456789012:function:liveinsight-stats-api-dev"
        ]
    );
    for id in ["apigateway.rest_api/api", "apigateway.stage/dev", "cloudfront.distribution/static", "logs.log_group/api"] {
        assert_eq!(all[id], Identity::default(), "{id}");
    }
}

#[test]
fn each_partition_has_a_console_of_its_own() {
    let host = |partition: &str, region: &str| {
        let page = identities(partition, region).remove("dynamodb.table/events").unwrap().console.unwrap();
        page.split('/').nth(2).unwrap().to_owned()
    };
    assert_eq!(host("aws", "ap-northeast-2"), "ap-northeast-2.console.aws.amazon.com");
    assert_eq!(host("aws-cn", "cn-north-1"), "cn-north-1.console.amazonaws.cn");
    assert_eq!(host("aws-us-gov", "us-gov-east-1"), "us-gov-east-1.console.amazonaws-us-gov.com");
}
