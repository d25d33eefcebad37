//! Who releases, and from which commit.

use crate::lock::{holder, printable};
use futures::future::join3;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokio::process::Command;

/// Who released something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The address of a CI job, or `user@host`.
    pub by: String,
    /// The commit, abbreviated; with `-dirty` if the sources were not as committed. `None`: no repository was found.
    pub commit: Option<String>,
    /// Who wrote it.
    #[serde(default)]
    pub author: Option<String>,
    /// The first line of the commit's message.
    pub subject: Option<String>,
}

impl Author {
    /// Whoever runs this program.
    pub fn of_run() -> Self {
        Self { by: holder(), ..Self::default() }
    }

    /// Whoever runs this program, on the sources in `root`.
    pub async fn of_sources(root: &Path) -> Self {
        let (commit, author, subject) = join3(
            git(root, &["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]),
            git(root, &["log", "-1", "--format=%an"]),
            git(root, &["log", "-1", "--format=%s"]),
        )
        .await;
        Self { commit, author, subject, ..Self::of_run() }.printable()
    }

    /// Without anything that a terminal would obey, and not too long: anybody may have written it.
    pub(super) fn printable(self) -> Self {
        let clean = |text: String| printable(&text);
        let Self { by, commit, author, subject } = self;
        Self { by: clean(by), commit: commit.map(clean), author: author.map(clean), subject: subject.map(clean) }
    }
}

/// The first line that git says; `None` without git or a repository, which nobody needs.
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
