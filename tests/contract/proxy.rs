//! A proxy between a test and its AWS, which refuses requests or loses answers as AWS does and a local AWS does not.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes through.
    Pass,
    /// It does not reach AWS; the answer is this status, error code and message.
    Refuse(u16, &'static str, &'static str),
    /// It does not reach AWS; the answer is this body.
    Answer(&'static str),
    /// It reaches AWS, and the answer is an error of the kind that says nothing about whether it did.
    Lose,
}

/// Starts a proxy for as long as the test runs; answers its address. `decide` sees each request as `METHOD /path`.
pub(crate) async fn start(upstream: &str, decide: impl FnMut(&str) -> Fate + Send + 'static) -> String {
    let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let decide = std::sync::Arc::new(std::sync::Mutex::new(decide));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (upstream, decide) = (upstream.clone(), decide.clone());
            // A connection that breaks is the client's to deal with.
            tokio::spawn(async move {
                let _ = serve(client, &upstream, |request| decide.lock().unwrap()(request)).await;
            });
        }
    });
    address
}

/// One request per connection.
async fn serve(mut client: TcpStream, upstream: &str, decide: impl FnOnce(&str) -> Fate) -> std::io::Result<()> {
    let request = read_request(&mut client).await?;
    let head = String::from_utf8_lossy(&request);
    let line = head.lines().next().unwrap_or_default();
    let line = line.split('?').next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let answer = match decide(&line) {
        Fate::Pass => forward(&request, upstream).await?,
        Fate::Refuse(status, code, message) => answer(status, code, &format!(r#"{{"message":"{message}"}}"#)),
        Fate::Answer(body) => answer(200, "", body),
        Fate::Lose => {
            forward(&request, upstream).await?;
            answer(500, "InternalFailure", "{}")
        }
    };
    client.write_all(&answer).await?;
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

/// Head and body of a request with a `Content-Length`, or none.
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

fn answer(status: u16, code: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nx-amzn-errortype: {code}\r\nConnection: close\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
