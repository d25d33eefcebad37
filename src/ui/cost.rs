//! Costs of a stack, as text and as JSON.

use super::{
    fit::{Columns, width},
    style::{FAINT, STRONG, paint},
};
use crate::cost::{Basis, Bill, Difference, Estimate, LEAST_HOURS, LOOKED_UP, Line, REGION, Report};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::json;

/// Formats the line `estimated cost: $0.79 a month at 100,000 events (+$0.10 for 1 alarm)`.
pub fn line(estimate: &Estimate) -> String {
    let delta = match (&estimate.differences[..], estimate.is_new) {
        ([], _) => String::new(),
        (_, true) => " (nothing of it exists yet)".to_owned(),
        (differences, false) => {
            let words: Vec<String> = differences.iter().flat_map(words).collect();
            format!(" ({} for {})", signed(estimate.delta()), words.join(", "))
        }
    };
    let prices = if estimate.elsewhere.is_some() { format!(", at the prices of {REGION}") } else { String::new() };
    format!("estimated cost: {} a month at {} events{delta}{prices}", dollars(estimate.after.total()), grouped(estimate.events))
}

/// Formats a table of billed items, the sum, and the basis of the computation.
pub(super) fn text(report: &Report, columns: Columns) -> String {
    let Report { bill, basis, elsewhere, lacks_distribution } = report;
    let heading = match basis {
        Basis::Assumed { events, .. } => format!("estimated cost of a month at {} events", grouped(*events)),
        Basis::Measured { days } => format!("estimated cost of a month, from {} of the stack's own metrics", span(*days)),
    };
    let mut lines = vec![paint(STRONG, columns.wrap(&heading, 0, 2))];
    lines.extend(table(bill, columns));
    let mut notes = Vec::new();
    if let Basis::Assumed { hours: Some(hours), .. } = basis {
        let least = LEAST_HOURS;
        notes.push(match *hours {
            0.0 => "CloudWatch has no metrics of this stack yet, so a traffic is assumed".to_owned(),
            hours => format!("CloudWatch has metrics of {hours:.0} hours, and it takes {least} to say more, so a traffic is assumed"),
        });
    }
    if *lacks_distribution {
        notes.push(format!("without CloudFront, whose metrics are in {REGION}: 10 million requests and 1 TB a month are free"));
    }
    let prices =
        format!("list prices of {REGION}, looked up on {LOOKED_UP}, without taxes, as if nothing else in the account took what is free");
    notes.push(match elsewhere {
        Some(region) => format!("{prices}; those of {region} differ"),
        None => prices,
    });
    lines.extend(notes.iter().map(|note| columns.wrap(note, 0, 2)));
    lines.join("\n")
}

/// Formats a line for each billed item and one for the sum. The source of an amount is below it where it does not fit beside
/// it. Lines that do not fit even so are plain lines, not a table.
fn table(bill: &Bill, columns: Columns) -> Vec<String> {
    let rows: Vec<[String; 6]> = bill.lines.iter().map(row).collect();
    let total = ["total".to_owned(), String::new(), String::new(), String::new(), dollars(bill.total()), String::new()];
    let all: Vec<&[String; 6]> = rows.iter().chain([&total]).collect();
    let longest = |column: usize| all.iter().map(|row| width(&row[column])).max().unwrap_or_default();
    let (service, unit, amount, free, usd) = (longest(0), longest(1), longest(2), longest(3), longest(4));
    let numbers = service + 2 + unit + 2 + amount + 2 + free + 2 + usd;
    let is_whole = columns.hold(numbers + 2 + longest(5));
    let line = |[of, what, number, allowance, cost, from]: &[String; 6]| {
        if !columns.hold(numbers) {
            let amount = [number, what].map(String::as_str).join(" ");
            let below = [amount.trim(), allowance, from].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
            let head = format!("{of:service$}  {cost:>usd$}");
            return if below.is_empty() { head } else { format!("{head}\n    {}", paint(FAINT, columns.wrap(&below, 4, 4))) };
        }
        let line = format!("{of:service$}  {what:unit$}  {number:>amount$}  {allowance:free$}  {cost:>usd$}");
        match from.as_str() {
            "" => line,
            from if is_whole => format!("{line}  {}", paint(FAINT, from)),
            from => format!("{line}\n    {}", paint(FAINT, columns.wrap(from, 4, 4))),
        }
    };
    all.into_iter().map(line).collect()
}

fn row(line: &Line) -> [String; 6] {
    let price = line.price();
    let free = match line.free {
        free if free <= 0.0 => String::new(),
        free if free >= line.amount => "free".to_owned(),
        free => format!("{} free", quantity(free)),
    };
    [price.service.to_owned(), price.unit.to_owned(), quantity(line.amount), free, dollars(line.usd), line.from.clone()]
}

/// Formats a difference: `2 alarms`, `1 alarm less`, `1 function changed`.
fn words(difference: &Difference) -> Vec<String> {
    let Difference { noun, added, removed, changed } = difference;
    let parts = [(added, ""), (removed, " less"), (changed, " changed")];
    let word = |(count, how): (&usize, &str)| format!("{count} {noun}{}{how}", if *count == 1 { "" } else { "s" });
    parts.into_iter().filter(|(count, _)| **count > 0).map(word).collect()
}

/// Formats a duration: `12 days`, `7 hours`.
fn span(days: f64) -> String {
    if days < 2.0 { format!("{:.0} hours", days * 24.0) } else { format!("{days:.0} days") }
}

/// Formats an amount such as `$1,234.56`. A positive amount below half a cent is displayed as such.
fn dollars(usd: f64) -> String {
    let cents = (usd.max(0.0) * 100.0).round();
    if cents < 1.0 && usd > 0.0 { "<$0.01".to_owned() } else { format!("${}", decimals(cents / 100.0, 2)) }
}

/// Formats a signed amount: `+$0.10`, `-$1.00`, `+$0.00`.
fn signed(usd: f64) -> String {
    let sign = if (usd * 100.0).round() < 0.0 { '-' } else { '+' };
    format!("{sign}${}", decimals(usd.abs(), 2))
}

/// Formats a number of units: whole from a hundred on, with significant decimals below.
fn quantity(amount: f64) -> String {
    match amount {
        amount if amount >= 100.0 => decimals(amount, 0),
        amount if amount < 0.005 => "<0.01".to_owned(),
        amount => decimals(amount, 2).trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

fn decimals(number: f64, count: usize) -> String {
    let text = format!("{number:.count$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", grouped_digits(whole))
}

/// Groups digits, such as `100,000`.
fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

fn grouped_digits(digits: &str) -> String {
    let separator = |index: usize| index > 0 && (digits.len() - index).is_multiple_of(3);
    digits.char_indices().flat_map(|(index, digit)| separator(index).then_some(',').into_iter().chain([digit])).collect()
}

/// Rounds to a hundredth of a cent; never -0.
fn rounded(usd: f64) -> f64 {
    (usd * 1e4).round() / 1e4 + 0.0
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Estimate", 6)?;
        document.serialize_field("currency", "USD")?;
        document.serialize_field("month", &rounded(self.after.total()))?;
        document.serialize_field("before", &rounded(self.before.total()))?;
        document.serialize_field("delta", &rounded(self.delta()))?;
        document.serialize_field("events", &self.events)?;
        document.serialize_field("prices", &json!({ "region": REGION, "looked_up": LOOKED_UP }))?;
        document.end()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let item = |line: &Line| {
            let price = line.price();
            json!({
                "service": price.service, "unit": price.unit, "amount": line.amount, "free": line.free,
                "cost": rounded(line.usd), "from": line.from,
            })
        };
        let basis = match self.basis {
            Basis::Assumed { events, .. } => json!({ "kind": "assumption", "events": events }),
            Basis::Measured { days } => json!({ "kind": "metrics", "days": (days * 100.0).round() / 100.0 }),
        };
        let mut document = serializer.serialize_struct("Report", 5)?;
        document.serialize_field("currency", "USD")?;
        document.serialize_field("month", &rounded(self.bill.total()))?;
        document.serialize_field("basis", &basis)?;
        document.serialize_field("items", &self.bill.lines.iter().map(item).collect::<Vec<_>>())?;
        document.serialize_field("prices", &json!({ "region": REGION, "looked_up": LOOKED_UP }))?;
        document.end()
    }
}

#[cfg(test)]
mod tests {
    use super::{Columns, dollars, line, quantity, signed, span, text};
    use crate::cost::{Basis, Bill, Difference, Estimate, Item, Report, Usage};

    fn bill(items: &[(Item, f64)]) -> Bill {
        let mut usage = Usage::default();
        for (item, amount) in items {
            usage.add(*item, *amount, "a test");
        }
        Bill::of(&usage)
    }

    fn estimate(before: f64, after: f64, differences: Vec<Difference>) -> Estimate {
        let alarms = |count: f64| bill(&[(Item::Alarms, count)]);
        let (after, before) = (alarms(after), alarms(before));
        Estimate { after, before, differences, is_new: false, events: 100_000, elsewhere: None }
    }

    fn difference(noun: &'static str, added: usize, removed: usize, changed: usize) -> Difference {
        Difference { noun, added, removed, changed }
    }

    #[test]
    fn a_plan_says_in_one_line_what_it_costs_and_what_is_new() {
        assert_eq!(line(&estimate(12.0, 12.0, vec![])), "estimated cost: $0.20 a month at 100,000 events");
        let one = estimate(12.0, 13.0, vec![difference("alarm", 1, 0, 0)]);
        assert_eq!(line(&one), "estimated cost: $0.30 a month at 100,000 events (+$0.10 for 1 alarm)");
        let less = estimate(14.0, 11.0, vec![difference("alarm", 0, 3, 0), difference("function", 0, 0, 1)]);
        assert_eq!(line(&less), "estimated cost: $0.10 a month at 100,000 events (-$0.30 for 3 alarms less, 1 function changed)");
        let free = estimate(1.0, 2.0, vec![difference("alarm", 1, 0, 0)]);
        assert_eq!(line(&free), "estimated cost: $0.00 a month at 100,000 events (+$0.00 for 1 alarm)");
        let new = Estimate { is_new: true, elsewhere: Some("eu-west-1".to_owned()), ..one };
        assert_eq!(line(&new), "estimated cost: $0.30 a month at 100,000 events (nothing of it exists yet), at the prices of us-east-1");
    }

    #[test]
    fn a_report_says_what_each_number_comes_from() {
        let bill = bill(&[(Item::TableWrites, 396_000.0), (Item::Alarms, 8.0), (Item::LogsIngested, 6.5)]);
        let report =
            Report { bill, basis: Basis::Assumed { events: 100_000, hours: Some(2.0) }, lacks_distribution: false, elsewhere: None };
        let text = anstream::adapter::strip_str(&text(&report, Columns::UNLIMITED)).to_string();
        let expected = "\
estimated cost of a month at 100,000 events
DynamoDB    write request units  396,000          $0.25  a test
CloudWatch  alarms                     8  free    $0.00  a test
CloudWatch  GB logged                6.5  5 free  $0.75  a test
total                                             $1.00
CloudWatch has metrics of 2 hours, and it takes 6 to say more, so a traffic is assumed
list prices of us-east-1, looked up on 2026-11-24, without taxes, as if nothing else in the account took what is free";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_has_what_the_text_has() {
        let bill = bill(&[(Item::Alarms, 13.0)]);
        let basis = Basis::Measured { days: 12.345 };
        let report = Report { bill, basis, lacks_distribution: true, elsewhere: Some("eu-west-1".to_owned()) };
        let document = serde_json::to_value(&report).unwrap();
        assert_eq!(document["basis"], serde_json::json!({ "kind": "metrics", "days": 12.35 }));
        assert_eq!(document["items"][0]["free"], 10.0);
        assert_eq!((&document["items"][0]["cost"], &document["month"]), (&0.3.into(), &0.3.into()));
        assert!(
            text(&report, Columns::UNLIMITED).contains("without CloudFront")
                && text(&report, Columns::UNLIMITED).contains("those of eu-west-1 differ")
        );
        let plan = serde_json::to_value(estimate(12.0, 13.0, vec![])).unwrap();
        assert_eq!((&plan["month"], &plan["before"], &plan["delta"]), (&0.3.into(), &0.2.into(), &0.1.into()));
    }

    #[test]
    fn numbers() {
        let shown = [0.0, 0.004, 0.006, 0.1, 1_234.5, 1e6].map(dollars);
        assert_eq!(shown, ["$0.00", "<$0.01", "$0.01", "$0.10", "$1,234.50", "$1,000,000.00"]);
        assert_eq!([0.1, -0.1, 0.0, -0.001, 1_000.0].map(signed), ["+$0.10", "-$0.10", "+$0.00", "+$0.00", "+$1,000.00"]);
        assert_eq!([0.001, 0.5, 7.0, 7.25, 99.0, 123_456.7].map(quantity), ["<0.01", "0.5", "7", "7.25", "99", "123,457"]);
        assert_eq!([0.3, 1.9, 2.0, 30.0].map(span), ["7 hours", "46 hours", "2 days", "30 days"]);
    }
}
