//! Desired state of a stack: `stack.yaml`, parsed, checked and merged for one environment.
//!
//! [`Stack::load`] is the way in. The result is complete (defaults filled in, the environment's overrides applied) and sound: every rule that AWS
//! would enforce later is enforced here first, on the line that breaks it. So the rest of the program does not check it again. [`declare()`] then
//! turns it into resources. Not here: any call to AWS.

mod architecture;
mod check;
mod declare;
mod diagnostic;
mod document;
pub mod duration;
pub mod limits;
mod mend;
mod names;
mod node;
mod problems;
mod read;
mod region;
mod schema;
mod sections;
mod stack;
mod typed;
mod values;
mod yaml;

pub use architecture::Architecture;
pub use aws::facts::{API_LOG_GROUP, LIVE_ALIAS, Names, log_group_of};
pub use check::project_name;
pub use declare::{Declaration, declare};
pub use diagnostic::{Problem, StackError};
pub use names::{function_url_output, table_variable};
pub use node::{Content as NodeContent, Kind, Node, Position, Scalar};
pub use read::find;
pub use schema::schema;
pub use sections::{
    API_METRICS, API_PATH, Alarm, Alarms, Api, Authorizer, BOOTSTRAP, Code, Content, Cors, Crate, Decider, FUNCTION_METRICS, Front,
    Function, Grant, Identity, Index, Indexes, Key, KeyType, LeftOut, LocalIndex, Logs, Metric, Operation, Package, Prebuilt, Projection,
    RETENTION_DAYS, Readers, Route, SecretsFrom, Site, SmokeRequest, Stack, StackFile, Statistic, TABLE_METRICS, Table, TableClass,
    Throttle, Unit, Url, Watches, binaries, permissions_of_any_function,
};
pub use yaml::tree;
