//! Loads a stack: finds `stack.yaml`, reads it, checks it and picks an environment.

use crate::check;
use crate::diagnostic::{Problem, StackError};
use crate::document::Document;
use crate::limits::FILE;
use crate::problems::Findings;
use crate::region::region as region_problem;
use crate::sections::{self, Stack, StackFile};
use crate::yaml::{self, Reading};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// The name of the file.
const FILE_NAME: &str = "stack.yaml";

/// Entries that mark a repository's root. In a worktree of git it is a file.
const REPOSITORIES: [&str; 5] = [".git", ".hg", ".jj", ".pijul", ".svn"];

/// Environment that is used if none is named and the file has several.
const DEFAULT_ENVIRONMENT: &str = "dev";

/// Searches for `stack.yaml` in a directory and its ancestors, up to the repository's root, and as long as they have the same owner. In `/tmp` or a
/// shared directory, another user may have left one, and the file decides which code is built and run.
pub fn find(start: &Path) -> Option<PathBuf> {
    find_by(start, owner)
}

fn find_by(start: &Path, owner: impl Fn(&Path) -> Option<u32>) -> Option<PathBuf> {
    let own = owner(start);
    for directory in start.ancestors().take_while(|directory| owner(directory) == own) {
        let file = directory.join(FILE_NAME);
        if file.is_file() {
            return Some(file);
        }
        if REPOSITORIES.iter().any(|kept| directory.join(kept).exists()) {
            return None;
        }
    }
    None
}

/// Returns the user that a directory belongs to.
#[cfg(unix)]
fn owner(directory: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(directory).ok().map(|about| about.uid())
}

#[cfg(not(unix))]
fn owner(_: &Path) -> Option<u32> {
    None
}

/// Inputs of a stack, beside its text, that a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Text alone: the command builds nothing.
    Text,
    /// Sources, and the secrets as far as they are set: the command compares.
    Sources,
    /// Sources and all secrets: the command writes.
    Everything,
}

impl Stack {
    /// Reads a `stack.yaml` and checks all of it, its sources and secrets included. The error lists every mistake.
    ///
    /// Without `environment` the file's default applies; `region` overrides the file's region.
    pub fn load(path: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        Self::load_for(Needs::Everything, path, environment, region)
    }

    /// Like [`Stack::load`], but secrets may be missing: for commands that only compare.
    pub fn load_to_compare(path: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        Self::load_for(Needs::Sources, path, environment, region)
    }

    /// Like [`Stack::load`], but the sources and secrets may be missing: for commands that build nothing, such as `down`.
    pub fn read(path: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        Self::load_for(Needs::Text, path, environment, region)
    }

    /// Like [`Stack::read`] from a text; reads no file. Errors call the file `name`, and sources are relative to `root`.
    pub fn parse(text: &str, name: &str, root: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        Self::examine(Needs::Text, text, name, root, environment, region, |_| None)
    }

    fn load_for(needs: Needs, path: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        let name = path.display().to_string();
        let text = read_text(path, &name)?;
        // `Path::parent` of a bare file name is the empty path, which is no usable directory.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self::examine(needs, &text, &name, parent.unwrap_or(Path::new(".")), environment, region, |name| std::env::var(name).ok())
    }

    fn examine(
        needs: Needs,
        text: &str,
        name: &str,
        root: &Path,
        environment: Option<&str>,
        region: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, StackError> {
        let Reading { document, file, mut problems, faulty } = yaml::read(name, text)?;
        problems.extend(check::file(&file, &document, &faulty));
        if needs != Needs::Text {
            problems.extend(check::sources(&file, root, &document, &faulty));
        }
        if needs == Needs::Everything {
            problems.extend(check::packages(&file, root, &document, &faulty));
        }
        let environment = pick_environment(&file, &document, environment).unwrap_or_else(|problem| {
            if !faulty.covers(&["environments"]) && !faulty.covers(&["default_environment"]) {
                problems.push(problem);
            }
            String::new()
        });
        // A region from the command line has no line to point at.
        problems.extend(region.and_then(region_problem).map(|problem| match problem.help {
            Some(_) => problem,
            None => problem.help("it came from --region or the environment, not from the file"),
        }));
        let mut stack = file.resolve(&environment, region, root);
        if needs != Needs::Text {
            let secrets = stack.functions.values_mut().flat_map(|function| &mut function.secrets);
            secrets.for_each(|(name, value)| *value = variable(name).filter(|value| !value.is_empty()));
        }
        if needs == Needs::Everything {
            problems.extend(sections::secrets(&stack.functions, &document, &faulty));
        }
        let Findings { problems: found, mut warnings } = check::environment(&stack, &document, &faulty);
        if needs != Needs::Text {
            let values = sections::values(&stack.functions, &document, &faulty);
            problems.extend(values.problems);
            warnings.extend(values.warnings);
        }
        stack.warnings = warnings.iter().map(|warning| format!("{}: {}", document.located(warning.position), warning.in_short())).collect();
        let mut places: Vec<_> = found.iter().map(|problem| problem.position).collect();
        problems.extend(found);
        for other in file.environments.keys().filter(|name| **name != environment) {
            let other = file.resolve(other, None, root);
            let found = check::environment(&other, &document, &faulty).problems;
            // Mending it covers the same mistake in other environments.
            let found: Vec<_> = found.into_iter().filter(|problem| !places.contains(&problem.position)).collect();
            places.extend(found.iter().map(|problem| problem.position));
            problems.extend(found);
        }
        if problems.is_empty() { Ok(stack) } else { Err(StackError::new(&document, problems)) }
    }
}

fn read_text(path: &Path, name: &str) -> Result<String, StackError> {
    let refuse = |problem: Problem| StackError::of_file(name, problem);
    let cannot_read = |error: std::io::Error| {
        let problem = Problem::new(format!("cannot be read: {error}"));
        refuse(match error.kind() {
            ErrorKind::NotFound => {
                problem.help("name the file with --file, run in the directory that holds it, or run `liveinsight init` to write one")
            }
            _ => problem,
        })
    };
    let file = File::open(path).map_err(cannot_read)?;
    // One byte more than allowed reveals a file that is too large, however large it is and whatever its kind.
    let mut bytes = Vec::new();
    file.take(FILE.most + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > FILE.most {
        return Err(refuse(Problem::new("the file is larger than 1 MiB").help("is this the right file?")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = String::from_utf8_lossy(&error.as_bytes()[..valid]).split('\n').count();
        refuse(Problem::new(format!("line {line} is not UTF-8")).help("save the file as UTF-8"))
    })
}

/// Returns the environment to use, which must be one of the file's.
fn pick_environment(file: &StackFile, document: &Document, asked: Option<&str>) -> Result<String, Problem> {
    let known = || file.environments.keys().map(String::as_str);
    let unknown = |name: &str| Problem::new(format!("there is no environment `{name}`")).known(name, known());
    if let Some(name) = asked {
        let position = document.key(&["environments"]);
        return if file.environments.contains_key(name) { Ok(name.to_owned()) } else { Err(unknown(name).at(position)) };
    }
    // The checks of the file cover its existence.
    if let Some(name) = &file.default_environment {
        return Ok(name.clone());
    }
    let mut names = known();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.to_owned()),
        // The checks of the file cover that, too.
        (None, _) => Ok(String::new()),
        _ if file.environments.contains_key(DEFAULT_ENVIRONMENT) => Ok(DEFAULT_ENVIRONMENT.to_owned()),
        _ => Err(Problem::new("it is not clear which environment is meant")
            .at(document.key(&["environments"]))
            .help("name one with --env, or write default_environment")),
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE_NAME, find_by};
    use std::fs;

    #[test]
    fn it_is_looked_for_no_further_than_the_repository_or_its_owner_reaches() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let below = root.join("repository/functions/one");
        fs::create_dir_all(&below).unwrap();
        fs::write(root.join(FILE_NAME), "").unwrap();
        let same = |_: &std::path::Path| Some(1);
        assert_eq!(find_by(&below, same), Some(root.join(FILE_NAME)));
        // The directory above the project belongs to another user.
        assert_eq!(find_by(&below, |path| Some(u32::from(path == root))), None);
        fs::create_dir(root.join("repository/.git")).unwrap();
        assert_eq!(find_by(&below, same), None);
        let own = root.join("repository").join(FILE_NAME);
        fs::write(&own, "").unwrap();
        assert_eq!(find_by(&below, same), Some(own));
    }
}
