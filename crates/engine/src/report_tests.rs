//! Reports that a survey relies on, and resources that a run observes again.

use super::{
    Changes, Cloud, DeleteOutcome, Graph, Objection, Observed, Options, Orphan, Owner, ReadFrom, Resource, Result, RetryPolicy,
    WriteOutcome, survey, up,
};
use serde::Serialize;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

/// World in which each resource has a true state and a report that may be out of date.
#[derive(Default)]
struct World {
    truth: RefCell<BTreeMap<String, (String, Option<Owner>)>>,
    reports: RefCell<BTreeMap<String, String>>,
    /// Number of observations of the resources themselves.
    asked: Cell<usize>,
}

impl Cloud for World {
    type Target = ();
    type Kind = ();
    type Identity = ();
}

impl World {
    fn with(self, name: &str, text: &str, owner: Owner, report: &str) -> Self {
        self.truth.borrow_mut().insert(name.to_owned(), (text.to_owned(), Some(owner)));
        self.reports.borrow_mut().insert(name.to_owned(), report.to_owned());
        self
    }
}

#[derive(Serialize)]
struct Thing {
    name: String,
    text: String,
}

impl Thing {
    fn observed(&self, text: &str, owner: Owner) -> Observed<Self> {
        let spec = Self { name: self.name.clone(), text: text.to_owned() };
        Observed { spec, output: (), busy: None, failed: None, owner, applied: None }
    }
}

impl Resource for Thing {
    type Cloud = World;
    const KIND: &'static str = "thing";
    const FACTS: &'static () = &();
    type Output = ();

    fn identity(&self, (): &(), _: Option<&Self::Output>) {}

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, world: &World, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        if from == ReadFrom::Lists
            && let Some(text) = world.reports.borrow().get(&self.name)
        {
            return Ok(Some(self.observed(text, Owner::Us).as_reported()));
        }
        world.asked.set(world.asked.get() + 1);
        let truth = world.truth.borrow();
        Ok(truth.get(&self.name).map(|(text, owner)| self.observed(text, owner.clone().unwrap_or(Owner::Us))))
    }

    async fn create(&self, world: &World) -> Result<WriteOutcome<()>> {
        world.truth.borrow_mut().insert(self.name.clone(), (self.text.clone(), None));
        Ok(WriteOutcome::Complete(()))
    }

    async fn update(&self, world: &World, _: &Observed<Self>, _: &Changes) -> Result<WriteOutcome<()>> {
        self.create(world).await
    }

    async fn delete(&self, world: &World, (): &()) -> Result<DeleteOutcome> {
        world.truth.borrow_mut().remove(&self.name);
        Ok(DeleteOutcome::Deleted)
    }
}

fn declared(texts: &[(&str, &str)]) -> Graph<World> {
    let mut graph = Graph::default();
    for (name, text) in texts {
        graph.add(name, Thing { name: (*name).to_owned(), text: (*text).to_owned() });
    }
    graph
}

#[tokio::test]
async fn a_report_that_all_is_well_is_believed_and_any_other_is_looked_into() {
    let world = World::default()
        .with("well", "new", Owner::Us, "new")
        .with("late", "new", Owner::Us, "old")
        .with("theirs", "old", Owner::Other("theirs".to_owned()), "old")
        .with("changed", "other", Owner::Us, "old");
    let graph = declared(&[("well", "new"), ("late", "new"), ("theirs", "new"), ("changed", "new")]);
    let plan = survey(&graph, &world, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    assert_eq!(world.asked.get(), 3, "all but the one that is well");
    let open: Vec<String> = plan.changes().map(|step| format!("{} {}", step.name, step.changes.paths())).collect();
    assert_eq!(open, ["changed text", "theirs text"]);
    let objected: Vec<_> = plan.steps.iter().filter_map(|step| step.objection.clone()).collect();
    assert_eq!(objected, [Objection::Foreign("theirs".to_owned())]);
}

#[tokio::test]
async fn what_was_written_is_looked_at_again_and_nothing_else() {
    let world = World::default().with("same", "new", Owner::Us, "new").with("changed", "old", Owner::Us, "old");
    let graph = declared(&[("same", "new"), ("changed", "new"), ("missing", "new")]);
    let plan = survey(&graph, &world, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    assert_eq!(world.asked.replace(0), 2, "the changed one and the missing one");
    let retry_policy = RetryPolicy { first: Duration::ZERO, ..RetryPolicy::default() };
    let report = up(&graph, &world, plan, &Options { retry_policy, ..Options::default() }, &|_| {}).await;
    assert!(report.complete(), "{:?}", report.failed);
    assert_eq!((report.done.len(), report.unchanged, world.asked.get()), (2, 1, 2));
}

#[tokio::test]
async fn whose_a_orphan_is_has_to_be_asked_unless_its_list_proves_it() {
    let world = World::default().with("ours", "", Owner::Us, "").with("theirs", "", Owner::Other("theirs".to_owned()), "");
    let mut graph = declared(&[("declared", "new")]);
    world.reports.borrow_mut().insert("declared".to_owned(), "new".to_owned());
    graph.sweep(|_: &World| {
        let orphan = |name: &str| Orphan::new(name, Thing { name: name.to_owned(), text: String::new() }, ()).unproven();
        Box::pin(async move { Ok(vec![orphan("declared"), orphan("ours"), orphan("theirs"), orphan("gone")]) })
    });
    let plan = survey(&graph, &world, &|_| {}).await.unwrap_or_else(|(_, error)| panic!("{error}"));
    let orphans: Vec<&str> = plan.changes().map(|step| step.name.as_str()).collect();
    assert_eq!((orphans, world.asked.get()), (vec!["ours"], 3), "no call is spent on what is declared");
}
