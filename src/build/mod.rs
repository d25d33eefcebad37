//! Turns sources into uploads: handler crates into deterministic zips, and a directory of pages into files with digests.
//!
//! Start at [`Builder`] for code and at [`read_site`] for pages. Nothing here calls AWS. Other modules compare the returned
//! digests and decide what to upload.

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
mod included;
mod output;
mod pack;
mod prebuilt;
mod site;
mod store;
mod target;
mod toolchain;
mod workspace;

pub use builder::{Builder, Progress};
pub use check::{needs_cross_compiler, rust_version, target_means};
pub use error::BuildError;
pub use pack::{LARGEST_UNPACKED, LARGEST_ZIP};
pub use prebuilt::prebuilt;
pub use site::{SiteError, SiteFile, SiteFiles, integrity, read_site, site_objects};
pub use target::BuildTarget;
