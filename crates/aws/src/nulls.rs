//! Removes nulls from API Gateway's answers before the SDK reads them.
//!
//! An empty template reads back as null (recorded on 2026-02-12); the console's "Enable CORS" leaves one behind as well. The SDK for Rust allows
//! no null in such a map and refuses the whole answer. One template made by hand would then keep every command from reading the API.

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream, retry::ErrorKind};
use serde_json::Value;

/// Returns a client that sends through `client`.
pub(super) fn removed(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| SharedHttpConnector::new(WithoutNulls(client.http_connector(settings, components))))
}

#[derive(Debug)]
struct WithoutNulls(SharedHttpConnector);

impl HttpConnector for WithoutNulls {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            if answer.headers().get("content-type").is_some_and(|kind| kind.contains("json")) {
                let body = ByteStream::new(answer.take_body()).collect().await;
                // The request may have been carried out: the answer broke off.
                let body = body.map_err(|error| ConnectorError::other(error.into(), Some(ErrorKind::TransientError)))?;
                let body = without_nulls(body.to_vec());
                // The SDK compares this header with the length of the body.
                if answer.headers().get("content-length").is_some() {
                    answer.headers_mut().insert("content-length", body.len().to_string());
                }
                *answer.body_mut() = SdkBody::from(body);
            }
            Ok(answer)
        })
    }
}

/// Returns the document without members that are null. Bytes that are not JSON stay unchanged.
fn without_nulls(body: Vec<u8>) -> Vec<u8> {
    // Few answers contain a null, and parsing them twice takes time.
    if !body.windows(4).any(|word| word == b"null") {
        return body;
    }
    let Ok(mut document) = serde_json::from_slice(&body) else { return body };
    remove(&mut document);
    document.to_string().into_bytes()
}

fn remove(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(remove);
        }
        Value::Array(items) => items.iter_mut().for_each(remove),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::without_nulls;

    fn text(body: &str) -> String {
        String::from_utf8(without_nulls(body.into())).unwrap()
    }

    #[test]
    fn members_that_are_null_go_and_all_else_stays() {
        assert_eq!(text(r#"{"a":{"b":null,"c":[{"d":null,"e":1}]},"f":"null"}"#), r#"{"a":{"c":[{"e":1}]},"f":"null"}"#);
        assert_eq!(text(r#"{ "a": 1 }"#), r#"{ "a": 1 }"#);
        assert_eq!(text("a page that says null"), "a page that says null");
    }
}
