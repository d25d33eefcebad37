//! Errors of one resource, classified by how the engine reacts.

use std::{fmt, time::Duration};

/// Result of an engine or resource operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why an operation on a resource did not succeed, classified by the next step.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A reference was read before the resource it names exists.
    #[error("a reference is not resolved yet")]
    Unresolved,
    /// The requested object does not exist. Resources turn this into `None` or into a successful deletion.
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
    /// Refused; a retry would fail too.
    #[error("{0}")]
    Failed(Box<Refusal>),
    /// The engine gave up waiting when its time limit passed.
    #[error("gave up after {} s of waiting for {why}", .after.as_secs())]
    TimedOut {
        /// Reason for the wait.
        why: String,
        /// Duration of the wait.
        after: Duration,
    },
    /// Written several times, and observed to differ after each write.
    #[error("still differs after it was written: {0}")]
    DidNotConverge(String),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Creates an [`Error::NotYet`] without advice from the service.
    pub fn not_yet(why: impl Into<String>) -> Self {
        Self::NotYet { why: why.into(), retry_after: None }
    }

    /// Sets the delay for a service that gives no advice of its own.
    #[must_use]
    pub fn or_after(self, usually: Duration) -> Self {
        match self {
            Self::NotYet { why, retry_after: None } => Self::NotYet { why, retry_after: Some(usually) },
            other => other,
        }
    }

    /// Creates a refusal by this program rather than by a service.
    pub fn refused(operation: &str, message: impl Into<String>) -> Self {
        Self::Failed(Box::new(Refusal {
            class: Class::Refused,
            operation: operation.to_owned(),
            code: String::new(),
            message: message.into(),
            request_id: None,
        }))
    }

    /// Creates the reason for which a service gave up on a resource, as the answer to `operation` shows it.
    pub fn gave_up(operation: &str, code: &str, message: impl Into<String>) -> Box<Refusal> {
        Box::new(Refusal {
            class: Class::Refused,
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            request_id: None,
        })
    }

    /// Returns the class of the refusal behind this error, if a service refused.
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
    /// Operation that was refused, as `service:Operation`.
    pub operation: String,
    /// Error code of the service; empty if the answer had none.
    pub code: String,
    /// Message of the service, unchanged.
    pub message: String,
    /// Id of the request, for the service's support.
    pub request_id: Option<String>,
}

/// Classes of refusals that need different help for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No credentials, or wrong ones.
    Credentials,
    /// The credentials were valid and have expired.
    Expired,
    /// The clocks of this machine and the service differ too much.
    Clock,
    /// The credentials lack permission for this request.
    Denied,
    /// AWS has not verified the account, or has not activated the service or region for it. No permission is missing, and a retry changes nothing.
    NotActivated,
    /// A limit of the account is reached.
    Quota,
    /// No answer, or an answer that does not come from the service.
    Network,
    /// Any other refusal by the service.
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
