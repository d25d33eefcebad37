//! Shared code of the contract tests. Each test has a [`Bench`]: a stack of its own, so that all can run at once against one endpoint.

use super::proxy::{self, Fate};
use liveinsight::{
    aws::{Aws, Connection, STACK, Tags, Target},
    engine::{Action, Cloud, Graph, Objection, Options, Plan, Removal, Report, RetryPolicy, State, Step, down, survey, up},
};
use std::time::{Duration, SystemTime};

const REGION: &str = "us-east-1";
/// Number of a local AWS's account.
const ACCOUNT: &str = "000000000000";

/// Access to the test's AWS, for one stack that no other test uses.
pub(crate) struct Bench {
    pub(crate) aws: Aws,
    unique: String,
}

/// Number of calls that an operation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

impl Bench {
    /// Connects to the tests' AWS, with a stack for this test.
    pub(crate) async fn new(test: &str) -> Self {
        Self::at(&endpoint(), test).await
    }

    /// Connects through a proxy that plays a difficult AWS: see [`proxy`].
    pub(crate) async fn hostile(test: &str, decide: impl FnMut(&str) -> Fate + Send + 'static) -> Self {
        Self::at(&proxy::start(&endpoint(), decide).await, test).await
    }

    /// Keeps the names and puts a proxy in front of AWS: for fates that depend on a name.
    pub(crate) async fn behind(self, decide: impl FnMut(&str) -> Fate + Send + 'static) -> Self {
        Self::named(&proxy::start(&endpoint(), decide).await, self.unique).await
    }

    /// Connects to an AWS at another address.
    pub(crate) async fn at(endpoint: &str, test: &str) -> Self {
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
        Self::named(endpoint, format!("{test}-{:x}", age.as_nanos() & 0xffff_ffff_ffff)).await
    }

    async fn named(endpoint: &str, unique: String) -> Self {
        let connection = Connection::endpoint(REGION, endpoint, "test", "test").await;
        let target = Target { limits: false, imports_apis: false, ..Target::aws("aws", REGION, ACCOUNT) };
        Self { aws: liveinsight::resources::connect(&connection, target, format!("contract/{unique}")), unique }
    }

    /// Returns a physical name that no other test uses: lower case, digits and hyphens.
    pub(crate) fn name(&self, thing: &str) -> String {
        format!("{thing}-{}", self.unique)
    }

    /// Returns the tags that every taggable resource carries.
    pub(crate) fn tags(&self) -> Tags {
        Tags::default().with(STACK, &self.aws.stack).with("ManagedBy", "liveinsight")
    }

    /// Returns a function that gives the logical name of one of this test's physical ones, in the form that sweeps expect.
    pub(crate) fn logical(&self) -> impl Fn(&str) -> Option<String> + Clone + use<> {
        let suffix = format!("-{}", self.unique);
        move |name| name.strip_suffix(&suffix).map(str::to_owned)
    }

    /// Returns the plan of an `up`.
    pub(crate) async fn plan(&self, graph: &Graph<Aws>) -> Plan<Aws> {
        survey(graph, &self.aws, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("cannot observe {id:?}: {error}"))
    }

    /// Returns the differences, as `id: action changes`; empty if there are none.
    pub(crate) async fn open(&self, graph: &Graph<Aws>) -> Vec<String> {
        let plan = self.plan(graph).await;
        plan.changes()
            .map(|step| {
                let changes: Vec<String> = step.changes.iter().map(ToString::to_string).collect();
                format!("{}: {:?} {}", step.id, step.action.expect("a change is an action"), changes.join("; "))
            })
            .collect()
    }

    /// Converges as far as possible.
    pub(crate) async fn try_up(&self, graph: &Graph<Aws>) -> Report {
        let plan = self.plan(graph).await;
        up(graph, &self.aws, plan, &options(), &|_| {}).await
    }

    /// Converges, and asserts that nothing is left to do.
    pub(crate) async fn up(&self, graph: &Graph<Aws>) -> Report {
        self.up_with(graph, &options()).await
    }

    /// Converges with consent to lose data, after asserting that `up` refuses without it.
    pub(crate) async fn up_losing_data(&self, graph: &Graph<Aws>) -> Report {
        let report = self.try_up(graph).await;
        assert!(report.failed.values().any(|error| error.to_string().contains("holds data")), "{:?}", report.failed);
        self.up_with(graph, &Options { delete_data: true, ..options() }).await
    }

    async fn up_with(&self, graph: &Graph<Aws>, options: &Options) -> Report {
        let report = up(graph, &self.aws, self.plan(graph).await, options, &|_| {}).await;
        assert!(report.complete(), "up failed: {:?}, behind: {:?}", report.failed, report.behind);
        assert_eq!(self.open(graph).await, Vec::<String>::new(), "a second up would do this");
        report
    }

    /// Asserts that the plan shows a change from outside as exactly these changes (`id path`, or `id` for a whole resource), and that `up` reverts
    /// it.
    pub(crate) async fn heals(&self, graph: &Graph<Aws>, expected: &[&str]) {
        let plan = self.plan(graph).await;
        let mut seen: Vec<String> = Vec::new();
        for step in plan.changes() {
            match (step.action, step.state) {
                (Some(Action::Create), _) | (_, State::Orphan) => seen.push(step.id.to_string()),
                _ => seen.extend(step.changes.iter().map(|change| format!("{} {}", step.id, change.path))),
            }
        }
        seen.sort();
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(seen, expected);
        self.up(graph).await;
    }

    /// Asserts the same as `heals`, and that it takes exactly this number of writes.
    pub(crate) async fn heals_with(&self, writes: u64, graph: &Graph<Aws>, expected: &[&str]) {
        let before = self.aws.tally().by_operation();
        let ((), calls) = self.calls(self.heals(graph, expected)).await;
        let after = self.aws.tally().by_operation();
        let made: Vec<_> = after.into_iter().filter(|count| !before.contains(count)).collect();
        assert_eq!(calls.writes, writes, "{expected:?} took other writes: {made:?}");
    }

    /// Asserts that `up` refuses foreign resources under our names, and that `down` leaves them alone; then adopts them.
    pub(crate) async fn adopts(&self, graph: &Graph<Aws>, foreign: &[&str]) {
        let plan = self.plan(graph).await;
        let objected: Vec<&str> =
            plan.steps.iter().filter(|step| matches!(step.objection, Some(Objection::Foreign(_)))).map(|step| step.id.as_str()).collect();
        assert_eq!(objected, foreign);
        let report = up(graph, &self.aws, plan, &options(), &|_| {}).await;
        assert_eq!(report.failed.keys().map(|id| id.as_str()).collect::<Vec<_>>(), foreign);
        assert!(report.failed.values().all(|error| error.to_string().contains("--adopt")), "{:?}", report.failed);

        let removal = self.removal(graph).await;
        assert_eq!(removal.foreign.keys().map(|id| id.as_str()).collect::<Vec<_>>(), foreign);
        assert!(removal.leaving.iter().all(|id| !foreign.contains(&id.as_str())), "{:?}", removal.leaving);

        self.up_with(graph, &Options { adopt: true, ..options() }).await;
    }

    /// Asserts that neither `up`, with any consent, nor `down` changes resources that another stack claims.
    pub(crate) async fn never_takes(&self, graph: &Graph<Aws>, claimed: &[&str]) {
        let plan = self.plan(graph).await;
        let objected: Vec<&str> =
            plan.steps.iter().filter(|step| matches!(step.objection, Some(Objection::Claimed(_)))).map(|step| step.id.as_str()).collect();
        assert_eq!(objected, claimed);
        let (report, calls) =
            self.calls(up(graph, &self.aws, plan, &Options { adopt: true, delete_data: true, ..options() }, &|_| {})).await;
        assert_eq!(report.failed.keys().map(|id| id.as_str()).collect::<Vec<_>>(), claimed);
        assert_eq!(calls.writes, 0, "{:?}", report.done);
        let removal = self.removal(graph).await;
        assert_eq!(removal.foreign.keys().map(|id| id.as_str()).collect::<Vec<_>>(), claimed);
        let (report, calls) = self.calls(down(graph, &self.aws, &removal, &options(), &|_| {})).await;
        assert!(report.complete() && calls.writes == 0, "{report:?}");
    }

    /// Asserts that exactly these are found as no longer declared, and that `up` removes them, with consent if they hold data.
    pub(crate) async fn removes_orphans(&self, graph: &Graph<Aws>, expected: &[&str]) {
        let plan = self.plan(graph).await;
        let orphans: Vec<&Step> = plan.steps.iter().filter(|step| step.state == State::Orphan).collect();
        assert_eq!(orphans.iter().map(|orphan| orphan.id.as_str()).collect::<Vec<_>>(), expected);
        if orphans.iter().any(|orphan| orphan.objection.is_some()) {
            self.up_losing_data(graph).await;
        } else {
            self.up(graph).await;
        }
    }

    /// Returns the resources that `down` would remove.
    pub(crate) async fn removal(&self, graph: &Graph<Aws>) -> Removal {
        let removal = Removal::survey(graph, &self.aws, |_| false, &|_| {}).await;
        removal.unwrap_or_else(|(id, error)| panic!("cannot find {id:?}: {error}"))
    }

    /// Returns the number of calls of this operation so far.
    pub(crate) fn called(&self, operation: &str) -> u64 {
        self.aws.tally().by_operation().into_iter().find(|(name, _)| *name == operation).map_or(0, |(_, count)| count)
    }

    /// Removes everything, and asserts that nothing is left and that a second removal does no harm.
    pub(crate) async fn down(&self, graph: &Graph<Aws>) {
        for nth in ["first", "second"] {
            // Tests change resources without the program's knowledge.
            self.aws.refresh();
            let removal = self.removal(graph).await;
            assert_eq!(removal.leaving.is_empty(), nth == "second", "{nth} down: {:?}", removal.leaving);
            let report = down(graph, &self.aws, &removal, &options(), &|_| {}).await;
            assert!(report.complete(), "{nth} down failed: {:?}, behind: {:?}", report.failed, report.behind);
        }
        let plan = self.plan(graph).await;
        assert_eq!(plan.count_state(State::Missing), graph.entries().len(), "something is left");
        assert_eq!(plan.count_state(State::Orphan), 0, "something is left");
    }

    /// Counts the calls that `work` makes.
    pub(crate) async fn calls<T>(&self, work: impl Future<Output = T>) -> (T, Calls) {
        let count = || (self.aws.tally().requests(), self.aws.tally().writes());
        let before = count();
        let result = work.await;
        let (requests, writes) = (count().0 - before.0, count().1 - before.1);
        (result, Calls { reads: requests - writes, writes })
    }
}

/// Checks the whole contract for a graph: absent → up → nothing to do → each variant → up → nothing to do → back → down → down. Variant 0 is the
/// first declaration; each later one differs from it and must change something.
pub(crate) async fn contract(bench: &Bench, variants: usize, declare: impl Fn(usize) -> Graph<Aws>) {
    let first = declare(0);
    let missing = bench.plan(&first).await;
    assert_eq!(missing.count_state(State::Missing), first.entries().len(), "it is to begin with nothing");
    let report = bench.up(&first).await;
    assert_eq!(report.count(Action::Create), first.entries().len());
    for variant in (1..variants).chain([0]) {
        let graph = declare(variant);
        assert_ne!(bench.open(&graph).await, Vec::<String>::new(), "variant {variant} changes nothing");
        bench.up(&graph).await;
    }
    bench.down(&declare(0)).await;
}

/// Address of the endpoint itself, for requests that are no calls of an AWS API.
pub(crate) use test_support::endpoint;

fn options() -> Options {
    let retry_policy =
        RetryPolicy { first: Duration::from_millis(5), longest: Duration::from_millis(50), patience: Duration::from_secs(20) };
    Options { retry_policy, ..Options::default() }
}
