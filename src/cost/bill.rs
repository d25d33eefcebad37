//! Converts amounts to dollars.

use super::{Item, PRICES, Price};
use std::collections::BTreeMap;

/// Usage in a month, in the units of the [prices](super::PRICES), with the source of each number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage(BTreeMap<Item, (f64, Vec<String>)>);

impl Usage {
    /// Adds an amount to an item. `from` describes its computation. Zero changes nothing.
    pub fn add(&mut self, item: Item, amount: f64, from: impl Into<String>) {
        if amount <= 0.0 {
            return;
        }
        let (sum, sources) = self.0.entry(item).or_default();
        *sum += amount;
        let from = from.into();
        if !sources.contains(&from) {
            sources.push(from);
        }
    }

    /// Returns the used amount of an item.
    pub fn amount(&self, item: Item) -> f64 {
        self.0.get(&item).map_or(0.0, |(amount, _)| *amount)
    }
}

/// Bill for a month.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// Lines for every used item, in the order of the prices.
    pub lines: Vec<Line>,
}

/// Line of a bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Item of the price list.
    pub item: Item,
    /// Amount, in the price's units.
    pub amount: f64,
    /// Free part of the amount.
    pub free: f64,
    /// Price in US dollars.
    pub usd: f64,
    /// Source of the amount.
    pub from: String,
}

impl Line {
    /// Returns the price of the line's item.
    ///
    /// # Panics
    /// Never: every item has a price.
    pub fn price(&self) -> &'static Price {
        PRICES.iter().find(|price| price.item == self.item).expect("every item has a price")
    }
}

impl Bill {
    /// Computes the bill for a month's usage, as if nothing else in the account used the free amounts.
    pub fn of(usage: &Usage) -> Self {
        let mut allowances: BTreeMap<&str, f64> = BTreeMap::new();
        let mut lines = Vec::new();
        for price in PRICES {
            let Some((amount, sources)) = usage.0.get(&price.item) else { continue };
            let (whose, allowance) = price.free;
            let left = allowances.entry(whose).or_insert(allowance);
            let free = amount.min(*left);
            *left -= free;
            lines.push(Line { item: price.item, amount: *amount, free, usd: price.of(amount - free), from: sources.join("; ") });
        }
        Self { lines }
    }

    /// Returns the total in US dollars.
    pub fn total(&self) -> f64 {
        // The sum of an empty iterator is -0.0.
        self.lines.iter().map(|line| line.usd).fold(0.0, |sum, usd| sum + usd)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bill, Usage};
    use crate::cost::Item;

    fn bill(usage: &[(Item, f64)]) -> Bill {
        let mut sum = Usage::default();
        for (item, amount) in usage {
            sum.add(*item, *amount, "a test");
        }
        Bill::of(&sum)
    }

    fn cents(usd: f64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a bill of a test is small")]
        let cents = (usd * 100.0).round() as i64;
        cents
    }

    /// Example on AWS's page of Lambda's prices: 3 million requests of 120 ms with 1,536 MB are 540,000 GB-s, 140,000 of them
    /// billed: $2.33, and $0.40 for 2 million requests.
    #[test]
    fn lambda_as_on_its_page() {
        let bill = bill(&[(Item::Invocations, 3e6), (Item::ComputeX86, 3e6 * 0.120 * 1_536.0 / 1_024.0)]);
        assert_eq!(bill.lines.iter().map(|line| cents(line.usd)).collect::<Vec<_>>(), [40, 233]);
        assert_eq!(cents(bill.total()), 273);
    }

    /// Example on an older copy of that page: 3 million requests of 1 s with 512 MB are 1,500,000 GB-s, 1,100,000 of them
    /// billed. Its result is $18.34, because it rounds the price to $0.00001667 first.
    #[test]
    fn lambda_as_on_its_page_before() {
        let bill = bill(&[(Item::Invocations, 3e6), (Item::ComputeX86, 1.5e6)]);
        assert_eq!(cents(bill.total()), 1_833 + 40);
    }

    /// CloudFront's developer guide, "Pay for file invalidation": 800 of 1,800 paths are charged.
    #[test]
    fn invalidations_as_in_the_guide() {
        let bill = bill(&[(Item::Invalidations, 1_800.0)]);
        assert_eq!(cents(bill.total()), 400);
        assert!((bill.lines[0].free - 1_000.0).abs() < f64::EPSILON);
    }

    /// Check by terrapod against AWS's price list: 80 million reads and 16 million writes are $10 each; 55 of 80 GB are not
    /// free.
    #[test]
    fn dynamodb_as_in_the_price_list() {
        let bill = bill(&[(Item::TableReads, 80e6), (Item::TableWrites, 16e6), (Item::TableStorage, 80.0)]);
        assert_eq!(bill.lines.iter().map(|line| cents(line.usd)).collect::<Vec<_>>(), [1_000, 1_000, 1_375]);
    }

    #[test]
    fn an_allowance_is_used_up_once() {
        let both = bill(&[(Item::ComputeArm, 300_000.0), (Item::ComputeX86, 300_000.0)]);
        assert_eq!(both.lines.iter().map(|line| cents(line.free)).collect::<Vec<_>>(), [30_000_000, 10_000_000]);
        assert_eq!(cents(both.total()), 333, "200,000 GB-s on x86_64");
        let logs = bill(&[(Item::LogsIngested, 4.0), (Item::LogsStored, 11.0)]);
        assert_eq!(cents(logs.total()), 30, "10 GB kept");
    }

    #[test]
    fn what_is_not_used_is_not_on_the_bill() {
        let bill = bill(&[(Item::Alarms, 0.0), (Item::ApiRequests, 1.0), (Item::Metrics, -1.0)]);
        assert_eq!(bill.lines.iter().map(|line| line.item).collect::<Vec<_>>(), [Item::ApiRequests]);
        assert!(Bill::of(&Usage::default()).total().abs() < f64::EPSILON);
    }

    #[test]
    fn sources_are_named_once() {
        let mut usage = Usage::default();
        for from in ["AWS/Lambda Invocations", "AWS/Lambda Invocations", "an assumption"] {
            usage.add(Item::Invocations, 1.0, from);
        }
        assert!((usage.amount(Item::Invocations) - 3.0).abs() < f64::EPSILON);
        assert_eq!(Bill::of(&usage).lines[0].from, "AWS/Lambda Invocations; an assumption");
    }
}
