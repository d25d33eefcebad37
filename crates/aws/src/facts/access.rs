//! IAM permissions that each operation requires: the base of `liveinsight policy`.
//!
//! Each operation that is passed to [`Aws::read`](crate::Aws::read), [`Aws::write`](crate::Aws::write) and [`Aws::pages`](crate::Aws::pages) is a
//! [`Call`]. It is listed beside the kind of resource, or the part of the program, that makes it; a test compares the lists with the sources.
//! Many actions have other names than their operations, and an operation may require several.
//!
//! Sources: the "Actions, resources, and condition keys" pages of the Service Authorization Reference, and the API references where they require
//! more. `CreateBucket`, `CreateLogGroup`, `CreateFunction` and others with tags require the tagging action as well. Lambda's `GetFunction`
//! returns tags only to callers that may list them. S3 answers 404 rather than 403 only to callers that may list the bucket, and compares an
//! `ETag` only for callers that may read the object. None of it was checked against IAM itself.

use super::names::Names;
use crate::Target;

/// Part of the program that needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// `up` and `rollback`, with all permissions of `status`: create and update resources, and delete those that are not declared (any more).
    Up,
    /// `status`, `plan`, `outputs` and `history`, with `--audit` as well: read only.
    Status,
    /// `down`: deletes the stack's resources.
    Down,
    /// `logs`: reads the logs of functions and the API.
    Logs,
    /// `doctor`: checks the account and the permissions of its credentials.
    Doctor,
}

impl Task {
    /// Tasks of operations that only `up` calls.
    pub const UP: &[Self] = &[Self::Up];
    /// Tasks of operations that observe resources.
    pub const LOOKING: &[Self] = &[Self::Up, Self::Status];
    /// Tasks of operations that delete resources. `up` does so too, with resources that are no longer declared.
    pub const REMOVING: &[Self] = &[Self::Up, Self::Down];
    /// Tasks of operations that work on the stack.
    pub const ALL: &[Self] = &[Self::Up, Self::Status, Self::Down];
    /// Tasks of operations that list for a sweep; `doctor` uses them to count.
    pub const COUNTING: &[Self] = &[Self::Up, Self::Status, Self::Down, Self::Doctor];
    /// Tasks of operations that every command with access to AWS calls.
    pub const EVERY: &[Self] = &[Self::Up, Self::Status, Self::Down, Self::Logs, Self::Doctor];
    /// Tasks of operations that only `doctor` calls.
    pub const DOCTOR: &[Self] = &[Self::Doctor];
    /// Tasks of an operation that no command calls: parts that a stack has as a whole or not at all go with that whole.
    pub const NONE: &[Self] = &[];
}

/// Operation that the program calls, with the IAM actions that it requires.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Name of the operation as `service:Operation`, as the calling layer passes it.
    pub operation: &'static str,
    actions: Actions,
    /// Parts of the program that call the operation.
    pub tasks: &'static [Task],
}

#[derive(Debug, Clone, Copy)]
enum Actions {
    /// The action has the operation's name.
    Same(&'static Scope),
    /// The operation requires all of these actions.
    These(&'static [(&'static str, &'static Scope)]),
}

impl Call {
    /// Creates a call that requires one action of the same name.
    pub const fn same(operation: &'static str, scope: &'static Scope, tasks: &'static [Task]) -> Self {
        Self { operation, actions: Actions::Same(scope), tasks }
    }

    /// Creates a call that requires all of these actions.
    pub const fn takes(operation: &'static str, actions: &'static [(&'static str, &'static Scope)], tasks: &'static [Task]) -> Self {
        Self { operation, actions: Actions::These(actions), tasks }
    }

    /// Returns the actions, each with the resources that IAM checks it on.
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
    /// Sid of the scope's statements, without a guard.
    pub sid: &'static str,
    /// Returns the ARNs of a stack's resources under a guard.
    pub arns: fn(&Target, &Names, Guard) -> Vec<String>,
    /// Returns the guard of an action, for a stack with a permissions boundary or without.
    pub guard: fn(action: &str, is_bounded: bool) -> Guard,
    /// Service that a role is passed to, if the action passes one.
    pub passed_to: Option<&'static str>,
}

impl Scope {
    /// Scope of actions that IAM knows no resource for: lists, and creations without a name. It also covers the caller's own role, which may be
    /// any.
    pub const EVERYTHING: Self = Self::of("Everything", |_, _, _| vec!["*".to_owned()]);

    /// Creates the scope of actions without a guard.
    pub const fn of(sid: &'static str, arns: fn(&Target, &Names, Guard) -> Vec<String>) -> Self {
        Self { sid, arns, guard: |_, _| Guard::None, passed_to: None }
    }

    /// Adds the guards of the scope's actions.
    #[must_use]
    pub const fn guarded(self, guard: fn(action: &str, is_bounded: bool) -> Guard) -> Self {
        Self { guard, ..self }
    }

    /// Turns the scope into that of a role that is passed to a service.
    #[must_use]
    pub const fn passed_to(self, service: &'static str) -> Self {
        Self { passed_to: Some(service), ..self }
    }
}

/// Condition of an action besides the resource's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// No condition beyond the name.
    None,
    /// The resource is in the account that the policy is for.
    Account,
    /// The resource carries no other stack's tag.
    NotAnothers,
    /// The resource carries this stack's tag.
    Ours,
    /// The role has the declared boundary, or this very request gives it one.
    Bounded,
}
