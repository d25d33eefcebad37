//! Advice about a file or directory that cannot be written.

use std::io::{Error, ErrorKind};

/// Returns the next step, as the end of a message.
pub(crate) fn remedy(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space there, and run it again",
        ErrorKind::FileTooLarge => "allow larger files there (`ulimit -f`), and run it again",
        _ => "make it writable for this user",
    }
}
