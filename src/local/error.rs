//! Errors of the local AWS, each with the next step.

use std::path::PathBuf;

use crate::{disk::remedy, venv::VenvError};

/// Reason that the local AWS could not be started, stopped or emptied.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The server's virtual environment could not be created.
    #[error(transparent)]
    Install(#[from] VenvError),
    /// The server's directory could not be written or read.
    #[error("cannot use {}: {source}; the local AWS keeps its state there, {}", path.display(), remedy(source))]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// Error of the read or write.
        source: std::io::Error,
    },
    /// The server ended before it answered.
    #[error("the local AWS did not start; see {} (`liveinsight local reset` starts from nothing). Its last lines:\n{output}", log.display())]
    Start {
        /// Path of the full log.
        log: PathBuf,
        /// End of the log.
        output: String,
    },
    /// The server runs but did not answer in time.
    #[error("the local AWS (process {pid}) has not answered for {seconds} s; see {}, then `liveinsight local stop` and try again", log.display())]
    NoAnswer {
        /// Process id of the server.
        pid: u32,
        /// Duration of the wait, in seconds.
        seconds: u64,
        /// Path of the full log.
        log: PathBuf,
    },
    /// The server did not end after a request to do so.
    #[error(
        "the local AWS (process {pid}) has not ended within {seconds} s of being asked to; `kill -9 {pid}` ends it and loses what changed since it started"
    )]
    Stop {
        /// Process id of the server.
        pid: u32,
        /// Duration of the wait, in seconds.
        seconds: u64,
    },
    /// No port is free near the project's own.
    #[error("no free port between {first} and {last} on 127.0.0.1 for the local AWS; free one of them")]
    NoPort {
        /// First port that was tried.
        first: u16,
        /// Last port that was tried.
        last: u16,
    },
}
