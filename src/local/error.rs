//! What can go wrong with the local AWS, each with the next step.

use std::path::PathBuf;

use crate::{disk::remedy, venv::VenvError};

/// Why the local AWS could not be started, stopped or emptied.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Its virtual environment could not be made.
    #[error(transparent)]
    Install(#[from] VenvError),
    /// Its directory could not be written or read.
    #[error("cannot use {}: {source}; the local AWS keeps its state there, {}", path.display(), remedy(source))]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server ended instead of answering.
    #[error("the local AWS did not start; see {} (`liveinsight local reset` starts from nothing). Its last lines:\n{output}", log.display())]
    Start {
        /// The whole log.
        log: PathBuf,
        /// The end of it.
        output: String,
    },
    /// The server runs but did not answer in time.
    #[error("the local AWS (process {pid}) has not answered for {seconds} s; see {}, then `liveinsight local stop` and try again", log.display())]
    NoAnswer {
        /// The server's process.
        pid: u32,
        /// Seconds of the wait.
        seconds: u64,
        /// The whole log.
        log: PathBuf,
    },
    /// The server was asked to end and did not.
    #[error(
        "the local AWS (process {pid}) has not ended within {seconds} s of being asked to; `kill -9 {pid}` ends it and loses what changed since it started"
    )]
    Stop {
        /// The server's process.
        pid: u32,
        /// Seconds of the wait.
        seconds: u64,
    },
    /// No free port near the project's own.
    #[error("no free port between {first} and {last} on 127.0.0.1 for the local AWS; free one of them")]
    NoPort {
        /// The first one tried.
        first: u16,
        /// The last one tried.
        last: u16,
    },
}
