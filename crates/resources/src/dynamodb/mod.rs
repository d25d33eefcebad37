//! Amazon DynamoDB: tables.

mod index;
mod keys;
mod read;
mod table;

pub use index::{Index, LocalIndex, Projected};
pub use keys::{KeyAttribute, Keys};
pub use read::{Stored, TimeToLive};
pub use table::{Table, TableOutput};
