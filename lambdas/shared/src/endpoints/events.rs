//! `POST /api/events`

use super::{Endpoint, Service};
use crate::batch::Batch;
use crate::http::{Facts, Failure, Reply, content_type, viewer_country};
use crate::ingest;
use crate::time::Millis;
use lambda_http::Request;
use lambda_http::http::Method;
use serde_json::json;

/// Largest body in bytes: 100 events of 2.5 KB. Browsers send at most 64 KB when a page is closed.
pub const LARGEST_BODY: usize = 256 * 1_024;

/// Takes batches of events.
#[derive(Debug)]
pub struct Events;

impl Endpoint for Events {
    const METHOD: Method = Method::POST;
    const ROUTE: &'static str = "events";

    async fn answer(service: &Service, request: &Request, now: Millis) -> Result<Reply, Failure> {
        // A plain text is sent by browsers without asking first, and is all that a beacon can send.
        let kind = content_type(request);
        if !matches!(kind.as_deref(), None | Some("application/json" | "text/plain")) {
            return Err(Failure::ContentType);
        }
        let body: &[u8] = request.body().as_ref();
        if body.len() > LARGEST_BODY {
            return Err(Failure::TooLarge(LARGEST_BODY));
        }
        let batch = Batch::parse(body, now)?;
        let taken = ingest::take(&service.store, batch, viewer_country(request.headers()), now).await?;
        let received = taken.received;
        let facts = Facts {
            events: received.processed_events,
            rejected: received.rejected.len(),
            duplicate: received.duplicate,
            lost_increments: taken.lost_increments,
        };
        Ok(Reply { data: json!(received), cache: "no-store", entity_tag: None, facts })
    }
}
