//! What exists under the stack's name and tags, and is declared no longer.

use super::{Gone, Id, Owner, Resource, Result, graph::Declared, graph::Node};
use futures::future::LocalBoxFuture;
use std::{cell::RefCell, rc::Rc, time::Duration};

/// Lists what exists of one kind and is ours, or goes by a name of ours, declared or not.
pub(super) struct Sweep<C> {
    /// Whether all that it lists is part of something else; a removal spends no call on those.
    pub(super) parts: bool,
    pub(super) list: List<C>,
}

type List<C> = Box<dyn for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Stray<C>>>>>;

/// A live resource that a sweep found. It is a stray if the graph does not declare its id.
pub struct Stray<C> {
    /// Its id, made from its physical name as the declaration would.
    pub id: Id,
    /// Its physical name.
    pub name: String,
    /// What it is deleted with, if that goes too.
    pub part_of: Option<Id>,
    pub(super) holds_data: bool,
    /// Whether the list that it is from proves whose it is.
    proven: bool,
    pub(super) node: Rc<dyn Node<C>>,
}

impl<C: super::Cloud> Stray<C> {
    /// One with this logical name.
    pub fn new<R: Resource<Cloud = C>>(logical: &str, spec: R, output: R::Output) -> Self {
        Self {
            id: Id::new::<R>(logical),
            name: spec.name(),
            part_of: None,
            holds_data: R::HOLDS_DATA,
            proven: true,
            node: Rc::new(Declared { spec, output: Rc::new(RefCell::new(Some(output))), live: RefCell::new(None) }),
        }
    }

    /// One that is deleted with `whole`, if that is a stray as well.
    #[must_use]
    pub fn part_of(mut self, whole: Id) -> Self {
        self.part_of = Some(whole);
        self
    }

    /// One that goes by a name of ours, which proves nothing: whose it is has to be asked, unless it is declared.
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.proven = false;
        self
    }

    /// Whether it is there, and ours.
    pub(super) async fn is_ours(&self, cloud: &C) -> Result<bool> {
        Ok(self.proven || matches!(self.node.find(cloud).await?, Some(Owner::Us | Owner::Parent)))
    }

    /// How long its removal may take.
    pub(super) fn removal(&self) -> Duration {
        self.node.removal()
    }

    pub(super) async fn delete(&self, cloud: &C) -> Result<Gone> {
        self.node.delete(cloud).await
    }
}
