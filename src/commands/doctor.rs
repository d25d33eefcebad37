//! `doctor`: what is missing on this machine, before anything starts. Changes nothing but, with `--recount`, counters that are wrong.

use super::{
    Context, content, recount,
    session::{self, Sources},
};
use crate::{
    aws::Connection,
    build,
    cli::Format,
    error::{CliError, Exit},
    local::Home,
    stack::Stack,
    ui::{self, Finding},
    venv,
};
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
With --local it looks only for what the local AWS and building for this machine need. Exit code 1 if something is missing that `up`
needs; what `up` installs by itself is not missing.

--recount looks at the product instead: a function that is killed in the middle of a batch leaves counters short. It counts the
complete hours of the last day again from the events themselves, which are kept for a day, and corrects what differs; what is on its
way is left alone. It reads both tables whole, and needs dynamodb:Scan, Query and UpdateItem on them. Exit code 1 if something
changed at the same moment and is still wrong; with --dry-run if anything is wrong.")]
pub struct DoctorArgs {
    /// Counts the last day's visits again and corrects what a crash left short
    #[arg(long)]
    recount: bool,
    /// With --recount: says what is wrong, and corrects nothing
    #[arg(long, requires = "recount")]
    dry_run: bool,
}

/// Runs `doctor`.
pub(super) async fn run(args: &DoctorArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json])?;
    if args.recount {
        return Ok(tell(context, format, &[Finding::of("counters", recount::run(context, !args.dry_run).await?)]));
    }
    let (stack, mut findings) = stack(context);
    let root = stack.as_ref().map_or_else(|| here(context), |stack| stack.root.clone());
    let targets = stack.as_ref().map(|stack| content::targets_of(stack, context.globals.local));
    // Of a stack that cannot be read it is not known whether it has functions: then it may.
    if targets.as_ref().is_none_or(|targets| !targets.is_empty()) {
        findings.push(Finding::of("rust", build::rust_version(&root).await));
    }
    let mut python = context.globals.local;
    for (target, functions) in targets.into_iter().flatten() {
        python |= build::needs_cross_compiler(&root, target).await;
        let means = build::target_means(&root, target).await;
        findings.push(Finding::of("building", means.map(|means| format!("{}: {means}", functions.join(", ")))));
    }
    if python {
        findings.push(Finding::of("python3", venv::python_version().await));
    }
    findings.push(Finding::of("directory", writable(&root)));
    if context.globals.local {
        findings.push(Finding::of("local AWS", local(&root).await));
    } else {
        findings.push(Finding::of("credentials", credentials(context, stack.as_ref()).await));
    }
    Ok(tell(context, format, &findings))
}

fn tell(context: &Context, format: Format, findings: &[Finding]) -> Exit {
    context.ui.result(&if format == Format::Json { ui::findings_json(findings) } else { ui::findings_text(findings) });
    if findings.iter().all(Finding::ok) { Exit::Done } else { Exit::Failed }
}

fn stack(context: &Context) -> (Option<Stack>, Vec<Finding>) {
    let loaded = session::load(context, Sources::Needed);
    let found = loaded.as_ref().map(|stack| format!("{}/{} in {}", stack.project, stack.environment, stack.region)).map_err(Clone::clone);
    (loaded.ok(), vec![Finding::of("stack.yaml", found)])
}

/// The directory that stack.yaml is or should be in.
fn here(context: &Context) -> PathBuf {
    let file = session::file(context).ok();
    let parent = file.as_deref().and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// Whether `.liveinsight` can be made or written.
fn writable(root: &Path) -> Result<String, CliError> {
    let home = root.join(".liveinsight");
    let tried = if home.exists() { home.as_path() } else { root };
    // Only trying tells: permissions, full disks and read-only mounts all count.
    let file = tried.join(format!(".liveinsight-doctor-{}", std::process::id()));
    let result = std::fs::write(&file, "").and_then(|()| std::fs::remove_file(&file));
    let error = |error| {
        let message = format!("cannot write in {}: {error}", tried.display());
        CliError::failed(message).hint("packages and the local AWS are kept there; make the directory writable for this user")
    };
    result.map(|()| format!("{} can be written", home.display())).map_err(error)
}

async fn local(root: &Path) -> Result<String, CliError> {
    let home = Home::new(root);
    if let Some(server) = home.status().await? {
        return Ok(format!("running at {}", server.endpoint));
    }
    Ok(if home.is_installed() { "installed, not running" } else { "the first use installs it" }.to_owned())
}

async fn credentials(context: &Context, stack: Option<&Stack>) -> Result<String, CliError> {
    let region = context.globals.region.as_deref().or(stack.map(|stack| stack.region.as_str())).unwrap_or("us-east-1");
    let connection = Connection::standard(region, context.globals.profile.as_deref()).await;
    context.progress.quiet_step("asking AWS whose account this is");
    let identity = connection.identity().await;
    context.progress.step_done();
    let (_, account) = identity?;
    Ok(format!("account {account}, {region} answers"))
}
