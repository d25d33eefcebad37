//! The last observation of `up` and `down`, whatever happens before it.

use super::{
    Changes, Cloud, DeleteOutcome, Error, Found, Graph, Observed, Options, Orphan, Owner, ReadFrom, Removal, Report, Resource, Result,
    RetryPolicy, Stop, WriteOutcome, down, survey, up,
};
use serde::Serialize;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    time::Duration,
};

#[derive(Default)]
struct World {
    there: RefCell<BTreeSet<String>>,
    writes: RefCell<Vec<String>>,
    /// Number of lists that still show the deleted resource.
    lag: Cell<u8>,
    /// Reason that the service gives for refusing the deletion.
    stays: Option<&'static str>,
    /// Name of a resource; the user stops the run during the write of it.
    stop_at: Option<&'static str>,
    stop: Stop,
}

impl Cloud for World {
    type Target = ();
    type Kind = ();
    type Identity = ();
}

impl World {
    fn write(&self, what: &str, name: &str) {
        self.writes.borrow_mut().push(format!("{what} {name}"));
        if self.stop_at == Some(name) {
            self.stop.request();
        }
    }

    fn options(&self) -> Options {
        let retry_policy = RetryPolicy { first: Duration::ZERO, longest: Duration::ZERO, ..RetryPolicy::default() };
        Options { retry_policy, stop: self.stop.clone(), ..Options::default() }
    }
}

#[derive(Serialize)]
struct Thing(String);

impl Resource for Thing {
    type Cloud = World;
    const KIND: &'static str = "thing";
    const FACTS: &'static () = &();
    type Output = ();

    fn identity(&self, (): &(), _: Option<&Self::Output>) {}

    fn name(&self) -> String {
        self.0.clone()
    }

    async fn observe(&self, world: &World, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let observed = || Observed { spec: Self(self.0.clone()), output: (), busy: None, failed: None, owner: Owner::Us, applied: None };
        Ok(world.there.borrow().contains(&self.0).then(observed))
    }

    async fn find(&self, world: &World) -> Result<Option<Found<()>>> {
        Ok(world.there.borrow().contains(&self.0).then_some(Found { output: (), owner: Owner::Us }))
    }

    async fn create(&self, world: &World) -> Result<WriteOutcome<()>> {
        world.there.borrow_mut().insert(self.0.clone());
        world.write("create", &self.0);
        Ok(WriteOutcome::Complete(()))
    }

    async fn update(&self, _: &World, _: &Observed<Self>, _: &Changes) -> Result<WriteOutcome<()>> {
        unreachable!("it has nothing that could differ")
    }

    async fn delete(&self, world: &World, (): &()) -> Result<DeleteOutcome> {
        world.write("delete", &self.0);
        if world.stays == Some(self.0.as_str()) {
            return Err(Error::refused("world:Delete", "it is needed"));
        }
        world.there.borrow_mut().remove(&self.0);
        Ok(DeleteOutcome::Deleted)
    }
}

/// Declares a resource and one that goes last. The sweep lists the existing resources, and `orphan` for a while after its deletion.
fn declare() -> Graph<World> {
    let mut graph = Graph::default();
    let last = graph.add("last", Thing("last".into()));
    graph.add("thing", Thing("thing".into()));
    graph.delete_last(&last);
    graph.sweep(|world: &World| {
        let mut names = world.there.borrow().clone();
        if world.writes.borrow().contains(&"delete stray".to_owned()) && world.lag.get() > 0 {
            world.lag.set(world.lag.get() - 1);
            names.insert("stray".into());
        }
        Box::pin(async move { Ok(names.into_iter().map(|name| Orphan::new(&name.clone(), Thing(name), ())).collect()) })
    });
    graph
}

fn with(names: &[&str]) -> RefCell<BTreeSet<String>> {
    RefCell::new(names.iter().map(|&name| name.to_owned()).collect())
}

async fn converge(world: &World) -> Report {
    let graph = declare();
    let plan = survey(&graph, world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
    up(&graph, world, plan, &world.options(), &|_| {}).await
}

async fn remove(world: &World) -> Report {
    let graph = declare();
    let removal = Removal::survey(&graph, world, |_| false, &|_| {}).await.map_err(|(_, error)| error).unwrap();
    down(&graph, world, &removal, &world.options(), &|_| {}).await
}

fn errors(report: &Report) -> Vec<String> {
    report.failed.iter().map(|(id, error)| format!("{id}: {error}")).collect()
}

#[tokio::test]
async fn a_run_that_is_stopped_by_its_last_write_does_not_end_well() {
    let world = World { there: with(&["last"]), stop_at: Some("thing"), ..World::default() };
    let report = converge(&world).await;
    assert_eq!(*world.writes.borrow(), ["create thing"]);
    assert_eq!(errors(&report), ["stack/sweep: interrupted"]);
}

#[tokio::test]
async fn a_removal_that_is_stopped_leaves_what_goes_last() {
    let world = World { there: with(&["last", "thing"]), stop_at: Some("thing"), ..World::default() };
    let report = remove(&world).await;
    assert_eq!(*world.writes.borrow(), ["delete thing"]);
    assert_eq!(errors(&report), ["stack/sweep: interrupted"]);
}

#[tokio::test]
async fn what_goes_last_goes_after_what_nobody_declares() {
    let world = World { there: with(&["last", "stray", "thing"]), lag: Cell::new(1), ..World::default() };
    let report = remove(&world).await;
    assert_eq!(*world.writes.borrow(), ["delete thing", "delete stray", "delete stray", "delete last"]);
    assert!(report.complete(), "{:?}", errors(&report));
}

#[tokio::test]
async fn what_goes_last_stays_as_long_as_anything_does() {
    let world = World { there: with(&["last", "stray", "thing"]), stays: Some("stray"), ..World::default() };
    let report = remove(&world).await;
    assert_eq!(*world.writes.borrow(), ["delete thing", "delete stray"]);
    assert_eq!(errors(&report), ["thing/stray: world:Delete: it is needed"]);
    assert_eq!(report.done.len(), 1);
}

#[tokio::test]
async fn a_orphan_that_is_listed_for_a_while_after_it_is_gone_is_waited_for() {
    let world = World { there: with(&["last", "stray", "thing"]), lag: Cell::new(9), ..World::default() };
    let report = converge(&world).await;
    assert_eq!(*world.writes.borrow(), ["delete stray"]);
    assert!(report.complete(), "{:?}", errors(&report));
}
