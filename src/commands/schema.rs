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
#[command(after_help = "\
Editors with the YAML language server use the schema to complete and check stack.yaml.
To set it up, write the schema to a file:
  liveinsight schema > stack.schema.json
Then make this line the first of stack.yaml:
  # yaml-language-server: $schema=stack.schema.json")]
pub struct SchemaArgs {}

/// Runs `schema`.
pub(crate) fn run(_: &SchemaArgs, context: &Context) -> Result<Exit, CliError> {
    // It is JSON, whichever of the two is asked for.
    context.format(Format::of("schema"))?;
    context.ui.result(&format!("{:#}", stack::schema()));
    Ok(Exit::Done)
}
