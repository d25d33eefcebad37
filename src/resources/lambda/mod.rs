//! AWS Lambda: functions, their versions and aliases, and permissions to call them.

mod alias;
mod function;
mod origin_secret;
mod others;
mod permission;
mod release;

pub use alias::{Alias, AliasOutput, Serving, is_of_another, publish};
pub use function::{
    Function, FunctionOutput, Published, Variable, function_owner, hides_variable, published_versions, taken_secret,
};
pub use origin_secret::OriginSecret;
pub use others::FunctionOthers;
pub use permission::{Permission, PermissionOutput};
pub use release::{Made, Release, ReleaseKey};
