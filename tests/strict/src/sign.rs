//! Signs the requests to the local AWS anew, because it checks signatures. The proxy changes requests and sends some of its own, and the client's
//! clock may differ from this machine's.

use crate::message::Request;
use aws_smithy_types::{DateTime, date_time::Format};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::SystemTime;

/// Secret of the local AWS of the tests and the benchmark, valid with any access key.
pub const SECRET: &str = "test";

/// Signs requests with AWS Signature Version 4, in their headers.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// Access key of the signature.
    pub key: &'a str,
    /// Secret of the access key.
    pub secret: &'a str,
    /// Region of the service.
    pub region: &'a str,
    /// Service as named in signatures: `dynamodb`.
    pub service: &'a str,
    /// Time of the signature by the client's clock.
    pub time: SystemTime,
}

/// Returns a request signed now and with [`SECRET`], if its signature is in the headers.
///
/// Presigned URLs and streams of signed chunks pass unchanged.
pub(crate) fn anew(request: &Request) -> Request {
    let signed_chunks = request.header("x-amz-content-sha256").is_some_and(|digest| digest.starts_with("STREAMING-AWS4"));
    match scope(request) {
        Some([key, _, region, service, _]) if !signed_chunks => {
            Signer { key: &key, secret: SECRET, region: &region, service: &service, time: SystemTime::now() }.sign(request.clone())
        }
        _ => request.clone(),
    }
}

/// Returns the parts of the credential's scope: `KEY/20260101/us-east-1/tagging/aws4_request`.
fn scope(request: &Request) -> Option<[String; 5]> {
    let credential = request.header("authorization")?.split("Credential=").nth(1)?.split(',').next()?;
    credential.split('/').map(str::to_owned).collect::<Vec<_>>().try_into().ok()
}

impl Signer<'_> {
    /// Returns the request with its signature replaced. It covers the host, the `x-amz-` headers, and the body unless a header declares the body
    /// unsigned.
    pub fn sign(&self, mut request: Request) -> Request {
        let Self { key, secret, region, service, time } = self;
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let now = DateTime::from_secs(seconds.cast_signed()).fmt(Format::DateTime).unwrap_or_default().replace(['-', ':'], "");
        let day = now.get(..8).unwrap_or_default();
        let stated = request.header("x-amz-content-sha256").filter(|digest| digest.contains("UNSIGNED")).map(str::to_owned);
        let digest = stated.unwrap_or_else(|| hex(&Sha256::digest(&request.body)));
        let replaced = ["authorization", "date", "x-amz-content-sha256", "x-amz-date"];
        request.headers.retain(|(name, _)| !replaced.contains(&&*name.to_lowercase()));
        request.headers.push(("X-Amz-Date".to_owned(), now.clone()));
        request.headers.push(("X-Amz-Content-Sha256".to_owned(), digest.clone()));
        let mut signed: Vec<(String, &str)> = request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.trim())).collect();
        signed.retain(|(name, _)| name == "host" || name.starts_with("x-amz-"));
        signed.sort();
        let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let mut canonical = canonical_target(&request, service);
        for (name, value) in signed {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{names}\n{digest}");
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let parts = [day, region, service, "aws4_request"];
        let signing_key = parts.iter().fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
        let signature = hex(&hmac(&signing_key, &text));
        let authorization = format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}");
        request.headers.push(("Authorization".to_owned(), authorization));
        request
    }
}

/// Returns method, path and query, one a line. S3 signs the path as sent; all others encode it once more.
fn canonical_target(request: &Request, service: &str) -> String {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let path = if service == "s3" { path.to_owned() } else { path.split('/').map(encode).collect::<Vec<_>>().join("/") };
    let mut pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    format!("{}\n{path}\n{query}\n", request.method)
}

fn encode(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
