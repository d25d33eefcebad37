//! Where AWS's console shows a resource.
//!
//! Its addresses are no contract of AWS's: they are what the console itself shows in 2026, and a page that has moved is one click from there.

use crate::{
    aws::Place,
    engine::Id,
    stack::{API_LOG_GROUP, Names},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The ids of what AWS chooses the ids of, as far as it exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// The REST API's.
    pub api: Option<String>,
    /// The distribution's.
    pub distribution: Option<String>,
}

/// The page of a resource, or of the one that it is a part of; `None` if its id is not known. `name` is its physical name.
pub fn url(id: &Id, name: &str, ids: &Ids, place: &Place, names: &Names) -> Option<String> {
    let region = &place.region;
    let regional = |service: &str, page: &str| format!("{}/{service}/home?region={region}#{page}", host(place, region));
    let global = |service: &str, page: &str| format!("{}/{service}/home#{page}", host(place, &place.global_region));
    let bucket = |tab: &str| format!("{}/s3/buckets/{}?region={region}&tab={tab}", host(place, region), names.bucket());
    let api = |page: &str| {
        let api = ids.api.as_ref()?;
        Some(format!("{}/apigateway/main/apis/{api}/{page}?api={api}&region={region}", host(place, region)))
    };
    let function = names.function(id.name());
    Some(match id.kind() {
        "apigateway.deployment" | "apigateway.stage" => api("stages")?,
        kind if kind.starts_with("apigateway.") => api("resources")?,
        "cloudfront.distribution" => global("cloudfront/v4", &format!("/distributions/{}", ids.distribution.as_ref()?)),
        "cloudfront.origin_access_control" => global("cloudfront/v4", "/originAccess"),
        "cloudwatch.alarm" => regional("cloudwatch", &format!("alarmsV2:alarm/{}", encoded(name))),
        "dynamodb.table" => regional("dynamodbv2", &format!("table?name={}&tab=overview", encoded(name))),
        "iam.role" | "iam.role_policy" => global("iam", &format!("/roles/details/{}", encoded(&names.role(id.name())))),
        "lambda.function" => regional("lambda", &format!("/functions/{function}")),
        "lambda.alias" | "lambda.permission" => regional("lambda", &format!("/functions/{function}/aliases/{}", crate::stack::LIVE_ALIAS)),
        // The API's is called by the API's id; in this page, `$25` stands for the percent sign of an encoded character.
        "logs.log_group" => {
            let group = if id.name() == API_LOG_GROUP { names.api_log_group(ids.api.as_ref()?) } else { name.to_owned() };
            regional("cloudwatch", &format!("logsV2:log-groups/log-group/{}", encoded(&group).replace('%', "$25")))
        }
        "s3.bucket" => bucket("objects"),
        kind if kind.starts_with("s3.") => bucket("permissions"),
        _ => return None,
    })
}

fn host(place: &Place, region: &str) -> String {
    match place.partition.as_str() {
        "aws-cn" => format!("https://{region}.console.amazonaws.cn"),
        "aws-us-gov" => format!("https://{region}.console.amazonaws-us-gov.com"),
        _ => format!("https://{region}.console.aws.amazon.com"),
    }
}

/// Characters that are encoded within an address ("RFC 3986", unreserved characters).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Ids, url};
    use crate::{
        aws::Place,
        stack::{Content, Names, Stack, declare},
    };
    use std::{collections::BTreeMap, path::Path};

    /// Every resource of the shipped stack with its page.
    fn pages(partition: &str, region: &str, ids: &Ids) -> BTreeMap<String, Option<String>> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack.yaml");
        let stack = Stack::read(&file, None, Some(region)).unwrap();
        let place = Place::aws(partition, region, "123456789012");
        let names = Names::new(&stack, "123456789012");
        let declaration = declare(&stack, &place, &Content::default());
        let page = |id, name: &String| url(id, name, ids, &place, &names);
        declaration.graph.entries().iter().map(|entry| (entry.id.to_string(), page(&entry.id, &entry.name))).collect()
    }

    fn ids() -> Ids {
        Ids { api: Some("a1b2c3".to_owned()), distribution: Some("E1".to_owned()) }
    }

    #[test]
    fn every_resource_has_a_page() {
        let pages = pages("aws", "eu-west-1", &ids());
        let missing: Vec<&String> = pages.iter().filter(|(_, page)| page.is_none()).map(|(id, _)| id).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let page = |id: &str| pages[id].as_deref().unwrap().replace("https://eu-west-1.console.aws.amazon.com/", "");
        assert_eq!(page("lambda.function/stats-api"), "lambda/home?region=eu-west-1#/functions/liveinsight-stats-api-dev");
        assert_eq!(page("lambda.alias/stats-api"), "lambda/home?region=eu-west-1#/functions/liveinsight-stats-api-dev/aliases/live");
        assert_eq!(page("dynamodb.table/events"), "dynamodbv2/home?region=eu-west-1#table?name=liveinsight-events-dev&tab=overview");
        assert_eq!(page("cloudwatch.alarm/api-5xx"), "cloudwatch/home?region=eu-west-1#alarmsV2:alarm/liveinsight-api-5xx-dev");
        assert_eq!(
            page("logs.log_group/stats-api"),
            "cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fliveinsight-stats-api-dev"
        );
        assert_eq!(
            page("logs.log_group/api"),
            "cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/API-Gateway-Execution-Logs_a1b2c3$252Fdev"
        );
        assert_eq!(page("apigateway.rest_api/api"), "apigateway/main/apis/a1b2c3/resources?api=a1b2c3&region=eu-west-1");
        assert_eq!(page("apigateway.stage/dev"), "apigateway/main/apis/a1b2c3/stages?api=a1b2c3&region=eu-west-1");
        assert!(page("s3.bucket/static").starts_with("s3/buckets/liveinsight-static-dev-"));
        assert!(page("s3.bucket_policy/static").ends_with("?region=eu-west-1&tab=permissions"));
        // Services without regions.
        let global = |id: &str| pages[id].as_deref().unwrap().replace("https://us-east-1.console.aws.amazon.com/", "");
        assert_eq!(global("iam.role/stats-api"), "iam/home#/roles/details/liveinsight-stats-api-dev");
        assert_eq!(global("cloudfront.distribution/static"), "cloudfront/v4/home#/distributions/E1");
    }

    #[test]
    fn what_aws_names_has_no_page_before_it_exists() {
        let pages = pages("aws", "eu-west-1", &Ids::default());
        let missing = pages.iter().filter(|(_, page)| page.is_none());
        let is_named_by_aws =
            |id: &str| id.starts_with("apigateway.") || ["cloudfront.distribution/static", "logs.log_group/api"].contains(&id);
        assert!(missing.clone().count() > 0 && missing.into_iter().all(|(id, _)| is_named_by_aws(id)));
    }

    #[test]
    fn each_partition_has_a_console_of_its_own() {
        let host = |partition: &str, region: &str| {
            let page = pages(partition, region, &ids()).remove("dynamodb.table/events").unwrap().unwrap();
            page.split('/').nth(2).unwrap().to_owned()
        };
        assert_eq!(host("aws", "ap-northeast-2"), "ap-northeast-2.console.aws.amazon.com");
        assert_eq!(host("aws-cn", "cn-north-1"), "cn-north-1.console.amazonaws.cn");
        assert_eq!(host("aws-us-gov", "us-gov-east-1"), "us-gov-east-1.console.amazonaws-us-gov.com");
    }
}
