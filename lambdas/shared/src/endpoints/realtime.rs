//! Endpoint `GET /api/realtime`.

use super::{Endpoint, NOT_SHARED, Service};
use crate::http::{Facts, Failure, Reply, entity_tag};
use crate::realtime;
use crate::secrets::Access;
use crate::time::Millis;
use lambda_http::Request;
use lambda_http::http::Method;
use serde_json::json;

/// Endpoint that reports current visitors.
#[derive(Debug)]
pub struct RealtimeNow;

impl Endpoint for RealtimeNow {
    const METHOD: Method = Method::GET;
    const ROUTE: &'static str = "realtime";

    async fn answer(service: &Service, access: &Access, request: &Request, now: Millis) -> Result<Reply, Failure> {
        let site = Service::admit_reader(access, request)?;
        let read = async {
            let mut realtime = realtime::read(&service.store, &site, now).await?;
            let data = json!(realtime);
            // The entity tag does not depend on the time of reading.
            realtime.timestamp = 0;
            let cache = Service::cache(access, "public, max-age=0, s-maxage=1");
            Ok(Reply { data, cache, entity_tag: entity_tag(&realtime), facts: Facts::default() })
        };
        service.answers.share(site.clone(), now, Service::cache(access, NOT_SHARED), read).await
    }
}
