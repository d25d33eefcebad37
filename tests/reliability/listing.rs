//! Content of an account, read service by service without any of the program's own code for reading.

use liveinsight::aws::Aws;
use std::collections::BTreeMap;

/// Counts the resources of each kind; kinds without any are left out.
pub(crate) async fn of(aws: &Aws) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut add = |kind: &str, count: usize| {
        if count > 0 {
            *found.entry(kind.to_owned()).or_default() += count;
        }
    };
    add("dynamodb.table", aws.dynamodb.list_tables().send().await.unwrap().table_names().len());
    add("logs.log_group", aws.logs.describe_log_groups().send().await.unwrap().log_groups().len());
    add("cloudwatch.alarm", aws.cloudwatch.describe_alarms().send().await.unwrap().metric_alarms().len());
    for role in aws.iam.list_roles().send().await.unwrap().roles() {
        // The account's own role for API Gateway's logs belongs to no stack.
        if role.role_name() != "liveinsight-apigateway-logs" {
            add("iam.role", 1);
            add("iam.role_policy", aws.iam.list_role_policies().role_name(role.role_name()).send().await.unwrap().policy_names().len());
        }
    }
    for function in aws.lambda.list_functions().send().await.unwrap().functions() {
        let name = function.function_name().unwrap();
        add("lambda.function", 1);
        add("lambda.alias", aws.lambda.list_aliases().function_name(name).send().await.unwrap().aliases().len());
        let urls = aws.lambda.list_function_url_configs().function_name(name).send().await.unwrap();
        add("lambda.function_url", urls.function_url_configs().len());
        if let Ok(policy) = aws.lambda.get_policy().function_name(name).qualifier("live").send().await {
            let policy: serde_json::Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
            // A permission has one statement for each route.
            add("lambda.permission", policy["Statement"].as_array().unwrap().len());
        }
    }
    for api in aws.apigateway.get_rest_apis().limit(500).send().await.unwrap().items() {
        let id = api.id().unwrap();
        add("apigateway.rest_api", 1);
        add("apigateway.deployment", aws.apigateway.get_deployments().rest_api_id(id).limit(500).send().await.unwrap().items().len());
        add("apigateway.authorizer", aws.apigateway.get_authorizers().rest_api_id(id).limit(500).send().await.unwrap().items().len());
        add("apigateway.stage", aws.apigateway.get_stages().rest_api_id(id).send().await.unwrap().item().len());
        for node in aws.apigateway.get_resources().rest_api_id(id).limit(500).embed("methods").send().await.unwrap().items() {
            add("apigateway.resource", usize::from(node.path() != Some("/")));
            for method in node.resource_methods().into_iter().flatten().map(|(_, method)| method) {
                add("apigateway.method", 1);
                add("apigateway.method_response", method.method_responses().map_or(0, |responses| responses.len()));
                if let Some(integration) = method.method_integration() {
                    add("apigateway.integration", 1);
                    add("apigateway.integration_response", integration.integration_responses().map_or(0, |responses| responses.len()));
                }
            }
        }
    }
    for bucket in aws.s3.list_buckets().send().await.unwrap().buckets() {
        let name = bucket.name().unwrap();
        add("s3.bucket", 1);
        add("s3.public_access_block", usize::from(aws.s3.get_public_access_block().bucket(name).send().await.is_ok()));
        add("s3.bucket_policy", usize::from(aws.s3.get_bucket_policy().bucket(name).send().await.is_ok()));
    }
    let controls = aws.cloudfront.list_origin_access_controls().send().await.unwrap();
    let controls = controls.origin_access_control_list().map_or(0, |list| list.items().len());
    add("cloudfront.origin_access_control", controls);
    let policies = aws.cloudfront.list_response_headers_policies().r#type("custom".into()).send().await.unwrap();
    let policies = policies.response_headers_policy_list().map_or(0, |list| list.items().len());
    add("cloudfront.response_headers_policy", policies);
    let distributions = aws.cloudfront.list_distributions().send().await.unwrap();
    add("cloudfront.distribution", distributions.distribution_list().map_or(0, |list| list.items().len()));
    found
}
