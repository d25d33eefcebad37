//! HTTP/1.1 messages as sent on the wire: read whole, changed, and sent on. Supports only the features that AWS clients and the local AWS use.
//!
//! Written by hand rather than with an HTTP library, because faults need messages that a library prevents: truncated answers, and connections
//! closed in the middle of one.

use std::io::{Error, ErrorKind, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Headers in their order, with names as sent.
type Headers = Vec<(String, String)>;

/// HTTP request of a client.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method: `GET`, `POST`, …
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Headers, in their order.
    pub headers: Headers,
    /// Body, without any transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Returns the decoded segments of the path.
    pub fn segments(&self) -> Vec<String> {
        let path = self.target.split('?').next().unwrap_or_default();
        let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
        path.trim_matches('/').split('/').map(decode).collect()
    }

    /// Returns a parameter of the query; empty if it has no value.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Returns a field of a form (IAM, STS).
    pub fn form(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(&self.body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Returns the body as JSON; null if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Reads a request; `None` if the client closed the connection.
    ///
    /// # Errors
    /// If the connection breaks, or the client does not send HTTP.
    pub async fn read(client: &mut BufReader<TcpStream>) -> Result<Option<Self>> {
        let Some(first) = line(client).await?.filter(|line| !line.is_empty()) else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(ErrorKind::InvalidData.into()) };
        let headers = headers(client).await?;
        if find(&headers, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut body = Vec::new();
        if is_chunked(&headers) {
            chunks(client, &mut body).await?;
        } else if let Some(length) = length(&headers) {
            body.resize(length, 0);
            client.read_exact(&mut body).await?;
        }
        Ok(Some(Self { method: method.to_owned(), target: target.to_owned(), headers, body }))
    }

    /// Sends the request to `upstream` (`host:port`) and reads the answer.
    pub(crate) async fn send(&self, upstream: &str) -> Result<Response> {
        let server = TcpStream::connect(upstream).await?;
        server.set_nodelay(true)?;
        let mut server = BufReader::new(server);
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        push_headers(&mut head, &self.headers, self.body.len());
        head.push_str("Connection: close\r\n\r\n");
        server.write_all(head.as_bytes()).await?;
        server.write_all(&self.body).await?;
        let mut first = line(&mut server).await?.unwrap_or_default();
        let mut headers = headers(&mut server).await?;
        while first.contains(" 100 ") {
            first = line(&mut server).await?.unwrap_or_default();
            headers = self::headers(&mut server).await?;
        }
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let mut body = Vec::new();
        if self.method == "HEAD" || status == 204 || status == 304 {
            // Such an answer has no body, whatever its headers declare.
        } else if is_chunked(&headers) {
            chunks(&mut server, &mut body).await?;
        } else if let Some(length) = length(&headers) {
            body.resize(length, 0);
            server.read_exact(&mut body).await?;
        } else {
            server.read_to_end(&mut body).await?;
        }
        Ok(Response { status, headers, body, bodiless: self.method == "HEAD" || status == 204 || status == 304 })
    }
}

/// HTTP answer of a server.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status of the answer.
    pub status: u16,
    /// Headers, in their order.
    pub headers: Headers,
    /// Body, without any transfer coding.
    pub body: Vec<u8>,
    /// Set if the answer to this request never has a body (`HEAD`).
    pub(crate) bodiless: bool,
}

impl Response {
    /// Creates an answer with this content type and body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".to_owned(), content_type.to_owned())], body: body.into(), bodiless: false }
    }

    /// Returns the answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Returns whether the request was carried out: a status from 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the body as JSON; null if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the whole answer as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status);
        if self.bodiless {
            for (name, value) in
                self.headers.iter().filter(|(name, _)| !is_about_connection(name) || name.eq_ignore_ascii_case("content-length"))
            {
                push_header(&mut head, name, value);
            }
        } else {
            push_headers(&mut head, &self.headers, self.body.len());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !self.bodiless {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn push_headers(head: &mut String, headers: &Headers, length: usize) {
    for (name, value) in headers.iter().filter(|(name, _)| !is_about_connection(name)) {
        push_header(head, name, value);
    }
    push_header(head, "Content-Length", &length.to_string());
}

fn push_header(head: &mut String, name: &str, value: &str) {
    head.extend([name, ": ", value, "\r\n"]);
}

/// Tests whether a header describes this connection or this form of the body. Such headers are written anew.
fn is_about_connection(name: &str) -> bool {
    ["connection", "content-length", "transfer-encoding", "expect", "keep-alive"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn length(headers: &Headers) -> Option<usize> {
    find(headers, "content-length")?.parse().ok()
}

fn is_chunked(headers: &Headers) -> bool {
    find(headers, "transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
}

/// Reads one line without its end; `None` at the end of the stream.
async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Result<Option<String>> {
    let mut line = String::new();
    Ok((stream.read_line(&mut line).await? > 0).then(|| line.trim_end().to_owned()))
}

async fn headers<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Result<Headers> {
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| Error::new(ErrorKind::InvalidData, line.clone()))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Reads a chunked body with its trailers.
async fn chunks<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let size = line(stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).map_err(|_| ErrorKind::InvalidData)?;
        if size == 0 {
            headers(stream).await?;
            return Ok(());
        }
        let begin = body.len();
        body.resize(begin + size, 0);
        stream.read_exact(&mut body[begin..]).await?;
        line(stream).await?;
    }
}
