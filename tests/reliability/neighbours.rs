//! Stacks with similar names in one account: the actions of one leave the others exactly as they were.
//!
//! An [`Observer`] lists the resources. It reads each service itself and uses none of the program's code for reading.

use super::{
    accounts,
    shared::{HURRIED, on_all_processors, row, thorough},
    snapshot::{Observer, Snapshot},
};
use fastrand::Rng;
use liveinsight::{
    aws::{Aws, Connection, Target},
    build::read_site,
    engine::{Id, Options, Removal, Report, down, survey, up},
    release::{self, Action, Author, Scene},
    stack::{Content, Declaration, Stack, declare},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
};

/// Names that are prefixes, suffixes and sums of each other.
const PROJECTS: [&str; 6] = ["a", "a-b", "a-b-c", "ab", "b", "a-a"];
const ENVIRONMENTS: [&str; 3] = ["dev", "d", "devb"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
const THINGS: [&str; 6] = ["a", "b", "c", "b-c", "c-d", "a-b"];

/// Number of cases in every run, and by name.
const SAMPLE: u64 = 6;
const ALL: u64 = 1_000;
/// Number of actions by the stacks of a case.
const STEPS: usize = 6;

/// Stack of an account.
struct Neighbour {
    project: &'static str,
    environment: &'static str,
    region: &'static str,
    functions: BTreeSet<&'static str>,
    tables: BTreeSet<&'static str>,
    has_site: bool,
    has_api: bool,
    /// Version of the code and the pages.
    version: u32,
}

impl Neighbour {
    fn random(random: &mut Rng) -> Self {
        let things = |random: &mut Rng| (0..random.usize(0..=2)).map(|_| *random.choice(&THINGS).unwrap()).collect();
        let mut neighbour = Self {
            project: random.choice(PROJECTS).unwrap(),
            environment: random.choice(ENVIRONMENTS).unwrap(),
            region: random.choice(REGIONS).unwrap(),
            functions: things(random),
            tables: things(random),
            has_site: random.u8(..4) == 0,
            has_api: random.bool(),
            version: 0,
        };
        if neighbour.functions.is_empty() {
            neighbour.functions.insert(random.choice(THINGS).unwrap());
        }
        neighbour
    }

    fn is_same_stack(&self, other: &Self) -> bool {
        (self.project, self.environment, self.region) == (other.project, other.environment, other.region)
    }

    fn name(&self) -> String {
        format!("{}/{} in {} with {:?} and {:?}", self.project, self.environment, self.region, self.functions, self.tables)
    }

    fn stack(&self) -> Stack {
        let Self { project, environment, region, functions, tables, has_site, has_api, .. } = self;
        let mut text = format!("project: {project}\nregion: {region}\nenvironments: {{ {environment}: {{}} }}\nfunctions:\n");
        for name in functions {
            let route = if *has_api { format!(", route: GET /api/{name}/items") } else { String::new() };
            writeln!(text, "  {name}: {{ source: lambdas/stats-api{route} }}").unwrap();
        }
        text.push_str(if tables.is_empty() { "" } else { "tables:\n" });
        for name in tables {
            writeln!(text, "  {name}: {{ partition_key: {{ name: id, type: S }} }}").unwrap();
        }
        if *has_site {
            text.push_str("site: { source: dashboard/public, index: index.html }\n");
        }
        let watched = functions.first().unwrap();
        writeln!(text, "alarms: {{ rules: {{ {watched}: {{ function: {watched}, metric: errors, threshold: 5, period: 5m }} }} }}")
            .unwrap();
        Stack::parse(&text, "stack.yaml", &test_support::workspace(), None, None).unwrap_or_else(|error| panic!("{text}\n{error:?}"))
    }

    fn declare(&self, account: &Account) -> Declaration {
        let (stack, version) = (self.stack(), self.version);
        let package = |name: &&str| accounts::package(account.files.path(), &format!("#!/bin/sh\n# {name} {version}\n"));
        let packages = self.functions.iter().map(|name| ((*name).to_owned(), package(name))).collect();
        let pages = tempfile::tempdir().unwrap();
        fs::write(pages.path().join("index.html"), format!("<p>{version}</p>")).unwrap();
        let site = self.has_site.then(|| liveinsight::build::site_objects(read_site(pages.path(), "index.html", None).unwrap().files));
        declare(&stack, &self.target(account), &Content { packages, site, ..Content::default() })
    }

    fn target(&self, account: &Account) -> Target {
        Target { limits: false, imports_apis: false, ..Target::aws("aws", self.region, &account.number) }
    }

    async fn connect(&self, account: &Account) -> Aws {
        let connection = Connection::endpoint(self.region, &test_support::endpoint(), &account.number, "test").await;
        liveinsight::resources::connect(&connection, self.target(account), self.stack().names(&account.number).stack_tag())
    }

    async fn up(&self, account: &Account, options: Options) -> Option<Report> {
        let (aws, declaration) = (self.connect(account).await, self.declare(account));
        aws.trust_reports();
        let plan = survey(&declaration.graph, &aws, &|_| {}).await.ok()?;
        let report = up(&declaration.graph, &aws, plan, &options, &|_| {}).await;
        if let Some(bucket) = declaration.bucket.as_ref().filter(|_| report.complete() && options.only.is_none()) {
            Box::pin(release::write(&aws, &bucket.name, &declaration.graph, Action::Up, Author::default())).await.unwrap();
        }
        Some(report)
    }

    async fn down(&self, account: &Account) -> Report {
        let (aws, declaration) = (self.connect(account).await, self.declare(account));
        let removal = Removal::survey(&declaration.graph, &aws, |_| false, &|_| {}).await;
        let removal = removal.unwrap_or_else(|(id, error)| panic!("{}: {id:?}: {error}", self.name()));
        down(&declaration.graph, &aws, &removal, &options(), &|_| {}).await
    }

    /// Rolls back to the first release, if the state permits.
    async fn rollback(&self, account: &Account) {
        let (aws, declaration) = (self.connect(account).await, self.declare(account));
        let names = self.stack().names(&account.number);
        let functions = self.functions.iter().map(|name| ((*name).to_owned(), names.function(name))).collect();
        let Ok(Some(scene)) = Box::pin(Scene::look(&aws, &declaration, &functions)).await else { return };
        let Some(first) = scene.objects.releases.first().cloned() else { return };
        let bucket = &declaration.bucket.as_ref().unwrap().name;
        let Some(record) = scene.objects.read(&aws, bucket, &first).await.unwrap() else { return };
        let Ok(mut back) = scene.put_back(&record, |_| true, true) else { return };
        let mut report = Box::pin(back.write(&aws, &declaration, &|_| {})).await;
        let action = Action::Rollback(first.number);
        Box::pin(back.conclude(&aws, &declaration, action, Author::default(), &mut report, &|_| {})).await.unwrap();
    }

    /// Changes the declaration: removes a function or a table, adds another, or changes code.
    fn edit(&mut self, random: &mut Rng) {
        self.version += 1;
        match random.u8(..4) {
            0 if self.functions.len() > 1 => drop(self.functions.pop_first()),
            1 => drop(self.tables.pop_first()),
            2 => drop(self.functions.insert(random.choice(THINGS).unwrap())),
            _ => self.has_api = !self.has_api,
        }
    }
}

fn options() -> Options {
    Options { retry_policy: HURRIED, ..Options::default() }
}

/// Account of a single case.
struct Account {
    number: String,
    files: tempfile::TempDir,
}

/// Resources of an account, with their owners: the number of a stack, or `None` for another tool.
struct World {
    account: Account,
    observer: Observer,
    seen: Snapshot,
    makers: BTreeMap<String, Option<usize>>,
    log: Vec<String>,
}

impl World {
    /// Records the effects of one stack's action, and asserts that the others' resources are unchanged.
    async fn after(&mut self, actor: Option<usize>, what: String) {
        self.log.push(what);
        let now = self.observer.look().await;
        for (name, content) in &self.seen {
            if self.makers[name] != actor {
                let before = content.lines().collect::<BTreeSet<_>>();
                let after = now.get(name).map(|now| now.lines().collect::<BTreeSet<_>>());
                let changed = after.map(|after| before.symmetric_difference(&after).copied().map(str::to_owned).collect::<Vec<_>>());
                assert_eq!(changed, Some(Vec::new()), "{name} was touched (account {}):\n{}", self.account.number, self.log.join("\n"));
            }
        }
        self.makers.retain(|name, _| now.contains_key(name));
        for name in now.keys() {
            self.makers.entry(name.clone()).or_insert(actor);
        }
        self.seen = now;
    }
}

async fn case(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut neighbours: Vec<Neighbour> = Vec::new();
    let wanted = random.usize(2..=3);
    while neighbours.len() < wanted {
        let next = Neighbour::random(&mut random);
        if !neighbours.iter().any(|other| other.is_same_stack(&next)) {
            neighbours.push(next);
        }
    }
    let account = Account { number: accounts::next(), files: tempfile::tempdir().unwrap() };
    let observer = Observer::new(&account.number, &REGIONS).await;
    let mut world = World { account, observer, seen: BTreeMap::new(), makers: BTreeMap::new(), log: vec![format!("case {seed}")] };
    let has_strangers = random.u8(..3) == 0;
    if has_strangers {
        let victim = random.choice(&neighbours).unwrap();
        let name = victim.stack().names(&world.account.number).function(victim.functions.first().unwrap());
        world.observer.make_strangers(victim.region, &name).await;
        world.after(None, format!("somebody makes things named {name}")).await;
    }
    for (index, neighbour) in neighbours.iter().enumerate() {
        let report = neighbour.up(&world.account, options()).await;
        let failed = report.map(|report| report.failed.into_keys().collect::<Vec<Id>>());
        world.after(Some(index), format!("{index}: up of {}: failed {failed:?}", neighbour.name())).await;
    }
    for _ in 0..STEPS {
        let index = random.usize(..neighbours.len());
        let neighbour = &mut neighbours[index];
        // Unmarked resources may be adopted, which changes them.
        let adopt = !has_strangers && random.bool();
        let what = match random.u8(..6) {
            0 => {
                let report = neighbour.down(&world.account).await;
                format!("down: failed {:?}", report.failed)
            }
            1 => {
                neighbour.rollback(&world.account).await;
                "rollback".to_owned()
            }
            2 => {
                let graph = neighbour.declare(&world.account).graph;
                let only = graph.entries().iter().filter(|_| random.bool()).map(|entry| entry.id.clone()).collect();
                drop(neighbour.up(&world.account, Options { adopt, only: Some(only), ..options() }).await);
                "up of some, whatever they are part of".to_owned()
            }
            _ => {
                neighbour.edit(&mut random);
                let allowed = Options { adopt, delete_data: true, ..options() };
                let report = neighbour.up(&world.account, allowed).await;
                let failed = report.map(|report| report.failed.into_keys().collect::<Vec<Id>>());
                format!("up (adopt: {adopt}) of {}: failed {failed:?}", neighbour.name())
            }
        };
        world.after(Some(index), format!("{index}: {what}")).await;
    }
    for (index, neighbour) in neighbours.iter().enumerate() {
        let report = neighbour.down(&world.account).await;
        assert!(report.complete(), "case {seed}: {:?}\n{}", report.failed, world.log.join("\n"));
        world.after(Some(index), format!("{index}: down")).await;
        let left: Vec<&String> = world.makers.iter().filter(|(_, maker)| **maker == Some(index)).map(|(name, _)| name).collect();
        assert_eq!(left, Vec::<&String>::new(), "case {seed}: left behind\n{}", world.log.join("\n"));
    }
}

#[test]
fn whatever_one_stack_does_the_others_stay_exactly_as_they_were() {
    let count = if thorough() { ALL } else { SAMPLE };
    // The variable selects the first case, to run other cases than the default ones.
    let first = std::env::var("LIVEINSIGHT_NEIGHBOURS").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds: Vec<u64> = (first..first + count).collect();
    test_support::endpoint();
    on_all_processors(&seeds, async |seeds: Vec<u64>| {
        for seed in seeds {
            Box::pin(case(seed)).await;
        }
    });
    row("stacks whose names resemble each other, each doing anything", seeds.len());
}

#[tokio::test]
async fn a_part_that_appears_or_changes_is_a_change_of_its_whole() {
    let observer = Observer::new(&accounts::next(), &REGIONS).await;
    observer.make_strangers("eu-west-1", "a-b-dev").await;
    let before = observer.look().await;
    assert_eq!(before.keys().collect::<Vec<_>>(), ["eu-west-1 log group /aws/lambda/a-b-dev", "role a-b-dev"]);
    assert_eq!(observer.look().await, before);
    observer.add_policy("a-b-dev").await;
    let after = observer.look().await;
    assert_ne!(after["role a-b-dev"], before["role a-b-dev"]);
    assert_eq!(after.len(), before.len());
}
