//! The quotas that a stack of this kind meets, as far as they can be read without another service.

use crate::{
    aws::{Aws, not_aws},
    engine::Result,
};

/// How much of a quota is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub most: u64,
    /// Whether AWS says so of this very account; otherwise it is what accounts begin with, and this one may have more.
    pub told: bool,
}

impl Quota {
    /// Whether nothing more fits, for sure.
    pub fn is_full(&self) -> bool {
        self.told && self.used >= self.most
    }

    /// Whether four fifths are used, and it is time to have it raised.
    pub fn is_near(&self) -> bool {
        self.used.saturating_mul(5) >= self.most.saturating_mul(4)
    }
}

/// "Quotas in Amazon DynamoDB": tables per account and region, initially.
const TABLES: u64 = 2_500;
/// "Amazon API Gateway quotas": regional APIs per account and region.
const REST_APIS: u64 = 600;
/// "CloudWatch service quotas": metric alarms per account and region, initially.
const ALARMS: u64 = 5_000;
/// "Quotas" in the CloudFront developer guide: distributions, and origin access controls, per account, initially.
const DISTRIBUTIONS: u64 = 500;
const ORIGIN_ACCESS_CONTROLS: u64 = 100;
/// A gigabyte, as Lambda counts the zips it keeps.
const GIGABYTE: u64 = 1 << 30;

/// Each quota with what it was found to be, or why it could not be read. Those that AWS tells are its own numbers, the others are the initial
/// ones: an account may have more.
pub async fn quotas(aws: &Aws) -> Vec<(&'static str, Result<Quota>)> {
    let all = async {
        futures::join!(tables(aws), rest_apis(aws), alarms(aws), distributions(aws), origin_access_controls(aws), roles(aws), code(aws))
    };
    let (tables, apis, alarms, distributions, controls, roles, code) = Box::pin(all).await;
    let count = |what: &'static str, used: Result<u64>, most: u64| (what, used.map(|used| Quota { used, most, told: false }));
    vec![
        ("IAM roles", roles),
        ("GB of code in Lambda", code),
        count("tables", tables, TABLES),
        count("REST APIs", apis, REST_APIS),
        count("alarms", alarms, ALARMS),
        count("distributions", distributions, DISTRIBUTIONS),
        count("origin access controls", controls, ORIGIN_ACCESS_CONTROLS),
    ]
}

/// The role with which API Gateway writes logs, if the account has one.
pub async fn logging_role(aws: &Aws) -> Result<Option<String>> {
    let account = aws.read("apigateway:GetAccount", || aws.apigateway.get_account().send()).await?;
    Ok(account.cloudwatch_role_arn.filter(|arn| !arn.is_empty()))
}

async fn roles(aws: &Aws) -> Result<Quota> {
    let answer = aws.read("iam:GetAccountSummary", || aws.iam.get_account_summary().send()).await?;
    let of = |name: &str| {
        let found = answer.summary_map().and_then(|map| map.iter().find(|(key, _)| key.as_str() == name));
        found.and_then(|(_, number)| u64::try_from(*number).ok())
    };
    let told = of("Roles").zip(of("RolesQuota"));
    told.map(|(used, most)| Quota { used, most, told: true }).ok_or_else(|| not_aws("iam:GetAccountSummary"))
}

/// The zips that Lambda keeps, in GB.
async fn code(aws: &Aws) -> Result<Quota> {
    let answer = aws.read("lambda:GetAccountSettings", || aws.lambda.get_account_settings().send()).await?;
    let (Some(limit), Some(usage)) = (answer.account_limit(), answer.account_usage()) else {
        return Err(not_aws("lambda:GetAccountSettings"));
    };
    let gigabytes = |bytes: i64| u64::try_from(bytes).unwrap_or_default().div_ceil(GIGABYTE);
    Ok(Quota { used: gigabytes(usage.total_code_size()), most: gigabytes(limit.total_code_size()), told: true })
}

/// Counts over all pages. `page` takes the continuation of the page before, and answers with a count and the next one.
async fn count(page: impl AsyncFn(Option<String>) -> Result<(usize, Option<String>)>) -> Result<u64> {
    let (mut total, mut next) = (0, None);
    loop {
        let (found, more) = page(next).await?;
        total += u64::try_from(found).unwrap_or_default();
        next = more.filter(|next| !next.is_empty());
        if next.is_none() {
            return Ok(total);
        }
    }
}

async fn tables(aws: &Aws) -> Result<u64> {
    count(async |next| {
        let send = || aws.dynamodb.list_tables().set_exclusive_start_table_name(next.clone()).send();
        let answer = aws.read("dynamodb:ListTables", send).await?;
        Ok((answer.table_names().len(), answer.last_evaluated_table_name))
    })
    .await
}

async fn rest_apis(aws: &Aws) -> Result<u64> {
    count(async |next| {
        // The largest page ("Amazon API Gateway API reference").
        let send = || aws.apigateway.get_rest_apis().limit(500).set_position(next.clone()).send();
        let answer = aws.read("apigateway:GetRestApis", send).await?;
        Ok((answer.items().len(), answer.position))
    })
    .await
}

async fn alarms(aws: &Aws) -> Result<u64> {
    count(async |next| {
        let send = || aws.cloudwatch.describe_alarms().max_records(100).set_next_token(next.clone()).send();
        let answer = aws.read("cloudwatch:DescribeAlarms", send).await?;
        Ok((answer.metric_alarms().len(), answer.next_token))
    })
    .await
}

async fn distributions(aws: &Aws) -> Result<u64> {
    count(async |next| {
        let send = || aws.cloudfront.list_distributions().set_marker(next.clone()).send();
        let answer = aws.read("cloudfront:ListDistributions", send).await?;
        let list = answer.distribution_list.ok_or_else(|| not_aws("cloudfront:ListDistributions"))?;
        Ok((list.items().len(), list.next_marker))
    })
    .await
}

async fn origin_access_controls(aws: &Aws) -> Result<u64> {
    count(async |next| {
        let send = || aws.cloudfront.list_origin_access_controls().set_marker(next.clone()).send();
        let answer = aws.read("cloudfront:ListOriginAccessControls", send).await?;
        let list = answer.origin_access_control_list.ok_or_else(|| not_aws("cloudfront:ListOriginAccessControls"))?;
        Ok((list.items().len(), list.next_marker))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::{Quota, count};

    #[test]
    fn a_quota_is_near_from_four_fifths_on() {
        let quota = |used| Quota { used, most: 100, told: true };
        assert_eq!(
            [79, 80, 99, 100].map(|used| (quota(used).is_near(), quota(used).is_full())),
            [(false, false), (true, false), (true, false), (true, true)]
        );
    }

    #[tokio::test]
    async fn all_pages_count() {
        let page = async |next: Option<String>| {
            let number: usize = next.map_or(0, |next| next.parse().unwrap());
            // The last page says so with nothing, or with an empty text.
            Ok((100 - number, if number < 3 { Some((number + 1).to_string()) } else { Some(String::new()) }))
        };
        assert_eq!(count(page).await.unwrap(), 100 + 99 + 98 + 97);
    }
}
