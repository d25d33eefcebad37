//! Session of a command: finds and checks stack.yaml, connects, and determines account and region.

use super::context::Context;
use crate::{
    aws::{Aws, Connection, Named, Target},
    error::{CliError, Exit},
    local::{self, Home, LocalAws},
    stack::{self, Names, Stack},
    timings::Calling,
};
use futures::future::{Either, FutureExt, LocalBoxFuture, Shared, select};
use std::{cell::Cell, collections::BTreeMap, path::PathBuf, pin::pin, rc::Rc, time::Instant};

/// Stack with access to its account and region.
pub(in crate::commands) struct Session {
    pub(in crate::commands) stack: Stack,
    pub(in crate::commands) target: Target,
    pub(in crate::commands) aws: Aws,
    /// Pending check that this is the account that the credentials name; `None` if AWS itself returned the account.
    identity: Option<Asking>,
    /// Set if the account differs from the one that the access key suggests.
    is_mistaken: Rc<Cell<bool>>,
}

/// Shared call that verifies the account, in progress since the session was opened.
type Asking = Shared<LocalBoxFuture<'static, Result<(), CliError>>>;

/// Parts of stack.yaml that have to exist.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Sources {
    /// Crates of the handlers, pages, and values of the secrets.
    Needed,
    /// Crates and pages; a secret without a value is not compared.
    Compared,
    /// Nothing beside stack.yaml itself.
    NotNeeded,
}

impl Session {
    /// Loads the stack and connects. With `--local`, starts the local AWS when it is not running.
    pub(in crate::commands) async fn open(context: &Context, sources: Sources) -> Result<Self, CliError> {
        let globals = &context.globals;
        if globals.local {
            return Self::open_local(context, sources).await;
        }
        let stack = load(context, sources)?;
        let connection = Connection::standard(&stack.region, globals.profile.as_deref()).await;
        Self::identified(context, stack, &connection).await
    }

    /// Opens like [`open`](Self::open), without waiting for AWS to return the account if the credentials name one. The session
    /// has to be [confirmed](Self::confirm) before its findings count.
    pub(in crate::commands) async fn open_at_once(context: &Context, sources: Sources) -> Result<Self, CliError> {
        let globals = &context.globals;
        if globals.local {
            return Self::open_local(context, sources).await;
        }
        let stack = load(context, sources)?;
        let connection = Connection::standard(&stack.region, globals.profile.as_deref()).await;
        let Some(Named { account, is_said }) = connection.named_account().await else {
            return Self::identified(context, stack, &connection).await;
        };
        let recorded = asking(context);
        // The call proceeds whenever this thread waits.
        let identity = connection.identity();
        let answer = tokio::spawn(async { (identity.await, Instant::now()) });
        let target = Target::aws(Target::partition_of(&stack.region), &stack.region, &account);
        let mut session = Self::new(context, stack, target.clone(), &connection);
        let is_mistaken = session.is_mistaken.clone();
        let confirmed = async move {
            let (identity, answered) = answer.await.map_err(|error| CliError::failed(format!("sts:GetCallerIdentity: {error}")))?;
            if let Some(mut recorded) = recorded {
                recorded.answered_at(answered);
            }
            let is_right = compare(&target, &identity?);
            is_mistaken.set(is_right.is_err() && !is_said);
            is_right
        };
        session.identity = Some(confirmed.boxed_local().shared());
        Ok(session)
    }

    /// Returns true if the account differs from the one that the access key suggests. The caller then opens the session once
    /// more, the slow way.
    pub(in crate::commands) fn is_mistaken(&self) -> bool {
        self.is_mistaken.get()
    }

    /// Returns true if the stack's addresses are AWS's while the stack is elsewhere.
    pub(in crate::commands) fn is_out_of_reach(&self) -> bool {
        self.target.limits && self.aws.is_elsewhere
    }

    /// Waits until AWS has confirmed the account.
    pub(in crate::commands) async fn confirm(&self) -> Result<(), CliError> {
        match &self.identity {
            Some(asking) => asking.clone().await,
            None => Ok(()),
        }
    }

    /// Does local work, and ends early if access turns out to be refused.
    pub(in crate::commands) async fn unless_refused<T>(&self, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        match select(pin!(work), pin!(self.confirm())).await {
            Either::Left((result, _)) => result,
            Either::Right((Err(refused), _)) if !self.is_mistaken() => Err(refused),
            Either::Right((_, work)) => work.await,
        }
    }

    async fn identified(context: &Context, stack: Stack, connection: &Connection) -> Result<Self, CliError> {
        context.progress.quiet_step("asking AWS for the account");
        let recorded = asking(context);
        let (partition, account) = connection.identity().await?;
        drop(recorded);
        context.progress.step_done();
        let target = Target::aws(&partition, &stack.region, &account);
        Ok(Self::new(context, stack, target, connection))
    }

    /// Opens a session on the local AWS, regardless of the options.
    pub(in crate::commands) async fn open_local(context: &Context, sources: Sources) -> Result<Self, CliError> {
        let stack = load(context, sources)?;
        let progress = &context.progress;
        let server = Home::new(&stack.root).start(&|line| progress.step(line)).await?;
        context.progress.step_done();
        let secret = server.secret_access_key.expose();
        let connection = Connection::endpoint(&stack.region, &server.endpoint, local::ACCESS_KEY_ID, secret).await;
        let target = local_target(&server, &stack.region);
        Ok(Self::new(context, stack, target, &connection))
    }

    fn new(context: &Context, stack: Stack, target: Target, connection: &Connection) -> Self {
        let names = stack.names(&target.account);
        let mut aws = crate::resources::connect(connection, target.clone(), names.stack_tag());
        if let Some(recorder) = context.recorder() {
            aws.record(recorder);
        }
        let progress = context.progress.clone();
        aws.observe_retries(move |retry| progress.retrying(retry));
        Self { stack, target, aws, identity: None, is_mistaken: Rc::default() }
    }

    /// Returns the physical names of the stack's resources.
    pub(in crate::commands) fn names(&self) -> Names {
        self.stack.names(&self.target.account)
    }

    /// Returns the physical names of the functions, by logical name.
    pub(in crate::commands) fn functions(&self) -> BTreeMap<String, String> {
        let names = self.names();
        self.stack.functions.keys().map(|name| (name.clone(), names.function(name))).collect()
    }

    /// Prints notices that are no failures, and with -v the number of calls per operation.
    pub(in crate::commands) fn print_calls(&self, context: &Context) {
        for warning in self.aws.warnings() {
            context.ui.warn(&warning);
        }
        if context.ui.verbose() {
            let calls: Vec<String> =
                self.aws.tally().by_operation().iter().map(|(operation, count)| format!("{operation} {count}")).collect();
            context.ui.note(&format!("AWS calls: {}", calls.join(", ")));
        }
    }

    /// Returns a title such as `liveinsight/dev in us-east-1, account 123456789012`.
    pub(in crate::commands) fn title(&self) -> String {
        let Stack { project, environment, .. } = &self.stack;
        let Target { region, account, .. } = &self.target;
        format!("{project}/{environment} in {region}, account {account}")
    }
}

/// Fails if the account differs from the session's.
fn compare(target: &Target, (partition, account): &(String, String)) -> Result<(), CliError> {
    if (partition, account) == (&target.partition, &target.account) {
        return Ok(());
    }
    let text = format!(
        "the credentials are said to be of account {} in {}, and are of account {account} in {partition}",
        target.account, target.partition
    );
    Err(CliError::new(Exit::Credentials, text).hint("correct AWS_ACCOUNT_ID, or aws_account_id in the profile, or leave it out"))
}

/// Starts to record the call that asks AWS for the account.
fn asking(context: &Context) -> Option<Calling> {
    let mut recorded = context.recorder().map(|recorder| recorder.call("sts:GetCallerIdentity", false));
    recorded.as_mut().map(Calling::sent);
    recorded
}

/// Finds and loads stack.yaml according to the global options.
pub(in crate::commands) fn load(context: &Context, sources: Sources) -> Result<Stack, CliError> {
    let globals = &context.globals;
    let path = file(context)?;
    let (environment, region) = (globals.env.as_deref(), globals.region.as_deref());
    let stack = match sources {
        Sources::Needed => Stack::load(&path, environment, region)?,
        Sources::Compared => Stack::load_to_compare(&path, environment, region)?,
        Sources::NotNeeded => Stack::read(&path, environment, region)?,
    };
    if sources != Sources::NotNeeded {
        stack.warnings.iter().for_each(|warning| context.ui.warn(warning));
    }
    context.ui.mask(stack.functions.values().flat_map(|function| function.secrets.values().flatten()).map(String::as_str));
    Ok(stack)
}

/// Returns the path of stack.yaml, relative if it is in the current directory.
pub(in crate::commands) fn file(context: &Context) -> Result<PathBuf, CliError> {
    if let Some(path) = &context.globals.file {
        return Ok(path.clone());
    }
    let here = std::env::current_dir().map_err(|error| CliError::failed(format!("cannot read the current directory: {error}")))?;
    let path = stack::find(&here).ok_or_else(|| {
        CliError::new(Exit::Stack, "no stack.yaml here or in any directory above")
            .hint("run `liveinsight init` to write one, name one with --file, or change to the project; it is looked for up to the root of the repository")
    })?;
    Ok(path.strip_prefix(&here).map(ToOwned::to_owned).unwrap_or(path))
}

/// Returns the place of the local AWS.
fn local_target(server: &LocalAws, region: &str) -> Target {
    Target {
        partition: "aws".to_owned(),
        region: region.to_owned(),
        global_region: region.to_owned(),
        account: local::ACCOUNT_ID.to_owned(),
        api_host: server.api_origin_domain().to_owned(),
        api_http_port: Some(server.port),
        api_path: server.api_origin_path("{api}", "{stage}"),
        distribution_url: server.site_url("{label}").trim_end_matches('/').to_owned(),
        function_url: server.function_url("{label}", region),
        viewers_https: false,
        limits: false,
        // The local AWS supports neither `ImportRestApi` nor `PutRestApi`.
        imports_apis: false,
        denies_missing: true,
        functions_on_host: true,
    }
}

#[cfg(test)]
mod tests {
    use super::local_target;
    use crate::local::{LocalAws, Secret};
    use std::path::PathBuf;

    #[test]
    fn the_local_place_has_the_addresses_that_answer() {
        let server = LocalAws::new(14600, 1, PathBuf::new(), Secret::new("s"));
        let target = local_target(&server, "us-east-1");
        assert_eq!(target.api_url("8e5df312", "dev"), "http://localhost:14600/_aws/execute-api/8e5df312/dev");
        let url = "https://abc.lambda-url.us-east-1.on.aws/";
        assert_eq!(target.function_url(url), "http://abc.lambda-url.us-east-1.localhost:14600");
        assert_eq!(target.distribution_url("d1.cloudfront.net"), "http://d1.cloudfront.localhost:14600");
    }
}
