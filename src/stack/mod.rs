//! What the user wants to run: `stack.yaml`, parsed, checked and merged for one environment.
//!
//! [`Stack::load`] is the way in. What comes out is complete (defaults filled in, the environment's overrides applied)
//! and sound (every rule AWS would enforce later is enforced here first, on the line where it is broken), so that nothing
//! further on has to doubt it. Not here: what resources that means ([`Names`] says only what they are called), and any
//! call to AWS.

mod alarm;
mod check;
mod diagnostic;
mod document;
mod file;
mod model;
mod names;
mod read;
mod resolve;
mod route;
mod schema;
mod values;
mod yaml;

pub use diagnostic::{Problem, StackError};
pub use document::Place;
pub use file::StackFile;
pub use model::{
    Alarm, Alarms, Api, ApiMetric, Architecture, Cors, Function, FunctionMetric, Index, Key,
    KeyType, Logs, Projection, Route, Site, Stack, Statistic, Table, TableMetric, Throttle,
    Watches,
};
pub use names::{LIVE_ALIAS, Names, table_variable};
pub use read::find;
pub use schema::schema;

/// The numbers of days `CloudWatch` Logs keeps logs (API reference, `PutRetentionPolicy`).
pub const RETENTION_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
