//! Properties of the engine, on an in-memory world that refuses, forgets and dies at every step.

use super::{
    Action, Cause, Changes, Class, Cloud, DeleteOutcome, Error, Graph, Handle, Objection, Observed, Options, Orphan, Owner, ReadFrom, Ref,
    Refusal, Removal, Report, Resource, Result, RetryPolicy, State, WriteOutcome, down, survey, up,
};
use proptest::prelude::*;
use serde::Serialize;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Resource that exists in the world.
#[derive(Debug, Clone, PartialEq)]
struct Thing {
    id: u32,
    fixed: String,
    settings: BTreeMap<String, String>,
    uses: Vec<u32>,
    owner: &'static str,
    applied: String,
    busy: u8,
}

/// Fault that the world puts into one request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    NotYet,
    LostBefore,
    LostAfter,
    Refuse,
    /// The process dies: this request and all later ones are never sent.
    Die,
}

#[derive(Default)]
struct World {
    things: RefCell<BTreeMap<String, Thing>>,
    next: Cell<u32>,
    writes: Cell<usize>,
    /// Faults by the number of the write.
    faults: RefCell<BTreeMap<usize, Fault>>,
    dead: Cell<bool>,
    /// Number of observations that miss an existing resource.
    hidden: Cell<u8>,
    touched: RefCell<BTreeSet<String>>,
    /// Set if a resource fails once it is no longer busy.
    gives_up: Cell<bool>,
}

impl Cloud for World {
    type Target = ();
    type Kind = ();
    type Identity = ();
}

impl World {
    #[expect(clippy::unnecessary_box_returns, reason = "as the error wants it")]
    fn refusal(class: Class) -> Box<Refusal> {
        Box::new(Refusal { class, operation: "world:Write".into(), code: "Code".into(), message: "message".into(), request_id: None })
    }

    /// Returns whether this observation misses the resource.
    fn is_hiding(&self) -> bool {
        self.hidden.replace(self.hidden.get().saturating_sub(1)) > 0
    }

    /// Makes one request that changes something.
    fn write<T>(&self, name: &str, change: impl FnOnce(&mut BTreeMap<String, Thing>) -> Result<T>) -> Result<T> {
        let number = self.writes.replace(self.writes.get() + 1);
        self.touched.borrow_mut().insert(name.to_owned());
        let fault = self.faults.borrow_mut().remove(&number);
        if self.dead.get() || fault == Some(Fault::Die) {
            self.dead.set(true);
            return Err(Error::Failed(Self::refusal(Class::Network)));
        }
        match fault {
            Some(Fault::NotYet) => Err(Error::not_yet("the weather")),
            Some(Fault::LostBefore) => Err(Error::Unclear(Self::refusal(Class::Network))),
            Some(Fault::Refuse) => Err(Error::Failed(Self::refusal(Class::Denied))),
            Some(Fault::LostAfter) => change(&mut self.things.borrow_mut()).and(Err(Error::Unclear(Self::refusal(Class::Network)))),
            Some(Fault::Die) | None => change(&mut self.things.borrow_mut()),
        }
    }
}

/// The only kind in the world. `settings` take a second write after the creation, as a table's time to live does.
#[derive(Serialize)]
struct Widget {
    name: String,
    fixed: String,
    settings: BTreeMap<String, String>,
    uses: Vec<Ref<u32>>,
    #[serde(skip)]
    digest: String,
}

#[derive(Clone, Serialize)]
struct WidgetOutput {
    id: u32,
}

impl Resource for Widget {
    type Cloud = World;
    const KIND: &'static str = "widget";
    const FACTS: &'static () = &();
    const FIXED: &'static [&'static str] = &["fixed"];
    type Output = WidgetOutput;

    fn identity(&self, (): &(), _: Option<&Self::Output>) {}

    fn name(&self) -> String {
        self.name.clone()
    }

    fn set_fingerprint(&mut self, digest: &str) {
        self.digest = digest.to_owned();
    }

    async fn observe(&self, world: &World, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        for used in &self.uses {
            used.get()?;
        }
        tokio::task::yield_now().await;
        let mut things = world.things.borrow_mut();
        let Some(thing) = things.get_mut(&self.name) else { return Ok(None) };
        if world.is_hiding() {
            return Ok(None);
        }
        let busy = (thing.busy > 0).then_some("BUSY");
        thing.busy = thing.busy.saturating_sub(1);
        Ok(Some(Observed {
            spec: widget(&self.name, &thing.fixed, thing.settings.clone(), thing.uses.iter().map(|id| Ref::from(*id)).collect()),
            output: WidgetOutput { id: thing.id },
            busy,
            failed: (world.gives_up.get() && busy.is_none()).then(|| Error::gave_up("world:Read", "Broken", "the key is gone")),
            owner: if thing.owner == "us" { Owner::Us } else { Owner::Other("it is theirs".into()) },
            applied: Some(thing.applied.clone()),
        }))
    }

    async fn create(&self, world: &World) -> Result<WriteOutcome<WidgetOutput>> {
        let uses = self.uses.iter().map(Ref::get).collect::<Result<Vec<u32>>>()?;
        tokio::task::yield_now().await;
        let id = world.write(&self.name, |things| {
            if things.contains_key(&self.name) {
                return Err(Error::Exists(World::refusal(Class::Refused)));
            }
            let ids: BTreeSet<u32> = things.values().map(|thing| thing.id).collect();
            assert!(uses.iter().all(|id| ids.contains(id)), "{} was created before what it uses", self.name);
            world.next.set(world.next.get() + 1);
            let id = world.next.get();
            let thing = Thing {
                id,
                fixed: self.fixed.clone(),
                settings: BTreeMap::new(),
                uses,
                owner: "us",
                applied: self.digest.clone(),
                busy: 1,
            };
            things.insert(self.name.clone(), thing);
            Ok(id)
        })?;
        Ok(WriteOutcome::Settling(WidgetOutput { id }))
    }

    async fn update(&self, world: &World, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<WidgetOutput>> {
        assert!(observed.busy.is_none(), "{} was written while it was busy", self.name);
        let uses = self.uses.iter().map(Ref::get).collect::<Result<Vec<u32>>>()?;
        tokio::task::yield_now().await;
        world.write(&self.name, |things| {
            let thing = things.get_mut(&self.name).ok_or_else(|| Error::Absent(World::refusal(Class::Refused)))?;
            thing.settings.clone_from(&self.settings);
            thing.uses = uses;
            thing.owner = "us";
            thing.applied.clone_from(&self.digest);
            Ok(())
        })?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, world: &World, output: &WidgetOutput) -> Result<DeleteOutcome> {
        tokio::task::yield_now().await;
        world.write(&self.name, |things| {
            if things.values().any(|thing| thing.uses.contains(&output.id)) {
                return Err(Error::not_yet("what uses it"));
            }
            things.remove(&self.name);
            Ok(DeleteOutcome::Deleted)
        })
    }
}

fn widget(name: &str, fixed: &str, settings: BTreeMap<String, String>, uses: Vec<Ref<u32>>) -> Widget {
    Widget { name: name.to_owned(), fixed: fixed.to_owned(), settings, uses, digest: String::new() }
}

/// Stack as a list of widgets: the setting of each, and the earlier ones it uses.
type Plans = Vec<(u8, Vec<usize>)>;

fn declare(plans: &Plans) -> Graph<World> {
    let mut graph = Graph::default();
    let mut handles: Vec<Handle<Widget>> = Vec::new();
    for (index, (setting, uses)) in plans.iter().enumerate() {
        let uses: BTreeSet<usize> = uses.iter().filter(|_| index > 0).map(|used| used % index.max(1)).collect();
        let uses = uses.into_iter().map(|used| handles[used].output("id", |output| output.id)).collect();
        let settings = [("size".to_owned(), setting.to_string())].into();
        handles.push(graph.add(&format!("w{index}"), widget(&format!("w{index}"), "a", settings, uses)));
    }
    // Users of a widget come before it, or the sweep could not delete in this order: newest first.
    graph.sweep(|world: &World| {
        Box::pin(async move {
            let things = world.things.borrow();
            let mut ours: Vec<(&String, &Thing)> = things.iter().filter(|(_, thing)| thing.owner == "us").collect();
            ours.sort_by_key(|(_, thing)| std::cmp::Reverse(thing.id));
            let orphan = |(name, thing): (&String, &Thing)| {
                Orphan::new(name, widget(name, "a", BTreeMap::new(), Vec::new()), WidgetOutput { id: thing.id })
            };
            Ok(ours.into_iter().map(orphan).collect())
        })
    });
    graph
}

fn options() -> Options {
    Options {
        retry_policy: RetryPolicy { first: Duration::ZERO, longest: Duration::ZERO, patience: Duration::from_secs(20) },
        ..Options::default()
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Far longer than any test takes: a run that waits for itself fails rather than hangs.
    runtime.block_on(async { tokio::time::timeout(Duration::from_mins(1), future).await.expect("no run waits for itself") })
}

async fn converge(graph: &Graph<World>, world: &World) -> Report {
    let plan = survey(graph, world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
    up(graph, world, plan, &options(), &|_| {}).await
}

async fn pending(graph: &Graph<World>, world: &World) -> Vec<String> {
    let plan = survey(graph, world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
    plan.changes().map(|step| step.id.to_string()).collect()
}

async fn remove(graph: &Graph<World>, world: &World) -> Report {
    let removal = Removal::survey(graph, world, |_| false, &|_| {}).await.map_err(|(_, error)| error).unwrap();
    down(graph, world, &removal, &options(), &|_| {}).await
}

fn plans() -> impl Strategy<Value = Plans> {
    prop::collection::vec((any::<u8>(), prop::collection::vec(0..8_usize, 0..3)), 1..9)
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::NotYet), Just(Fault::LostBefore), Just(Fault::LostAfter), Just(Fault::Refuse), Just(Fault::Die)]
}

proptest! {
    #[test]
    fn a_second_run_writes_nothing(plans in plans()) {
        run(async {
            let (graph, world) = (declare(&plans), World::default());
            let report = converge(&graph, &world).await;
            prop_assert!(report.complete());
            prop_assert_eq!(report.count(Action::Create), plans.len());
            let writes = world.writes.get();
            let again = converge(&declare(&plans), &world).await;
            prop_assert_eq!((again.unchanged, world.writes.get()), (plans.len(), writes));
            Ok(())
        })?;
    }

    #[test]
    fn after_faults_anywhere_the_next_run_converges(plans in plans(), faults in prop::collection::btree_map(0..20_usize, fault(), 0..6)) {
        run(async {
            let (graph, world) = (declare(&plans), World::default());
            *world.faults.borrow_mut() = faults.clone();
            let report = converge(&graph, &world).await;
            let fatal = faults.iter().any(|(at, fault)| *at < world.writes.get() && matches!(fault, Fault::Refuse | Fault::Die));
            prop_assert!(report.complete() || fatal, "{:?}", report.failed);
            world.dead.set(false);
            world.faults.borrow_mut().clear();
            prop_assert!(converge(&declare(&plans), &world).await.complete());
            prop_assert_eq!(world.things.borrow().len(), plans.len());
            prop_assert_eq!(pending(&declare(&plans), &world).await, Vec::<String>::new());
            Ok(())
        })?;
    }

    #[test]
    fn a_removal_killed_anywhere_leaves_nothing_after_the_next(plans in plans(), at in 0..10_usize, fault in fault()) {
        run(async {
            let world = World::default();
            prop_assert!(converge(&declare(&plans), &world).await.complete());
            world.faults.borrow_mut().insert(world.writes.get() + at, fault);
            remove(&declare(&plans), &world).await;
            world.dead.set(false);
            world.faults.borrow_mut().clear();
            let report = remove(&declare(&plans), &world).await;
            prop_assert!(report.complete(), "{:?}", report.failed);
            prop_assert!(world.things.borrow().is_empty());
            let writes = world.writes.get();
            prop_assert!(remove(&declare(&plans), &world).await.complete());
            prop_assert_eq!(world.writes.get(), writes);
            Ok(())
        })?;
    }

    #[test]
    fn drift_is_named_and_repaired_and_nothing_else_is_touched(plans in plans(), which in any::<prop::sample::Index>(), delete in any::<bool>()) {
        run(async {
            let world = World::default();
            prop_assert!(converge(&declare(&plans), &world).await.complete());
            let name = format!("w{}", which.index(plans.len()));
            let used = { let things = world.things.borrow(); things.values().any(|thing| thing.uses.contains(&things[&name].id)) };
            if delete && !used {
                world.things.borrow_mut().remove(&name);
            } else {
                world.things.borrow_mut().get_mut(&name).unwrap().settings.insert("intruder".into(), "1".into());
            }
            prop_assert_eq!(pending(&declare(&plans), &world).await, vec![format!("widget/{name}")]);
            world.touched.borrow_mut().clear();
            prop_assert!(converge(&declare(&plans), &world).await.complete());
            prop_assert_eq!(world.touched.take(), BTreeSet::from([name]));
            prop_assert_eq!(pending(&declare(&plans), &world).await, Vec::<String>::new());
            Ok(())
        })?;
    }

    #[test]
    fn what_left_the_declaration_goes_and_what_is_not_ours_stays(before in plans(), keep in 0..9_usize) {
        run(async {
            let world = World::default();
            prop_assert!(converge(&declare(&before), &world).await.complete());
            let theirs = Thing { id: 9_999, fixed: "x".into(), settings: BTreeMap::new(), uses: vec![], owner: "them", applied: String::new(), busy: 0 };
            world.things.borrow_mut().insert("theirs".into(), theirs.clone());
            let after: Plans = before[..keep.clamp(1, before.len())].to_vec();
            prop_assert!(converge(&declare(&after), &world).await.complete());
            let mut names: Vec<String> = (0..after.len()).map(|index| format!("w{index}")).collect();
            names.insert(0, "theirs".into());
            prop_assert_eq!(world.things.borrow().keys().cloned().collect::<Vec<_>>(), names);
            prop_assert!(remove(&declare(&after), &world).await.complete());
            prop_assert_eq!(world.things.borrow().values().cloned().collect::<Vec<_>>(), vec![theirs]);
            Ok(())
        })?;
    }
}

#[test]
fn a_foreign_thing_with_our_name_is_refused_then_adopted() {
    run(async {
        let world = World::default();
        let theirs =
            Thing { id: 7, fixed: "a".into(), settings: BTreeMap::new(), uses: vec![], owner: "them", applied: String::new(), busy: 0 };
        world.things.borrow_mut().insert("w0".into(), theirs.clone());
        let graph = declare(&vec![(1, vec![])]);
        let plan = survey(&graph, &world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
        assert_eq!(plan.steps[0].objection, Some(Objection::Foreign("it is theirs".into())));
        assert!(!up(&graph, &world, plan, &options(), &|_| {}).await.complete());
        assert_eq!(world.things.borrow()["w0"], theirs);
        let plan = survey(&graph, &world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
        assert!(up(&graph, &world, plan, &Options { adopt: true, ..options() }, &|_| {}).await.complete());
        assert_eq!((world.things.borrow()["w0"].owner, world.things.borrow()["w0"].id), ("us", 7));
    });
}

#[test]
fn a_fixed_field_replaces_and_what_uses_it_follows() {
    run(async {
        let world = World::default();
        let plans = vec![(1, vec![])];
        assert!(converge(&declare(&plans), &world).await.complete());
        world.things.borrow_mut().get_mut("w0").unwrap().fixed = "b".into();
        let plan = survey(&declare(&plans), &world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
        assert_eq!((plan.steps[0].action, plan.steps[0].state), (Some(Action::Replace), State::Drifted));
        assert!(converge(&declare(&plans), &world).await.complete());
        assert_eq!((world.things.borrow()["w0"].id, world.things.borrow()["w0"].fixed.as_str()), (2, "a"));
    });
}

#[test]
fn drift_and_a_pending_change_are_told_apart() {
    run(async {
        let world = World::default();
        let cause = async |setting: u8| {
            let plan = survey(&declare(&vec![(setting, vec![])]), &world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
            plan.steps[0].cause
        };
        assert!(converge(&declare(&vec![(1, vec![])]), &world).await.complete());
        assert_eq!(cause(1).await, None);
        assert_eq!(cause(2).await, Some(Cause::Pending));
        world.things.borrow_mut().get_mut("w0").unwrap().settings.insert("size".into(), "9".into());
        assert_eq!(cause(1).await, Some(Cause::Drift));
        world.things.borrow_mut().get_mut("w0").unwrap().uses = vec![7];
        assert_eq!((cause(1).await, cause(2).await), (Some(Cause::Drift), Some(Cause::Conflict)));
    });
}

#[test]
fn what_was_created_and_is_not_observation_yet_is_not_created_again() {
    let (world, graph) = (World::default(), declare(&vec![(1, vec![])]));
    world.hidden.set(3);
    let report = run(async {
        let plan = survey(&graph, &world, &|_| {}).await.unwrap();
        up(&graph, &world, plan, &options(), &|_| {}).await
    });
    assert!(report.complete(), "{:?}", report.failed);
    // One write to create it, one for its settings.
    assert_eq!(world.writes.get(), 2);
}

#[test]
fn a_stop_ends_the_run_before_the_next_write() {
    run(async {
        let world = World::default();
        let graph = declare(&vec![(1, vec![]), (1, vec![0]), (1, vec![1])]);
        let options = options();
        let plan = survey(&graph, &world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
        let (stop, told) = (options.stop.clone(), RefCell::new(Vec::new()));
        let report = up(&graph, &world, plan, &options, &|event| {
            if let super::Event::Ended { action, outcome, .. } = event {
                told.borrow_mut().push((action, matches!(outcome, super::Outcome::Failed(Error::Interrupted))));
                stop.request();
            }
        })
        .await;
        // An action that had not begun is reported as planned.
        assert_eq!(told.into_inner(), [(Action::Create, false), (Action::Create, true)]);
        assert_eq!(report.done.len(), 1);
        assert!(report.failed.values().all(|error| matches!(error, Error::Interrupted)));
        assert_eq!(world.things.borrow().len(), 1);
    });
}

#[test]
fn what_the_service_gives_up_on_ends_the_wait_with_its_reason() {
    run(async {
        let (world, graph) = (World::default(), declare(&vec![(1, vec![]), (1, vec![0])]));
        world.gives_up.set(true);
        let report = converge(&graph, &world).await;
        let reasons: Vec<String> = report.failed.values().map(ToString::to_string).collect();
        assert_eq!(reasons, ["world:Read: Broken: the key is gone"]);
        assert_eq!((report.behind.len(), world.writes.get()), (1, 1), "what needs it is not attempted, and nothing is written twice");

        // The next run observes it and writes it once more.
        let plan = survey(&graph, &world, &|_| {}).await.map_err(|(_, error)| error).unwrap();
        assert_eq!(plan.steps[0].changes.paths(), "failed, settings.size");
        let report = converge(&graph, &world).await;
        assert_eq!((report.failed.len(), report.behind.len()), (1, 1));
        world.gives_up.set(false);
        assert!(converge(&graph, &world).await.complete());
        assert_eq!(pending(&graph, &world).await, Vec::<String>::new());
    });
}
