//! The way in: finds `stack.yaml`, reads it, checks it and picks an environment.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Problem, StackError};
use super::document::Document;
use super::file::StackFile;
use super::model::Stack;
use super::resolve::resolve;
use super::{check, yaml};

/// The name of the file.
const FILE_NAME: &str = "stack.yaml";
/// The environment that is meant if nobody says which.
const DEFAULT_ENVIRONMENT: &str = "dev";
/// Larger files are refused unread, in bytes: a thousand functions take a quarter of it.
const MAX_SIZE: u64 = 1024 * 1024;

/// Looks for `stack.yaml` in a directory and then in those around it.
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|directory| directory.join(FILE_NAME)).find(|path| path.is_file())
}

impl Stack {
    /// Reads a `stack.yaml` and checks all of it, the sources it names included.
    ///
    /// Without `environment` the file's default is meant; `region` stands above what the file says.
    pub fn load(path: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        let mut stack = Self::read(path, environment, region)?;
        stack.check_sources()?;
        stack.take_secrets(|name| std::env::var(name).ok())?;
        Ok(stack)
    }

    /// Takes the functions' secrets from these variables; one that is not there, or empty, is an error.
    fn take_secrets(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), StackError> {
        let mut problems = Vec::new();
        for (function, declared) in &mut self.functions {
            for (name, value) in &mut declared.secrets {
                *value = variable(name).filter(|value| !value.is_empty());
                if value.is_none() {
                    let place =
                        self.document.key(&["functions", function, "secrets"]).or_else(|| self.document.key(&["functions", function]));
                    let problem = Problem::new(format!("the environment variable {name}, a secret of `{function}`, is not set"));
                    problems.push(problem.help(format!("set {name} where the program runs, or take it out of secrets")).at(place));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(StackError::new(&self.document, problems)) }
    }

    /// Like [`Stack::load`], but the sources may be missing: for commands that build nothing, such as `down`.
    pub fn read(path: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        let name = path.display().to_string();
        let text = read_text(path, &name)?;
        // `Path::parent` of a bare file name is the empty path, which is no directory one could go to.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self::parse(&text, &name, parent.unwrap_or(Path::new(".")), environment, region)
    }

    /// Like [`Stack::read`] from a text; looks at no file. `name` is what errors call it, `root` what sources are relative to.
    pub fn parse(text: &str, name: &str, root: &Path, environment: Option<&str>, region: Option<&str>) -> Result<Self, StackError> {
        let (document, file) = yaml::read(name, text)?;
        let mut problems = check::file(&file, &document);
        let environment = pick_environment(&file, &document, environment).unwrap_or_else(|problem| {
            problems.push(problem);
            String::new()
        });
        // What the command line says has no line to point at.
        problems.extend(region.and_then(check::region).map(|problem| match problem.help {
            Some(_) => problem,
            None => problem.help("it came from --region or the environment, not from the file"),
        }));
        if !problems.is_empty() {
            return Err(StackError::new(&document, problems));
        }
        Ok(resolve(&file, &environment, region, root, Arc::new(document)))
    }

    /// Checks that the crates and pages the stack is made of are there.
    pub fn check_sources(&self) -> Result<(), StackError> {
        let problems = check::sources(self, &self.document);
        if problems.is_empty() { Ok(()) } else { Err(StackError::new(&self.document, problems)) }
    }
}

fn read_text(path: &Path, name: &str) -> Result<String, StackError> {
    let refuse = |problem: Problem| StackError::of_file(name, problem);
    let cannot_read = |error: std::io::Error| {
        let problem = Problem::new(format!("cannot be read: {error}"));
        refuse(match error.kind() {
            ErrorKind::NotFound => problem.help("name the file with --file, or run in the directory that holds it"),
            _ => problem,
        })
    };
    let file = File::open(path).map_err(cannot_read)?;
    // One byte more than allowed tells a file that is too large, however large it is and whatever kind of file.
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(refuse(Problem::new("the file is larger than 1 MiB").help("is this the right file?")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = String::from_utf8_lossy(&error.as_bytes()[..valid]).split('\n').count();
        refuse(Problem::new(format!("line {line} is not UTF-8")).help("save the file as UTF-8"))
    })
}

/// The environment that is meant, which must be one of the file's.
fn pick_environment(file: &StackFile, document: &Document, asked: Option<&str>) -> Result<String, Problem> {
    let known = || file.environments.keys().map(String::as_str);
    let unknown = |name: &str| Problem::new(format!("there is no environment `{name}`")).known(name, known());
    if let Some(name) = asked {
        let place = document.key(&["environments"]);
        return if file.environments.contains_key(name) { Ok(name.to_owned()) } else { Err(unknown(name).at(place)) };
    }
    // Whether it exists is among the checks of the file.
    if let Some(name) = &file.default_environment {
        return Ok(name.clone());
    }
    let mut names = known();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.to_owned()),
        // That, too, is among the checks of the file.
        (None, _) => Ok(String::new()),
        _ if file.environments.contains_key(DEFAULT_ENVIRONMENT) => Ok(DEFAULT_ENVIRONMENT.to_owned()),
        _ => Err(Problem::new("it is not clear which environment is meant")
            .at(document.key(&["environments"]))
            .help("name one with --env, or write default_environment")),
    }
}
