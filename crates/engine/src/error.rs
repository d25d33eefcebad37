//! What can go wrong with one resource, by what the engine does about it.

use std::{fmt, time::Duration};

/// Result of an engine or resource operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a resource did not succeed, by what to do next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A reference was read before the resource it names exists.
    #[error("a reference is not resolved yet")]
    Unresolved,
    /// There is no such thing. Resources turn this into `None` or into a successful delete.
    #[error("{0}")]
    Absent(Box<Refusal>),
    /// The resource exists already: observe it and continue from there.
    #[error("{0}")]
    Exists(Box<Refusal>),
    /// Refused now, but the same request will be accepted soon (propagation, a conflict with another write). Nothing was changed.
    #[error("{why}")]
    NotYet {
        /// Reason for the wait, as a phrase that a user understands.
        why: String,
        /// Delay that the service asked for.
        retry_after: Option<Duration>,
    },
    /// The answer was lost: the write may or may not have happened. Observe before repeating it.
    #[error("{0}")]
    Unclear(Box<Refusal>),
    /// Refused for good.
    #[error("{0}")]
    Failed(Box<Refusal>),
    /// Still being waited for when patience ran out.
    #[error("gave up after {} s of waiting for {why}", .after.as_secs())]
    TimedOut {
        /// Reason for the wait.
        why: String,
        /// Duration of the wait.
        after: Duration,
    },
    /// Written several times, and still observed to differ.
    #[error("still differs after it was written: {0}")]
    DidNotConverge(String),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// A wait with no advice from the service.
    pub fn not_yet(why: impl Into<String>) -> Self {
        Self::NotYet { why: why.into(), retry_after: None }
    }

    /// Sets a delay for a service that gives no advice of its own.
    #[must_use]
    pub fn or_after(self, usually: Duration) -> Self {
        match self {
            Self::NotYet { why, retry_after: None } => Self::NotYet { why, retry_after: Some(usually) },
            other => other,
        }
    }

    /// A refusal made by this program rather than by a service.
    pub fn refused(operation: &str, message: impl Into<String>) -> Self {
        Self::Failed(Box::new(Refusal {
            class: Class::Refused,
            operation: operation.to_owned(),
            code: String::new(),
            message: message.into(),
            request_id: None,
        }))
    }

    /// The reason for which a service gave up on a resource, as `operation` shows it.
    pub fn gave_up(operation: &str, code: &str, message: impl Into<String>) -> Box<Refusal> {
        Box::new(Refusal {
            class: Class::Refused,
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            request_id: None,
        })
    }

    /// The class of the refusal behind this error, if a service refused.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Absent(r) | Self::Exists(r) | Self::Unclear(r) | Self::Failed(r) => Some(r.class),
            _ => None,
        }
    }
}

/// Answer of a service that refused a request.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Class of the refusal.
    pub class: Class,
    /// `service:Operation`.
    pub operation: String,
    /// The service's error code; empty if there was none.
    pub code: String,
    /// The service's own words.
    pub message: String,
    /// For the service's support.
    pub request_id: Option<String>,
}

/// Kinds of refusal that users meet differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No credentials, or wrong ones.
    Credentials,
    /// The credentials were good and are not any more.
    Expired,
    /// This machine's clock and the service's differ too much.
    Clock,
    /// The credentials may not do this.
    Denied,
    /// AWS has not verified the account, or has not activated the service or region for it. No permission is missing, and a retry changes nothing.
    NotActivated,
    /// A limit of the account is reached.
    Quota,
    /// No answer, or one that is not the service's.
    Network,
    /// Anything else the service refuses.
    Refused,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        if !self.code.is_empty() {
            write!(f, ": {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}
