//! Takes a batch: what is written, and in which order.
//!
//! 1. The events themselves. Writing them again changes nothing.
//! 2. The gate: one conditional update per session that lets each batch through once.
//! 3. The counters, added to once.
//!
//! A failure before the gate is answered with an error, and the client sends the batch again. After the gate a repetition
//! would be a duplicate, so a counter that fails is reported, not retried: counts can be too low after a crash, never too high.

use crate::batch::{Batch, Event};
use crate::device::device_class;
use crate::digest;
use crate::page::referrer_source;
use crate::rollup::{self, Touch};
use crate::store::events::Delivery;
use crate::store::sessions::Gate;
use crate::store::{Store, StoreError};
use crate::time::{DAY, Millis};
use crate::wire::Received;
use std::collections::BTreeMap;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The answer.
    pub received: Received,
    /// Counters that could not be increased.
    pub lost_increments: usize,
}

/// Takes a batch that arrived at `now` from `country`.
///
/// # Errors
/// If nothing was counted, or not all of it: the client may send the same batch again, which counts what is missing.
pub async fn take(store: &Store, batch: Batch, country: Option<String>, now: Millis) -> Result<Taken, StoreError> {
    let delivery = Delivery { site: batch.site.clone(), now, skew: batch.skew, country };
    store.keep_events(&batch.events, &delivery).await?;

    let mut taken = Taken {
        received: Received {
            processed_events: batch.events.len(),
            rejected: batch.rejected.clone(),
            duplicate: true,
            session_updated: false,
            new_session: false,
        },
        lost_increments: 0,
    };
    // A batch is nearly always of one session. With several, each has its own gate, so a repetition finishes the rest.
    for events in by_session(&batch.events) {
        let touch = touch_of(&events, &delivery);
        let number = digest::number(&["seen", &batch.site, &batch.identifier]);
        if let Gate::Passed(before, touch) = store.pass_gate(number, touch).await? {
            taken.received.duplicate = false;
            taken.received.session_updated = true;
            taken.received.new_session |= before.is_none();
            taken.lost_increments += store.count(rollup::increments(before.as_ref(), &touch)).await;
        }
    }
    Ok(taken)
}

/// Events by session, each in the order of their time.
fn by_session(events: &[Event]) -> Vec<Vec<&Event>> {
    let mut sessions: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        sessions.entry(&event.session_id).or_default().push(event);
    }
    let mut sessions: Vec<_> = sessions.into_values().collect();
    for events in &mut sessions {
        events.sort_by_key(|event| event.timestamp);
    }
    sessions
}

/// `events` are one session's, in the order of their time, at least one.
fn touch_of(events: &[&Event], delivery: &Delivery) -> Touch {
    let (first, last) = (events[0], events[events.len() - 1]);
    let mut views = BTreeMap::new();
    for event in events.iter().filter(|event| event.is_page_view()) {
        *views.entry(event.page.path.clone()).or_insert(0) += 1;
    }
    Touch {
        session_id: first.session_id.clone(),
        site: delivery.site.clone(),
        now: delivery.now,
        // The span between two of the client's times does not depend on its clock being right.
        started: delivery.now - (last.timestamp - first.timestamp).clamp(0, DAY),
        events: i64::try_from(events.len()).unwrap_or(i64::MAX),
        views,
        page: last.page.path.clone(),
        referrer: referrer_source(&first.page, first.referrer.as_ref()),
        country: delivery.country.clone(),
        device: device_class(&first.user_agent),
    }
}
