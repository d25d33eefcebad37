//! Raw events, stored for a day, from which the counters can be recomputed.

use super::{Store, StoreError, number, read_text, text};
use crate::batch::Event;
use crate::charge;
use crate::device::device_class;
use crate::digest;
use crate::time::{DAY, Millis, SECOND};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use std::collections::HashMap;
use tokio::task::JoinSet;

/// Maximum number of concurrent writes for one batch.
const IN_FLIGHT: usize = 16;
/// Milliseconds by which an event moves in the first, second and every later attempt to find a free place. Growing windows keep
/// two events beside each other, and keep a hundred of one moment from trying a hundred places each.
const WINDOWS: [i64; 3] = [8, 64, 1_000];
/// Maximum number of places to try; a session that has filled so many around one moment is no visitor.
const MOST_PLACES: usize = 64;

/// Common values of all events of a delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Site of the events.
    pub site: String,
    /// Server's time.
    pub now: Millis,
    /// Time by which the client's clock is behind.
    pub skew: Option<Millis>,
    /// Country code of two letters, if CloudFront sent it.
    pub country: Option<String>,
    /// Number by which sessions remember the batch.
    pub batch: i64,
    /// Today's identities of the visitors, by session.
    pub visitors: HashMap<String, String>,
}

impl Store {
    /// Stores every event once, regardless of the number of deliveries.
    ///
    /// The sort key is the event's millisecond. If another event of the session has it, the event moves to one shortly after,
    /// in an order of places that its identifier determines. No place is freed before it expires, so a repeated event meets
    /// itself before it meets a free place.
    ///
    /// Returns the write units of occupied places: a refused write is billed by the size of the item that it met, which is
    /// assumed to be that of the event.
    pub async fn keep_events(&self, events: &[Event], delivery: &Delivery) -> Result<i64, StoreError> {
        let mut tasks = JoinSet::new();
        let mut waiting = spread(events).into_iter();
        let mut units = 0;
        loop {
            while tasks.len() < IN_FLIGHT {
                let Some(event) = waiting.next() else { break };
                let (store, delivery) = (self.clone(), delivery.clone());
                tasks.spawn(async move { store.keep_event(&event, &delivery).await });
            }
            match tasks.join_next().await {
                Some(Ok(result)) => units += result?,
                Some(Err(failure)) => std::panic::resume_unwind(failure.into_panic()),
                None => return Ok(units),
            }
        }
    }

    async fn keep_event(&self, event: &Event, delivery: &Delivery) -> Result<i64, StoreError> {
        let mut item = item_of(event, delivery);
        let mut units = 0;
        for place in places(event).take(MOST_PLACES) {
            item.insert("timestamp".to_owned(), number(place));
            let result = self
                .client
                .put_item()
                .table_name(&*self.events_table)
                .set_item(Some(item.clone()))
                // A stored event stays unchanged: a recount counts it by its first arrival.
                .condition_expression("attribute_not_exists(session_id)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            match result {
                Ok(_) => return Ok(units),
                Err(error) => match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(failure)) => {
                        let kept = failure.item.as_ref().and_then(|item| read_text(item, "event_id"));
                        if kept == Some(event.event_id.as_str()) {
                            return Ok(units);
                        }
                        units += charge::event_units(event) / 2;
                    }
                    _ => return Err(StoreError::new("PutItem", &error)),
                },
            }
        }
        Err(StoreError::SessionFull)
    }
}

/// Returns the milliseconds at which an event may be stored, in the order of attempts: equal for every delivery.
fn places(event: &Event) -> impl Iterator<Item = Millis> {
    (0_usize..).map(|attempt| {
        let Some(before) = attempt.checked_sub(1) else { return event.timestamp };
        let window = WINDOWS[before.min(WINDOWS.len() - 1)];
        event.timestamp + 1 + digest::number(&["place", &event.event_id, &attempt.to_string()]) % window
    })
}

/// Moves events of one session and millisecond apart, so that they do not race each other for the same place.
fn spread(events: &[Event]) -> Vec<Event> {
    let mut ordered = events.to_vec();
    // The sort is stable: events of one millisecond keep the order in which they were sent.
    ordered.sort_by_key(|event| event.timestamp);
    let mut latest: HashMap<String, Millis> = HashMap::new();
    for event in &mut ordered {
        let last = latest.entry(event.session_id.clone()).or_insert(Millis::MIN);
        event.timestamp = event.timestamp.max(last.saturating_add(1));
        *last = event.timestamp;
    }
    ordered
}

fn item_of(event: &Event, delivery: &Delivery) -> HashMap<String, AttributeValue> {
    let mut item = HashMap::from([
        ("session_id".to_owned(), text(&event.session_id)),
        ("event_id".to_owned(), text(&event.event_id)),
        ("event_type".to_owned(), text(&event.event_type)),
        ("page_url".to_owned(), text(&event.page.address)),
        ("path".to_owned(), text(&event.page.path)),
        ("site".to_owned(), text(&delivery.site)),
        ("device".to_owned(), text(device_class(&event.user_agent))),
        ("received".to_owned(), number(delivery.now)),
        ("batch".to_owned(), number(delivery.batch)),
        ("ttl".to_owned(), number((delivery.now + DAY) / SECOND)),
    ]);
    let mut optional = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    optional("user_agent", (!event.user_agent.is_empty()).then(|| text(&event.user_agent)));
    optional("referrer", event.referrer.as_ref().map(|referrer| text(&referrer.address)));
    optional("props", event.props.as_ref().map(text));
    optional("country", delivery.country.as_ref().map(text));
    optional("visitor", delivery.visitors.get(&event.session_id).map(text));
    optional("skew", delivery.skew.map(number));
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Page;
    use proptest::prelude::*;

    fn event(session: usize, timestamp: Millis, index: usize) -> Event {
        Event {
            session_id: format!("session-{session:04}"),
            timestamp,
            event_type: "click".to_owned(),
            page: Page::parse("https://x/").unwrap(),
            user_agent: String::new(),
            referrer: None,
            event_id: index.to_string(),
            props: None,
            engaged: 0,
        }
    }

    proptest! {
        #[test]
        fn spreading_leaves_no_two_in_one_place(times in prop::collection::vec((0_usize..3, 0_i64..20), 0..60)) {
            let events: Vec<Event> = times.iter().enumerate().map(|(index, (session, time))| event(*session, *time, index)).collect();
            let spread = spread(&events);
            let places: std::collections::HashSet<_> = spread.iter().map(|event| (&event.session_id, event.timestamp)).collect();
            prop_assert_eq!(places.len(), events.len());
            for moved in &spread {
                let original = &events[moved.event_id.parse::<usize>().unwrap()];
                prop_assert!((original.timestamp..original.timestamp + 60).contains(&moved.timestamp));
            }
        }
    }

    #[test]
    fn places_are_near_few_and_always_the_same() {
        let mut taken = std::collections::HashSet::new();
        let (mut tried, mut farthest) = (0, 0);
        for index in 0..100 {
            let event = event(1, 1_000, index);
            assert!(places(&event).take(MOST_PLACES).eq(places(&event).take(MOST_PLACES)));
            let place = places(&event).inspect(|_| tried += 1).find(|place| taken.insert(*place)).unwrap();
            farthest = farthest.max(place - 1_000);
        }
        // One after the other it would have been 5,050.
        assert!(tried < 400 && farthest <= 1_000, "{tried} places tried, {farthest} ms away");
    }

    #[test]
    fn an_event_of_a_rollup_like_type_is_an_event() {
        let delivery = Delivery { site: "default".to_owned(), now: 10, skew: None, country: None, batch: 1, visitors: HashMap::new() };
        let item = item_of(&event(1, 5, 0), &delivery);
        assert_eq!(super::super::read_text(&item, "session_id"), Some("session-0001"));
        assert!(!item.contains_key("user_agent"), "an empty text is left out");
    }
}
