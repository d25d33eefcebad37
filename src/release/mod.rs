//! Releases: sets of versions of functions and pages that served together. `history` lists them, and `rollback` returns to one.
//!
//! The released content is on AWS already, as published versions of the functions and versions of the objects in the bucket. A
//! record states which of them belong together, with the author and the commit. It is one object in the stack's bucket, where
//! CloudFront may not read it, written after everything else.
//!
//! Only these two commands and the check after a release depend on a record. The key of a record contains a digest of its
//! content. So the listing of the bucket, which every run makes, shows whether the live state was recorded. The next run then
//! records the release of a run that was killed before it did.

mod author;
mod canary;
mod live;
mod prune;
mod put_back;
mod recent;
mod record;
mod store;

pub use author::Author;
pub use canary::{Canary, Candidate, Requests};
pub use live::{Live, Standing, is_recorded, standing};
pub use prune::{KEPT, is_due, prune};
pub use put_back::{PutBack, Scene, Unfit, check_bucket};
pub use record::{Action, Page, Record, Version};
pub use store::{Objects, Release, Stored, list, read, write};
