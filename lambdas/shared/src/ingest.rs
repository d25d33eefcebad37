//! Accepts a batch, with these writes in this order:
//!
//! 1. The events themselves. Writing them again changes nothing.
//! 2. The gate: one conditional update per session that lets each batch through once.
//! 3. The visitor's marker, once in an hour, which determines whether the visitor is new in it.
//! 4. The counters, added to once.
//!
//! A failure before the gate is answered with an error, and the client sends the batch again. After the gate a repetition would
//! be a duplicate, so a failed counter is reported, not retried. After a crash, events, views, sessions and visitors can
//! therefore be too low, never too high. [`crate::recount`] finds and repairs them.

use crate::batch::{Batch, Event};
use crate::device::device_class;
use crate::digest;
use crate::page::referrer_source;
use crate::rollup::{self, Arrival, Touch};
use crate::sender::Sender;
use crate::store::events::Delivery;
use crate::store::sessions::Gate;
use crate::store::{Store, StoreError};
use crate::time::{DAY, Millis};
use crate::token::Signer;
use crate::visitor;
use crate::wire::Received;
use lambda_http::tracing::error;
use std::collections::BTreeMap;

/// Result of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Answer to the client.
    pub received: Received,
    /// Counters that could not be increased.
    pub lost_increments: usize,
    /// Write units beyond the batch's [charge](crate::charge): for occupied places in time, and for sessions that remember many
    /// batches.
    pub extra_units: i64,
}

/// Returns true if the sender may add to the batch's sessions. A session that the token does not prove to be the sender's has
/// to be new or young.
///
/// Writes nothing. The proof is `batch.token`; a wrong one is never better than none.
pub async fn is_entitled(store: &Store, signer: &Signer, batch: &Batch, now: Millis) -> Result<bool, StoreError> {
    let mut is_proven = false;
    let mut unproven = Vec::new();
    for events in by_session(&batch.events) {
        let session_id = &events[0].session_id;
        if batch.token.as_ref().is_some_and(|token| signer.verify(token, &batch.site, session_id, now)) {
            is_proven = true;
        } else {
            unproven.push(session_id);
        }
    }
    if batch.token.is_some() && !is_proven {
        return Ok(false);
    }
    for session_id in unproven {
        if !store.takes_unproven(session_id, ledger_number(batch), now).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the session of the latest event, which is the one that continues.
pub fn latest_session(batch: &Batch) -> &str {
    batch.events.iter().max_by_key(|event| event.timestamp).map_or("", |event| &event.session_id)
}

/// Accepts a batch that arrived at `now`.
///
/// # Errors
/// If the batch was not counted, or only in part: the client may send it again, which counts the missing part.
pub async fn take(store: &Store, batch: Batch, sender: Sender, now: Millis) -> Result<Taken, StoreError> {
    if batch.events.is_empty() {
        return Ok(Taken::default());
    }
    let salt = store.daily_salt(now).await?;
    let sessions = by_session(&batch.events);
    let visitor_of = |event: &Event| visitor::identify(&salt, &batch.site, sender.address.as_deref(), &event.user_agent, &event.session_id);
    let delivery = Delivery {
        site: batch.site.clone(),
        now,
        skew: batch.skew,
        country: sender.country,
        batch: ledger_number(&batch),
        visitors: sessions.iter().map(|events| (events[0].session_id.clone(), visitor_of(events[0]))).collect(),
    };
    let extra_units = store.keep_events(&batch.events, &delivery).await?;

    let mut taken = Taken {
        received: Received {
            processed_events: batch.events.len(),
            rejected: batch.rejected.clone(),
            duplicate: true,
            ..Received::default()
        },
        lost_increments: 0,
        extra_units,
    };
    // A batch is nearly always of one session. With several, each has its own gate, so a repetition finishes the rest.
    for events in sessions {
        let touch = touch_of(&events, &delivery);
        let passage = store.pass_gate(delivery.batch, touch).await?;
        taken.extra_units += passage.extra_units;
        if let Gate::Passed(before, touch) = passage.gate {
            taken.received.duplicate = false;
            taken.received.session_updated = true;
            taken.received.new_session |= before.is_none();
            let mut arrival = Arrival::default();
            if rollup::enters_hour(before.as_ref(), &touch) {
                arrival = store.mark_visitor(&touch).await.unwrap_or_else(|error| {
                    taken.lost_increments += 1;
                    error!(%error, "a visitor was not marked; the events are kept");
                    Arrival::default()
                });
            }
            taken.lost_increments += store.count(rollup::increments(before.as_ref(), &touch, arrival)).await;
        }
    }
    Ok(taken)
}

/// Returns the number by which a session remembers a batch.
fn ledger_number(batch: &Batch) -> i64 {
    digest::number(&["seen", &batch.site, &batch.identifier])
}

/// Groups events by session, each in order of time.
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

/// Builds the touch of one session; `events` are in order of time, at least one.
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
        // The span between two of the client's times is right even if its clock is wrong.
        started: delivery.now - (last.timestamp - first.timestamp).clamp(0, DAY),
        events: i64::try_from(events.len()).unwrap_or(i64::MAX),
        views,
        page: last.page.path.clone(),
        referrer: referrer_source(&first.page, first.referrer.as_ref()),
        country: delivery.country.clone(),
        device: device_class(&first.user_agent),
        visitor: delivery.visitors.get(&first.session_id).cloned().unwrap_or_default(),
        engaged: events.iter().map(|event| event.engaged).sum(),
        event_type: events.iter().rev().find(|event| rollup::is_notable(&event.event_type)).unwrap_or(&last).event_type.clone(),
    }
}
