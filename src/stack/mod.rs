//! What the user wants to run: `stack.yaml`, parsed, checked and merged for one environment.
//!
//! [`Stack::load`] is the way in. What comes out is complete (defaults filled in, the environment's overrides applied)
//! and sound (every rule AWS would enforce later is enforced here first, on the line where it is broken), so that nothing
//! further on has to doubt it. [`declare`] then says which resources that means. Not here: any call to AWS.

mod alarm;
mod check;
mod declare;
mod diagnostic;
mod document;
mod file;
mod grant;
pub mod limits;
mod mend;
mod model;
mod names;
mod node;
mod operation;
mod read;
mod resolve;
mod route;
mod schema;
mod typed;
mod values;
mod yaml;

pub use check::project_name;
pub(crate) use declare::policy::of_any_function as permissions_of_any_function;
pub use declare::{API_PATH, Content, Declaration, declare};
pub use diagnostic::{Problem, StackError};
pub use file::StackFile;
pub use model::{
    Alarm, Alarms, Api, ApiMetric, Cors, Function, FunctionMetric, Grant, Index, Indexes, Key, KeyType, Logs, Projection, RETENTION_DAYS,
    Readers, Route, SecretsFrom, Site, Stack, Statistic, Table, TableMetric, Throttle, Watches,
};
pub use names::{API_LOG_GROUP, LIVE_ALIAS, Names, log_group_of, table_variable};
pub use node::Position;
pub use operation::Operation;
pub use read::find;
pub use schema::schema;
