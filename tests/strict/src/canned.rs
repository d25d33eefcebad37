//! AWS that answers from a list, for answers that were recorded elsewhere and that the real clients read here.

use crate::{
    message::{Request, Response},
    operation::Operation,
};
use std::sync::Arc;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// Running server, which ends when it is dropped.
pub struct Canned {
    endpoint: String,
    listener: AbortHandle,
}

impl Canned {
    /// Starts a server on a free port of this machine. `answer` returns the answer to each operation.
    pub async fn start(answer: impl Fn(&Operation, &Request) -> Response + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A broken connection is left to the client.
                tokio::spawn(converse(client, answer.clone()));
            }
        });
        Ok(Self { endpoint, listener: task.abort_handle() })
    }

    /// Returns the address of the server, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Answers requests until the client closes the connection.
async fn converse(client: TcpStream, answer: Arc<impl Fn(&Operation, &Request) -> Response>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    while let Some(request) = Request::read(&mut client).await? {
        let response = match Operation::of(&request) {
            Some(operation) => answer(&operation, &request),
            None => Response::new(501, "text/plain", "the canned AWS does not know this request"),
        };
        client.write_all(&response.bytes()).await?;
    }
    Ok(())
}
