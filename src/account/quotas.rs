//! The quotas that a stack of this kind meets, as far as they can be read without another service.

use crate::{
    aws::{Aws, not_aws},
    engine::Result,
};

/// Use of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Number in use.
    pub used: u64,
    /// Number allowed.
    pub most: u64,
    /// Set if AWS answered for this very account; otherwise it is the default, and this account may have more.
    pub told: bool,
}

impl Quota {
    /// Returns whether nothing more fits, for sure.
    pub fn is_full(&self) -> bool {
        self.told && self.used >= self.most
    }

    /// Returns whether four fifths are used, and it is time to have the quota raised.
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

/// Length of one page of a list.
fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or_default()
}

async fn tables(aws: &Aws) -> Result<u64> {
    let mut total = 0;
    let send = |last| aws.dynamodb.list_tables().set_exclusive_start_table_name(last).send();
    aws.pages("dynamodb:ListTables", send, |page| {
        total += length(page.table_names());
        Ok(page.last_evaluated_table_name)
    })
    .await?;
    Ok(total)
}

async fn rest_apis(aws: &Aws) -> Result<u64> {
    let mut total = 0;
    // The largest page ("Amazon API Gateway API reference").
    let send = |position| aws.apigateway.get_rest_apis().limit(500).set_position(position).send();
    aws.pages("apigateway:GetRestApis", send, |page| {
        total += length(page.items());
        Ok(page.position)
    })
    .await?;
    Ok(total)
}

async fn alarms(aws: &Aws) -> Result<u64> {
    let mut total = 0;
    let send = |token| aws.cloudwatch.describe_alarms().max_records(100).set_next_token(token).send();
    aws.pages("cloudwatch:DescribeAlarms", send, |page| {
        total += length(page.metric_alarms());
        Ok(page.next_token)
    })
    .await?;
    Ok(total)
}

/// Counts the account's distributions.
pub async fn distributions(aws: &Aws) -> Result<u64> {
    let mut total = 0;
    let send = |marker| aws.cloudfront.list_distributions().set_marker(marker).send();
    aws.pages("cloudfront:ListDistributions", send, |page| {
        let list = page.distribution_list.ok_or_else(|| not_aws("cloudfront:ListDistributions"))?;
        total += length(list.items());
        Ok(list.next_marker.filter(|_| list.is_truncated))
    })
    .await?;
    Ok(total)
}

async fn origin_access_controls(aws: &Aws) -> Result<u64> {
    let mut total = 0;
    let send = |marker| aws.cloudfront.list_origin_access_controls().set_marker(marker).send();
    aws.pages("cloudfront:ListOriginAccessControls", send, |page| {
        let list = page.origin_access_control_list.ok_or_else(|| not_aws("cloudfront:ListOriginAccessControls"))?;
        total += length(list.items());
        Ok(list.next_marker.filter(|_| list.is_truncated))
    })
    .await?;
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::Quota;

    #[test]
    fn a_quota_is_near_from_four_fifths_on() {
        let quota = |used| Quota { used, most: 100, told: true };
        assert_eq!(
            [79, 80, 99, 100].map(|used| (quota(used).is_near(), quota(used).is_full())),
            [(false, false), (true, false), (true, false), (true, true)]
        );
    }
}
