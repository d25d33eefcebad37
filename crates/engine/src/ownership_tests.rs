//! Ownership of parts: the owner of a whole owns its parts, for every operation.

use super::{
    Cloud, DeleteOutcome, Error, Found, Graph, Handle, Id, Observed, Options, Orphan, Owner, ReadFrom, Removal, Report, Resource, Result,
    WriteOutcome, down,
};
use super::{Objection, RetryPolicy, State, survey, up};
use serde::Serialize;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// All existing resources by name, each with its one setting, and the owner of the wholes.
#[derive(Default)]
struct World {
    things: RefCell<BTreeMap<String, u8>>,
    owner: RefCell<Option<Owner>>,
    written: RefCell<Vec<String>>,
}

impl Cloud for World {
    type Target = ();
    type Kind = ();
    type Identity = ();
}

impl World {
    fn holding(owner: Owner, names: &[&str]) -> Self {
        let things = names.iter().map(|name| ((*name).to_owned(), 1)).collect();
        Self { things: RefCell::new(things), owner: RefCell::new(Some(owner)), written: RefCell::default() }
    }

    fn set(&self, name: &str, setting: u8) {
        self.things.borrow_mut().insert(name.to_owned(), setting);
        self.written.borrow_mut().push(format!("write {name}"));
    }

    fn remove(&self, name: &str) {
        self.things.borrow_mut().remove(name);
        self.written.borrow_mut().push(format!("delete {name}"));
    }

    fn written(&self) -> Vec<String> {
        self.written.take()
    }
}

/// Kind with an owner of its own, such as a role or a function.
#[derive(Serialize)]
struct Whole {
    setting: u8,
}

/// Kind without an owner of its own. With `ALONG`, it goes with its whole, as an alias does; otherwise before it, as a role's policy does.
#[derive(Serialize)]
struct Part<const ALONG: bool> {
    name: &'static str,
    setting: u8,
}

impl Resource for Whole {
    type Cloud = World;
    const KIND: &'static str = "whole";
    const FACTS: &'static () = &();
    type Output = ();

    fn identity(&self, (): &(), _: Option<&Self::Output>) {}

    fn name(&self) -> String {
        "whole".to_owned()
    }

    async fn observe(&self, world: &World, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let owner = world.owner.borrow().clone().unwrap_or(Owner::Us);
        Ok(world.things.borrow().get("whole").map(|setting| Observed {
            spec: Self { setting: *setting },
            output: (),
            busy: None,
            failed: None,
            owner,
            applied: None,
        }))
    }

    async fn create(&self, world: &World) -> Result<WriteOutcome<()>> {
        world.set("whole", self.setting);
        Ok(WriteOutcome::Complete(()))
    }

    async fn update(&self, world: &World, _: &Observed<Self>, _: &super::Changes) -> Result<WriteOutcome<()>> {
        world.set("whole", self.setting);
        *world.owner.borrow_mut() = Some(Owner::Us);
        Ok(WriteOutcome::Complete(()))
    }

    async fn delete(&self, world: &World, (): &()) -> Result<DeleteOutcome> {
        world.remove("whole");
        Ok(DeleteOutcome::Deleted)
    }
}

impl<const ALONG: bool> Resource for Part<ALONG> {
    type Cloud = World;
    const KIND: &'static str = if ALONG { "part" } else { "policy" };
    const FACTS: &'static () = &();
    const IS_PART: bool = true;
    const GOES_ALONG: bool = ALONG;
    type Output = ();

    fn identity(&self, (): &(), _: Option<&Self::Output>) {}

    fn name(&self) -> String {
        self.name.to_owned()
    }

    async fn observe(&self, world: &World, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let setting = world.things.borrow().get(self.name).copied();
        Ok(setting.map(|setting| Observed::part(Self { name: self.name, setting }, ())))
    }

    async fn find(&self, world: &World) -> Result<Option<Found<()>>> {
        Ok(self.observe(world, ReadFrom::Service).await?.map(|observed| Found { output: (), owner: observed.owner }))
    }

    async fn create(&self, world: &World) -> Result<WriteOutcome<()>> {
        world.set(self.name, self.setting);
        Ok(WriteOutcome::Complete(()))
    }

    async fn update(&self, world: &World, _: &Observed<Self>, _: &super::Changes) -> Result<WriteOutcome<()>> {
        self.create(world).await
    }

    async fn delete(&self, world: &World, (): &()) -> Result<DeleteOutcome> {
        world.remove(self.name);
        Ok(DeleteOutcome::Deleted)
    }
}

fn part<const ALONG: bool>(name: &'static str, setting: u8) -> Part<ALONG> {
    Part { name, setting }
}

/// Declares a whole with one part of either sort and a part of a part, and a sweep that finds a part no longer declared.
fn declare(setting: u8) -> Graph<World> {
    let mut graph = Graph::default();
    let whole: Handle<Whole> = graph.add("x", Whole { setting });
    let along = graph.add_part(&whole, "along", part::<true>("along", setting));
    graph.add_part(&along, "nested", part::<true>("nested", setting));
    graph.add_part(&whole, "policy", part::<false>("policy", setting));
    graph.sweep(|world: &World| {
        Box::pin(async move {
            let there = |name: &str| world.things.borrow().contains_key(name);
            let whole = || Id::new::<Whole>("x");
            let mut orphans = Vec::new();
            orphans.extend(there("old").then(|| Orphan::part(whole(), "old", part::<false>("old", 0), ())));
            orphans.extend(there("old").then(|| Orphan::part(Id::new::<Part<true>>("along"), "deep", part::<false>("old", 0), ())));
            orphans.extend(there("whole").then(|| Orphan::new("x", Whole { setting: 0 }, ()).unproven()));
            Ok(orphans)
        })
    });
    graph
}

fn options(adopt: bool) -> Options {
    let retry_policy = RetryPolicy { first: Duration::ZERO, longest: Duration::ZERO, patience: Duration::from_secs(20) };
    Options { adopt, retry_policy, ..Options::default() }
}

const ALL: [&str; 5] = ["whole", "along", "nested", "policy", "old"];

fn theirs() -> [Owner; 2] {
    [Owner::Other("it has no tag".to_owned()), Owner::Claimed("it belongs to the stack other/dev".to_owned())]
}

async fn converge(world: &World, options: &Options) -> Report {
    let graph = declare(2);
    let plan = survey(&graph, world, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    up(&graph, world, plan, options, &|_| {}).await
}

async fn remove(world: &World) -> (Removal, Report) {
    let graph = declare(2);
    let removal = Removal::survey(&graph, world, |_| false, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    let report = down(&graph, world, &removal, &options(false), &|_| {}).await;
    (removal, report)
}

#[tokio::test]
async fn up_writes_no_part_of_what_is_not_ours() {
    for owner in theirs() {
        let world = World::holding(owner, &ALL);
        let report = converge(&world, &options(false)).await;
        assert_eq!(report.failed.keys().map(Id::as_str).collect::<Vec<_>>(), ["whole/x"]);
        assert_eq!(world.written(), Vec::<String>::new());
        // Nor when the run is limited to its parts, as for a canary.
        let parts = ["part/along", "part/nested", "policy/policy"];
        let only: BTreeSet<Id> =
            declare(2).entries().iter().map(|entry| entry.id.clone()).filter(|id| parts.contains(&id.as_str())).collect();
        let report = converge(&world, &Options { only: Some(only), ..options(false) }).await;
        assert_eq!(report.failed.len(), 2, "{:?}", report.failed);
        assert!(report.failed.values().all(|error| matches!(error, Error::Failed(_)) && error.to_string().contains("not ours")));
        assert_eq!(world.written(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_plan_names_the_whole_and_removes_no_part_of_it() {
    let [unmarked, claimed] = theirs();
    let expected = [Objection::Foreign("it has no tag".to_owned()), Objection::Claimed("it belongs to the stack other/dev".to_owned())];
    for (owner, expected) in [unmarked, claimed].into_iter().zip(expected) {
        let (world, graph) = (World::holding(owner, &ALL), declare(2));
        let plan = survey(&graph, &world, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
        let objections: Vec<_> = plan.steps.iter().filter_map(|step| Some((step.id.as_str(), step.objection.clone()?))).collect();
        assert_eq!(objections, [("whole/x", expected)]);
        assert_eq!(plan.count_state(State::Orphan), 0);
        for entry in graph.entries() {
            assert!(plan.foreign(&graph, &entry.id).is_some(), "{}", entry.id);
        }
    }
}

#[tokio::test]
async fn down_deletes_no_part_of_what_is_not_ours() {
    for owner in theirs() {
        let world = World::holding(owner, &ALL);
        let (removal, report) = remove(&world).await;
        assert_eq!(removal.foreign.keys().map(Id::as_str).collect::<Vec<_>>(), ["whole/x"]);
        assert_eq!(removal.leaving, Vec::<Id>::new());
        assert!(report.complete() && report.done.is_empty(), "{report:?}");
        assert_eq!(world.written(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn adoption_takes_parts_with_their_whole_and_nothing_that_another_stack_claims() {
    let [unmarked, claimed] = theirs();
    let world = World::holding(unmarked, &ALL);
    let report = converge(&world, &options(true)).await;
    assert!(report.complete(), "{:?}", report.failed);
    let mut written = world.written();
    written.dedup();
    assert_eq!(written[..4], ["write whole", "write along", "write policy", "write nested"]);
    let world = World::holding(claimed, &ALL);
    assert!(!converge(&world, &options(true)).await.complete());
    assert_eq!(world.written(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_ours_goes_with_all_its_parts() {
    let world = World::holding(Owner::Us, &ALL);
    assert!(converge(&world, &options(false)).await.complete());
    let orphan = ["delete old"];
    assert!(world.written().iter().any(|write| orphan.contains(&write.as_str())));
    world.set("old", 1);
    world.written();
    let (removal, report) = remove(&world).await;
    assert!(report.complete() && removal.foreign.is_empty(), "{report:?}");
    assert_eq!(world.written(), ["delete policy", "delete whole"]);
}

#[tokio::test]
async fn a_part_whose_whole_is_not_shown_is_nobodys() {
    let world = World::holding(Owner::Us, &["old"]);
    let mut graph: Graph<World> = Graph::default();
    graph.sweep(|_: &World| {
        let part = || Orphan::part(Id::new::<Whole>("gone"), "old", part::<false>("old", 0), ());
        Box::pin(async move { Ok(vec![part()]) })
    });
    let plan = survey(&graph, &world, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    assert_eq!(plan.steps.len(), 0);
    let removal = Removal::survey(&graph, &world, |_| false, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    assert!(down(&graph, &world, &removal, &options(false), &|_| {}).await.complete());
    assert_eq!(world.written(), Vec::<String>::new());
}
