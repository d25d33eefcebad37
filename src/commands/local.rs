//! `local`: controls the embedded local AWS. `--local` on another command starts it when needed.

use super::{
    Context,
    support::{
        consent,
        session::{self, Sources},
    },
};
use crate::{
    error::{CliError, Exit},
    local::{Home, LocalAws},
    options::Format,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::{collections::BTreeMap, path::Path};

/// Region in case stack.yaml cannot be read.
const REGION: &str = "us-east-1";

/// Arguments of `local`.
#[derive(Debug, Args)]
#[command(after_help = "\
The local AWS listens on the loopback interface only, and keeps its state in .liveinsight/aws next
to stack.yaml until `reset`. It accepts only requests signed with this project's own key, which
`local status` prints; the API and the pages accept every request. The first start installs it for
all projects, into a Python environment in the user's cache (`~/.cache/liveinsight`).")]
pub struct LocalArgs {
    /// Action to run
    #[command(subcommand)]
    action: LocalAction,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum LocalAction {
    /// Start the local AWS if it is not running
    Start,
    /// Stop the local AWS and keep its state
    Stop,
    /// Restart the local AWS and keep its state
    Restart,
    /// Show whether the local AWS is running, and its address
    Status,
    /// Stop the local AWS and delete its state; ask first on a terminal, require --yes elsewhere
    Reset {
        /// Do not ask for confirmation
        #[arg(short, long)]
        yes: bool,
    },
}

/// Entry point of `local`.
pub(crate) async fn run(args: &LocalArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("local"))?;
    let file = session::file(context)?;
    let root = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let home = Home::new(root);
    let json = format == Format::Json;
    match args.action {
        LocalAction::Start | LocalAction::Restart => {
            if let LocalAction::Restart = args.action {
                home.stop().await?;
            }
            let progress = &context.progress;
            let server = home.start(&|line| progress.step(line)).await?;
            context.progress.step_done();
            show(context, Some(&server), json);
        }
        LocalAction::Status => show(context, home.status().await?.as_ref(), json),
        LocalAction::Stop => {
            let stopped = home.stop().await?;
            let text = if stopped { "stopped; its state is kept" } else { "it was not running" };
            context.ui.result(&if json { json!({ "stopped": stopped }).to_string() } else { text.to_owned() });
        }
        LocalAction::Reset { yes } => {
            if !yes && home.has_state() {
                let question = "delete the local AWS's tables, objects, functions and logs?";
                consent::confirm(context, question, "the local AWS has state, which `local reset` deletes").await?;
            }
            home.reset().await?;
            let text = "stopped, and its state is deleted";
            context.ui.result(&if json { json!({ "reset": true }).to_string() } else { text.to_owned() });
        }
    }
    Ok(Exit::Done)
}

fn show(context: &Context, server: Option<&LocalAws>, json: bool) {
    let region = region(context);
    let Some(server) = server else {
        context.ui.result(&if json { json!({ "running": false }).to_string() } else { "not running".to_owned() });
        return;
    };
    if json {
        let environment: BTreeMap<_, _> = server.environment(&region).into_iter().collect();
        let document = json!({
            "running": true, "endpoint": server.endpoint, "region": region, "pid": server.pid, "log": server.log, "environment": environment,
        });
        context.ui.result(&document.to_string());
        return;
    }
    let mut variables: Vec<String> = server.environment(&region).iter().map(|(name, value)| format!("{name}={value}")).collect();
    // Python clients read only this name.
    variables.push(format!("AWS_DEFAULT_REGION={region}"));
    // One line each, so that copying breaks none of them.
    let exports = variables.join("\n  export ");
    let server = format!("running at {}, region {region} (process {})", server.endpoint, server.pid);
    context.ui.result(&format!("{server}\nother AWS clients reach it with\n  export {exports}"));
}

/// Returns the region of the stack, from `--region` or stack.yaml.
fn region(context: &Context) -> String {
    let stack = session::load(context, Sources::NotNeeded).ok();
    let region = context.globals.region.clone().or_else(|| stack.map(|stack| stack.region));
    region.unwrap_or_else(|| REGION.to_owned())
}
