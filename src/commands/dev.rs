//! `dev`: runs the whole stack on this machine and updates it while its sources are edited.
//!
//! It repeats `up` on the local AWS: each change compares everything and writes the differences. A change that fails to build
//! or is refused changes nothing, so the previous version stays up.

use super::{
    Context, logs,
    support::{
        apply::{Applied, Request, apply},
        consent::Allowed,
        content::{self, Packages},
        context::Phase,
        session::{self, Session, Sources},
    },
};
use crate::{
    error::{CliError, Exit},
    logs::{Source, Tail},
    options::Format,
    ui::{self, Columns, LogStyle},
    watch::{self, Watcher},
};
use clap::Args;
use std::{cell::RefCell, collections::BTreeSet, path::PathBuf, pin::pin, rc::Rc, time::Duration};

/// Arguments of `dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
Needs neither an AWS account nor Docker. `dev` starts the local AWS, runs `up` against it, and
prints the addresses. Then it watches the crates of the handlers, the crates that these use, the
site's directory and stack.yaml: a saved change is live within seconds.

If a crate does not compile, `dev` shows the error, and the previous version stays live. `dev`
refuses changes that lose data; `liveinsight up --local --delete-data` makes them. It prints the
logs of the functions, in one colour per function; -v adds Lambda's START, END and REPORT lines.

Ctrl-C stops `dev` with exit code 0, or 130 in the middle of a change. The local AWS keeps running
until `liveinsight local stop`.")]
pub struct DevArgs {
    /// Exit with code 6 instead of waiting if another run holds the stack's lock
    #[arg(long)]
    no_wait: bool,
}

/// Running stack, for the task that reads its logs.
struct Live {
    session: Session,
    sources: Vec<Source>,
    style: LogStyle,
}

/// Entry point of `dev`.
pub(crate) async fn run(args: &DevArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(Format::of("dev"))?;
    let since = logs::since(Duration::ZERO);
    let session = Session::open_local(context, Sources::Needed).await?;
    // Watching begins before the first run, so that files saved during its build count as well.
    let mut watched = Watched::new(sources(&session, context)?)?;
    let content = content::gather(context, &session, Packages::Build, None).await?;
    if let Some(left_out) = ui::left_out_line(&content.left_out) {
        context.ui.note(&left_out);
    }
    let Applied { outputs, summary, result, .. } = apply(context, &session, &content, &request(args)).await?;
    result?;
    context.ui.result(&ui::outputs_text(&outputs, context.ui.columns()));
    context.ui.note(&format!("{}\n", summary.text()));
    watched.follow(sources(&session, context)?)?;

    let live = RefCell::new(Rc::new(Live::new(session, context.ui.columns())));
    context.begin(Phase::Serving);
    context.ui.note("watching the sources; Ctrl-C ends this, and the local AWS keeps running");
    let serve = async {
        loop {
            let changed = tokio::select! {
                changed = watched.changed() => changed,
                () = context.stop.asked() => return Ok(Exit::Done),
            };
            if !changed.is_empty() {
                context.ui.note(&format!("changed: {}", names(&changed, &live.borrow().session.stack.root)));
            }
            match again(args, context, changed.is_empty()).await {
                Some(Ok(session)) => {
                    watched.follow(sources(&session, context)?)?;
                    live.replace(Rc::new(Live::new(session, context.ui.columns())));
                }
                Some(Err(error)) if error.exit == Exit::Interrupted => return Err(error),
                Some(Err(error)) => {
                    context.progress.step_done();
                    context.ui.error(&error);
                    context.ui.note("what ran before goes on running; waiting for the next change");
                }
                None => return Ok(Exit::Done),
            }
            context.begin(Phase::Serving);
        }
    };
    let ended: Result<Exit, CliError> = tokio::select! {
        ended = serve => ended,
        () = follow(context, &live, since) => Ok(Exit::Done),
    };
    context.ui.note("ended; the local AWS keeps running (`liveinsight local stop` stops it)");
    ended
}

/// Watcher of the current sources.
struct Watched {
    sources: watch::Sources,
    watcher: Watcher,
    /// Set if a change may have been missed.
    uncertain: bool,
}

impl Watched {
    fn new(sources: watch::Sources) -> Result<Self, CliError> {
        Ok(Self { watcher: Watcher::new(&sources)?, sources, uncertain: false })
    }

    /// Watches other sources from here on. Earlier ones stay watched as long as they exist, because a handler's crates are
    /// unknown while it does not compile.
    fn follow(&mut self, mut sources: watch::Sources) -> Result<(), CliError> {
        sources.directories.extend(self.sources.directories.iter().filter(|directory| directory.is_dir()).cloned());
        sources.files.extend(self.sources.files.iter().filter(|file| file.is_file()).cloned());
        if sources != self.sources {
            // A file may have been saved before its watch began.
            *self = Self { uncertain: true, ..Self::new(sources)? };
        }
        Ok(())
    }

    /// Waits for a change. An empty set means that one may have been missed.
    async fn changed(&mut self) -> BTreeSet<PathBuf> {
        if std::mem::take(&mut self.uncertain) {
            return BTreeSet::new();
        }
        self.watcher.changed().await
    }
}

impl Live {
    fn new(session: Session, columns: Columns) -> Self {
        let functions = session.stack.functions.keys();
        let sources = logs::sources(&session.names(), functions.clone().map(String::as_str));
        let style = LogStyle::new(functions.cloned(), false, columns);
        Self { session, sources, style }
    }
}

/// Requests every change except one that would lose data, which stays with `up` and its flag.
fn request(args: &DevArgs) -> Request {
    let allowed = Allowed { adopt: false, delete_data: false };
    // Protection applies to the environment in the cloud only.
    Request { only: None, canary: None, smoke: false, rotate: false, allowed, yes: true, audit: false, wait: false, no_wait: args.no_wait }
}

/// Updates the local AWS from the sources; `None` if asked to stop before the first write. With `quietly`, a run without
/// changes prints nothing.
async fn again(args: &DevArgs, context: &Context, quietly: bool) -> Option<Result<Session, CliError>> {
    context.progress.restart();
    let mut run = pin!(async {
        // The session is opened again, because stack.yaml may have changed and the local AWS may have stopped.
        let session = Session::open_local(context, Sources::Needed).await?;
        let content = content::gather(context, &session, Packages::Build, None).await?;
        let Applied { summary, result, .. } = apply(context, &session, &content, &request(args)).await?;
        result?;
        if summary.changes() > 0 || !quietly {
            context.ui.note(&format!("live: {}", summary.text()));
        }
        Ok(session)
    });
    tokio::select! {
        result = &mut run => return Some(result),
        () = context.stop.asked() => {}
    }
    // Writes in progress may finish; the engine received the stop as well. Anything else, such as a compiler, ends here.
    if context.phase() == Phase::Writing { Some(run.await) } else { None }
}

/// Returns the sources of the stack.
fn sources(session: &Session, context: &Context) -> Result<watch::Sources, CliError> {
    let (mut directories, files) = content::inputs(session);
    directories.extend(session.stack.site.as_ref().map(|site| session.stack.root.join(&site.source)));
    Ok(watch::Sources { directories, files, file: session::file(context)? })
}

/// Prints the functions' log lines for as long as it is polled.
async fn follow(context: &Context, live: &RefCell<Rc<Live>>, since: i64) {
    let mut tail = Tail::new(since);
    loop {
        let now = Rc::clone(&live.borrow());
        // The local AWS may be down for a moment, for example during a reset. The next change starts it again.
        if let Ok(round) = tail.round(&now.session.aws, &now.sources).await {
            for line in round.lines.iter().filter(|line| context.ui.verbose() || !is_platform(&line.text)) {
                context.ui.result(&now.style.text(line));
            }
        }
        tokio::time::sleep(logs::pause(&now.session)).await;
    }
}

/// Returns true for a line of Lambda itself, not of the function.
fn is_platform(text: &str) -> bool {
    ["START RequestId: ", "END RequestId: ", "REPORT RequestId: "].iter().any(|start| text.starts_with(start))
}

/// Returns the first few changed files, relative to the project.
fn names(changed: &BTreeSet<PathBuf>, root: &std::path::Path) -> String {
    const NAMED: usize = 3;
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    let mut names: Vec<String> = changed.iter().take(NAMED).map(name).collect();
    if changed.len() > NAMED {
        names.push(format!("and {} more", changed.len() - NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{is_platform, names};
    use std::path::Path;

    #[test]
    fn only_lambdas_own_lines_are_left_out() {
        assert!(is_platform("START RequestId: 1 Version: 2"));
        assert!(!is_platform("INFO START RequestId: 1"));
    }

    #[test]
    fn a_few_files_are_named() {
        let changed = ["/nowhere/a", "/nowhere/b/c", "/nowhere/d", "/nowhere/e"].map(Into::into).into();
        assert_eq!(names(&changed, Path::new("/nowhere")), "a, b/c, d, and 1 more");
    }
}
