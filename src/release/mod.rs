//! Releases: which versions of the functions and of the pages served together, so that `history` can tell and `rollback` can return.
//!
//! What was released is in AWS already, as published versions of the functions and as versions of the objects in the bucket. A record says
//! which of them belong together, who released them, and from which commit. It is one object in the stack's bucket, where CloudFront may
//! not read it, written when everything else is done.
//!
//! Nothing depends on a record but these two commands, and the check after a release. The key of a record carries a digest of what it describes; so the listing of the
//! bucket that every run makes shows whether what is live was recorded, and a run that was killed before it recorded is made good by the
//! next one.

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
