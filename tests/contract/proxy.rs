//! A proxy between a test and its AWS, which refuses requests or loses answers as AWS does and a local AWS does not.

use std::collections::VecDeque;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Treatment of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// Forwards the request and its answer.
    Pass,
    /// Keeps the request from AWS; the answer is this status, error code and message, in the form of the service's protocol.
    Refuse(u16, &'static str, &'static str),
    /// Like `Refuse`, with the number of seconds after which to retry.
    RefuseFor(u32, u16, &'static str, &'static str),
    /// Forwards the request, and changes the body of the answer.
    Rewrite(fn(&str) -> String),
    /// Keeps the request from AWS; the answer is this body.
    Answer(&'static str),
    /// Forwards the request, and answers with an error that leaves open whether it succeeded.
    Lose,
    /// Forwards the request, and cuts the last byte off the answer.
    Cut,
    /// Forwards the request, and withholds the last byte of the answer while the connection stays open.
    Stall,
}

/// Gives this fate to the first `times` requests that `is` picks.
pub(crate) fn first(times: usize, fate: Fate, is: impl Fn(&str) -> bool + Send + 'static) -> impl FnMut(&str) -> Fate + Send + 'static {
    let mut left = times;
    move |request| {
        let hit = left > 0 && is(request);
        left -= usize::from(hit);
        if hit { fate } else { Fate::Pass }
    }
}

/// Gives the requests of each of these operations its fates, one after the other; later ones pass.
pub(crate) fn script(lines: &[(&'static str, &[Fate])]) -> impl FnMut(&str) -> Fate + Send + 'static {
    let mut lines: Vec<(&str, VecDeque<Fate>)> =
        lines.iter().map(|(operation, fates)| (*operation, fates.iter().copied().collect())).collect();
    move |request| {
        let line = lines.iter_mut().find(|(operation, _)| request.ends_with(operation));
        line.and_then(|(_, fates)| fates.pop_front()).unwrap_or(Fate::Pass)
    }
}

/// Loses the answer to every write that `is` picks, unless the same one was lost just before.
pub(crate) fn lose_each(is: impl Fn(&str) -> bool + Send + 'static) -> impl FnMut(&str) -> Fate + Send + 'static {
    let mut lost = String::new();
    move |request| {
        if !is(request) {
            Fate::Pass
        } else if lost == request {
            lost.clear();
            Fate::Pass
        } else {
            request.clone_into(&mut lost);
            Fate::Lose
        }
    }
}

/// Starts a proxy for as long as the test runs, and returns its address. `decide` sees each request as `METHOD /path`, and as `METHOD / Operation`
/// where the path does not show the operation.
pub(crate) async fn start(upstream: &str, decide: impl FnMut(&str) -> Fate + Send + 'static) -> String {
    let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let decide = std::sync::Arc::new(std::sync::Mutex::new(decide));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (upstream, decide) = (upstream.clone(), decide.clone());
            // A broken connection is left to the client.
            tokio::spawn(async move {
                let _ = serve(client, &upstream, |request| decide.lock().unwrap()(request)).await;
            });
        }
    });
    address
}

/// Serves the one request of a connection.
async fn serve(mut client: TcpStream, upstream: &str, decide: impl FnOnce(&str) -> Fate) -> std::io::Result<()> {
    let request = read_request(&mut client).await?;
    let head = String::from_utf8_lossy(&request);
    let line = head.lines().next().unwrap_or_default();
    let line = line.split('?').next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let protocol = Protocol::of(&line, &head);
    let operation = protocol.operation(&head);
    let request_line = if operation.is_empty() { line } else { format!("{line} {operation}") };
    let fate = decide(&request_line);
    let answer = match fate {
        Fate::Pass => forward(&request, upstream).await?,
        Fate::Refuse(status, code, message) => protocol.refusal(status, code, message, ""),
        Fate::RefuseFor(seconds, status, code, message) => protocol.refusal(status, code, message, &format!("Retry-After: {seconds}\r\n")),
        Fate::Answer(body) => answer(200, "application/json", "", body.as_bytes()),
        Fate::Rewrite(change) => rewrite(&forward(&request, upstream).await?, change),
        Fate::Cut | Fate::Stall => {
            let mut answer = forward(&request, upstream).await?;
            answer.pop();
            answer
        }
        Fate::Lose => {
            forward(&request, upstream).await?;
            protocol.refusal(500, "InternalFailure", "", "")
        }
    };
    client.write_all(&answer).await?;
    if let Fate::Stall = fate {
        std::future::pending::<()>().await;
    }
    client.shutdown().await
}

async fn forward(request: &[u8], upstream: &str) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream).await?;
    let split = request.windows(2).position(|pair| pair == b"\r\n").map_or(0, |end| end + 2);
    server.write_all(&request[..split]).await?;
    server.write_all(b"Connection: close\r\n").await?;
    server.write_all(&request[split..]).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Reads head and body of a request with a `Content-Length`, or none.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(head) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            let length = String::from_utf8_lossy(&request[..head])
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if request.len() >= head + 4 + length {
                return Ok(request);
            }
        }
        if client.read_buf(&mut request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Protocol in which a service has its requests and errors.
#[derive(Clone, Copy, PartialEq)]
enum Protocol {
    /// DynamoDB, CloudWatch Logs: the operation is in a header.
    Json,
    /// IAM: the operation is in a form.
    Query,
    /// CloudWatch: CBOR bodies.
    Cbor,
    /// Lambda, API Gateway: paths.
    Rest,
}

impl Protocol {
    fn of(line: &str, head: &str) -> Self {
        if line.contains("/operation/") {
            Self::Cbor
        } else if line != "POST /" {
            Self::Rest
        } else if header(head, "x-amz-target").is_some() {
            Self::Json
        } else {
            Self::Query
        }
    }

    fn operation(self, request: &str) -> &str {
        match self {
            Self::Json => header(request, "x-amz-target").and_then(|target| target.split_once('.')).map_or("", |(_, operation)| operation),
            Self::Query => request.split_once("Action=").map_or("", |(_, rest)| rest.split('&').next().unwrap_or_default()),
            Self::Cbor | Self::Rest => "",
        }
    }

    fn refusal(self, status: u16, code: &str, message: &str, headers: &str) -> Vec<u8> {
        match self {
            Self::Json => {
                let body = format!(r#"{{"__type":"com.amazonaws.service#{code}","message":"{message}"}}"#);
                answer(status, "application/x-amz-json-1.0", headers, body.as_bytes())
            }
            Self::Query => {
                let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
                let body = format!("<ErrorResponse><Error>{error}</Error><RequestId>1</RequestId></ErrorResponse>");
                answer(status, "text/xml", headers, body.as_bytes())
            }
            Self::Cbor => {
                // A map of two texts.
                let mut body = vec![0xa2];
                for text in ["__type", code, "message", message] {
                    body.extend([0x79]);
                    body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
                    body.extend(text.as_bytes());
                }
                let headers = format!("smithy-protocol: rpc-v2-cbor\r\nx-amzn-query-error: {code};Sender\r\n{headers}");
                answer(status, "application/cbor", &headers, &body)
            }
            Self::Rest => {
                let headers = format!("x-amzn-errortype: {code}\r\n{headers}");
                answer(status, "application/json", &headers, format!(r#"{{"message":"{message}"}}"#).as_bytes())
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Returns the answer with another body.
fn rewrite(whole: &[u8], change: fn(&str) -> String) -> Vec<u8> {
    let text = String::from_utf8_lossy(whole);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let body = change(body);
    let head: Vec<&str> = head.lines().filter(|line| !line.to_lowercase().starts_with("content-length")).collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len()).into_bytes()
}

fn answer(status: u16, kind: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\n{headers}Connection: close\r\n");
    let mut answer = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    answer
}
