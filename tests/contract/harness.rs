//! What the contract tests share. Each test has a [`Bench`]: a stack of its own, so that all can run at once against one endpoint.

use crate::proxy::{self, Fate};
use liveinsight::{
    aws::{Aws, Connection, Place, STACK, Tags},
    engine::{Action, Cloud, Graph, Options, Plan, Removal, Report, State, Tempo, down, survey, up},
};
use std::time::{Duration, SystemTime};

const REGION: &str = "us-east-1";
/// The account of a local AWS.
const ACCOUNT: &str = "000000000000";

/// Access to the test's AWS, for one stack that nobody else uses.
pub(crate) struct Bench {
    pub(crate) aws: Aws,
    unique: String,
}

/// How many calls something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

impl Bench {
    /// One for this test.
    pub(crate) async fn new(test: &str) -> Self {
        Self::at(&endpoint(), test).await
    }

    /// One that meets an AWS in a mood: see [`proxy`].
    pub(crate) async fn hostile(test: &str, decide: impl FnMut(&str) -> Fate + Send + 'static) -> Self {
        Self::at(&proxy::start(&endpoint(), decide).await, test).await
    }

    async fn at(endpoint: &str, test: &str) -> Self {
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
        let unique = format!("{test}-{:x}", age.as_nanos() & 0xffff_ffff_ffff);
        let connection = Connection::endpoint(REGION, endpoint, "test", "test").await;
        let place = Place { limits: false, ..Place::aws("aws", REGION, ACCOUNT) };
        Self { aws: connection.aws(place, format!("contract/{unique}")), unique }
    }

    /// A physical name that no other test uses: lower case, digits and hyphens.
    pub(crate) fn name(&self, thing: &str) -> String {
        format!("{thing}-{}", self.unique)
    }

    /// The tags that every taggable resource carries.
    pub(crate) fn tags(&self) -> Tags {
        Tags::default().with(STACK, &self.aws.stack).with("ManagedBy", "liveinsight")
    }

    /// What `up` would do.
    pub(crate) async fn plan(&self, graph: &Graph<Aws>) -> Plan<Aws> {
        survey(graph, &self.aws, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("cannot observe {id:?}: {error}"))
    }

    /// What differs, as `id: action changes`; empty if nothing does.
    pub(crate) async fn open(&self, graph: &Graph<Aws>) -> Vec<String> {
        let plan = self.plan(graph).await;
        plan.changes()
            .map(|step| {
                let changes: Vec<String> = step.changes.iter().map(ToString::to_string).collect();
                format!("{}: {:?} {}", step.id, step.action.expect("a change is an action"), changes.join("; "))
            })
            .collect()
    }

    /// Converges as far as it goes.
    pub(crate) async fn try_up(&self, graph: &Graph<Aws>) -> Report {
        let plan = self.plan(graph).await;
        up(graph, &self.aws, plan, &options(), &|_| {}).await
    }

    /// Converges, and insists that nothing is left to do.
    pub(crate) async fn up(&self, graph: &Graph<Aws>) -> Report {
        let report = self.try_up(graph).await;
        assert!(report.complete(), "up failed: {:?}, behind: {:?}", report.failed, report.behind);
        assert_eq!(self.open(graph).await, Vec::<String>::new(), "a second up would do this");
        report
    }

    /// Insists that what was changed from outside is seen as exactly these changes (`id path`, or `id` for a whole resource), and made good.
    pub(crate) async fn heals(&self, graph: &Graph<Aws>, expected: &[&str]) {
        let plan = self.plan(graph).await;
        let mut seen: Vec<String> = Vec::new();
        for step in plan.changes() {
            match (step.action, step.state) {
                (Some(Action::Create), _) | (_, State::Stray) => seen.push(step.id.to_string()),
                _ => seen.extend(step.changes.iter().map(|change| format!("{} {}", step.id, change.path))),
            }
        }
        seen.sort();
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(seen, expected);
        self.up(graph).await;
    }

    /// Removes everything, and insists that nothing is left and that doing it again does no harm.
    pub(crate) async fn down(&self, graph: &Graph<Aws>) {
        for nth in ["first", "second"] {
            // Tests change things behind our back.
            self.aws.refresh();
            let removal = Removal::survey(graph, &self.aws, false, &|_| {}).await;
            let removal = removal.unwrap_or_else(|(id, error)| panic!("cannot find {id:?}: {error}"));
            assert_eq!(removal.leaving.is_empty(), nth == "second", "{nth} down: {:?}", removal.leaving);
            let report = down(graph, &self.aws, &removal, &options(), &|_| {}).await;
            assert!(report.complete(), "{nth} down failed: {:?}, behind: {:?}", report.failed, report.behind);
        }
        let plan = self.plan(graph).await;
        assert_eq!(plan.count_state(State::Missing), graph.entries().len(), "something is left");
        assert_eq!(plan.count_state(State::Stray), 0, "something is left");
    }

    /// The calls that `work` takes.
    pub(crate) async fn calls<T>(&self, work: impl Future<Output = T>) -> (T, Calls) {
        let count = || (self.aws.tally().requests(), self.aws.tally().writes());
        let before = count();
        let result = work.await;
        let (requests, writes) = (count().0 - before.0, count().1 - before.1);
        (result, Calls { reads: requests - writes, writes })
    }
}

/// The whole contract for a graph: absent → up → nothing to do → each variant → up → nothing to do → back → down → down.
/// Variant 0 is the first declaration; each later one differs from it and must change something.
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

/// The endpoint itself, for what is not a call of an AWS API.
pub(crate) use test_support::endpoint;

fn options() -> Options {
    let tempo = Tempo { first: Duration::from_millis(5), longest: Duration::from_millis(50), patience: Duration::from_secs(20) };
    Options { tempo, ..Options::default() }
}
