//! Proxy before the local DynamoDB: counts writes, and reports when the write is reached at which the function has to die.
//!
//! From then on nothing passes, so the speed of the process's end does not matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Moment of the function's death; writes count from 1, in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// The function lives.
    Never,
    /// Before this write reaches the table.
    Before(usize),
    /// After this write, before its answer arrives.
    After(usize),
}

/// Proxy that ends with the test.
pub struct Faulty {
    /// Address of the proxy.
    pub url: String,
    state: Arc<State>,
}

struct State {
    upstream: String,
    death: Death,
    writes: AtomicUsize,
    dead: watch::Sender<bool>,
}

impl Faulty {
    /// Listens on a port of its own.
    pub async fn start(death: Death) -> Self {
        let upstream = test_support::endpoint().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let state = Arc::new(State { upstream, death, writes: AtomicUsize::new(0), dead: watch::Sender::new(false) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(pass(connection, serving.clone()));
            }
        });
        Self { url, state }
    }

    /// Returns the number of writes that arrived.
    pub fn writes(&self) -> usize {
        self.state.writes.load(Ordering::SeqCst)
    }

    /// Waits for the moment of death.
    pub async fn reached(&self) {
        self.state.dead.subscribe().wait_for(|dead| *dead).await.unwrap();
    }
}

async fn pass(client: TcpStream, state: Arc<State>) {
    let mut client = BufReader::new(client);
    let Ok(server) = TcpStream::connect(&state.upstream).await else { return };
    let mut server = BufReader::new(server);
    while let Some(request) = read_message(&mut client).await {
        let write = if is_write(&request) { state.writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        if *state.dead.borrow() {
            return;
        }
        if write > 0 && state.death == Death::Before(write) {
            state.dead.send_replace(true);
            return;
        }
        server.write_all(&request).await.unwrap();
        let Some(answer) = read_message(&mut server).await else { return };
        if write > 0 && state.death == Death::After(write) {
            state.dead.send_replace(true);
            return;
        }
        // The function may have ended.
        if *state.dead.borrow() || client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn is_write(request: &[u8]) -> bool {
    let head = String::from_utf8_lossy(request).to_ascii_lowercase();
    ["putitem", "updateitem", "deleteitem"].iter().any(|operation| head.contains(&format!("x-amz-target: dynamodb_20120810.{operation}")))
}

/// Reads a request or an answer unchanged; both sides send its length.
pub(super) async fn read_message(connection: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut message, mut length) = (Vec::new(), 0);
    loop {
        let begin = message.len();
        connection.read_until(b'\n', &mut message).await.ok().filter(|length| *length > 0)?;
        let line = String::from_utf8_lossy(&message[begin..]).trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let head = message.len();
    message.resize(head + length, 0);
    connection.read_exact(&mut message[head..]).await.ok()?;
    Some(message)
}
