//! Endpoint `GET /api/stats?period=hour|day&limit=24`.

use super::{Endpoint, NOT_SHARED, Service, parameter, wrong};
use crate::http::{Facts, Failure, Reply, entity_tag};
use crate::secrets::Access;
use crate::stats::{self, Period, Window};
use crate::time::Millis;
use lambda_http::Request;
use lambda_http::http::Method;
use serde_json::json;

/// Endpoint that returns sums over hours or days.
#[derive(Debug)]
pub struct StatsOverTime;

impl Endpoint for StatsOverTime {
    const METHOD: Method = Method::GET;
    const ROUTE: &'static str = "stats";

    async fn answer(service: &Service, access: &Access, request: &Request, now: Millis) -> Result<Reply, Failure> {
        let site = Service::admit_reader(access, request)?;
        let window = window(request, now)?;
        let read = async {
            let mut stats = stats::read(&service.store, &site, window).await?;
            let data = json!(stats);
            // The entity tag does not depend on the time of reading.
            stats.timestamp = 0;
            let cache = Service::cache(access, "public, max-age=0, s-maxage=29");
            Ok(Reply { data, cache, entity_tag: entity_tag(&stats), facts: Facts::default() })
        };
        let question = format!("{site} {:?} {}", window.period, window.limit);
        service.answers.share(question, now, Service::cache(access, NOT_SHARED), read).await
    }
}

fn window(request: &Request, now: Millis) -> Result<Window, Failure> {
    let period = match parameter(request, "period").as_deref() {
        None | Some("hour") => Period::Hour,
        Some("day") => Period::Day,
        Some(_) => return Err(wrong("period", "must be hour or day")),
    };
    let limit = match parameter(request, "limit") {
        None => period.default_limit(),
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=period.largest_limit()).contains(limit))
            .ok_or_else(|| wrong("limit", format!("must be 1 to {}", period.largest_limit())))?,
    };
    Ok(Window { period, limit, now })
}
