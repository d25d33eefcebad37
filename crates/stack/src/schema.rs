//! JSON schema of `stack.yaml`, for editors: generated from the types that the file is parsed into.

use super::sections::StackFile;

/// Returns the schema, draft 2020-12.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(StackFile).to_value()
}
