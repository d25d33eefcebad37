//! From sources to what is uploaded: handler crates to deterministic zips, a directory of pages to files with digests.
//!
//! Start at [`Builder`] for code and at [`read_site`] for pages. Nothing here talks to AWS; what is uploaded is
//! decided elsewhere, by comparing the digests that these functions return.

mod builder;
mod cargo;
mod check;
mod choice;
mod compiler;
mod config;
mod dep_info;
mod distribution;
mod error;
mod evidence;
mod freshness;
mod output;
mod pack;
mod site;
mod store;
mod target;
mod toolchain;
mod workspace;

pub use builder::{Builder, Progress, Source};
pub use check::{needs_cross_compiler, rust_version, target_means};
pub use error::BuildError;
pub use pack::{LARGEST_UNPACKED, LARGEST_ZIP};
pub use site::{SiteError, SiteFile, SiteFiles, integrity, read_site, site_objects};
pub use target::Target;
