//! Endpoint `POST /api/events`.

use super::{Endpoint, Service};
use crate::batch::Batch;
use crate::bots::is_bot;
use crate::charge;
use crate::http::{Facts, Failure, Reply, content_type};
use crate::ingest;
use crate::network::Networks;
use crate::secrets::Access;
use crate::sender::{Sender, opts_out, user_agent};
use crate::time::Millis;
use crate::wire::Received;
use lambda_http::Request;
use lambda_http::http::Method;
use serde_json::json;

/// Maximum size of a body in bytes: 100 events of 2.5 KB. Browsers send at most 64 KB when a page is closed.
pub const LARGEST_BODY: usize = 256 * 1_024;

/// Endpoint that accepts batches of events.
#[derive(Debug)]
pub struct Events;

impl Endpoint for Events {
    const METHOD: Method = Method::POST;
    const ROUTE: &'static str = "events";
    const TAKES_EVENTS: bool = true;

    async fn answer(service: &Service, access: &Access, request: &Request, now: Millis) -> Result<Reply, Failure> {
        // Browsers send plain text without a preflight, and beacons can send nothing else.
        let kind = content_type(request);
        if !matches!(kind.as_deref(), None | Some("application/json" | "text/plain")) {
            return Err(Failure::ContentType);
        }
        let body: &[u8] = request.body().as_ref();
        if body.len() > LARGEST_BODY {
            return Err(Failure::TooLarge(LARGEST_BODY));
        }
        let mut batch = Batch::parse(body, now)?;
        if !service.sites.admit(&batch.site) {
            return Err(Failure::UnknownSite(batch.site));
        }
        let right = batch.events.len();
        if opts_out(request.headers()) || is_bot(user_agent(request.headers())) {
            batch.events.clear();
        }
        batch.events.retain(|event| !is_bot(&event.user_agent));
        let ignored = right - batch.events.len();
        if ignored == right {
            let received = Received { rejected: batch.rejected, ignored, ..Received::default() };
            let facts = Facts { rejected: received.rejected.len(), ignored, ..Facts::default() };
            return Ok(Reply { data: json!(received), cache: "no-store", entity_tag: None, facts });
        }
        let sender = Sender::of(request, &service.edge);
        let networks = sender.address.as_deref().map(Networks::of);
        service.charge(networks.as_ref(), charge::units(&batch), now).await?;
        let mut token = None;
        if let Some(signer) = &access.signer {
            if !ingest::is_entitled(&service.store, signer, &batch, now).await? {
                return Err(Failure::SessionToken);
            }
            token = Some(signer.sign(&batch.site, ingest::latest_session(&batch), now));
        }
        let taken = ingest::take(&service.store, batch, sender, now).await?;
        if let Some(networks) = &networks {
            service.spending.owe(networks, taken.extra_units, now);
        }
        let received = Received { ignored, token, ..taken.received };
        let facts = Facts {
            events: received.processed_events,
            rejected: received.rejected.len(),
            ignored,
            duplicate: received.duplicate,
            lost_increments: taken.lost_increments,
        };
        Ok(Reply { data: json!(received), cache: "no-store", entity_tag: None, facts })
    }
}
