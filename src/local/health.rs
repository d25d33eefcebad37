//! Checks that the local AWS of this project answers at a port.
//!
//! One small handwritten request replaces an HTTP client, because this runs before and without any AWS client. Another program
//! may have the port, so the request does not carry the secret. Only a server that knows the secret can answer it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::secret::{self, Secret};

/// Timeout of the check. A healthy server answers in a few milliseconds; a machine under load may take longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Maximum length of an answer. The server's is about 200 bytes; a longer one is from another program.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Returns true if the server at `port` was started with this identity and secret.
///
/// Any failure returns false: a closed port, another program, another project's local AWS.
pub(super) async fn answers(port: u16, identity: &str, secret: &Secret) -> bool {
    let Ok(nonce) = secret::nonce() else { return false };
    let proof = secret.proof(&format!("liveinsight health {identity} {nonce}"));
    matches!(tokio::time::timeout(PATIENCE, ask(port, &nonce)).await, Ok(Ok(answer)) if proves(&answer, &proof))
}

async fn ask(port: u16, nonce: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request =
        format!("GET /_liveinsight/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Liveinsight-Nonce: {nonce}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn proves(answer: &str, proof: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let Ok(body) = serde_json::from_str::<serde_json::Value>(body) else {
        return false;
    };
    head.starts_with("HTTP/1.1 200 ") && body["proof"] == proof
}

#[cfg(test)]
mod tests {
    use super::proves;

    #[test]
    fn only_our_own_healthy_server_counts() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"proof\": \"a1\"}";
        assert!(proves(ok, "a1"));
        assert!(!proves(ok, "b2"));
        assert!(!proves(&ok.replace("200 OK", "503 Busy"), "a1"));
        assert!(!proves("HTTP/1.1 200 OK\r\n\r\n<html>a1</html>", "a1"));
        assert!(!proves("SSH-2.0-OpenSSH_9.2\r\n", "a1"));
        assert!(!proves("", "a1"));
    }
}
