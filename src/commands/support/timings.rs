//! `--timings`: the page that shows the durations within a run.

use super::context::Context;
use crate::{
    engine::{Cloud, Graph},
    error::CliError,
    lock::time,
    timings::{Achieved, Heading, achieved, page},
};
use aws_smithy_types::DateTime;
use clap::Args;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Where to write the page.
#[derive(Debug, Clone, Args)]
pub(in crate::commands) struct TimingsArgs {
    /// Write an HTML page that shows every AWS call and every wait over time, with the critical path
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "liveinsight-timings.html")]
    timings: Option<PathBuf>,
}

impl TimingsArgs {
    /// Opens the page if it is requested. Fails if the file cannot be written.
    pub(in crate::commands) fn open(&self) -> Result<Option<Page>, CliError> {
        self.timings.as_deref().map(Page::open).transpose()
    }
}

/// Page with a writable file. Existing content stays until the page is written.
pub(in crate::commands) struct Page {
    path: PathBuf,
    file: File,
    /// The file is new and empty.
    is_new: bool,
}

impl Page {
    fn open(path: &Path) -> Result<Self, CliError> {
        let cannot = |error| {
            CliError::failed(format!("cannot write the timings to {}: {error}", path.display()))
                .hint("--timings PATH names another file; nothing was changed")
        };
        let is_new = !path.exists();
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(cannot)?;
        Ok(Self { path: path.to_owned(), file, is_new })
    }

    /// Writes the recorded run, and prints the path. A failed write does not fail the run.
    pub(in crate::commands) fn write(mut self, context: &Context, command: &str, stack: &str, achieved: Option<&Achieved>) {
        let Some(recorder) = context.recorder() else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let when = time(DateTime::from_secs(now.try_into().unwrap_or_default()));
        let heading = Heading { command, stack, when: &when, seconds: recorder.seconds() };
        let text = page(heading, &recorder.recording(), achieved);
        let path = self.path.display().to_string();
        match self.file.set_len(0).and_then(|()| self.file.write_all(text.as_bytes())) {
            Ok(()) => {
                self.is_new = false;
                context.ui.note(&format!("timings: {path}"));
            }
            Err(error) => context.ui.warn(&format!("cannot write the timings to {path}: {error}")),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if self.is_new {
            // Should the removal fail, the file left behind is empty and misleads no reader.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns the recorded run so far beside its critical path; `waits` is the order of the graph that it followed.
pub(in crate::commands) fn so_far<C: Cloud>(context: &Context, graph: &Graph<C>, waits: &[Vec<usize>]) -> Option<Achieved> {
    let ids: Vec<_> = graph.entries().iter().map(|entry| &entry.id).collect();
    achieved(&context.recorder()?.recording(), &ids, waits)
}

#[cfg(test)]
mod tests {
    use super::Page;
    use std::{fs, path::Path};

    #[test]
    fn a_file_that_is_not_written_is_left_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.html");
        drop(Page::open(&path).unwrap());
        assert!(!path.exists());
        fs::write(&path, "an older page").unwrap();
        drop(Page::open(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "an older page");
    }

    #[test]
    fn what_cannot_be_written_is_an_error_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |path: &Path| Page::open(path).err().unwrap().message;
        assert!(refused(directory.path()).contains("cannot write the timings to"));
        assert!(refused(&directory.path().join("nowhere/page.html")).contains("nowhere/page.html"));
    }
}
