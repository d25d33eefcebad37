//! Amazon DynamoDB: tables.

mod keys;
mod table;

pub use keys::{Index, KeyAttribute};
pub use table::{Stored, Table, TableOutput, TimeToLive};
