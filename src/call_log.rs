//! `--log`: a line of JSON for each attempt of a call to AWS.
//!
//! Only what the call layer itself reports is written (`aws::LOG_TARGET`): the SDK's own events hold requests and answers, and so secrets.

use crate::{aws::LOG_TARGET, disk::remedy, error::CliError};
use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, sync::Mutex};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Begins to write lines to a file, after those that it has. A new file is readable by its owner only.
///
/// # Errors
/// The file cannot be opened for writing.
pub(crate) fn begin(path: &Path) -> Result<(), CliError> {
    let file =
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|error| {
            CliError::failed(format!("cannot write the log of calls to {}: {error}", path.display())).hint(remedy(&error))
        })?;
    let lines = fmt::layer().json().flatten_event(true).with_target(false).with_level(false).with_writer(Mutex::new(file));
    // A second one in this process finds the first, which goes on.
    let _ = tracing_subscriber::registry().with(lines).with(EnvFilter::new(format!("{LOG_TARGET}=info"))).try_init();
    Ok(())
}
