//! What CI systems understand beside plain text: a note at the line of a file, folded parts of the log, a page that sums up the job, and
//! values for later steps.
//!
//! As documented by GitHub ("Workflow commands for GitHub Actions") and GitLab ("Job logs: custom collapsible sections").

use super::outputs;
use crate::error::Place;
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The CI system that the program runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ci {
    /// GitHub Actions, or what speaks as it does.
    Github(Github),
    /// GitLab CI.
    Gitlab,
}

/// The files that GitHub reads after the step, and the checkout that it shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Github {
    workspace: Option<PathBuf>,
    summary: Option<PathBuf>,
    output: Option<PathBuf>,
}

/// Severity of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Warning,
    Error,
}

impl Ci {
    /// As the environment says.
    pub(super) fn detect(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_true = |name| variable(name).is_some_and(|value| value == "true");
        let path = |name| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        if is_true("GITHUB_ACTIONS") {
            let (workspace, summary, output) = (path("GITHUB_WORKSPACE"), path("GITHUB_STEP_SUMMARY"), path("GITHUB_OUTPUT"));
            return Some(Self::Github(Github { workspace, summary, output }));
        }
        is_true("GITLAB_CI").then_some(Self::Gitlab)
    }

    /// The line that makes a note of this, at its place if it has one; `None` where notes are not known.
    pub(super) fn note(&self, level: Level, text: &str, place: Option<&Place>) -> Option<String> {
        let Self::Github(github) = self else { return None };
        let level = match level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let place = place.map(|place| github.properties(place)).unwrap_or_default();
        Some(format!("::{level}{place}::{}", data(text)))
    }

    /// The lines after which this text is not shown in the log of the job any more, by any step; none where that is not known.
    pub(super) fn mask(&self, secret: &str) -> Vec<String> {
        let Self::Github(_) = self else { return Vec::new() };
        // The runner masks line by line, and takes none that is blank.
        secret.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("::add-mask::{}", data(line))).collect()
    }

    /// The line that begins a part of the log which is shown folded. `seconds` since 1970.
    pub(super) fn fold(&self, title: &str, seconds: u64) -> String {
        match self {
            Self::Github(_) => format!("::group::{}", data(title)),
            Self::Gitlab => format!("\u{1b}[0Ksection_start:{seconds}:{}[collapsed=true]\r\u{1b}[0K{title}", section(title)),
        }
    }

    /// The line that ends it.
    pub(super) fn unfold(&self, title: &str, seconds: u64) -> String {
        match self {
            Self::Github(_) => "::endgroup::".to_owned(),
            Self::Gitlab => format!("\u{1b}[0Ksection_end:{seconds}:{}\r\u{1b}[0K", section(title)),
        }
    }

    /// Adds to the job's page.
    pub(super) fn page(&self, markdown: &str) -> io::Result<()> {
        match self {
            Self::Github(Github { summary: Some(path), .. }) => append(path, &format!("{markdown}\n")),
            _ => Ok(()),
        }
    }

    /// Hands values to later steps. GitLab takes them from a file that the job names (`outputs --format dotenv`).
    pub(super) fn outputs(&self, values: &BTreeMap<String, String>) -> io::Result<()> {
        match self {
            Self::Github(Github { output: Some(path), .. }) => append(path, &outputs::github(values)),
            _ => Ok(()),
        }
    }
}

impl Github {
    /// ` file=…,line=…,col=…`; the file as it is called in the repository.
    fn properties(&self, place: &Place) -> String {
        let file = Path::new(&place.file);
        let whole = std::fs::canonicalize(file).ok();
        let inside = self.workspace.as_deref().and_then(|workspace| std::fs::canonicalize(workspace).ok());
        let inside = whole.as_deref().zip(inside.as_deref()).and_then(|(file, workspace)| file.strip_prefix(workspace).ok());
        let file = Some(format!(" file={}", property(&inside.unwrap_or(file).to_string_lossy())));
        let numbers = [("line", place.line), ("col", place.column)];
        let numbers = numbers.map(|(name, number)| number.map(|number| format!("{name}={number}")));
        file.into_iter().chain(numbers.into_iter().flatten()).collect::<Vec<_>>().join(",")
    }
}

/// A value within a command: nothing in it may end the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value among others.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The name of a section: letters, digits and `_`.
fn section(title: &str) -> String {
    title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Ci, Github, Level};
    use crate::error::Place;

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
        let place = Place { file: file.to_str().unwrap().to_owned(), line: Some(3), column: None, message: String::new() };
        let note = ci.note(Level::Error, "100%\nwrong: a, b", Some(&place)).unwrap();
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
