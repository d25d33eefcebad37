//! Lambda Runtime API, as far as one function needs it: sends events over HTTP and receives the answers.

use super::Tables;
use super::judge::Judge;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Running function: the real executable, with an environment that names its runtime and its tables.
pub struct Function {
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Value>,
    logged: mpsc::UnboundedReceiver<String>,
    process: Child,
    judge: Option<Judge>,
}

impl Function {
    /// Starts an executable.
    pub async fn start(executable: &str, tables: &Tables) -> Self {
        Self::start_at(executable, tables, &test_support::endpoint()).await
    }

    /// Starts an executable with tables at this endpoint.
    pub async fn start_at(executable: &str, tables: &Tables, endpoint: &str) -> Self {
        Self::judged(executable, name_of(executable), (tables, endpoint), &OPEN, &[]).await
    }

    /// Starts an executable with these variables and those that locate its tables, and no others.
    pub async fn start_with(executable: &str, tables: &Tables, variables: &[(&str, &str)]) -> Self {
        Self::judged(executable, name_of(executable), (tables, &test_support::endpoint()), variables, &[]).await
    }

    /// Starts an executable with a role that may read the parameters of these secrets, each with the name of its parameter, and
    /// sets their variables.
    pub async fn start_with_parameters(executable: &str, tables: &Tables, variables: &[(&str, &str)], parameters: &[(&str, &str)]) -> Self {
        let named: Vec<(String, &str)> = parameters.iter().map(|(secret, name)| (format!("{secret}_PARAMETER"), *name)).collect();
        let variables =
            named.iter().map(|(variable, name)| (variable.as_str(), *name)).chain(variables.iter().copied()).collect::<Vec<_>>();
        Self::judged(executable, name_of(executable), (tables, &test_support::endpoint()), &variables, parameters).await
    }

    /// Starts an executable with the role of another function of the stack.
    pub async fn start_in_role_of(function: &str, executable: &str, tables: &Tables) -> Self {
        Self::judged(executable, function, (tables, &test_support::endpoint()), &OPEN, &[]).await
    }

    /// Starts an executable without a proxy before its tables, which would slow down measurements.
    pub async fn start_unjudged(executable: &str, tables: &Tables) -> Self {
        Self::run(command(executable, tables, &test_support::endpoint(), &OPEN)).await
    }

    /// Starts an executable with the permissions of the role of `function`. Its environment names only the tables that this
    /// role allows.
    async fn judged(
        executable: &str,
        function: &str,
        (tables, endpoint): (&Tables, &str),
        variables: &[(&str, &str)],
        parameters: &[(&str, &str)],
    ) -> Self {
        let judge = Judge::start(function, tables, parameters, endpoint).await;
        let started = Self::run(command(executable, tables, &judge.url, variables)).await;
        Self { judge: Some(judge), ..started }
    }

    /// Returns the proxy that judges its calls.
    pub fn judge(&self) -> &Judge {
        self.judge.as_ref().expect("its calls are judged")
    }

    /// Runs a command as a function; its environment names account, endpoint and tables.
    pub async fn run(mut command: Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (events, waiting_events) = mpsc::channel(1);
        let (answers_in, answers) = mpsc::channel(1);
        tokio::spawn(serve(listener, waiting_events, answers_in));
        let mut process = command
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "under-test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("ENVIRONMENT", "test")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function starts");
        let (log, logged) = mpsc::unbounded_channel();
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        tokio::spawn(async move { while lines.next_line().await.is_ok_and(|line| line.is_some_and(|line| log.send(line).is_ok())) {} });
        Self { events, answers, logged, process, judge: None }
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Returns the next line that it logs.
    pub async fn logged(&mut self) -> String {
        self.logged.recv().await.expect("the function runs")
    }

    /// Kills it as the system would, and waits for its end.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Works as [`Self::invoke`]; returns `None` if it ends instead of answering.
    pub async fn invoke_unless_it_ends(&mut self, event: Value) -> Option<Value> {
        self.events.send(event).await.unwrap();
        tokio::select! {
            answer = self.answers.recv() => answer,
            _ = self.process.wait() => None,
        }
    }

    /// Sends it a REST proxy event, as API Gateway would, and returns its proxy response.
    pub async fn invoke(&mut self, event: Value) -> Value {
        self.events.send(event).await.unwrap();
        tokio::select! {
            answer = self.answers.recv() => answer.expect("the function answers"),
            status = self.process.wait() => panic!("the function ended: {status:?}"),
        }
    }
}

/// Settings of the local AWS: reading is public, and requests are not limited.
const OPEN: [(&str, &str); 2] = [("READERS", "public"), ("REQUESTS_PER_MINUTE", "0")];

/// Returns the name of an executable's function: its own.
fn name_of(executable: &str) -> &str {
    executable.rsplit('/').next().unwrap_or(executable)
}

/// Returns a command with tables at this endpoint, with these variables and no others. As `up` does, it names the sessions
/// table only to the function that uses it.
fn command(executable: &str, tables: &Tables, endpoint: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(executable);
    command.env_clear().envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_ENDPOINT_URL", endpoint), ("EVENTS_TABLE", &tables.events)]);
    if name_of(executable) == "event-collector" {
        command.env("SESSIONS_TABLE", &tables.sessions);
    }
    command.envs(variables.iter().copied());
    command
}

/// Builds an API Gateway REST proxy event, with the fields that API Gateway always sends.
pub fn proxy_event(method: &str, path: &str, query: &Value, body: Option<&str>) -> Value {
    let many = |single: &Value| {
        let fields = single.as_object().into_iter().flatten();
        fields.map(|(name, value)| (name.clone(), json!([value]))).collect::<serde_json::Map<_, _>>()
    };
    let headers = json!({"Host": "api.example", "Content-Type": "application/json", "CloudFront-Viewer-Country": "KR"});
    json!({
        "resource": path, "path": path, "httpMethod": method,
        "headers": headers, "multiValueHeaders": many(&headers),
        "queryStringParameters": query, "multiValueQueryStringParameters": many(query),
        "pathParameters": null, "stageVariables": null, "body": body, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abc", "resourceId": "r", "stage": "dev", "requestId": "request-1",
            "resourcePath": path, "httpMethod": method, "path": format!("/dev{path}"), "protocol": "HTTP/1.1",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"}
        }
    })
}

async fn serve(listener: TcpListener, events: mpsc::Receiver<Value>, answers: mpsc::Sender<Value>) {
    let events = std::sync::Arc::new(tokio::sync::Mutex::new(events));
    while let Ok((connection, _)) = listener.accept().await {
        let (events, answers) = (events.clone(), answers.clone());
        tokio::spawn(async move {
            let mut connection = BufReader::new(connection);
            while let Some((path, body)) = read_request(&mut connection).await {
                if path.ends_with("/invocation/next") {
                    let Some(event) = events.lock().await.recv().await else { return };
                    let headers = "lambda-runtime-aws-request-id: request-1\r\nlambda-runtime-deadline-ms: 9999999999999\r\n\
                         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:under-test\r\n";
                    respond(&mut connection, "200 OK", headers, &event.to_string()).await;
                } else {
                    let answer = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    let _ = answers.send(json!({"path": path, "response": answer})).await;
                    respond(&mut connection, "202 Accepted", "", "{}").await;
                }
            }
        });
    }
}

async fn read_request(connection: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    connection.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut header = String::new();
        connection.read_line(&mut header).await.ok()?;
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            Some(("transfer-encoding", value)) => is_chunked = value.contains("chunked"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let mut size = String::new();
            connection.read_line(&mut size).await.ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            // Each chunk ends with an empty line, also the last one, which is empty itself.
            let mut piece = vec![0; size + 2];
            connection.read_exact(&mut piece).await.ok()?;
            body.extend_from_slice(&piece[..size]);
            if size == 0 {
                return Some((path, body));
            }
        }
    }
    body.resize(length, 0);
    connection.read_exact(&mut body).await.ok()?;
    Some((path, body))
}

async fn respond(connection: &mut BufReader<TcpStream>, status: &str, headers: &str, body: &str) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
}

/// Asserts that reading needs a token of the site, unless reading is public and no token is set.
pub async fn reading_is_closed_until_it_is_opened(executable: &str, path: &str) {
    let tables = super::tables().await;
    // printf secret | sha256sum
    let token = ("READ_TOKEN_SHA256", "shop=2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
    let public = ("READERS", "public");
    for (variables, expected) in [(&[][..], [401, 401]), (&[public], [200, 200]), (&[token], [200, 401]), (&[token, public], [200, 401])] {
        let mut function = Function::start_with(executable, &tables, variables).await;
        let mut statuses = Vec::new();
        for site in ["shop", "blog"] {
            let mut event = proxy_event("GET", path, &json!({"k": site}), None);
            event["headers"]["X-API-Key"] = json!("secret");
            event["multiValueHeaders"]["X-API-Key"] = json!(["secret"]);
            statuses.push(function.invoke(event).await["response"]["statusCode"].as_i64().unwrap());
        }
        assert_eq!(statuses, expected, "{variables:?}");
    }
}

/// Asserts that reading needs a token with its hash in a parameter, also after the parameter's value changes. The role has to
/// allow just that.
pub async fn a_token_in_a_parameter_is_replaced_while_the_function_serves(executable: &str, path: &str) {
    let tables = super::tables().await;
    // printf one | sha256sum; printf two | sha256sum
    let (one, two) = (
        "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
        "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",
    );
    let name = format!("/{}/READ_TOKEN_SHA256", tables.events);
    test_support::parameters::put(&name, one);
    let variables = [("READERS", "public"), ("PARAMETERS_REFRESH_SECONDS", "1")];
    let mut function = Function::start_with_parameters(executable, &tables, &variables, &[("READ_TOKEN_SHA256", &name)]).await;
    let mut status = async |token: &str| {
        let mut event = proxy_event("GET", path, &json!({}), None);
        event["headers"]["X-API-Key"] = json!(token);
        event["multiValueHeaders"]["X-API-Key"] = json!([token]);
        function.invoke(event).await["response"]["statusCode"].as_i64().unwrap()
    };
    assert_eq!((status("one").await, status("two").await), (200, 401));
    test_support::parameters::put(&name, two);
    // The function reads it at the first request that comes a second after the last reading.
    for _ in 0..600 {
        if status("one").await == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!((status("one").await, status("two").await), (401, 200));
    // An unusable value changes nothing.
    test_support::parameters::put(&name, "two");
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!((status("one").await, status("two").await), (401, 200));
    let unused = function.judge().unused();
    assert!(unused.is_empty(), "the role allows what no call needs: {unused:?}");
}

/// Asserts that a function ends with a helpful message if a parameter is missing, or if its role may not read it.
pub async fn a_function_whose_secret_cannot_be_read_says_so_and_ends(executable: &str) {
    let tables = super::tables().await;
    let name = format!("/{}/TOKEN_SECRET", tables.events);
    let judge = Judge::start(name_of(executable), &tables, &[], &test_support::endpoint()).await;
    let of_aws = test_support::endpoint();
    let put = format!("aws ssm put-parameter --region us-east-1 --type SecureString --name {name} --value VALUE");
    for (endpoint, parts) in [
        (&of_aws, [format!("ssm:GetParameters found no parameter {name} in us-east-1; make it with: "), put.clone()]),
        (&judge.url, [format!("ssm:GetParameters of {name} in us-east-1 is denied (AccessDeniedException"), "`liveinsight up`".to_owned()]),
    ] {
        let mut command = command(executable, &tables, endpoint, &[("TOKEN_SECRET_PARAMETER", &name)]);
        // No server listens there, and the function calls none before it has its secrets.
        command.env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9").env("AWS_REGION", "us-east-1").env("AWS_SECRET_ACCESS_KEY", "test");
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && parts.iter().all(|part| said.contains(part)), "{said}");
    }
    // IAM's change may not have propagated, so the function asks more than once.
    let mut refused = judge.take_refused();
    refused.dedup();
    assert_eq!(refused, [format!("ssm:GetParameters on {name}")]);
}
