//! The order of requests in a survey, and reports that a survey relies on.

use super::plan::survey;
use crate::{Cloud, DeleteOutcome, Error, Found, Graph, Observed, Owner, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::time::Duration;
use tokio::{sync::OnceCell, task::yield_now, time::timeout};

/// World that answers a single request, shared by all callers.
#[derive(Default)]
struct World(OnceCell<()>);

impl World {
    async fn ask(&self) {
        let slowly = async || {
            yield_now().await;
            yield_now().await;
        };
        self.0.get_or_init(slowly).await;
    }
}

impl Cloud for World {
    type Target = ();
    type Kind = ();
    type Identity = ();
}

#[derive(Serialize)]
struct Thing {
    uses: Option<Ref<()>>,
    comes_after: Option<Ref<()>>,
    /// Permission to search the world, and to observe it.
    #[serde(skip)]
    asks: (bool, bool),
}

impl Resource for Thing {
    type Cloud = World;
    const KIND: &'static str = "thing";
    const FACTS: &'static () = &();
    type Output = ();

    fn identity(&self, (): &(), _: Option<&Self::Output>) {}

    fn name(&self) -> String {
        "thing".to_owned()
    }

    async fn find(&self, world: &World) -> Result<Option<Found<()>>> {
        if self.asks.0 {
            world.ask().await;
        }
        yield_now().await;
        Ok(Some(Found { output: (), owner: Owner::Us }))
    }

    async fn observe(&self, world: &World, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        self.uses.as_ref().map(Ref::get).transpose()?;
        if self.asks.1 {
            world.ask().await;
        }
        yield_now().await;
        let spec = Self { uses: self.uses.clone(), comes_after: self.comes_after.clone(), asks: self.asks };
        Ok(Some(Observed { spec, output: (), busy: None, failed: None, owner: Owner::Us, applied: None }))
    }

    async fn create(&self, _: &World) -> Result<WriteOutcome<()>> {
        Err(Error::Interrupted)
    }

    async fn update(&self, _: &World, _: &Observed<Self>, _: &crate::Changes) -> Result<WriteOutcome<()>> {
        Err(Error::Interrupted)
    }

    async fn delete(&self, _: &World, (): &()) -> Result<DeleteOutcome> {
        Err(Error::Interrupted)
    }
}

#[tokio::test]
async fn what_a_search_has_begun_to_ask_is_asked_to_the_end() {
    let mut graph = Graph::default();
    let asking = graph.add("asking", Thing { uses: None, comes_after: None, asks: (true, false) });
    let silent = graph.add("silent", Thing { uses: None, comes_after: None, asks: (false, false) });
    // The search for the first resource has begun the shared request when the second is found, which lets this one begin to wait for it.
    let user = Thing { uses: Some(silent.output("id", |()| ())), comes_after: Some(asking.known("id", ())), asks: (false, true) };
    graph.add("user", user);
    let plan = timeout(Duration::from_mins(1), survey(&graph, &World::default(), &|_| {})).await.expect("it does not wait for itself");
    assert!(plan.is_ok_and(|plan| plan.changes().next().is_none()));
}
