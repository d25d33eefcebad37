//! Handlers built, packed and skipped by the real cargo, and by the real cross compiler.
//!
//! The crates have no dependencies, so a build takes about a second. Their names differ from test to test, because all
//! tests share one target directory if the environment names one.

mod environment;
mod notes;
mod reproducible;
mod shared;
mod stale;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use liveinsight::{
    build::{BuildError, BuildTarget, Builder, Progress},
    stack::{Architecture, Crate, Package},
};
use test_support::elf;

const HOST: BuildTarget = BuildTarget::Host;

/// Workspace with the handlers `one` and `two`, which share a library.
struct Project {
    directory: tempfile::TempDir,
    /// Prefix that distinguishes the crates' names from other tests'.
    prefix: &'static str,
    builder: Builder,
    /// Progress so far: builds (`built one two`), skipped builds (`up to date one`), and each of cargo's own lines.
    told: Arc<Mutex<Vec<String>>>,
}

impl Project {
    fn new(prefix: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = told.clone();
        let builder = Builder::new(directory.path(), move |progress| {
            log.lock().unwrap().push(match progress {
                Progress::UpToDate(functions) => format!("up to date {}", functions.join(" ")),
                Progress::Built { functions, .. } => format!("built {}", functions.join(" ")),
                Progress::Diagnostic(text) => text.to_owned(),
                _ => return,
            });
        });
        let project = Self { directory, prefix, builder, told };
        let profile = "[profile.lambda]\ninherits = \"release\"\nstrip = true\n";
        let members = "[workspace]\nresolver = \"3\"\nmembers = [\"lambdas/*\"]\n";
        project.write("Cargo.toml", &format!("{members}{profile}"));
        project.write_manifest("lambdas/shared", "shared", "");
        project.write("lambdas/shared/src/lib.rs", "pub const GREETING: &str = \"hello\";\n");
        for name in ["one", "two"] {
            let dependency = format!("[dependencies]\n{prefix}-shared = {{ path = \"../shared\" }}\n");
            project.write_manifest(&format!("lambdas/{name}"), name, &dependency);
            project.write_main(name, &format!("println!(\"{{}} from {name}\", {prefix}_shared::GREETING);"));
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    fn write_manifest(&self, directory: &str, name: &str, rest: &str) {
        let package = format!("[package]\nname = \"{}-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n", self.prefix);
        self.write(&format!("{directory}/Cargo.toml"), &format!("{package}{rest}"));
    }

    fn write_main(&self, name: &str, body: &str) {
        self.write(&format!("lambdas/{name}/src/main.rs"), &format!("fn main() {{\n    {body}\n}}\n"));
    }

    async fn build(&self, names: &[&str], target: BuildTarget) -> Result<BTreeMap<String, Package>, BuildError> {
        self.builder.build(&crates(names), None, target).await
    }

    /// Takes the progress since the last call.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn crates(names: &[&str]) -> BTreeMap<String, Crate> {
    names.iter().map(|name| ((*name).to_owned(), source(&format!("lambdas/{name}")))).collect()
}

fn source(directory: &str) -> Crate {
    Crate::at(directory)
}

/// Takes the program out of its zip into a file of its own.
fn unpack(package: &Package, directory: &Path) -> PathBuf {
    let code = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract('bootstrap', sys.argv[2])";
    let arguments = [package.path.as_os_str(), directory.as_os_str()];
    assert!(Command::new("python3").args(["-c", code]).args(arguments).status().unwrap().success());
    directory.join("bootstrap")
}

/// Runs the packed program and returns what it prints.
fn output(package: &Package) -> String {
    let directory = tempfile::tempdir().unwrap();
    let program = unpack(package, directory.path());
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    String::from_utf8(Command::new(program).output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn unchanged_sources_are_not_built_again() {
    let project = Project::new("same");
    let none = project.builder.cached(&crates(&["one", "two"]), None, HOST).await.unwrap();
    assert!(none.values().all(Option::is_none));

    let first = project.build(&["one", "two"], HOST).await.unwrap();
    assert_eq!(project.told(), ["built one two"]);
    assert_eq!(output(&first["one"]), "hello from one\n");
    assert_eq!(output(&first["two"]), "hello from two\n");

    // This must need neither cargo nor the compiler.
    let second = project.build(&["one", "two"], HOST).await.unwrap();
    assert_eq!(project.told(), ["up to date one two"]);
    assert_eq!(second, first);
    let kept = project.builder.cached(&crates(&["one", "two"]), None, HOST).await.unwrap();
    assert_eq!(kept["one"].as_ref(), Some(&first["one"]));
}

#[tokio::test]
async fn only_what_depends_on_a_change_is_built() {
    let project = Project::new("change");
    let first = project.build(&["one", "two"], HOST).await.unwrap();
    project.told();

    project.write_main("one", "println!(\"changed\");");
    let second = project.build(&["one", "two"], HOST).await.unwrap();
    assert_eq!(project.told(), ["up to date two", "built one"]);
    assert_eq!(output(&second["one"]), "changed\n");
    assert_eq!(second["two"], first["two"]);

    // `one` no longer uses the library, but still names it as a dependency.
    project.write("lambdas/shared/src/lib.rs", "pub const GREETING: &str = \"good morning\";\n");
    let third = project.build(&["one", "two"], HOST).await.unwrap();
    assert_eq!(output(&third["two"]), "good morning from two\n");
    assert_eq!(third["one"].sha256, second["one"].sha256);
}

#[tokio::test]
async fn a_damaged_package_is_made_again() {
    let project = Project::new("damage");
    let first = project.build(&["one"], HOST).await.unwrap();
    std::fs::write(&first["one"].path, "half a zip").unwrap();
    assert_eq!(project.builder.cached(&crates(&["one"]), None, HOST).await.unwrap()["one"], None);
    assert_eq!(project.build(&["one"], HOST).await.unwrap(), first);
}

#[tokio::test]
async fn a_compile_error_names_function_and_crate() {
    let project = Project::new("wrong");
    project.write_main("two", "let number: u8 = \"text\";");
    let error = project.build(&["one", "two"], HOST).await.unwrap_err();
    let BuildError::Compile { functions, package, diagnostics } = &error else { panic!("{error}") };
    assert_eq!((functions.as_slice(), package.as_str()), (["two".to_owned()].as_slice(), "wrong-two"));
    assert!(diagnostics.contains("lambdas/two/src/main.rs:2"), "{diagnostics}");
    assert!(project.told().iter().any(|line| line.contains("mismatched types")));

    project.write_main("two", "println!(\"right\");");
    assert_eq!(output(&project.build(&["one", "two"], HOST).await.unwrap()["two"]), "right\n");

    project.write("lambdas/shared/src/lib.rs", "pub const GREETING: &str = 5;\n");
    let error = project.build(&["one", "two"], HOST).await.unwrap_err();
    let BuildError::Compile { functions, .. } = &error else { panic!("{error}") };
    assert_eq!(functions.as_slice(), ["one", "two"]);
}

#[tokio::test]
async fn crates_may_stand_alone_or_share_a_program_name() {
    let project = Project::new("alone");
    let binary = "[[bin]]\nname = \"bootstrap\"\npath = \"src/main.rs\"\n";
    for name in ["three", "four"] {
        project.write_manifest(&format!("lambdas/{name}"), name, binary);
        project.write_main(name, &format!("println!(\"from {name}\");"));
    }
    // Outside the workspace, so that the lockfile which cargo now makes there is not above it.
    let elsewhere = tempfile::tempdir().unwrap();
    let five = elsewhere.path().to_str().unwrap();
    project.write_manifest(five, "five", "[workspace]\n");
    project.write(&format!("{five}/src/main.rs"), "fn main() {\n    println!(\"from five\");\n}\n");
    let mut all = crates(&["one", "three", "four"]);
    all.insert("five".to_owned(), source(five));
    let packages = project.builder.build(&all, None, HOST).await.unwrap();
    let outputs: Vec<String> = packages.values().map(output).collect();
    assert_eq!(outputs, ["from five\n", "from four\n", "hello from one\n", "from three\n"]);
    project.told();
    project.builder.build(&all, None, HOST).await.unwrap();
    assert_eq!(project.told(), ["up to date five four one three"]);
}

#[tokio::test]
async fn what_cannot_be_built_is_named() {
    let project = Project::new("bad");
    let error = project.build(&["nothing"], HOST).await.unwrap_err().to_string();
    assert!(error.contains("function nothing: no crate in") && error.contains("lambdas/nothing"), "{error}");
    let error = project.build(&["shared"], HOST).await.unwrap_err().to_string();
    assert!(error.contains("function shared: crate bad-shared has no binary"), "{error}");

    project.write("lambdas/two/Cargo.toml", "[package\n");
    let error = project.build(&["one", "two"], HOST).await.unwrap_err().to_string();
    assert!(error.contains("two/Cargo.toml:1"), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let project = Project::new("readonly");
    // A file at this path stops every user, also root, for which permissions do not count.
    project.write(".liveinsight", "in the way");
    let error = project.build(&["one"], HOST).await.unwrap_err();
    assert!(matches!(error, BuildError::Write { .. }), "{error}");
    assert!(error.to_string().contains(".liveinsight/build"), "{error}");
}

#[tokio::test]
async fn a_program_for_lambda_needs_no_newer_glibc_than_lambda_has() {
    let project = Project::new("floor");
    link_tools(&project);
    let target = BuildTarget::Lambda(Architecture::X86_64);
    let packages = project.build(&["one"], target).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let program = unpack(&packages["one"], directory.path());
    assert!((1..=34).contains(&elf::newest_glibc(&program)));
    assert_eq!(elf::machine(&program), elf::X86_64);
}

#[tokio::test]
async fn what_is_deployed_is_made_of_what_the_lock_says() {
    let project = Project::new("locked");
    link_tools(&project);
    let target = BuildTarget::Lambda(Architecture::X86_64);
    project.build(&["one"], HOST).await.unwrap();
    let lock = std::fs::read_to_string(project.path("Cargo.lock")).unwrap();
    project.write_manifest("lambdas/more", "more", "");
    project.write("lambdas/more/src/lib.rs", "");
    project.write_manifest(
        "lambdas/one",
        "one",
        "[dependencies]\nlocked-shared = { path = \"../shared\" }\nlocked-more = { path = \"../more\" }\n",
    );
    let error = project.build(&["one"], target).await.unwrap_err().to_string();
    assert!(error.contains("Cargo.lock") && error.contains("run `cargo check`, and commit Cargo.lock with the change"), "{error}");
    assert_eq!(std::fs::read_to_string(project.path("Cargo.lock")).unwrap(), lock);
    // A build for this machine updates Cargo.lock, as cargo does.
    project.build(&["one"], HOST).await.unwrap();
    assert!(std::fs::read_to_string(project.path("Cargo.lock")).unwrap().contains("locked-more"));
    project.build(&["one"], target).await.unwrap();
}

#[tokio::test]
async fn arm_is_built_or_the_missing_part_is_named() {
    let project = Project::new("arm");
    link_tools(&project);
    let target = BuildTarget::Lambda(Architecture::Arm64);
    let mut rustc = Command::new("rustc");
    let libraries = rustc.args(["--print", "target-libdir", "--target", "aarch64-unknown-linux-gnu"]).output();
    let libraries = String::from_utf8(libraries.unwrap().stdout).unwrap();
    match project.build(&["one"], target).await {
        Ok(packages) => {
            let directory = tempfile::tempdir().unwrap();
            assert_eq!(elf::machine(&unpack(&packages["one"], directory.path())), elf::AARCH64);
        }
        Err(error) => {
            assert!(!Path::new(libraries.trim()).exists(), "{error}");
            assert!(error.to_string().contains("rustup target add aarch64-unknown-linux-gnu"), "{error}");
        }
    }
}

/// Links one installation of the cross compiler for all test runs, because it takes 90 MB.
fn link_tools(project: &Project) {
    link_tools_below(project.directory.path());
}

fn link_tools_below(root: &Path) {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    std::fs::create_dir_all(&shared).unwrap();
    std::fs::create_dir_all(root.join(".liveinsight")).unwrap();
    std::os::unix::fs::symlink(shared, root.join(".liveinsight/tools")).unwrap();
}
