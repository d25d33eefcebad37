//! Output for CI systems beside plain text: annotations at lines of files, folded parts of the log, a job summary page, and
//! values for later steps.
//!
//! As documented by GitHub ("Workflow commands for GitHub Actions") and GitLab ("Job logs: custom collapsible sections").

use super::outputs;
use crate::error::Mistake;
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// CI system that the program runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ci {
    /// GitHub Actions, or a compatible system.
    Github(Github),
    /// GitLab CI, with its log sections.
    Gitlab,
}

/// Files that GitHub reads after the step, and the checkout that it displays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Github {
    workspace: Option<PathBuf>,
    summary: Option<PathBuf>,
    output: Option<PathBuf>,
}

/// Severity of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Warning,
    Error,
}

impl Ci {
    /// Detects the CI system by environment variables.
    pub(super) fn detect(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_true = |name| variable(name).is_some_and(|value| value == "true");
        let path = |name| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        if is_true("GITHUB_ACTIONS") {
            let (workspace, summary, output) = (path("GITHUB_WORKSPACE"), path("GITHUB_STEP_SUMMARY"), path("GITHUB_OUTPUT"));
            return Some(Self::Github(Github { workspace, summary, output }));
        }
        is_true("GITLAB_CI").then_some(Self::Gitlab)
    }

    /// Returns the line that annotates the log, at a place if there is one; `None` where annotations are not supported.
    pub(super) fn note(&self, level: Level, text: &str, mistake: Option<&Mistake>) -> Option<String> {
        let Self::Github(github) = self else { return None };
        let level = match level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let mistake = mistake.map(|mistake| github.properties(mistake)).unwrap_or_default();
        Some(format!("::{level}{mistake}::{}", data(text)))
    }

    /// Returns the lines that mask this text in the log of the job from then on, for every step; none where masking is not
    /// supported.
    pub(super) fn mask(&self, secret: &str) -> Vec<String> {
        let Self::Github(_) = self else { return Vec::new() };
        // The runner masks line by line, and refuses a blank line.
        secret.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("::add-mask::{}", data(line))).collect()
    }

    /// Returns the line that begins a folded part of the log. `seconds` since 1970.
    pub(super) fn fold(&self, title: &str, seconds: u64) -> String {
        match self {
            Self::Github(_) => format!("::group::{}", data(title)),
            Self::Gitlab => format!("\u{1b}[0Ksection_start:{seconds}:{}[collapsed=true]\r\u{1b}[0K{title}", section(title)),
        }
    }

    /// Returns the line that ends a folded part.
    pub(super) fn unfold(&self, title: &str, seconds: u64) -> String {
        match self {
            Self::Github(_) => "::endgroup::".to_owned(),
            Self::Gitlab => format!("\u{1b}[0Ksection_end:{seconds}:{}\r\u{1b}[0K", section(title)),
        }
    }

    /// Appends to the job's summary page.
    pub(super) fn page(&self, markdown: &str) -> io::Result<()> {
        match self {
            Self::Github(Github { summary: Some(path), .. }) => append(path, &format!("{markdown}\n")),
            _ => Ok(()),
        }
    }

    /// Passes values to later steps. GitLab reads them from a file that the job names (`outputs --format dotenv`).
    pub(super) fn outputs(&self, values: &BTreeMap<String, String>) -> io::Result<()> {
        match self {
            Self::Github(Github { output: Some(path), .. }) => append(path, &outputs::github(values)),
            _ => Ok(()),
        }
    }
}

impl Github {
    /// Formats ` file=…,line=…,col=…`, with the file's path in the repository.
    fn properties(&self, mistake: &Mistake) -> String {
        let file = Path::new(&mistake.file);
        let whole = std::fs::canonicalize(file).ok();
        let inside = self.workspace.as_deref().and_then(|workspace| std::fs::canonicalize(workspace).ok());
        let inside = whole.as_deref().zip(inside.as_deref()).and_then(|(file, workspace)| file.strip_prefix(workspace).ok());
        let file = Some(format!(" file={}", property(&inside.unwrap_or(file).to_string_lossy())));
        let numbers = [("line", mistake.line), ("col", mistake.column)];
        let numbers = numbers.map(|(name, number)| number.map(|number| format!("{name}={number}")));
        file.into_iter().chain(numbers.into_iter().flatten()).collect::<Vec<_>>().join(",")
    }
}

/// Escapes a value within a command, so that nothing in it ends the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns the name of a section: letters, digits and `_`.
fn section(title: &str) -> String {
    title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Ci, Github, Level};
    use crate::error::Mistake;

    fn detect(variables: &[(&str, &str)]) -> Option<Ci> {
        Ci::detect(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn systems_are_known_by_their_variables() {
        assert_eq!(detect(&[("CI", "true")]), None);
        assert_eq!(detect(&[("GITHUB_ACTIONS", "false")]), None);
        assert_eq!(detect(&[("GITLAB_CI", "true")]), Some(Ci::Gitlab));
        let github = Github { output: Some("o".into()), ..Github::default() };
        assert_eq!(detect(&[("GITHUB_ACTIONS", "true"), ("GITHUB_OUTPUT", "o"), ("GITHUB_WORKSPACE", "")]), Some(Ci::Github(github)));
    }

    #[test]
    fn a_note_stays_on_one_line_at_its_place_in_the_repository() {
        let repository = tempfile::tempdir().unwrap();
        let file = repository.path().join("infra,1/stack.yaml");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        let ci = Ci::Github(Github { workspace: Some(repository.path().to_owned()), ..Github::default() });
        let mistake = Mistake { file: file.to_str().unwrap().to_owned(), line: Some(3), column: None, message: String::new() };
        let note = ci.note(Level::Error, "100%\nwrong: a, b", Some(&mistake)).unwrap();
        assert_eq!(note, "::error file=infra%2C1/stack.yaml,line=3::100%25%0Awrong: a, b");
        assert_eq!(ci.note(Level::Warning, "slow", None).unwrap(), "::warning::slow");
        assert_eq!(Ci::Gitlab.note(Level::Error, "wrong", None), None);
    }

    #[test]
    fn every_line_of_a_secret_is_masked() {
        let github = Ci::Github(Github::default());
        assert_eq!(github.mask("100%\n\nend\n"), ["::add-mask::100%25", "::add-mask::end"]);
        assert_eq!(Ci::Gitlab.mask("x"), Vec::<String>::new());
    }

    #[test]
    fn sections_begin_and_end_by_the_same_name() {
        let begin = Ci::Gitlab.fold("the plan: 3", 7);
        assert_eq!(begin, "\u{1b}[0Ksection_start:7:the_plan__3[collapsed=true]\r\u{1b}[0Kthe plan: 3");
        assert_eq!(Ci::Gitlab.unfold("the plan: 3", 9), "\u{1b}[0Ksection_end:9:the_plan__3\r\u{1b}[0K");
    }
}
