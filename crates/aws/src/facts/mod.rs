//! Forms of facts about AWS: physical names, permissions, and the facts about every kind of resource.

mod access;
mod billable;
mod console;
mod kind;
mod names;

pub use access::{Call, Guard, Scope, Task};
pub use billable::{Billable, FOR_EVER};
pub use console::encoded;
pub use kind::{Identity, Kind, Quota, Sweep, Swept, Trail, Typical, Used, length};
pub use names::{API_LOG_GROUP, LIVE_ALIAS, Names, log_group_of};
