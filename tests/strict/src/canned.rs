//! An AWS that answers from a list: for what was recorded elsewhere and is read here by the real clients.

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

/// A running server. It ends when this is dropped.
pub struct Canned {
    endpoint: String,
    listener: AbortHandle,
}

impl Canned {
    /// Starts one on a free port of this machine. `answer` gives the answer to each operation.
    pub async fn start(answer: impl Fn(&Operation, &Request) -> Response + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A connection that breaks is the client's to deal with.
                tokio::spawn(converse(client, answer.clone()));
            }
        });
        Ok(Self { endpoint, listener: task.abort_handle() })
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
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
