//! Tests that the traffic has the documented shares, times and rates.

use super::{Batch, Body, Plan, Span, plan};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

const PAST: Span = Span::Past { sessions: 2_000, hour: 12 };

fn share(part: usize, whole: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
}

fn good(plan: &Plan) -> Vec<&Batch> {
    plan.batches.iter().filter(|batch| matches!(batch.body, Body::Events(_))).collect()
}

#[test]
fn the_same_seed_gives_the_same_traffic() {
    assert_eq!(plan(42, PAST), plan(42, PAST));
    assert_ne!(plan(42, PAST), plan(43, PAST));
}

#[test]
fn it_has_what_every_site_gets() {
    let plan = plan(42, PAST);
    let good = good(&plan);
    let nonsense = share(plan.batches.len() - good.len(), plan.batches.len());
    assert!((0.001..0.010).contains(&nonsense), "{nonsense}");
    let twice = share(good.iter().filter(|batch| batch.twice).count(), good.len());
    assert!((0.005..0.016).contains(&twice), "{twice}");
    let bots = share(plan.bots, plan.sessions);
    assert!((0.012..0.030).contains(&bots), "{bots}");
    let requests = share(good.len(), plan.sessions);
    assert!((2.0..3.5).contains(&requests), "45 % leave after one page, the others see about four: {requests}");
}

#[test]
fn the_first_page_is_seen_most() {
    let plan = plan(42, PAST);
    let on = |wanted: &str| {
        let events = good(&plan).into_iter().filter_map(|batch| if let Body::Events(events) = &batch.body { Some(events) } else { None });
        events.flatten().filter(|event| event.url.split('?').next() == Some(wanted) && event.kind == "page_view").count()
    };
    let (first, second) = (on("https://shop.example/"), on("https://shop.example/products"));
    // Zipf: the second page has 1/2^1.1 of the first one's views.
    assert!((0.38..0.56).contains(&share(second, first)), "{second} of {first}");
}

#[test]
fn the_past_is_within_what_the_api_takes_and_follows_the_day() {
    let plan = plan(42, PAST);
    assert!(plan.batches.iter().all(|batch| (-23 * 3_600_000..=-1_000).contains(&batch.at)));
    // It is 12 o'clock: seven hours ago it was night, an hour ago it was not.
    let hours_ago = |hours: i64| plan.batches.iter().filter(|batch| batch.at.div_euclid(3_600_000) == -hours).count();
    assert!(hours_ago(9) * 3 < hours_ago(2), "{} {}", hours_ago(9), hours_ago(2));
}

#[test]
fn live_traffic_has_the_wanted_rate_from_the_start() {
    let plan = plan(42, Span::Live { duration: Duration::from_secs(100), rate: 20.0 });
    let within = |from, to| plan.batches.iter().filter(|batch| (from..to).contains(&batch.at)).count();
    for (from, to) in [(0, 50_000), (50_000, 100_000)] {
        let count = within(from, to);
        assert!((800..1_200).contains(&count), "{count}");
    }
    assert_eq!(within(0, 100_000), plan.batches.len());
    assert!(plan.batches.is_sorted_by_key(|batch| batch.at));
}

#[test]
fn texts_are_batches_of_their_own() {
    let plan = plan(1, Span::Past { sessions: 50, hour: 3 });
    let texts: BTreeSet<String> =
        good(&plan).iter().enumerate().map(|(number, batch)| batch.text("r", number, 1_795_384_893_120, 1_795_384_893_120)).collect();
    assert_eq!(texts.len(), good(&plan).len());
    let first: Value = serde_json::from_str(texts.first().unwrap()).unwrap();
    assert!(first["events"][0]["timestamp"].as_i64().unwrap() < first["sent_at"].as_i64().unwrap());
}
