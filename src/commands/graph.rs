//! `graph`: prints the dependency graph of stack.yaml without calling AWS.

use super::{
    Context,
    support::session::{Sources, load},
};
use crate::{
    aws::Target,
    error::{CliError, Exit},
    options::Format,
    stack::{Content, declare},
    ui,
};
use clap::Args;

/// Placeholder for the account id, which is unknown without AWS and appears in the bucket's name only.
const SOME_ACCOUNT: &str = "000000000000";

/// Arguments of `graph`.
#[derive(Debug, Args)]
#[command(after_help = "Render a picture: liveinsight graph --format dot | dot -Tsvg > stack.svg")]
pub struct GraphArgs {}

/// Runs `graph`.
pub(crate) fn run(_: &GraphArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("graph"))?;
    let stack = load(context, Sources::NotNeeded)?;
    let graph = declare(&stack, &Target::aws("aws", &stack.region, SOME_ACCOUNT), &Content::default()).graph;
    let text = match format {
        Format::Mermaid => ui::graph_mermaid(&graph),
        Format::Dot => ui::graph_dot(&graph),
        _ => ui::graph_text(&graph, context.ui.columns()),
    };
    context.ui.result(&text);
    Ok(Exit::Done)
}
