//! Names that stack.yaml gives to variables of functions and to outputs.

use std::path::Path;

/// Returns the environment variable with the physical name of a table: `EVENTS_TABLE` for `events`.
pub fn table_variable(table: &str) -> String {
    let upper: String = table.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{upper}_TABLE")
}

/// Outputs of an API.
pub(super) const API_OUTPUTS: [&str; 2] = ["api_url", "rest_api_id"];
/// Outputs of a site, beside those that the file names.
pub(super) const SITE_OUTPUTS: [&str; 3] = ["bucket", "dashboard_url", "distribution_id"];

/// Returns the output with the physical name of a table.
pub(super) fn table_output(table: &str) -> String {
    format!("{}_table", snake(table))
}

/// Returns the output with the physical name of a function.
pub(super) fn function_output(function: &str) -> String {
    format!("{}_function", snake(function))
}

/// Returns the output with the URL of a function.
pub fn function_url_output(function: &str) -> String {
    format!("{}_url", function_output(function))
}

/// Returns the output with the HTML tag of a script, beside the one with its address: `tracker_tag` for `tracker_url`. `None` for a page that is no
/// script.
pub(super) fn script_output(output: &str, page: &str) -> Option<String> {
    let is_script = Path::new(page).extension().is_some_and(|extension| extension == "js");
    is_script.then(|| format!("{}_tag", output.strip_suffix("_url").unwrap_or(output)))
}

/// Writes `event-collector` as `event_collector`: outputs become environment variables.
fn snake(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::table_variable;

    #[test]
    fn table_variables_are_shell_names() {
        assert_eq!(table_variable("events"), "EVENTS_TABLE");
        assert_eq!(table_variable("page-views.v2"), "PAGE_VIEWS_V2_TABLE");
    }
}
