//! Proxy between a handler's executable and `DynamoDB`, which refuses calls as AWS would that the function's role in the
//! shipped stack.yaml does not allow.
//!
//! It applies the policy that `up` would write to calls to tables and indexes, to their partition keys where the policy has a
//! condition on them, and to the parameters that hold secrets. A refused call fails the test when the function ends.

use super::Tables;
use super::faulty::read_message;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use test_support::roles::{self, Statement};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Proxy that ends with the test.
pub struct Judge {
    /// Address of the proxy.
    pub url: String,
    state: Arc<State>,
}

struct State {
    upstream: String,
    statements: Vec<Statement>,
    /// Names of the test's tables and parameters, each with the ARN of the stack's own.
    arns: Vec<(String, String)>,
    /// Pairs of action and resource, as in the policy, that allowed a call.
    used: Mutex<BTreeSet<(String, String)>>,
    refused: Mutex<Vec<String>>,
}

impl Judge {
    /// Listens on a port of its own, and forwards the calls that this function's role allows to `upstream`. `parameters` are
    /// secrets, each with the name of the test's parameter.
    pub async fn start(function: &str, tables: &Tables, parameters: &[(&str, &str)], upstream: &str) -> Self {
        let secrets: Vec<&str> = parameters.iter().map(|(secret, _)| *secret).collect();
        let own = [(tables.events.clone(), roles::table_arn("events")), (tables.sessions.clone(), roles::table_arn("sessions"))];
        let parameters = parameters.iter().map(|(secret, name)| ((*name).to_owned(), roles::parameter_arn(secret)));
        let state = Arc::new(State {
            upstream: upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            statements: roles::statements_with_parameters(function, &secrets),
            arns: own.into_iter().chain(parameters).collect(),
            used: Mutex::default(),
            refused: Mutex::default(),
        });
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

    /// Returns the actions with their resources that the role allows on tables and parameters, and that no call has needed so
    /// far.
    pub fn unused(&self) -> Vec<(String, String)> {
        let used = self.state.used.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |statement: &Statement| {
            let (actions, resources) = (statement.actions.clone(), statement.resources.clone());
            actions.into_iter().flat_map(move |action| resources.clone().into_iter().map(move |resource| (action.clone(), resource)))
        };
        self.state.statements.iter().flat_map(of).filter(|pair| !pair.0.starts_with("logs:") && !used.contains(pair)).collect()
    }

    /// Takes the refused calls, so that they fail no test.
    pub fn take_refused(&self) -> Vec<String> {
        std::mem::take(&mut self.state.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let refused = self.take_refused();
        assert!(refused.is_empty() || std::thread::panicking(), "stack.yaml does not allow the function what it calls: {refused:?}");
    }
}

async fn pass(client: TcpStream, state: Arc<State>) {
    let mut client = BufReader::new(client);
    let Ok(server) = TcpStream::connect(&state.upstream).await else { return };
    let mut server = BufReader::new(server);
    while let Some(request) = read_message(&mut client).await {
        if let Err(call) = state.judge(&request) {
            let body = json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "message": format!("not authorized: {call}") });
            state.refused.lock().unwrap_or_else(PoisonError::into_inner).push(call);
            let (kind, body) = ("application/x-amz-json-1.0", body.to_string());
            let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
            if client.write_all((head + &body).as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        if server.write_all(&request).await.is_err() {
            return;
        }
        let Some(answer) = read_message(&mut server).await else { return };
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

impl State {
    /// Allows a call by a statement of the role, or names the call.
    fn judge(&self, request: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(request);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let target = head.lines().find_map(|line| line.to_ascii_lowercase().starts_with("x-amz-target:").then(|| line.rsplit('.').next()));
        let operation = target.flatten().unwrap_or_default().trim();
        if head.to_ascii_lowercase().contains("x-amz-target: amazonssm.") {
            return self.judge_parameters(&format!("ssm:{operation}"), &body);
        }
        let action = format!("dynamodb:{operation}");
        let name = body["TableName"].as_str().unwrap_or_default();
        let arn = self.arns.iter().find(|(own, _)| own == name).map_or(name, |(_, arn)| arn);
        let resource = body["IndexName"].as_str().map_or_else(|| arn.to_owned(), |index| format!("{arn}/index/{index}"));
        for statement in self.statements.iter().filter(|statement| statement.actions.contains(&action)) {
            let found = statement.resources.iter().find(|pattern| fits(pattern, &resource));
            let key = partition_key(&body);
            let is_key = statement.keys.is_empty() || key.is_some_and(|key| statement.keys.iter().any(|pattern| fits(pattern, key)));
            if let Some(found) = found.filter(|_| is_key) {
                self.used.lock().unwrap_or_else(PoisonError::into_inner).insert((action, found.clone()));
                return Ok(());
            }
        }
        Err(format!("{action} on {resource} of key {:?}", partition_key(&body)))
    }

    /// Allows a call by statements for each of the parameters that it names, or names the call.
    fn judge_parameters(&self, action: &str, body: &Value) -> Result<(), String> {
        for name in body["Names"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let arn = self.arns.iter().find(|(own, _)| own == name).map_or(name, |(_, arn)| arn);
            let allows = |statement: &&Statement| {
                statement.actions.iter().any(|allowed| allowed == action) && statement.resources.iter().any(|resource| resource == arn)
            };
            if !self.statements.iter().any(|statement| allows(&statement)) {
                return Err(format!("{action} on {arn}"));
            }
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert((action.to_owned(), arn.to_owned()));
        }
        Ok(())
    }
}

/// Returns the partition key of the item that a request names.
fn partition_key(body: &Value) -> Option<&str> {
    ["Key", "Item"].iter().find_map(|part| body[*part]["session_id"]["S"].as_str())
}

/// Returns true if a text matches this pattern, with any characters for a `*` at its end.
fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |begin| text.starts_with(begin))
}
