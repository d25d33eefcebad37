//! Fields that a comparison leaves out because their declared values are unknown.

use crate::{engine::Id, resources::Function, stack::Stack};
use serde::Serialize;

/// Field that was not compared.
#[derive(Debug, Clone, Serialize)]
pub struct Uncompared {
    /// Id of the resource.
    pub id: Id,
    /// Path of the field.
    pub path: String,
}

/// Returns the variables of functions with secrets that have no value here.
pub fn uncompared(stack: &Stack) -> Vec<Uncompared> {
    let field = |(function, secret): (&str, &str)| Uncompared { id: Id::new::<Function>(function), path: format!("environment.{secret}") };
    stack.unset_secrets().map(field).collect()
}

/// Returns a line for each resource, without a trailing newline.
pub fn text(fields: &[Uncompared]) -> String {
    let line = |field: &Uncompared| {
        let variable = field.path.trim_start_matches("environment.");
        format!("not compared: {} of {}, as {variable} is not set here; `up` needs it", field.path, field.id)
    };
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}
