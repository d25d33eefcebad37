//! Code of a function: a crate that `up` builds, or a package that something else has built.

use super::{FunctionFile, source};
use crate::diagnostic::Problem;
use crate::problems::{Problems, below};
pub use resources::BOOTSTRAP;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Runtime that runs compiled programs: the `provided` one on Amazon Linux 2023.
pub(super) const RUNTIME: &str = "provided.al2023";

/// Code of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Crate that is built.
    Crate(Crate),
    /// Package that something else has built.
    Package(Prebuilt),
}

/// Crate of a function, and the program in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crate {
    /// Directory of the crate, relative to [`Stack::root`](crate::Stack::root) or absolute.
    pub directory: PathBuf,
    /// Name of the program, if the file names one.
    pub binary: Option<String>,
    /// Features to build with.
    pub features: BTreeSet<String>,
    /// Set if the default features are built, too.
    pub default_features: bool,
    /// Files and directories that are packed beside the program, relative to the crate's directory.
    pub include: BTreeSet<PathBuf>,
}

/// Package of a function, with its runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prebuilt {
    /// Path of the zip, relative to [`Stack::root`](crate::Stack::root).
    pub path: PathBuf,
    /// Lambda's name of the runtime.
    pub runtime: String,
    /// Entry point, in the form that the runtime expects.
    pub handler: String,
}

impl Crate {
    /// Returns a crate with all defaults.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        let (features, include) = (BTreeSet::new(), BTreeSet::new());
        Self { directory: directory.into(), binary: None, features, default_features: true, include }
    }
}

impl Code {
    /// Returns the package, if something else has built it.
    pub fn prebuilt(&self) -> Option<&Prebuilt> {
        match self {
            Self::Package(package) => Some(package),
            Self::Crate(_) => None,
        }
    }

    /// Returns Lambda's name of the runtime.
    pub(super) fn runtime(&self) -> &str {
        self.prebuilt().map_or(RUNTIME, |package| &package.runtime)
    }

    /// Returns the entry point.
    pub(super) fn handler(&self) -> &str {
        self.prebuilt().map_or(BOOTSTRAP, |package| &package.handler)
    }
}

impl Prebuilt {
    /// Returns whether the runtime starts a program of the package itself.
    pub fn starts_bootstrap(&self) -> bool {
        is_provided(&self.runtime)
    }
}

fn is_provided(runtime: &str) -> bool {
    runtime.starts_with("provided")
}

/// Returns the code of a checked function.
pub(super) fn resolve(file: &FunctionFile) -> Code {
    if let (None, Some(package)) = (&file.source, &file.package) {
        let runtime = file.runtime.clone().unwrap_or_else(|| RUNTIME.to_owned());
        let handler = file.handler.clone().unwrap_or_else(|| BOOTSTRAP.to_owned());
        return Code::Package(Prebuilt { path: package.into(), runtime, handler });
    }
    Code::Crate(Crate {
        directory: file.source.clone().unwrap_or_default().into(),
        binary: file.binary.clone(),
        features: file.features.clone(),
        default_features: file.default_features.unwrap_or(true),
        include: file.include.iter().map(PathBuf::from).collect(),
    })
}

/// Checks where the code of a function comes from.
pub(super) fn check(name: &str, file: &FunctionFile, path: &[&str], problems: &mut Problems) {
    match (&file.source, &file.package) {
        (None, None) if ["source", "package"].iter().all(|key| problems.is_known(&below(path, &[key]))) => {
            let problem = Problem::new(format!("`{name}` has no `source`"));
            problems.key(path, problem.help("name its crate's directory, or under `package` a zip that is built already"));
        }
        (Some(_), Some(_)) => {
            let problem = Problem::new(format!("`{name}` has both source and package"));
            problems.key(&below(path, &["package"]), problem.help("leave out one of the two"));
        }
        _ => {}
    }
    for (key, value) in [("source", &file.source), ("package", &file.package)] {
        if let Some(problem) = value.as_deref().and_then(source) {
            problems.value(&below(path, &[key]), problem);
        }
    }
    let of_crate = [
        ("binary", file.binary.is_some()),
        ("features", !file.features.is_empty()),
        ("default_features", file.default_features.is_some()),
        ("include", !file.include.is_empty()),
    ];
    let of_package = [("runtime", file.runtime.is_some()), ("handler", file.handler.is_some())];
    let (misplaced, what) = match (&file.source, &file.package) {
        (Some(_), None) => (of_package.to_vec(), "a package"),
        (None, Some(_)) => (of_crate.to_vec(), "a crate"),
        _ => (Vec::new(), ""),
    };
    for (key, _) in misplaced.into_iter().filter(|(_, is_declared)| *is_declared) {
        problems.key(&below(path, &[key]), Problem::new(format!("`{key}` is a setting of {what}")).help("leave it out"));
    }
    for (index, include) in file.include.iter().enumerate() {
        if let Some(problem) = included(include) {
            problems.value(&below(path, &["include", &index.to_string()]), problem);
        }
    }
    for feature in file.features.iter().filter(|feature| !is_feature(feature)) {
        let problem = Problem::new(format!("`{feature}` cannot be the name of a feature"));
        problems.value(&below(path, &["features"]), problem.expected("expected letters, digits and _ - + . /"));
    }
    if file.package.is_some() {
        runtime(file, path, problems);
    }
}

/// Checks the runtime of a package, and its entry point.
fn runtime(file: &FunctionFile, path: &[&str], problems: &mut Problems) {
    let runtime = file.runtime.as_deref().unwrap_or(RUNTIME);
    let is_name = runtime.starts_with(|c: char| c.is_ascii_lowercase()) && runtime.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    if !is_name {
        let problem = Problem::new(format!("`{runtime}` is not a runtime of Lambda"));
        problems.value(&below(path, &["runtime"]), problem.expected("expected a name such as python3.13, nodejs22.x or provided.al2023"));
    } else if !is_provided(runtime) && file.handler.is_none() {
        let problem = Problem::new(format!("the runtime {runtime} needs a `handler`"));
        problems.value(&below(path, &["runtime"]), problem.help("name the file and the function in it, as in `handler: app.handler`"));
    }
    // Pattern of the Lambda API reference, CreateFunction, Handler.
    if let Some(handler) = file.handler.as_deref().filter(|text| text.is_empty() || text.len() > 128 || text.contains(char::is_whitespace))
    {
        let problem = Problem::new(format!("`{handler}` is not an entry point"));
        problems.value(&below(path, &["handler"]), problem.expected("expected up to 128 characters without blanks, such as app.handler"));
    }
}

/// Returns the problem of a path that is packed beside the program, without a position.
fn included(path: &str) -> Option<Problem> {
    let expected = "expected a path below the crate's directory, such as templates";
    let is_below = |component: Component<'_>| matches!(component, Component::Normal(_));
    if path.is_empty() || !Path::new(path).components().all(is_below) {
        return Some(Problem::new(format!("`{path}` is not below the crate's directory")).expected(expected));
    }
    let is_program = Path::new(path).components().next() == Some(Component::Normal(BOOTSTRAP.as_ref()));
    is_program.then(|| Problem::new(format!("`{path}` would take the place of the program")).help("rename it"))
}

/// Tests the name of a feature, or of one of a dependency, against cargo's characters.
fn is_feature(feature: &str) -> bool {
    !feature.is_empty() && feature.chars().all(|c| c.is_alphanumeric() || "_-+./?".contains(c))
}
