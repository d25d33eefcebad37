//! List prices in us-east-1, in US dollars.
//!
//! They were collected on [`LOOKED_UP`]. AWS's pricing pages load their numbers with scripts, so archived copies were read.
//! Where a copy lacks a number, it is from programs that read AWS's own price list. No price was compared with AWS on that day.
//! - DynamoDB: requests and storage as the price list had them in July 2026 (terrapod, issue 953); recovery as in Infracost's tests.
//! - Lambda, and the free parts of CloudFront and CloudWatch: the pages; Lambda's tiers: a guide of 2024 (cloudchipr.com).
//! - API Gateway: "Best Practices for Designing Amazon API Gateway Private APIs", table 4, and Infracost's tests.
//! - CloudFront: its data from the page, its requests from Infracost's tests, paths from "How AWS Pricing Works".
//! - S3 and alarms: Infracost's tests. Logs: a guide of June 2026 (c3x.dev). Metrics: a guide of February 2026 (signoz.io).
//! - Tables for infrequent access, the last tier of arm64, and the cheaper tiers of S3, metrics and logs: from memory.
//!
//! Only parts that are free for ever are counted as free; an account's first year has more. Other regions are up to a quarter dearer; their
//! prices are not here, and these stand in for them.

/// Date of the prices.
pub const LOOKED_UP: &str = "2026-11-24";
/// Region of the prices.
pub const REGION: &str = "us-east-1";

/// Separately billed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Writes to tables and indexes, per kilobyte.
    TableWrites,
    /// Reads of tables and indexes, per 4 kilobytes.
    TableReads,
    /// Stored content of tables and indexes.
    TableStorage,
    /// Stored content with point-in-time recovery.
    TableRecovery,
    /// Writes to tables for infrequent access.
    InfrequentWrites,
    /// Reads of tables for infrequent access.
    InfrequentReads,
    /// Stored content of tables for infrequent access.
    InfrequentStorage,
    /// Invocations of functions.
    Invocations,
    /// Memory times duration, on Graviton.
    ComputeArm,
    /// Compute on Intel and AMD.
    ComputeX86,
    /// Requests to a REST API.
    ApiRequests,
    /// Requests to a distribution.
    CdnRequests,
    /// Data that a distribution sends to visitors.
    CdnData,
    /// Paths that caches are asked to invalidate.
    Invalidations,
    /// Stored content of a bucket.
    ObjectStorage,
    /// Objects written and lists read.
    ObjectWrites,
    /// Objects read from a bucket.
    ObjectReads,
    /// Alarms on one metric each.
    Alarms,
    /// Metrics per method of an API, each for a month.
    Metrics,
    /// Log data received by CloudWatch.
    LogsIngested,
    /// Log data stored by CloudWatch.
    LogsStored,
}

impl Item {
    /// Returns the item of writes to a table, by its class.
    pub fn writes(infrequent: bool) -> Self {
        if infrequent { Self::InfrequentWrites } else { Self::TableWrites }
    }

    /// Returns the item of reads of a table, by its class.
    pub fn reads(infrequent: bool) -> Self {
        if infrequent { Self::InfrequentReads } else { Self::TableReads }
    }

    /// Returns the item of a table's content, by its class.
    pub fn storage(infrequent: bool) -> Self {
        if infrequent { Self::InfrequentStorage } else { Self::TableStorage }
    }
}

/// Price of an item.
#[derive(Debug)]
pub struct Price {
    /// Item that is billed.
    pub item: Item,
    /// Service name on the bill.
    pub service: &'static str,
    /// Unit, in the plural.
    pub unit: &'static str,
    /// Free amount per month, and the name of the allowance. Items with the same name share it, in the order of the list.
    pub free: (&'static str, f64),
    /// Number of units that a price covers.
    pub per: f64,
    /// Prices by amount, starting with the first unit.
    pub tiers: &'static [Tier],
    /// AWS's page of the price.
    pub page: &'static str,
}

/// Price that applies from an amount on.
#[derive(Debug, Clone, Copy)]
pub struct Tier {
    /// Lower bound in units, beyond the free amount.
    pub from: f64,
    /// US dollars for [`Price::per`] units.
    pub usd: f64,
}

/// Makes a price that is constant for any amount.
macro_rules! flat {
    ($usd:literal) => {
        &[Tier { from: 0.0, usd: $usd }]
    };
}

const MILLION: f64 = 1e6;
const BILLION: f64 = 1e9;
const TB: f64 = 1_024.0;

const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const API_GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/";
const CLOUDFRONT: &str = "https://aws.amazon.com/cloudfront/pricing/pay-as-you-go/";
const S3: &str = "https://aws.amazon.com/s3/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";

/// All prices, in the order of a bill. IAM costs nothing.
pub const PRICES: &[Price] = &[
    price(Item::TableWrites, "DynamoDB", "write request units", ("", 0.0), MILLION, flat!(0.625), DYNAMODB),
    price(Item::TableReads, "DynamoDB", "read request units", ("", 0.0), MILLION, flat!(0.125), DYNAMODB),
    price(Item::TableStorage, "DynamoDB", "GB stored", ("tables", 25.0), 1.0, flat!(0.25), DYNAMODB),
    price(Item::TableRecovery, "DynamoDB", "GB restorable to any second", ("", 0.0), 1.0, flat!(0.20), DYNAMODB),
    price(Item::InfrequentWrites, "DynamoDB", "write request units, infrequent access", ("", 0.0), MILLION, flat!(0.78), DYNAMODB),
    price(Item::InfrequentReads, "DynamoDB", "read request units, infrequent access", ("", 0.0), MILLION, flat!(0.155), DYNAMODB),
    price(Item::InfrequentStorage, "DynamoDB", "GB stored, infrequent access", ("", 0.0), 1.0, flat!(0.10), DYNAMODB),
    price(Item::Invocations, "Lambda", "requests", ("invocations", MILLION), MILLION, flat!(0.20), LAMBDA),
    price(
        Item::ComputeArm,
        "Lambda",
        "GB-seconds, arm64",
        ("compute", 400_000.0),
        1.0,
        &[
            Tier { from: 0.0, usd: 0.000_013_333_4 },
            Tier { from: 7.5 * BILLION, usd: 0.000_012_000_1 },
            Tier { from: 18.75 * BILLION, usd: 0.000_010_666_7 },
        ],
        LAMBDA,
    ),
    price(
        Item::ComputeX86,
        "Lambda",
        "GB-seconds, x86_64",
        ("compute", 400_000.0),
        1.0,
        &[
            Tier { from: 0.0, usd: 0.000_016_666_7 },
            Tier { from: 6.0 * BILLION, usd: 0.000_015 },
            Tier { from: 15.0 * BILLION, usd: 0.000_013_333_4 },
        ],
        LAMBDA,
    ),
    price(
        Item::ApiRequests,
        "API Gateway",
        "REST requests",
        ("", 0.0),
        MILLION,
        &[
            Tier { from: 0.0, usd: 3.50 },
            Tier { from: 333.0 * MILLION, usd: 2.80 },
            Tier { from: BILLION, usd: 2.38 },
            Tier { from: 20.0 * BILLION, usd: 1.51 },
        ],
        API_GATEWAY,
    ),
    // Price for visitors in North America and over HTTPS; elsewhere up to $0.022 for 10,000 requests and $0.12 a GB.
    price(Item::CdnRequests, "CloudFront", "requests", ("cdn requests", 10.0 * MILLION), 10_000.0, flat!(0.01), CLOUDFRONT),
    price(
        Item::CdnData,
        "CloudFront",
        "GB sent to visitors",
        ("cdn data", TB),
        1.0,
        &[
            Tier { from: 0.0, usd: 0.085 },
            Tier { from: 10.0 * TB, usd: 0.080 },
            Tier { from: 50.0 * TB, usd: 0.060 },
            Tier { from: 150.0 * TB, usd: 0.040 },
            Tier { from: 500.0 * TB, usd: 0.030 },
            Tier { from: 1_024.0 * TB, usd: 0.025 },
            Tier { from: 5_120.0 * TB, usd: 0.020 },
        ],
        CLOUDFRONT,
    ),
    price(Item::Invalidations, "CloudFront", "paths invalidated", ("invalidations", 1_000.0), 1.0, flat!(0.005), CLOUDFRONT),
    price(
        Item::ObjectStorage,
        "S3",
        "GB stored",
        ("", 0.0),
        1.0,
        &[Tier { from: 0.0, usd: 0.023 }, Tier { from: 50.0 * TB, usd: 0.022 }, Tier { from: 500.0 * TB, usd: 0.021 }],
        S3,
    ),
    price(Item::ObjectWrites, "S3", "objects written and listed", ("", 0.0), 1_000.0, flat!(0.005), S3),
    price(Item::ObjectReads, "S3", "objects read", ("", 0.0), 1_000.0, flat!(0.0004), S3),
    price(Item::Alarms, "CloudWatch", "alarms", ("alarms", 10.0), 1.0, flat!(0.10), CLOUDWATCH),
    price(
        Item::Metrics,
        "CloudWatch",
        "metrics of API methods",
        ("metrics", 10.0),
        1.0,
        &[
            Tier { from: 0.0, usd: 0.30 },
            Tier { from: 10_000.0, usd: 0.10 },
            Tier { from: 250_000.0, usd: 0.05 },
            Tier { from: MILLION, usd: 0.02 },
        ],
        CLOUDWATCH,
    ),
    price(
        Item::LogsIngested,
        "CloudWatch",
        "GB logged",
        ("logs", 5.0),
        1.0,
        &[
            Tier { from: 0.0, usd: 0.50 },
            Tier { from: 10.0 * TB, usd: 0.25 },
            Tier { from: 30.0 * TB, usd: 0.10 },
            Tier { from: 50.0 * TB, usd: 0.05 },
        ],
        CLOUDWATCH,
    ),
    price(Item::LogsStored, "CloudWatch", "GB of logs kept", ("logs", 5.0), 1.0, flat!(0.03), CLOUDWATCH),
];

const fn price(
    item: Item,
    service: &'static str,
    unit: &'static str,
    free: (&'static str, f64),
    per: f64,
    tiers: &'static [Tier],
    page: &'static str,
) -> Price {
    Price { item, service, unit, free, per, tiers, page }
}

impl Price {
    /// Returns the price of units beyond the free amount, in US dollars.
    pub fn of(&self, units: f64) -> f64 {
        let ends = self.tiers.iter().skip(1).map(|tier| tier.from).chain([f64::INFINITY]);
        self.tiers.iter().zip(ends).map(|(tier, end)| (units.min(end) - tier.from).max(0.0) / self.per * tier.usd).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, PRICES, Price};

    fn price(item: Item) -> &'static Price {
        PRICES.iter().find(|price| price.item == item).unwrap()
    }

    #[test]
    fn every_item_has_one_price_in_the_order_of_the_bill() {
        assert!(PRICES.is_sorted_by_key(|price| price.item));
        assert!(PRICES.windows(2).all(|pair| pair[0].item != pair[1].item));
        assert_eq!(PRICES.len(), Item::LogsStored as usize + 1, "the last item has the highest number");
        for price in PRICES {
            assert!(price.page.starts_with("https://aws.amazon.com/") && price.per > 0.0);
            assert!(price.tiers[0].from.abs() < f64::EPSILON && price.tiers.is_sorted_by_key(|tier| tier.from.to_bits()));
            assert!(price.tiers.windows(2).all(|pair| pair[0].usd > pair[1].usd), "more is cheaper: {price:?}");
        }
    }

    /// Infracost's test of a REST API has these prices: 333, 667, 19,000 and 1,000 millions for $49,763.10.
    #[test]
    fn each_part_of_a_large_amount_has_its_own_price() {
        let parts = [1_165.50, 1_867.60, 45_220.00, 1_510.00];
        assert!((price(Item::ApiRequests).of(21e9) - parts.iter().sum::<f64>()).abs() < 1e-6);
        assert!((price(Item::ApiRequests).of(1e9) - (parts[0] + parts[1])).abs() < 1e-6);
        assert!((price(Item::ApiRequests).of(333e6) - parts[0]).abs() < 1e-6);
        assert!(price(Item::ApiRequests).of(0.0).abs() < f64::EPSILON);
    }
}
