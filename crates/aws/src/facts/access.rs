//! What IAM asks of those who call an operation: the base of `liveinsight policy`.
//!
//! Each operation that is passed to [`Aws::read`](crate::Aws::read), [`Aws::write`](crate::Aws::write) and
//! [`Aws::pages`](crate::Aws::pages) is a [`Call`], listed beside the kind of resource, or the part of the program, that makes it; a test
//! compares the lists with the sources. Actions are often named otherwise than operations, and one operation may take several.
//!
//! Sources: the "Actions, resources, and condition keys" pages of the Service Authorization Reference, and the API references where
//! they ask for more: `CreateBucket`, `CreateLogGroup`, `CreateFunction` and others with tags take the tagging action as well; Lambda's
//! `GetFunction` tells the tags only to those who may list them; S3 answers 404 rather than 403 only to those who may list the bucket,
//! and compares an `ETag` only for those who may read the object. None of it was checked against IAM itself.

use super::names::Names;
use crate::Place;

/// Part of the program that needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// `up` and `rollback`, and all that `status` takes: makes, changes, and removes what is not declared (any more).
    Up,
    /// `status`, `plan`, `outputs` and `history`: looks, with `--audit` as well.
    Status,
    /// `down`: removes.
    Down,
    /// `logs`: reads what functions and the API log.
    Logs,
    /// `doctor`: looks at the account, and at what its credentials may do.
    Doctor,
}

impl Task {
    /// `up` alone.
    pub const UP: &[Self] = &[Self::Up];
    /// Commands that observe.
    pub const LOOKING: &[Self] = &[Self::Up, Self::Status];
    /// Commands that remove: `up` does that too with what is no longer declared.
    pub const REMOVING: &[Self] = &[Self::Up, Self::Down];
    /// Commands that work on the stack.
    pub const ALL: &[Self] = &[Self::Up, Self::Status, Self::Down];
    /// Commands that list for a sweep, and `doctor`, which counts.
    pub const COUNTING: &[Self] = &[Self::Up, Self::Status, Self::Down, Self::Doctor];
    /// Every command that calls AWS.
    pub const EVERY: &[Self] = &[Self::Up, Self::Status, Self::Down, Self::Logs, Self::Doctor];
    /// `doctor` alone.
    pub const DOCTOR: &[Self] = &[Self::Doctor];
    /// No command: parts of what every stack has or has not as a whole go with it.
    pub const NONE: &[Self] = &[];
}

/// Operation that the program calls, with the IAM actions that it takes.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// `service:Operation`, as the calling layer names it.
    pub operation: &'static str,
    actions: Actions,
    /// Parts of the program that call it.
    pub tasks: &'static [Task],
}

#[derive(Debug, Clone, Copy)]
enum Actions {
    /// The action that has the operation's name.
    Same(&'static Scope),
    /// All of these.
    These(&'static [(&'static str, &'static Scope)]),
}

impl Call {
    /// Operation whose action has its name.
    pub const fn same(operation: &'static str, scope: &'static Scope, tasks: &'static [Task]) -> Self {
        Self { operation, actions: Actions::Same(scope), tasks }
    }

    /// Operation that takes all of these actions.
    pub const fn takes(operation: &'static str, actions: &'static [(&'static str, &'static Scope)], tasks: &'static [Task]) -> Self {
        Self { operation, actions: Actions::These(actions), tasks }
    }

    /// Returns the actions, each with what IAM checks it on.
    pub fn actions(&self) -> Vec<(&'static str, &'static Scope)> {
        match self.actions {
            Actions::Same(scope) => vec![(self.operation, scope)],
            Actions::These(actions) => actions.to_vec(),
        }
    }
}

/// Resources that an action is checked on. A policy has a statement for each scope and guard.
#[derive(Debug)]
pub struct Scope {
    /// Sid of its statements, without a guard.
    pub sid: &'static str,
    /// Returns the ARNs of a stack's resources under a guard.
    pub arns: fn(&Place, &Names, Guard) -> Vec<String>,
    /// Returns the guard of an action, for a stack with a permissions boundary or without.
    pub guard: fn(action: &str, is_bounded: bool) -> Guard,
    /// Service that a role is passed to.
    pub passed_to: Option<&'static str>,
}

impl Scope {
    /// Actions that IAM knows no resource for: lists, and what is made without a name. And the caller's own role, which may be any.
    pub const EVERYTHING: Self = Self::of("Everything", |_, _, _| vec!["*".to_owned()]);

    /// Scope of actions without a guard.
    pub const fn of(sid: &'static str, arns: fn(&Place, &Names, Guard) -> Vec<String>) -> Self {
        Self { sid, arns, guard: |_, _| Guard::None, passed_to: None }
    }

    /// Adds the guards of its actions.
    #[must_use]
    pub const fn guarded(self, guard: fn(action: &str, is_bounded: bool) -> Guard) -> Self {
        Self { guard, ..self }
    }

    /// Makes it the scope of a role that is passed to a service.
    #[must_use]
    pub const fn passed_to(self, service: &'static str) -> Self {
        Self { passed_to: Some(service), ..self }
    }
}

/// Condition of an action beside the resource's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// None.
    None,
    /// The resource is in the account that the policy is for.
    Account,
    /// It carries no other stack's tag.
    NotAnothers,
    /// It carries this stack's tag.
    Ours,
    /// The role has the declared boundary, or gets it by this very request.
    Bounded,
}
