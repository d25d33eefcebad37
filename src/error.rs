//! Results of a command: exit codes, and errors with a next step.
//!
//! Layers below have their own error types. Each is converted here, once, into a message, an exit code and hints.
//! [`ui`](crate::ui) decides how they are displayed.

use crate::{
    aws::ConnectError,
    build::{BuildError, SiteError},
    engine::{Class, Error, Id},
    http::ClientError,
    local::LocalError,
    stack::{Problem, StackError},
    venv::VenvError,
    watch::WatchError,
};
use std::fmt;

/// Exit status of the program. Scripts and CI depend on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command did all its work.
    Done = 0,
    /// The command failed for a reason without its own code.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// stack.yaml is wrong.
    Stack = 3,
    /// The credentials are missing or invalid, or lack a permission.
    Credentials = 4,
    /// Some resources failed; the others are done.
    Partial = 5,
    /// Another run has the stack's lock.
    Locked = 6,
    /// Changes are pending; only with `--exit-code`.
    Pending = 10,
    /// Interrupted by Ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl Exit {
    /// Returns the number of the exit status.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Reason that a command did not succeed, with the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// Exit status of the command.
    pub exit: Exit,
    /// Message: a fragment that names the subject. May have several lines.
    pub message: String,
    /// Next steps, most useful first.
    pub hints: Vec<String>,
    /// Mistakes with their positions, to be displayed beside the source.
    pub mistakes: Vec<Mistake>,
}

/// Mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// File path, as the user gave it.
    pub file: String,
    /// Line, from 1; `None` for a mistake in the file as a whole.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// Description of the mistake.
    pub message: String,
}

impl CliError {
    /// Creates an error with this exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new(), mistakes: Vec::new() }
    }

    /// Creates an error with [`Exit::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Creates an error about the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Converts the error of a resource or operation; `id` is the resource, if one is involved.
    pub fn of_engine(id: Option<&Id>, error: &Error) -> Self {
        let message = id.map_or_else(|| error.to_string(), |id| format!("{id}: {error}"));
        let exit = match error {
            Error::Interrupted => Exit::Interrupted,
            error if is_about_credentials(error) => Exit::Credentials,
            _ => Exit::Failed,
        };
        Self { exit, message, hints: hint_for(error).into_iter().collect(), mistakes: Vec::new() }
    }
}

/// Returns true if the credentials are missing, wrong, or lack the permission.
pub fn is_about_credentials(error: &Error) -> bool {
    matches!(error.class(), Some(Class::Credentials | Class::Expired | Class::Clock | Class::Denied))
}

/// Returns the next step after an error of the engine, where one is foreseeable.
pub fn hint_for(error: &Error) -> Option<String> {
    let operation = match error {
        Error::Absent(refusal) | Error::Exists(refusal) | Error::Unclear(refusal) | Error::Failed(refusal) => refusal.operation.as_str(),
        _ => "",
    };
    let hint = match (error, error.class()) {
        (Error::TimedOut { .. }, _) => {
            "run the same command again: it goes on from where things are; if nothing ever happens, check AWS_ENDPOINT_URL".to_owned()
        }
        (Error::DidNotConverge(_), _) => "something else may be writing to it; `liveinsight plan` shows it field by field".to_owned(),
        (Error::Unclear(_), _) => "it is not known whether that was done; run the same command again, it looks before it writes".to_owned(),
        (_, Some(Class::Credentials)) => "set AWS_PROFILE (or --profile), or sign in again with `aws sso login`; \
             without an account, `--local` runs everything on this machine"
            .to_owned(),
        (_, Some(Class::Expired)) => "renew the credentials (`aws sso login`, or a new session token) and run it again; \
             it goes on from where things are"
            .to_owned(),
        (_, Some(Class::Clock)) => "set this machine's clock, which is not AWS's, and run it again".to_owned(),
        (_, Some(Class::Denied)) if operation.starts_with("s3:") => format!(
            "these credentials need the permission {}; if they have it, somebody else has a bucket of this name, whose it stays: choose another \
             `project` in stack.yaml",
            permission(operation)
        ),
        (_, Some(Class::Denied)) => format!("these credentials need the permission {}", permission(operation)),
        (_, Some(Class::NotActivated)) => not_activated(operation),
        (_, Some(Class::Quota)) => "wait a little and run it again, or have the quota raised in the Service Quotas console".to_owned(),
        (_, Some(Class::Network)) => "check the network, HTTPS_PROXY, the region, and AWS_ENDPOINT_URL if it is set".to_owned(),
        _ => return None,
    };
    Some(hint)
}

/// Returns the next step for an account that AWS has not activated yet.
fn not_activated(operation: &str) -> String {
    let service = match operation.split_once(':').map_or(operation, |(service, _)| service) {
        "cloudfront" => "CloudFront",
        "s3" => "S3",
        _ => "this service",
    };
    format!(
        "AWS does not serve {service} to this account yet: no permission is missing, and a retry changes nothing; sign in to the console, complete \
         the account's registration or open a support case (\"Account and billing\", \"Account verification\"), and run the same command again afterwards"
    )
}

/// Returns the IAM action of an operation, which sometimes has another name.
fn permission(operation: &str) -> String {
    match operation.split_once(':') {
        Some(("apigateway", _)) => "apigateway:GET, POST, PUT, PATCH or DELETE, whichever the message names".to_owned(),
        Some(("s3", "HeadBucket")) => "s3:ListBucket".to_owned(),
        Some(("s3", "HeadObject")) => "s3:GetObject".to_owned(),
        _ => operation.to_owned(),
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<(Option<Id>, Error)> for CliError {
    fn from((id, error): (Option<Id>, Error)) -> Self {
        Self::of_engine(id.as_ref(), &error)
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Identity(error) => Self::of_engine(None, &error),
            ConnectError::NoAccount => {
                Self::failed(error.to_string()).hint("the endpoint did not answer as AWS does; check AWS_ENDPOINT_URL")
            }
        }
    }
}

impl From<StackError> for CliError {
    fn from(error: StackError) -> Self {
        let mistake = |problem: &Problem| Mistake {
            file: error.file().to_owned(),
            line: problem.position.map(|position| position.line),
            column: problem.position.map(|position| position.column),
            message: problem.in_short(),
        };
        Self { mistakes: error.problems().iter().map(mistake).collect(), ..Self::new(Exit::Stack, error.to_string()) }
    }
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<SiteError> for CliError {
    fn from(error: SiteError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<WatchError> for CliError {
    fn from(error: WatchError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<VenvError> for CliError {
    fn from(error: VenvError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<LocalError> for CliError {
    fn from(error: LocalError) -> Self {
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{CliError, Exit};
    use crate::engine::{Class, Error, Refusal};

    fn refusal(class: Class, operation: &str) -> Error {
        let (operation, code, message) = (operation.to_owned(), "Code".to_owned(), "the service's words".to_owned());
        Error::Failed(Box::new(Refusal { class, operation, code, message, request_id: Some("r-1".to_owned()) }))
    }

    #[test]
    fn a_denied_operation_names_the_permission_and_ends_with_4() {
        let error = CliError::from((None, refusal(Class::Denied, "lambda:CreateFunction")));
        assert_eq!(error.exit, Exit::Credentials);
        assert_eq!(error.message, "lambda:CreateFunction: Code: the service's words (request r-1)");
        assert_eq!(error.hints, ["these credentials need the permission lambda:CreateFunction"]);
    }

    #[test]
    fn only_credentials_and_permissions_end_with_4() {
        for (class, exit) in [
            (Class::Credentials, Exit::Credentials),
            (Class::Expired, Exit::Credentials),
            (Class::Clock, Exit::Credentials),
            (Class::Denied, Exit::Credentials),
            (Class::NotActivated, Exit::Failed),
            (Class::Quota, Exit::Failed),
            (Class::Network, Exit::Failed),
            (Class::Refused, Exit::Failed),
        ] {
            assert_eq!(CliError::from((None, refusal(class, "s3:CreateBucket"))).exit, exit, "{class:?}");
        }
    }
}
