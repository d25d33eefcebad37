//! The JSON schema of `stack.yaml`, for editors: generated from the types it is read into.

use super::file::StackFile;

/// The schema, draft 2020-12.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(StackFile).to_value()
}
