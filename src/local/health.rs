//! Asks a port whether the local AWS of this project answers there.
//!
//! One small request by hand instead of an HTTP client: this runs before and without any AWS client.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A healthy server answers in a few milliseconds; a machine under load may take longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The answer names every service, about 3 KB; more than this is somebody else.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Whether the server at `port` is the one that was started with `identity`.
///
/// Any failure is a no: a closed port, another program, another project's local AWS.
pub(super) async fn answers(port: u16, identity: &str) -> bool {
    matches!(tokio::time::timeout(PATIENCE, ask(port)).await, Ok(Ok(answer)) if is_healthy(&answer, identity))
}

async fn ask(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn is_healthy(answer: &str, identity: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let Ok(body) = serde_json::from_str::<serde_json::Value>(body) else {
        return false;
    };
    head.starts_with("HTTP/1.1 200 ") && body["edition"] == identity
}

#[cfg(test)]
mod tests {
    use super::is_healthy;

    #[test]
    fn only_our_own_healthy_server_counts() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"edition\": \"a1\", \"version\": \"1.5.33\"}";
        assert!(is_healthy(ok, "a1"));
        assert!(!is_healthy(ok, "b2"));
        assert!(!is_healthy(&ok.replace("200 OK", "503 Busy"), "a1"));
        assert!(!is_healthy("HTTP/1.1 200 OK\r\n\r\n<html>a1</html>", "a1"));
        assert!(!is_healthy("SSH-2.0-OpenSSH_9.2\r\n", "a1"));
        assert!(!is_healthy("", "a1"));
    }
}
