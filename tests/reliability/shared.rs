//! Shared parts of the tests: an account with a strict AWS in front of it, the stack in two versions, runs that end well, badly
//! or by a kill.

use super::{accounts, listing};
use futures::future::{Either, LocalBoxFuture, join, maybe_done, select};
use liveinsight::{
    aws::{Aws, Connection, Target},
    build::{SiteFile, read_site},
    engine::{Class, Cloud, Error, Gate, Graph, Id, Options, Removal, Report, Resource, RetryPolicy, State, Step, down, survey, up},
    lock::{Lease, Lock, LockOutcome},
    release::{self, Action, Author, Scene},
    resources::{Alias, Bucket, Distribution},
    stack::{Content, Declaration, Names, Stack, Url, declare},
};
use std::{cell::Cell, collections::BTreeMap, path::Path, pin::Pin, time::Duration};
use strict_aws::{Config, Fault, Faults, Strict, Windows};

pub(crate) const REGION: &str = "us-east-1";
/// Lease of the tests' locks, as short as clocks of whole seconds allow: the run after a killed one has to wait for it.
const LEASE: Duration = Duration::from_secs(1);
pub(crate) const SHIPPED: &str = include_str!("../../stack.yaml");

/// Returns AWS's waiting times, a hundred times as fast. Those of minutes are shortened further, as nothing else depends on
/// their length.
pub(crate) fn windows() -> Windows {
    let short = Duration::from_millis(300);
    Windows { distribution_deploying: short, bucket_held: short, backups_enabling: Duration::from_millis(100), ..Windows::aws(100.0) }
}

/// Polling a hundred times as frequent, as waits are a hundred times as short.
pub(crate) const HURRIED: RetryPolicy =
    RetryPolicy { first: Duration::from_millis(5), longest: Duration::from_millis(10), patience: Duration::from_mins(1) };

/// Variable that selects the cases: `all`, or a sample.
const EFFORT: &str = "LIVEINSIGHT_RELIABILITY";
/// Distance between two sampled calls in every test run.
const STEP: u64 = 101;

/// Returns true if all cases are tested rather than a sample.
pub(crate) fn thorough() -> bool {
    std::env::var(EFFORT).is_ok_and(|value| value == "all")
}

/// Returns every number up to `last`, or a sample of at least two, which begins at another number for each `purpose`.
pub(crate) fn sample(last: u64, purpose: u64) -> Vec<u64> {
    let wanted = std::env::var(EFFORT).ok().and_then(|step| step.parse().ok()).unwrap_or(STEP);
    let step = if thorough() { 1 } else { wanted.min(last / 2).max(1) };
    (1 + purpose * 5 % step..=last).step_by(usize::try_from(step).unwrap()).collect()
}

/// Prints a row of the table in `docs/reliability.md`. Any damage, orphan or duplicate has failed the test before that.
#[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
pub(crate) fn row(what: &str, runs: usize) {
    assert_ne!(runs, 0, "nothing was tried: {what}");
    println!("| {what} | {runs} | 0 | 0 |");
}

/// Function with everything that the shipped ones do not have: routes that share paths, references, and permissions of its own.
const HELLO: &str = r#"  hello:
    source: lambdas/stats-api
    routes: [GET /api/hello, ANY /api/hello, "GET /api/hello/{name}", "ANY /api/all/{proxy+}"]
    authorizer: staff
    url: iam
    layers: ["arn:aws:lambda:us-east-1:123456789012:layer:extension:7"]
    tracing: true
    reads: [events]
    environment: { TABLE_NAME: "${tables.events}", API: "${api.url}/hello", SITE: "${site.url}" }
    permissions:
      - { actions: [dynamodb:DescribeTable], resources: ["${tables.events.arn}"] }

  stats-api:
    url: public
"#;

/// Version of the declared stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Shipped stack: 59 resources.
    First,
    /// Shipped stack with new code of one handler.
    Patched,
    /// New code and pages, other settings of almost every kind, one more function with several routes behind an authorizer, URLs of
    /// functions, headers of the site, one alarm fewer.
    Second,
}

type Failure = (Option<Id>, Error);

/// Secret that the distribution sends to the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OriginSecret {
    /// Created by the run, and stored.
    #[default]
    Made,
    /// Replaced by the run.
    Rotated,
    /// None, as before there was one.
    Off,
}

/// Account that no other test uses.
pub(crate) struct Account {
    pub(crate) strict: Strict,
    number: String,
    limits: bool,
    /// Permissions boundary that the stack declares.
    pub(crate) boundary: Option<String>,
    /// Set if the environment is protected.
    pub(crate) protect: bool,
    /// Treatment of the secret that the distribution sends.
    pub(crate) secret: Cell<OriginSecret>,
    /// Lease of the runs' locks; `None` disables the lock.
    lease: Option<Duration>,
    /// Retry policy of the runs.
    retry_policy: RetryPolicy,
    packages: tempfile::TempDir,
}

impl Account {
    /// Creates an account behind a strict AWS.
    pub(crate) async fn new(config: Config) -> Self {
        let limits = config.limits.is_some();
        let strict = Strict::start(&test_support::endpoint(), config).await.unwrap();
        Self {
            strict,
            number: accounts::next(),
            limits,
            boundary: None,
            protect: false,
            secret: Cell::default(),
            lease: Some(LEASE),
            retry_policy: HURRIED,
            packages: tempfile::tempdir().unwrap(),
        }
    }

    /// Sets the lease of the runs' locks, or disables the lock.
    pub(crate) fn with_lease(self, lease: Option<Duration>) -> Self {
        Self { lease, ..self }
    }

    /// Sets the program's own retry policy.
    pub(crate) fn unhurried(self) -> Self {
        Self { retry_policy: RetryPolicy::default(), ..self }
    }

    fn options(&self) -> Options {
        Options { retry_policy: self.retry_policy, ..Options::default() }
    }

    /// Connects as a new program, without state of the previous run.
    pub(crate) async fn connect(&self) -> Aws {
        self.connect_to(self.strict.endpoint()).await
    }

    async fn connect_to(&self, endpoint: &str) -> Aws {
        let connection = Connection::endpoint(REGION, endpoint, &self.number, "test").await;
        liveinsight::resources::connect(&connection, self.target(), self.names().stack_tag())
    }

    fn target(&self) -> Target {
        Target { limits: self.limits, ..Target::aws("aws", REGION, &self.number) }
    }

    pub(crate) fn declare(&self, version: Version) -> Declaration {
        let mut stack = Stack { permissions_boundary: self.boundary.clone(), protect: self.protect, ..stack(version) };
        stack.api.origin_secret = self.secret.get() != OriginSecret::Off;
        let declaration = declare(&stack, &self.target(), &content(version, self.packages.path()));
        if self.secret.get() == OriginSecret::Rotated {
            declaration.origin_secret.as_ref().unwrap().rotate();
        }
        declaration
    }

    /// Returns the names of the stack's resources.
    pub(crate) fn names(&self) -> Names {
        stack(Version::First).names(&self.number)
    }

    /// Runs `up` once.
    pub(crate) fn up(&self, version: Version) -> LocalBoxFuture<'_, Report> {
        Box::pin(async move { self.up_with(&self.connect().await, version).await })
    }

    /// Runs `up` once with these clients.
    pub(crate) async fn up_with(&self, aws: &Aws, version: Version) -> Report {
        let declaration = self.declare(version);
        aws.trust_reports();
        let run = async {
            let plan = survey(&declaration.graph, aws, &|_| {}).await?;
            let bucket = declaration.bucket.as_ref().unwrap();
            let missing = plan.steps.iter().any(|step| step.id.kind() == Bucket::KIND && step.state == State::Missing);
            let recorded = missing || is_recorded(aws, &declaration).await?;
            if plan.changes().next().is_none() && recorded {
                return Ok(up(&declaration.graph, aws, plan, &self.options(), &|_| {}).await);
            }
            // Like the program: a first run creates what it can while it waits for the lock.
            let gate = Gate::closed();
            let options = Options { gate: gate.clone(), ..self.options() };
            let mut begun = maybe_done(Box::pin(up(&declaration.graph, aws, plan, &options, &|_| {})));
            let make_bucket = async || matches!(bucket.make_early(aws).await, Ok(()) | Err(Error::Exists(_) | Error::NotYet { .. }));
            let outcome = Box::pin(self.acquire(aws, bucket, missing, make_bucket));
            let (lease, waited) = match if missing { select(outcome, &mut begun).await } else { Either::Left((outcome.await, &mut begun)) }
            {
                Either::Left((outcome, _)) => outcome?,
                Either::Right(((), outcome)) => outcome.await?,
            };
            gate.open();
            let again = if waited { Some(survey(&declaration.graph, aws, &|_| {}).await?) } else { None };
            let run = async {
                let report = if let Some(plan) = again {
                    up(&declaration.graph, aws, plan, &self.options(), &|_| {}).await
                } else {
                    (&mut begun).await;
                    Pin::new(&mut begun).take_output().unwrap()
                };
                if report.complete() {
                    // A failure is left to the next run, which finds the record missing.
                    let _ = Box::pin(release::write(aws, &bucket.name, &declaration.graph, Action::Up, Author::default())).await;
                }
                report
            };
            Ok(keeping(lease, run).await)
        };
        run.await.unwrap_or_else(|(id, error)| failed(&declaration.graph, id, error))
    }

    /// Runs `rollback` to the first release once.
    pub(crate) fn rollback(&self) -> LocalBoxFuture<'_, Report> {
        Box::pin(async move {
            let (aws, declaration) = (self.connect().await, self.declare(Version::First));
            let bucket = declaration.bucket.as_ref().unwrap();
            let run = async {
                let functions = self.functions();
                let outcome: LocalBoxFuture<'_, _> = Box::pin(self.acquire(&aws, bucket, false, async || false));
                let look: LocalBoxFuture<'_, _> = Box::pin(Scene::look(&aws, &declaration, &functions));
                let (outcome, scene) = join(outcome, look).await;
                let (lease, _) = outcome?;
                let scene = scene.map_err(|error| (None, error))?.expect("there is a stack");
                let first = scene.objects.read(&aws, &bucket.name, &scene.objects.releases[0]).await.map_err(|error| (None, error))?;
                let mut back = scene.put_back(&first.expect("a record that can be read"), |_| true, true).expect("nothing is gone");
                let mut report = Box::pin(back.write(&aws, &declaration, &|_| {})).await;
                let recorded = async {
                    if report.complete() {
                        let action = Action::Rollback(1);
                        let _ = Box::pin(back.conclude(&aws, &declaration, action, Author::default(), &mut report, &|_| {})).await;
                    }
                    report
                };
                let given_back = async {
                    if let Some(lease) = lease {
                        let _ = lease.release().await;
                    }
                };
                Ok(join(recorded, given_back).await.0)
            };
            run.await.unwrap_or_else(|(id, error)| failed(&declaration.graph, id, error))
        })
    }

    /// Asserts that the first release is live and recorded.
    pub(crate) async fn rolled_back(&self, what: &str) {
        let (aws, declaration) = (self.connect().await, self.declare(Version::First));
        let plan = survey(&declaration.graph, &aws, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("{what}: {id:?}: {error}"));
        // Functions added later stay, and so does the distribution's routing to them.
        let is_open = |step: &&Step| match step.id.kind() {
            Alias::KIND => step.state != State::Orphan,
            Bucket::KIND => true,
            Distribution::KIND => step.changes.touch("content"),
            _ => false,
        };
        let open: Vec<String> = plan.changes().filter(is_open).map(|step| step.id.to_string()).collect();
        assert_eq!(open, Vec::<String>::new(), "account {}: {what}: not put back\n{}", self.number, self.tail());
        assert!(is_recorded(&aws, &declaration).await.unwrap(), "account {}: {what}: not recorded\n{}", self.number, self.tail());
    }

    /// Returns the physical names of the functions of the first version.
    pub(crate) fn functions(&self) -> BTreeMap<String, String> {
        let (stack, names) = (stack(Version::First), self.names());
        stack.functions.keys().map(|name| (name.clone(), names.function(name))).collect()
    }

    /// Runs `down` once.
    pub(crate) fn down(&self) -> LocalBoxFuture<'_, Report> {
        Box::pin(async move {
            let (aws, declaration) = (self.connect().await, self.declare(Version::First));
            let find = async || Removal::survey(&declaration.graph, &aws, |_| false, &|_| {}).await;
            let run = async {
                let mut removal = find().await?;
                let (lease, waited) = self.acquire(&aws, declaration.bucket.as_ref().unwrap(), false, async || false).await?;
                if waited {
                    removal = find().await?;
                }
                Ok(keeping(lease, down(&declaration.graph, &aws, &removal, &self.options(), &|_| {})).await)
            };
            run.await.unwrap_or_else(|(id, error)| failed(&declaration.graph, id, error))
        })
    }

    /// Takes the lock as the commands do, so that kills happen where the commands can leave it; `None` if the lock is disabled.
    async fn acquire<'a>(
        &self,
        aws: &'a Aws,
        bucket: &Bucket,
        missing: bool,
        make: impl AsyncFn() -> bool,
    ) -> Result<(Option<Lease<'a>>, bool), Failure> {
        let Some(lease) = self.lease else {
            return Ok((None, false));
        };
        let lock = Lock::new(aws, &bucket.name, "up", "somebody@tests", lease);
        match lock.acquire(true, missing, make, |_| ()).await.map_err(|error| (None, error))? {
            LockOutcome::Acquired { lease, waited } => Ok((lease, waited)),
            LockOutcome::Held(held) => panic!("{held:?} is to be waited for"),
        }
    }

    /// Kills a run after this call, and returns true if it made that many.
    pub(crate) async fn killed(&self, after: u64, run: impl Future<Output = Report>) -> bool {
        self.strict.set_faults(Faults::DieAfterCall(after));
        let killed = tokio::select! {
            () = self.strict.client_died() => true,
            _ = run => false,
        };
        self.strict.set_faults(Faults::None);
        killed
    }

    /// Runs with these faults.
    pub(crate) async fn faulty(&self, faults: Faults, run: impl Future<Output = Report>) -> Report {
        self.strict.set_faults(faults);
        let report = run.await;
        self.strict.idle().await;
        self.strict.set_faults(Faults::None);
        report
    }

    /// Asserts that a run succeeded.
    pub(crate) fn complete(&self, report: &Report, what: &str) {
        assert!(
            report.complete(),
            "account {}: {what} failed: {:?}, behind: {:?}\n{}",
            self.number,
            report.failed,
            report.behind,
            self.tail()
        );
    }

    /// Asserts that a run succeeded, or failed only because the session expired.
    pub(crate) fn expired(&self, report: &Report, what: &str) {
        let other: Vec<_> = report.failed.iter().filter(|(_, error)| !is_expired(error)).collect();
        assert!(other.is_empty(), "account {}: {what}: {other:?}\n{}", self.number, self.tail());
    }

    /// Asserts that all resources are as declared, and that there are no others.
    pub(crate) async fn in_sync(&self, version: Version, what: &str) {
        let (aws, declaration) = (self.connect().await, self.declare(version));
        aws.refresh();
        let plan = survey(&declaration.graph, &aws, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("{what}: {id:?}: {error}"));
        let open: Vec<String> = plan.changes().map(|step| format!("{}: {:?} {}", step.id, step.action, step.changes.paths())).collect();
        assert_eq!(open, Vec::<String>::new(), "account {}: {what}: not in sync\n{}", self.number, self.tail());
        let recorded = is_recorded(&aws, &declaration).await.unwrap_or_else(|(_, error)| panic!("{what}: {error}"));
        assert!(recorded, "account {}: {what}: what is live is not recorded\n{}", self.number, self.tail());
        let mut declared = BTreeMap::new();
        for entry in declaration.graph.entries() {
            *declared.entry(entry.id.kind().to_owned()).or_default() += 1;
        }
        // Statements are listed, and a permission has one for each route, one for the authorizers of the API, and two for a public URL.
        let stack = stack(version);
        let deciders = stack.api.authorizers.values().filter(|authorizer| authorizer.function().is_some()).count();
        let routes: usize = stack.functions.values().map(|function| function.routes.len()).sum();
        let public = stack.functions.values().filter(|function| function.url == Some(Url::Public)).count();
        declared.insert("lambda.permission".to_owned(), routes + deciders + 2 * public);
        let bucket = declaration.bucket.as_ref().unwrap();
        let look = async || Lock::look(&aws, &bucket.name).await.unwrap();
        if look().await.is_some() {
            // The lock is a killed run's. The next run had nothing to do and took none, so the lock has to expire.
            tokio::time::sleep(LEASE).await;
            assert_eq!(look().await, None, "account {}: {what}: the lock is stuck", self.number);
        }
        assert_eq!(self.listing().await, declared, "account {}: {what}: the account holds something else than declared", self.number);
    }

    /// Asserts that the account is empty.
    pub(crate) async fn empty(&self, what: &str) {
        assert_eq!(self.listing().await, BTreeMap::new(), "account {}: {what}: something is left\n{}", self.number, self.tail());
    }

    /// Counts the account's resources by kind, read from the local AWS directly.
    async fn listing(&self) -> BTreeMap<String, usize> {
        listing::of(&self.connect_to(&test_support::endpoint()).await).await
    }

    /// Returns the proxy's last calls.
    fn tail(&self) -> String {
        let log = self.strict.log();
        let lines = log.iter().rev().take(40).rev();
        let lines = lines.map(|entry| format!("  {} {} {} {}", entry.operation, entry.resource, entry.status, entry.note));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Returns the fault for a write: its answer is lost in one of three ways.
pub(crate) fn lost(number: u64) -> Fault {
    [Fault::LostThenReset, Fault::LostThenStumble, Fault::Truncated][usize::try_from(number % 3).unwrap()]
}

/// Number of runs per processor: each of them waits most of the time.
const LANES: usize = 4;

/// Runs `work` for shares of `numbers`, some on each processor; the engine is not made for many threads.
pub(crate) fn on_all_processors<F>(numbers: &[u64], work: impl Fn(Vec<u64>) -> F + Send + Sync)
where
    F: Future<Output = ()>,
{
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 4);
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let share = |lane: usize| numbers.iter().copied().skip(thread * LANES + lane).step_by(threads * LANES).collect();
                    let shares = (0..LANES).map(share).filter(|share: &Vec<u64>| !share.is_empty());
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(futures::future::join_all(shares.map(work)));
                })
            })
            .collect();
        for thread in running {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Runs while keeping the lock, and releases it.
async fn keeping(lease: Option<Lease<'_>>, run: impl Future<Output = Report>) -> Report {
    let Some(lease) = lease else { return run.await };
    let report = tokio::select! {
        report = run => report,
        held = lease.keep() => panic!("{held:?} took it over"),
    };
    // A run that may no longer call AWS cannot release the lock, which then expires.
    if let Err(error) = lease.release().await {
        assert!(is_expired(&error), "{error}");
    }
    report
}

async fn is_recorded(aws: &Aws, declaration: &Declaration) -> Result<bool, Failure> {
    let bucket = &declaration.bucket.as_ref().unwrap().name;
    release::is_recorded(aws, bucket, &declaration.graph).await.map_err(|error| (None, error))
}

fn is_expired(error: &Error) -> bool {
    matches!(error, Error::Interrupted) || error.class() == Some(Class::Expired)
}

fn failed(graph: &Graph<Aws>, id: Option<Id>, error: Error) -> Report {
    let id = id.unwrap_or_else(|| graph.entries()[0].id.clone());
    Report { failed: [(id, error)].into(), ..Report::default() }
}

fn stack(version: Version) -> Stack {
    let changes: &[(&str, &str)] = match version {
        Version::First | Version::Patched => &[],
        Version::Second => &[
            ("memory: 256 ", "memory: 512 "),
            ("max_age: 2h", "max_age: 1h"),
            ("requests_per_minute: 1000", "requests_per_minute: 1200"),
            ("retention_days: 7", "retention_days: 14"),
            ("threshold: 25s", "threshold: 20s"),
            ("tags: {}", "tags: { Team: web }"),
            (
                "  error_page: error.html\n",
                "  error_page: error.html\n  headers: { Content-Security-Policy: \"default-src 'self'\", X-Site: \"1\" }\n",
            ),
            ("    restore_days: 1 ", "    max_write_units: 4000\n    restore_days: 1 "),
            ("    route: GET /api/realtime\n", "    route: GET /api/realtime\n    concurrency: 5\n"),
            ("    events-write-throttles:   { table: events, metric: write_throttles, threshold: 1, period: 5m }\n", ""),
            ("  stats-api:\n", HELLO),
            ("\napi:\n", "\napi:\n  authorizers: { staff: { function: stats-api } }\n  binary_media_types: [image/*]\n"),
        ],
    };
    let mut text = SHIPPED.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "stack.yaml has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    Stack::parse(&text, "stack.yaml", &test_support::workspace(), Some("dev"), Some(REGION)).unwrap()
}

fn content(version: Version, directory: &Path) -> Content {
    let packages = stack(version)
        .functions
        .keys()
        .map(|name| {
            let code = if version == Version::Patched && name != "event-collector" { Version::First } else { version };
            (name.clone(), accounts::package(directory, &format!("#!/bin/sh\n# {name} {code:?}\n")))
        })
        .collect();
    Content { packages, site: Some(liveinsight::build::site_objects(site(version))), ..Content::default() }
}

fn site(version: Version) -> Vec<SiteFile> {
    let version = if version == Version::Patched { Version::First } else { version };
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(Path::new(directory.path()).join(name), text).unwrap();
    write("index.html", &format!("<p>{version:?}</p>"));
    write("error.html", "<p>no such page</p>");
    write(if version == Version::First { "first.js" } else { "second.js" }, "// only in one version\n");
    read_site(directory.path(), "index.html", None).unwrap().files
}
