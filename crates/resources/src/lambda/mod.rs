//! AWS Lambda: functions, their versions and aliases, and permissions to call them.

mod alias;
mod function;
mod function_url;
mod origin_secret;
mod others;
mod permission;
mod release;
mod settings;
mod variable;

pub use alias::{Alias, AliasOutput, Serving, is_of_another, publish};
use aws::{Target, facts::Identity};
use function::FUNCTIONS;
pub use function::{BOOTSTRAP, Function, FunctionOutput, Published, function_owner, published_versions, taken_secret};
pub use function_url::{FUNCTION_URL_TAG, FunctionUrl, FunctionUrlOutput};
pub use origin_secret::OriginSecret;
pub use others::FunctionOthers;
pub use permission::{Permission, PermissionOutput};
pub use release::{Made, Parts, Release, ReleaseKey};
pub use settings::FunctionSettings;
pub use variable::{Variable, is_secret_name};

/// Returns the names of a function, or of a part of one of its aliases.
fn identity(target: &Target, function: String, alias: Option<&str>) -> Identity {
    let arn = target.arn("lambda", &format!("function:{function}"));
    let part = alias.map(|alias| format!("/aliases/{alias}")).unwrap_or_default();
    Identity {
        console: Some(target.console("lambda", &format!("/functions/{function}{part}"))),
        names: vec![function, format!("{arn}:{}", aws::facts::LIVE_ALIAS), arn],
        also: Vec::new(),
    }
}
