//! Author of a release, and the commit it was made from.

use crate::lock::{holder, printable};
use futures::future::join3;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokio::process::Command;

/// Author of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Address of a CI job, or `user@host`.
    pub by: String,
    /// Abbreviated commit, with `-dirty` if the sources differ from it. `None` without a repository.
    pub commit: Option<String>,
    /// Author of the commit.
    #[serde(default)]
    pub author: Option<String>,
    /// First line of the commit's message.
    pub subject: Option<String>,
}

impl Author {
    /// Returns the user of this run, without a commit.
    pub fn of_run() -> Self {
        Self { by: holder(), ..Self::default() }
    }

    /// Returns the user of this run, with the commit of the sources in `root`.
    pub async fn of_sources(root: &Path) -> Self {
        let (commit, author, subject) = join3(
            git(root, &["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]),
            git(root, &["log", "-1", "--format=%an"]),
            git(root, &["log", "-1", "--format=%s"]),
        )
        .await;
        Self { commit, author, subject, ..Self::of_run() }.printable()
    }

    /// Removes terminal control characters and excess length, because any client may have written the text.
    pub(super) fn printable(self) -> Self {
        let clean = |text: String| printable(&text);
        let Self { by, commit, author, subject } = self;
        Self { by: clean(by), commit: commit.map(clean), author: author.map(clean), subject: subject.map(clean) }
    }
}

/// Returns the first line of git's output; `None` without git or a repository, which are both optional.
async fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::Author;

    #[test]
    fn nothing_that_a_terminal_obeys_is_kept() {
        let subject = Some(format!("\u{1b}[2Jfix\u{7}{}", "x".repeat(300)));
        let author = Author { by: "ada".into(), subject, ..Author::default() }.printable();
        let subject = author.subject.unwrap();
        assert!(subject.starts_with(" [2Jfix x"), "{subject}");
        assert_eq!(subject.chars().count(), 200);
    }
}
