//! `schema`: prints the JSON schema of stack.yaml, for editors.

use super::Context;
use crate::{
    error::{CliError, Exit},
    options::Format,
    stack,
};
use clap::Args;

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = "Editors with the YAML language server complete and check stack.yaml by it:
liveinsight schema > stack.schema.json, and as the first line of stack.yaml
# yaml-language-server: $schema=stack.schema.json")]
pub struct SchemaArgs {}

/// Runs `schema`.
pub(crate) fn run(_: &SchemaArgs, context: &Context) -> Result<Exit, CliError> {
    // It is JSON, whichever of the two is asked for.
    context.format(Format::of("schema"))?;
    context.ui.result(&format!("{:#}", stack::schema()));
    Ok(Exit::Done)
}
