//! The proxy itself: listens, recognises the operation of each request, consults the layers, and keeps a log.

use crate::{
    clock,
    faults::{Counts, Fault, Faults, STALL},
    import,
    limits::Buckets,
    message::{Request, Response},
    operation::{Operation, resource},
    refusals::{self, Before, Windows, World},
    report, rules, tagging,
    wire::Refusal,
    xml,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// Configuration of a proxy.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Refusals and delays; `None` passes the local AWS's answers.
    pub windows: Option<Windows>,
    /// Request limits, with time passing this many times as fast; `None` for no limits.
    pub limits: Option<f64>,
    /// Latency of every request, added to the local AWS's own time.
    pub latency: Duration,
    /// Faults on the way to AWS and back.
    pub faults: Faults,
    /// Number of seconds by which AWS's clock is ahead of the client's; negative if it is behind.
    pub ahead: i64,
    /// Passes requests that are not recognised, instead of refusing them. For clients from outside this project.
    pub pass_unknown: bool,
}

/// Request in the log, with its outcome.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Operation as `service:Operation`.
    pub operation: String,
    /// Resource that the request is about.
    pub resource: String,
    /// Set if the request changes something.
    pub write: bool,
    /// Status that the client received; 0 if it received none.
    pub status: u16,
    /// Action of the proxy on the request, with the reason; empty if there was none.
    pub note: String,
    /// Time at which the request arrived.
    pub began: Instant,
    /// Time at which it was answered.
    pub ended: Instant,
}

/// Running proxy, which ends when it is dropped.
pub struct Strict {
    endpoint: String,
    shared: Arc<Shared>,
    listener: AbortHandle,
}

struct Shared {
    /// Address of the local AWS as `host:port`.
    upstream: String,
    state: Mutex<State>,
    /// State of the client (`true` while it is alive), and the number of requests being served.
    alive: watch::Sender<(bool, usize)>,
    /// Held during a write of an alarm. The proxy's request depends on whether the alarm exists, so no deletion may come in between.
    alarms: tokio::sync::Mutex<()>,
}

struct State {
    config: Config,
    counts: Counts,
    buckets: Buckets,
    world: World,
    log: Vec<Entry>,
}

impl Strict {
    /// Starts a proxy on a free port of this machine.
    pub async fn start(upstream: &str, config: Config) -> std::io::Result<Self> {
        Self::listen("127.0.0.1:0", upstream, config).await
    }

    /// Starts a proxy at this address. `upstream` is the address of the local AWS: `http://127.0.0.1:4566`.
    pub async fn listen(address: &str, upstream: &str, config: Config) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let state = State { config, counts: Counts::default(), buckets: Buckets::full(), world: World::default(), log: Vec::new() };
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::new(state),
            alive: watch::Sender::new((true, 0)),
            alarms: tokio::sync::Mutex::default(),
        });
        let accepting = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = accepting.clone();
                // A broken connection is left to the client.
                tokio::spawn(async move { drop(shared.converse(client).await) });
            }
        });
        Ok(Self { endpoint, shared, listener: task.abort_handle() })
    }

    /// Returns the address of the proxy, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sets the faults from now on. Counts begin anew, the log is cleared, and a dead client lives again.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.shared.state();
        state.config.faults = faults;
        state.world.functions_fail(faults == Faults::FunctionsFail);
        state.counts = Counts::default();
        state.log.clear();
        self.shared.alive.send_modify(|(alive, _)| *alive = true);
    }

    /// Sets the number of seconds by which AWS's clock is ahead of the client's from now on; negative if it is behind.
    pub fn set_clock(&self, ahead: i64) {
        self.shared.state().config.ahead = ahead;
    }

    /// Sets the latency of every request from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().config.latency = latency;
    }

    /// Returns the requests since the faults were last set, in the order of their answers.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.state().log.clone()
    }

    /// Returns the same requests as `log`, and clears the log.
    pub fn take_log(&self) -> Vec<Entry> {
        std::mem::take(&mut self.shared.state().log)
    }

    /// Returns [`report::rounds`] of the log.
    pub fn rounds(&self) -> usize {
        report::rounds(&self.log())
    }

    /// Returns [`report::throttles`] of the log.
    pub fn throttles(&self) -> BTreeMap<String, usize> {
        report::throttles(&self.log())
    }

    /// Waits until the client has died of [`Faults::DieAfterCall`] and its pending requests are done.
    pub async fn client_died(&self) {
        let mut alive = self.shared.alive.subscribe();
        // The sender lives as long as `self`.
        let _ = alive.wait_for(|(alive, serving)| !alive && *serving == 0).await;
    }

    /// Waits until no request is under way.
    pub async fn idle(&self) {
        let mut alive = self.shared.alive.subscribe();
        let _ = alive.wait_for(|(_, serving)| *serving == 0).await;
    }
}

impl Drop for Strict {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Answer that the client receives.
enum Outcome {
    Answer(Response),
    /// The first half of the answer.
    Truncated(Response),
    Nothing,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Serves a connection until either side closes it.
    async fn converse(&self, client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        let mut client = BufReader::new(client);
        while let Some(request) = Request::read(&mut client).await? {
            let serving = Serving::begin(self);
            let outcome = self.serve(&request).await;
            drop(serving);
            let ahead = self.state().config.ahead;
            match outcome {
                Outcome::Answer(response) => client.write_all(&clock::date(response, ahead).bytes()).await?,
                Outcome::Truncated(response) => {
                    let response = clock::date(response, ahead);
                    let bytes = response.bytes();
                    // Cut within the body, if there is a body to cut.
                    let end = bytes.len() - (response.body.len() / 2).max(1);
                    client.write_all(&bytes[..end]).await?;
                    return client.shutdown().await;
                }
                Outcome::Nothing => return client.shutdown().await,
            }
        }
        Ok(())
    }

    async fn serve(&self, request: &Request) -> Outcome {
        let began = Instant::now();
        let latency = self.state().config.latency;
        tokio::time::sleep(latency).await;
        let Some(operation) = Operation::of(request) else {
            let unknown = format!("{} {}", request.method, request.target);
            if self.state().config.pass_unknown {
                let response = self.forward(request).await;
                let write = request.method != "GET" && request.method != "HEAD";
                self.note(began, unknown, String::new(), write, response.status, "not recognised".to_owned());
                return Outcome::Answer(response);
            }
            self.note(began, unknown, String::new(), false, 501, "not recognised".to_owned());
            return Outcome::Answer(Response::new(501, "text/plain", "the strict AWS does not know this request"));
        };
        let (about, write, protocol) = (resource(request, &operation), operation.is_write(), protocol(request, &operation));
        let faults = self.state().config.faults;
        if let Faults::Lies(lie, writes) = faults
            && writes == write
            && operation.service != "sts"
        {
            let response = lie.response(content_type(protocol));
            self.note(began, operation.to_string(), about, write, response.status, format!("lie {lie:?}"));
            return Outcome::Answer(response);
        }
        let (fault, last, refused) = {
            let mut state = self.state();
            if !self.alive.borrow().0 {
                return Outcome::Nothing;
            }
            let State { config, counts, .. } = &mut *state;
            let fault = counts.meet(config.faults, &format!("{operation} {about}"), write);
            let last = matches!(config.faults, Faults::DieAfterCall(number) if counts.calls >= number);
            if last {
                // The client is dead: requests that arrive from here on are ignored.
                self.alive.send_modify(|(alive, _)| *alive = false);
            }
            let expired = matches!(config.faults, Faults::ExpireAfterCall(number) if counts.calls > number);
            let expired = expired.then(|| Refusal::expired(operation.service));
            let denied = matches!(config.faults, Faults::Deny(operations) if operations.iter().any(|denied| operation.is(denied)));
            let denied = denied.then(|| Refusal::denied(&operation));
            let unverified = (config.faults == Faults::Unverified).then(|| Refusal::unverified(&operation)).flatten();
            (fault, last, expired.or(denied).or(unverified).or_else(|| clock::judge(operation.service, request, config.ahead)))
        };
        if let Some(refusal) = refused {
            self.note(began, operation.to_string(), about, write, refusal.status, refusal.to_string());
            return if last { Outcome::Nothing } else { Outcome::Answer(refusal.response(protocol)) };
        }
        if let Some(fault) = fault.filter(|fault| fault.prevents()) {
            let answer = fault.refusal(operation.service).map(|refusal| refusal.response(protocol));
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            self.note(began, operation.to_string(), about, write, status, format!("fault {fault:?}"));
            return answer.map_or(Outcome::Nothing, Outcome::Answer);
        }
        if fault == Some(Fault::Stalled) {
            tokio::time::sleep(STALL).await;
        }
        if fault == Some(Fault::Hung) {
            self.note(began, operation.to_string(), about, write, 0, "fault Hung".to_owned());
            return std::future::pending().await;
        }
        let (response, mut note) = self.strictly(request, &operation).await;
        let dead = last || !self.alive.borrow().0;
        let outcome = match fault {
            _ if dead => Outcome::Nothing,
            Some(Fault::LostThenReset) => Outcome::Nothing,
            Some(Fault::Truncated) if response.body.is_empty() => Outcome::Nothing,
            Some(Fault::Truncated) => Outcome::Truncated(response),
            Some(fault @ Fault::LostThenStumble) => {
                fault.refusal(operation.service).map_or(Outcome::Nothing, |refusal| Outcome::Answer(refusal.response(protocol)))
            }
            _ => Outcome::Answer(response),
        };
        if let Some(fault) = fault {
            note = format!("fault {fault:?} {note}");
        }
        let status = if let Outcome::Answer(response) = &outcome { response.status } else { 0 };
        self.note(began, operation.to_string(), about, write, status, note);
        outcome
    }

    /// Applies limits and refusals, and passes the request to the local AWS. The text describes the change to the request.
    async fn strictly(&self, request: &Request, operation: &Operation) -> (Response, String) {
        let (mut request, protocol) = (request.clone(), protocol(request, operation));
        let about_alarms = operation.service == "cloudwatch" && operation.is_write();
        let _turn = if about_alarms { Some(self.alarms.lock().await) } else { None };
        let scope = refusals::scope(operation, &request);
        let (windows, before) = {
            let mut state = self.state();
            let State { config, buckets, world, .. } = &mut *state;
            if let Faults::TagsForgotten(operations) = config.faults
                && operations.iter().any(|forgets| operation.is(forgets))
            {
                tagging::forget(operation, &mut request);
            }
            if let Some(scale) = config.limits
                && let Err(limit) = buckets.spend(&operation.to_string(), operation.is_write(), scale, Instant::now())
            {
                return (Refusal::throttle(operation.service).response(protocol), format!("limit {limit}"));
            }
            let before = config.windows.as_ref().map(|windows| world.before(windows, operation, scope.as_deref(), &mut request));
            if matches!(before, Some(Before::Pass | Before::Ask(..))) {
                world.enter(scope.as_deref());
            }
            (config.windows.clone(), before)
        };
        if operation.is("tag:GetResources") {
            let response = self.forward(&request).await;
            return (tagging::complete(&request, response, self).await, String::new());
        }
        let (Some(windows), Some(before)) = (windows, before) else { return (self.forward(&request).await, String::new()) };
        let refused = match before {
            Before::Refuse(refusal) => return (refusal.response(protocol), refusal.to_string()),
            Before::Answer(response, why) => return (response, why.to_owned()),
            Before::Ask(question, judge) => judge(&self.forward(&question).await),
            Before::Pass => None,
        };
        let result = match refused {
            Some(refusal) => (refusal.response(protocol), refusal.to_string()),
            None => self.pass(&windows, operation, &request).await,
        };
        self.state().world.leave(scope.as_deref());
        result
    }

    async fn pass(&self, windows: &Windows, operation: &Operation, request: &Request) -> (Response, String) {
        let mut response = self.forward(request).await;
        // Changes below alter the checksum, and DynamoDB's clients compare it.
        response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-amz-crc32"));
        let note = self.state().world.after(windows, operation, request, &mut response);
        (response, note)
    }

    async fn forward(&self, request: &Request) -> Response {
        if Operation::of(request).is_some_and(|operation| operation.is("apigateway:PutRestApi")) {
            return self.import(request).await;
        }
        if Operation::of(request).is_some_and(|operation| operation.is("s3:CreateBucket")) {
            return self.create_bucket(request).await;
        }
        self.ask(request).await
    }

    /// Creates a bucket as AWS does. AWS creates the public access block with the bucket, which the local AWS does not. In us-east-1, AWS reports
    /// an existing bucket of the caller only for requests with tags.
    async fn create_bucket(&self, request: &Request) -> Response {
        let of_bucket = |method: &str, what: &str, body: &str| {
            let credentials = request.headers.iter().filter(|(name, _)| ["host", "authorization"].contains(&&*name.to_lowercase()));
            let target = format!("{}?{what}", request.target.split('?').next().unwrap_or_default());
            Request { method: method.to_owned(), target, headers: credentials.cloned().collect(), body: body.as_bytes().to_vec() }
        };
        if self.ask(&of_bucket("GET", "versioning", "")).await.is_success() {
            let body = String::from_utf8_lossy(&request.body);
            let quiet = xml::texts(&body, &["Tag", "Key"]).is_empty() && xml::texts(&body, &["LocationConstraint"]).is_empty();
            return if quiet { Response::new(200, "application/xml", "") } else { rules::BUCKET_OURS.refuse(&[]).response("s3") };
        }
        let answer = self.ask(request).await;
        if answer.is_success() {
            self.ask(&of_bucket("PUT", "publicAccessBlock", PUBLIC_ACCESS_BLOCK)).await;
        }
        answer
    }

    /// Carries out a call that the local AWS lacks with calls that it has.
    async fn import(&self, request: &Request) -> Response {
        let bad = |text: &str| Response::new(501, "text/plain", text);
        let Some(steps) = import::steps(request) else { return bad("the strict AWS does not understand this document") };
        let listed = self.ask(&import::part_of(request, &import::listing())).await;
        if !listed.is_success() {
            return listed;
        }
        let mut ids = import::listed(&listed);
        for removal in import::removals(&ids) {
            self.import_part(&import::part_of(request, &removal)).await;
        }
        ids.retain(|path, _| path == "/");
        for step in &steps {
            let Some(part) = import::request_of(step, &ids) else { return bad("a path has no parent") };
            let answer = self.import_part(&import::part_of(request, &part)).await;
            if !answer.is_success() {
                return answer;
            }
            if let import::Step::Resource { path, .. } = step {
                ids.insert(path.clone(), answer.json()["id"].as_str().unwrap_or_default().to_owned());
            }
        }
        self.ask(&import::part_of(request, &import::whole())).await
    }

    /// Sends a part as if the client had requested it, so that the proxy records its existence.
    async fn import_part(&self, request: &Request) -> Response {
        let mut answer = self.ask(request).await;
        let mut state = self.state();
        let State { config, world, .. } = &mut *state;
        if let (Some(windows), Some(operation)) = (&config.windows, Operation::of(request)) {
            world.after(windows, &operation, request, &mut answer);
        }
        answer
    }

    async fn ask(&self, request: &Request) -> Response {
        match crate::sign::anew(request).send(&self.upstream).await {
            Ok(response) => response,
            Err(error) => Response::new(502, "text/plain", format!("the local AWS does not answer: {error}")),
        }
    }

    fn note(&self, began: Instant, operation: String, resource: String, write: bool, status: u16, note: String) {
        self.state().log.push(Entry { operation, resource, write, status, note, began, ended: Instant::now() });
    }
}

impl tagging::Ask for Shared {
    async fn ask(&self, request: Request) -> serde_json::Value {
        self.forward(&request).await.json()
    }
}

/// Public access block of a new bucket on AWS ("Blocking public access to your Amazon S3 storage", Amazon S3 User Guide).
const PUBLIC_ACCESS_BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
    <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>\
    <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

/// Returns the service with the protocol for an answer of the proxy's own. CloudWatch answers JSON requests (boto3) in JSON, as CloudWatch Logs
/// does, and all others in CBOR.
fn protocol(request: &Request, operation: &Operation) -> &'static str {
    if operation.service == "cloudwatch" && request.header("x-amz-target").is_some() { "logs" } else { operation.service }
}

/// Returns the content type of a service's answers.
fn content_type(service: &str) -> &'static str {
    match service {
        "iam" | "sts" | "s3" | "cloudfront" => "text/xml",
        "cloudwatch" => "application/cbor",
        _ => "application/json",
    }
}

/// Guard that counts a request as being served while it lives.
struct Serving<'a>(&'a Shared);

impl<'a> Serving<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.alive.send_modify(|(_, serving)| *serving += 1);
        Self(shared)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.alive.send_modify(|(_, serving)| *serving -= 1);
    }
}
