//! Every kind of change after which cargo builds again, and some that cargo itself does not notice. The package always matches the
//! sources.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use liveinsight::build::{Builder, Progress};

use super::{HOST, crates, output, source};

/// Environment variable of a child process that builds once, in an environment of its own.
const CHILD: &str = "LIVEINSIGHT_TEST_BUILDS_IN";

/// Handler `app` in a directory of its own, which prints the sources it was made from.
struct Handler {
    directory: tempfile::TempDir,
    builder: Builder,
    built: Arc<Mutex<usize>>,
}

impl Handler {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let built = Arc::new(Mutex::new(0));
        let count = built.clone();
        let builder = Builder::new(directory.path(), move |progress| {
            if matches!(progress, Progress::Building(_)) {
                *count.lock().unwrap() += 1;
            }
        });
        let handler = Self { directory, builder, built };
        handler.write("app/Cargo.toml", &manifest("app", ""));
        for (name, text) in files {
            handler.write(name, text);
        }
        handler
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    /// Replaces a file as unpacking an archive does: with the modification time from when the file was packed.
    fn unpack(&self, name: &str, text: &str) {
        let new = self.path("unpacked");
        write(&new, text);
        let long_ago = SystemTime::now() - Duration::from_hours(1000);
        File::options().write(true).open(&new).unwrap().set_modified(long_ago).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
    }

    /// Builds, and returns the program's output and whether cargo ran.
    async fn build(&self) -> (String, bool) {
        let before = *self.built.lock().unwrap();
        let sources = [("app".to_owned(), source("app"))].into();
        let packages = self.builder.build(&sources, None, HOST).await.unwrap();
        let after = *self.built.lock().unwrap();
        (output(&packages["app"]).trim().to_owned(), after > before)
    }

    /// Builds in a process of its own with these variables. Returns `built` or `current`, and the program's output.
    fn child(&self, way: &str, variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "build::stale::variables_that_are_read_at_compile_time_count", "--nocapture"]);
        let output = command.env(CHILD, self.directory.path()).envs(variables.iter().copied()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("CHILD ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{way}: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Builds before and after a change. The program is the new one each time, and cargo does not run when nothing changed.
    async fn follows(&self, way: &str, change: impl FnOnce(&Self)) {
        assert_eq!(self.build().await, ("ONE".to_owned(), true), "{way}: first");
        assert_eq!(self.build().await, ("ONE".to_owned(), false), "{way}: unchanged");
        change(self);
        assert_eq!(self.build().await, ("TWO".to_owned(), true), "{way}: changed");
        assert_eq!(self.build().await, ("TWO".to_owned(), false), "{way}: unchanged after the change");
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
}

const ALONE: &str = "[workspace]\n";

fn prints(expression: &str) -> String {
    format!("fn main() {{\n    println!(\"{{}}\", {expression}.trim());\n}}\n")
}

#[tokio::test]
async fn files_that_a_crate_reads_count_wherever_they_are() {
    let included = |name: &str| prints(&format!("include_str!(\"{name}\")"));
    let alone = manifest("app", ALONE);
    for (way, main, file) in [
        ("include_str! outside the crate", included("../../texts/mail.txt"), "texts/mail.txt"),
        ("a hidden file", included("../.label"), "app/.label"),
        ("a file in a hidden directory", included("../.labels/one"), "app/.labels/one"),
        ("a directory that is called like output", included("../../target/label"), "target/label"),
        ("include_bytes!", prints("std::str::from_utf8(include_bytes!(\"../../label\")).unwrap()"), "label"),
    ] {
        let handler = Handler::new(&[("app/Cargo.toml", &alone), ("app/src/main.rs", &main), (file, "ONE")]);
        handler.follows(way, |handler| handler.write(file, "TWO")).await;
    }
    let main = format!("#[path = \"../../common/label.rs\"]\nmod label;\n{}", prints("label::LABEL"));
    let label = |text: &str| format!("pub const LABEL: &str = \"{text}\";\n");
    let handler = Handler::new(&[("app/Cargo.toml", &alone), ("app/src/main.rs", &main), ("common/label.rs", &label("ONE"))]);
    handler.follows("a module by #[path]", |handler| handler.write("common/label.rs", &label("TWO"))).await;

    // The same inside a workspace, with its root as the nearest manifest.
    let root = "[workspace]\nmembers = [\"app\"]\nresolver = \"3\"\n";
    let handler = Handler::new(&[("Cargo.toml", root), ("app/src/main.rs", &main), ("common/label.rs", &label("ONE"))]);
    handler.follows("a module of the workspace", |handler| handler.write("common/label.rs", &label("TWO"))).await;
}

#[tokio::test]
async fn links_count_with_what_they_lead_to_and_where() {
    let alone = manifest("app", ALONE);
    let main = prints("include_str!(\"../label\")");
    let files = [("app/Cargo.toml", alone.as_str()), ("app/src/main.rs", &main), ("texts/one", "ONE"), ("texts/two", "TWO")];
    let link = |handler: &Handler, to: &str, name: &str| {
        let _ = std::fs::remove_file(handler.path(name));
        std::os::unix::fs::symlink(to, handler.path(name)).unwrap();
    };
    let handler = Handler::new(&files);
    link(&handler, "../texts/one", "app/label");
    handler.follows("the file behind a link", |handler| handler.write("texts/one", "TWO")).await;

    let handler = Handler::new(&files);
    link(&handler, "../texts/one", "app/label");
    handler.follows("a link that leads elsewhere", |handler| link(handler, "../texts/two", "app/label")).await;

    let handler = Handler::new(&[("texts/one/label", "ONE"), ("texts/two/label", "TWO")]);
    handler.write("app/Cargo.toml", &alone);
    handler.write("app/src/main.rs", &prints("include_str!(\"../linked/label\")"));
    link(&handler, "../texts/one", "app/linked");
    handler.follows("a directory's link that leads elsewhere", |handler| link(handler, "../texts/two", "app/linked")).await;
}

#[tokio::test]
async fn times_do_not_count() {
    let alone = manifest("app", ALONE);
    let files = [("app/Cargo.toml", alone.as_str()), ("app/src/main.rs", &prints("\"ONE\"")), ("app/src/other.rs", &prints("\"TWO\""))];
    let handler = Handler::new(&files);
    handler.follows("a source out of an archive", |handler| handler.unpack("app/src/main.rs", &prints("\"TWO\""))).await;

    let handler = Handler::new(&files);
    let rename = |handler: &Handler| std::fs::rename(handler.path("app/src/other.rs"), handler.path("app/src/main.rs")).unwrap();
    handler.follows("a file moved into place", rename).await;

    // The move changes only the directory: its files stay as they were.
    let main = format!("#[path = \"../label/mod.rs\"]\nmod label;\n{}", prints("label::LABEL"));
    let handler = Handler::new(&[
        ("app/Cargo.toml", &alone),
        ("app/src/main.rs", &main),
        ("app/label/mod.rs", "pub const LABEL: &str = \"ONE\";\n"),
        ("app/other/mod.rs", "pub const LABEL: &str = \"TWO\";\n"),
    ]);
    let swap = |handler: &Handler| {
        std::fs::rename(handler.path("app/label"), handler.path("app/first")).unwrap();
        std::fs::rename(handler.path("app/other"), handler.path("app/label")).unwrap();
    };
    handler.follows("a directory moved into place", swap).await;

    // Cargo's output exists from an earlier build of which no record remains.
    let handler = Handler::new(&files);
    assert_eq!(handler.build().await.0, "ONE");
    std::fs::remove_dir_all(handler.path(".liveinsight")).unwrap();
    handler.unpack("app/src/main.rs", &prints("\"TWO\""));
    assert_eq!(handler.build().await.0, "TWO", "cargo's output without a record");
}

/// Makes a project that shares the directory of cargo's output with other projects. The crates of all of them have the same names.
fn checkout(output: &Path, label: &str) -> Handler {
    let handler = Handler::new(&[
        (".cargo/config.toml", &format!("[build]\ntarget-dir = \"{}\"\n", output.display())),
        ("app/Cargo.toml", &manifest("app", "[workspace]\n[dependencies]\nlabel = { path = \"../label\" }\n")),
        ("label/Cargo.toml", &manifest("label", "")),
        ("app/src/main.rs", &prints("label::LABEL")),
    ]);
    handler.write("label/src/lib.rs", &format!("pub const LABEL: &str = \"{label}\";\n"));
    handler
}

#[tokio::test]
async fn what_another_project_compiled_does_not_count() {
    let output = tempfile::tempdir().unwrap();
    // The first two at once, in a directory that does not exist yet.
    let place = output.path().join("target");
    let (one, two) = (checkout(&place, "ONE"), checkout(&place, "TWO"));
    let built = tokio::join!(one.build(), two.build());
    assert_eq!((built.0.0.as_str(), built.1.0.as_str()), ("ONE", "TWO"));
    for handler in [&one, &two] {
        assert!(!handler.build().await.1, "the package is kept");
        std::fs::remove_dir_all(handler.path(".liveinsight")).unwrap();
    }
    assert_eq!(one.build().await, ("ONE".to_owned(), true), "cargo's output is the second's");

    // Cargo itself ran in between, and left no note.
    std::fs::remove_dir_all(one.path(".liveinsight")).unwrap();
    let other = Command::new("cargo").args(["build", "--quiet"]).current_dir(two.path("app")).status().unwrap();
    assert!(other.success());
    assert_eq!(one.build().await, ("ONE".to_owned(), true), "cargo built the second's");
    one.write("label/src/lib.rs", "pub const LABEL: &str = \"THREE\";\n");
    assert_eq!(one.build().await, ("THREE".to_owned(), true), "changed");

    // The first build in this directory ended half-way.
    let place = output.path().join("other");
    let (one, two) = (checkout(&place, "ONE"), checkout(&place, "TWO"));
    one.write("app/src/main.rs", "fn main() {\n");
    let sources = [("app".to_owned(), source("app"))].into();
    assert!(one.builder.build(&sources, None, HOST).await.is_err());
    assert_eq!(two.build().await, ("TWO".to_owned(), true), "after a build that failed");
}

#[tokio::test]
async fn where_cargo_puts_its_output_does_not_count() {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let alone = manifest("app", ALONE);
    for settings in [format!("[build]\ntarget = \"{host}\"\n"), "[build]\nbuild-dir = \"made\"\n".to_owned()] {
        let files = [("app/Cargo.toml", alone.as_str()), ("app/.cargo/config.toml", &settings), ("app/src/main.rs", &prints("\"ONE\""))];
        let handler = Handler::new(&files);
        let change = |handler: &Handler| handler.unpack("app/src/main.rs", &prints("\"TWO\""));
        handler.follows(&settings, change).await;
    }
}

/// A crate on this machine that stands in for one that a download depends on (`[patch]`).
#[tokio::test]
async fn a_patch_of_what_a_download_depends_on_counts() {
    let label = |text: &str| format!("pub const LABEL: &str = \"{text}\";\n");
    let settings = "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"../vendor\"\n";
    let depends = "[workspace]\n[dependencies]\nmiddle = \"0.1.0\"\n[patch.crates-io]\nleaf = { path = \"../leaf\" }\n";
    let handler = Handler::new(&[
        ("app/.cargo/config.toml", settings),
        ("app/Cargo.toml", &manifest("app", depends)),
        ("app/src/main.rs", &prints("middle::LABEL")),
        ("vendor/middle/Cargo.toml", &manifest("middle", "[dependencies]\nleaf = \"0.1.0\"\n")),
        ("vendor/middle/.cargo-checksum.json", "{\"files\":{}}"),
        ("vendor/middle/src/lib.rs", "pub use leaf::LABEL;\n"),
        ("leaf/Cargo.toml", &manifest("leaf", "")),
        ("leaf/src/lib.rs", &label("ONE")),
    ]);
    handler.follows("a patch", |handler| handler.write("leaf/src/lib.rs", &label("TWO"))).await;
}

#[tokio::test]
async fn a_workspace_that_is_not_above_counts() {
    let workspace =
        |version: &str| format!("[workspace]\nmembers = [\"../label\"]\nresolver = \"3\"\n[workspace.package]\nversion = \"{version}\"\n");
    let member = "[package]\nname = \"label\"\nversion.workspace = true\nedition = \"2024\"\nworkspace = \"../far\"\n";
    let library = "pub fn label() -> &'static str {\n    if env!(\"CARGO_PKG_VERSION\") == \"1.0.0\" { \"ONE\" } else { \"TWO\" }\n}\n";
    let handler = Handler::new(&[
        ("far/Cargo.toml", &workspace("1.0.0")),
        ("app/Cargo.toml", &manifest("app", "[workspace]\n[dependencies]\nlabel = { path = \"../label\" }\n")),
        ("app/src/main.rs", &prints("label::label()")),
        ("label/Cargo.toml", member),
        ("label/src/lib.rs", library),
    ]);
    handler.follows("a workspace elsewhere", |handler| handler.write("far/Cargo.toml", &workspace("1.0.1"))).await;
}

/// Directories without a crate's sources, which cargo reads all the same.
#[tokio::test]
async fn a_build_script_that_watches_its_directory_sees_all_of_it() {
    let script = |watch: &str, file: &str| {
        format!(
            "fn main() {{\n    {watch}\n    println!(\"cargo::rustc-env=LABEL={{}}\", std::fs::read_to_string({file:?}).unwrap().trim());\n}}\n"
        )
    };
    let alone = manifest("app", ALONE);
    let all = "println!(\"cargo::rerun-if-changed=.\");";
    for (watch, file, beside) in [
        (all, "nested/data.txt", ("app/nested/Cargo.toml", manifest("nested", ALONE))),
        (all, "node_modules/x/data.txt", ("app/node_modules/x/package.json", "{}".to_owned())),
        (all, "made/data.txt", ("app/made/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n".to_owned())),
        ("", "node_modules/x/data.txt", ("app/node_modules/x/package.json", "{}".to_owned())),
    ] {
        let path = format!("app/{file}");
        let handler = Handler::new(&[
            ("app/Cargo.toml", &alone),
            ("app/build.rs", &script(watch, file)),
            ("app/src/main.rs", &prints("env!(\"LABEL\")")),
            (&path, "ONE"),
            (beside.0, &beside.1),
        ]);
        handler.follows(&format!("{watch} {file}"), |handler| handler.write(&path, "TWO")).await;
    }
    let handler = Handler::new(&[
        ("app/Cargo.toml", &alone),
        ("app/build.rs", &script("println!(\"cargo::rerun-if-changed=texts\");", "texts/data.txt")),
        ("app/src/main.rs", &prints("env!(\"LABEL\")")),
        ("app/texts/data.txt", "ONE"),
        ("app/others/data.txt", "TWO"),
    ]);
    let swap = |handler: &Handler| {
        std::fs::rename(handler.path("app/texts"), handler.path("app/before")).unwrap();
        std::fs::rename(handler.path("app/others"), handler.path("app/texts")).unwrap();
    };
    handler.follows("a watched directory moved into place", swap).await;
}

#[tokio::test]
async fn build_scripts_count_with_all_that_they_watch() {
    let alone = manifest("app", ALONE);
    let main = prints("env!(\"LABEL\")");
    let script = |before: &str, file: &str| {
        let read = format!("std::fs::read_to_string(\"{file}\").unwrap().trim()");
        format!("fn main() {{\n    {before}\n    println!(\"cargo::rustc-env=LABEL={{}}\", {read});\n}}\n")
    };
    for (way, script, file) in [
        ("a file that the script names", script("println!(\"cargo:rerun-if-changed=../label\");", "../label"), "label"),
        ("a directory that it names", script("println!(\"cargo::rerun-if-changed=../labels\");", "../labels/one"), "labels/one"),
        (
            "a directory with a manifest",
            script("println!(\"cargo::rerun-if-changed=../labels\");", "../labels/Cargo.toml"),
            "labels/Cargo.toml",
        ),
        ("anything in its crate, if it names nothing", script("", "notes/label"), "app/notes/label"),
        ("the script", script("println!(\"cargo::rerun-if-changed=build.rs\");", "../unused"), "app/build.rs"),
    ] {
        let one = if file == "app/build.rs" { script.clone() } else { "ONE".to_owned() };
        let files =
            [("app/Cargo.toml", alone.as_str()), ("app/src/main.rs", &main), ("unused", "ONE"), ("app/build.rs", &script), (file, &one)];
        let handler = Handler::new(&files);
        let two = if file == "app/build.rs" { script.replace(".trim()", ".replace(\"ONE\", \"TWO\")") } else { "TWO".to_owned() };
        handler.follows(way, |handler| handler.write(file, &two)).await;
        if file == "label" {
            handler.unpack(file, "ONE");
            assert_eq!(handler.build().await.0, "ONE", "{way}, out of an archive");
        }
    }
    // A new build script.
    let main = prints("option_env!(\"LABEL\").unwrap_or(\"ONE\")");
    let handler = Handler::new(&[("app/Cargo.toml", &alone), ("app/src/main.rs", &main)]);
    let add = |handler: &Handler| handler.write("app/build.rs", "fn main() {\n    println!(\"cargo::rustc-env=LABEL=TWO\");\n}\n");
    handler.follows("a new build script", add).await;
}

#[tokio::test]
async fn cargo_is_asked_each_time_where_it_never_finds_a_build_script_current() {
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=never-there\");\n    println!(\"cargo::rustc-env=LABEL=ONE\");\n}\n";
    let handler = Handler::new(&[("app/build.rs", script), ("app/src/main.rs", &prints("env!(\"LABEL\")"))]);
    handler.write("app/Cargo.toml", &manifest("app", ALONE));
    for _ in 0..2 {
        assert_eq!(handler.build().await, ("ONE".to_owned(), true));
    }
}

#[tokio::test]
async fn settings_count_in_every_directory_above() {
    let alone = manifest("app", ALONE);
    let main = prints("option_env!(\"LABEL\").unwrap_or(\"ONE\")");
    let flag = prints("if cfg!(changed) { \"TWO\" } else { \"ONE\" }");
    let variable = "[env]\nLABEL = \"TWO\"\n";
    for (way, main, first, file, text) in [
        ("[env] of settings above", &main, None, ".cargo/config.toml", variable),
        ("settings without an ending", &main, None, "app/.cargo/config", variable),
        ("flags", &flag, None, ".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"changed\"]\n"),
        (
            "an included file",
            &flag,
            Some("include = [\"more.toml\"]\n"),
            ".cargo/more.toml",
            "[build]\nrustflags = [\"--cfg\", \"changed\"]\n",
        ),
    ] {
        let handler = Handler::new(&[("app/Cargo.toml", &alone), ("app/src/main.rs", main)]);
        if let Some(first) = first {
            handler.write(".cargo/config.toml", first);
            handler.write(file, "");
        }
        handler.follows(way, |handler| handler.write(file, text)).await;
    }
    // Fields that a member inherits from its workspace.
    let member = "[package]\nname = \"app\"\nversion.workspace = true\nedition = \"2024\"\n";
    let root =
        |version: &str| format!("[workspace]\nmembers = [\"app\"]\nresolver = \"3\"\n[workspace.package]\nversion = \"{version}\"\n");
    let main = prints("if env!(\"CARGO_PKG_VERSION\") == \"1.0.0\" { \"ONE\" } else { \"TWO\" }");
    let handler = Handler::new(&[("Cargo.toml", &root("1.0.0")), ("app/Cargo.toml", member), ("app/src/main.rs", &main)]);
    handler.follows("a version of the workspace", |handler| handler.write("Cargo.toml", &root("1.0.1"))).await;

    // A crate beside it, from a workspace of its own.
    let handler = Handler::new(&[
        ("app/Cargo.toml", &manifest("app", "[workspace]\n[dependencies]\nlabel = { path = \"../far/label\" }\n")),
        ("app/src/main.rs", &prints("label::version()")),
        ("far/Cargo.toml", &root("1.0.0").replace("app", "label")),
        ("far/label/Cargo.toml", &member.replace("app", "label")),
        (
            "far/label/src/lib.rs",
            "pub fn version() -> &'static str {\n    if env!(\"CARGO_PKG_VERSION\") == \"1.0.0\" { \"ONE\" } else { \"TWO\" }\n}\n",
        ),
    ]);
    handler
        .follows("a version of another workspace", |handler| handler.write("far/Cargo.toml", &root("1.0.1").replace("app", "label")))
        .await;
}

#[tokio::test]
async fn features_that_another_function_asks_for_count() {
    let label = "[features]\nloud = []\n";
    let member = |name: &str, features: &str| manifest(name, &format!("[dependencies]\nlabel = {{ path = \"../../label\"{features} }}\n"));
    let handler = Handler::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"lambdas/*\", \"label\"]\nresolver = \"3\"\n"),
        ("label/Cargo.toml", &manifest("label", label)),
        ("label/src/lib.rs", "pub const LABEL: &str = if cfg!(feature = \"loud\") { \"TWO\" } else { \"ONE\" };\n"),
        ("lambdas/one/Cargo.toml", &member("one", "")),
        ("lambdas/one/src/main.rs", &prints("label::LABEL")),
        ("lambdas/two/Cargo.toml", &member("two", "")),
        ("lambdas/two/src/main.rs", &prints("label::LABEL")),
    ]);
    std::fs::remove_dir_all(handler.path("app")).unwrap();
    let build = async |wanted: Option<&str>| {
        let wanted = wanted.map(|name| [name.to_owned()].into());
        let packages = handler.builder.build(&crates(&["one", "two"]), wanted.as_ref(), HOST).await.unwrap();
        packages.iter().map(|(name, package)| format!("{name} {}", output(package).trim())).collect::<Vec<_>>()
    };
    assert_eq!(build(None).await, ["one ONE", "two ONE"]);
    handler.write("lambdas/two/Cargo.toml", &member("two", ", features = [\"loud\"]"));
    // Cargo would enable the same features for both builds: of both crates, or of one.
    assert_eq!(build(Some("one")).await, ["one TWO"]);
    assert_eq!(build(None).await, ["one TWO", "two TWO"]);
}

#[tokio::test]
async fn variables_that_are_read_at_compile_time_count() {
    if let Some(directory) = std::env::var_os(CHILD) {
        let built = Arc::new(Mutex::new("current"));
        let log = built.clone();
        let builder = Builder::new(Path::new(&directory), move |progress| {
            if matches!(progress, Progress::Building(_)) {
                *log.lock().unwrap() = "built";
            }
        });
        let packages = builder.build(&[("app".to_owned(), source("app"))].into(), None, HOST).await.unwrap();
        println!("\nCHILD {} {}", built.lock().unwrap(), output(&packages["app"]).trim());
        return;
    }
    let alone = manifest("app", ALONE);
    let script = "fn main() {\n    println!(\"cargo:rerun-if-env-changed=LI_LABEL\");\n    \
        println!(\"cargo:rustc-env=SEEN={}\", std::env::var(\"LI_LABEL\").unwrap_or_default());\n}\n";
    let library = "pub const LABEL: Option<&str> = option_env!(\"LI_LABEL\");\n";
    let depends = manifest("app", "[workspace]\n[dependencies]\nlabel = { path = \"../label\" }\n");
    for (way, files) in [
        ("option_env!", vec![("app/src/main.rs", prints("option_env!(\"LI_LABEL\").unwrap_or(\"none\")"))]),
        ("env!", vec![("app/src/main.rs", prints("env!(\"LI_LABEL\")"))]),
        ("CARGO_…", vec![("app/src/main.rs", prints("option_env!(\"CARGO_CRATE_NAME_LI\").unwrap_or(\"none\")"))]),
        ("OUT_DIR…", vec![("app/src/main.rs", prints("option_env!(\"OUT_DIR_LI\").unwrap_or(\"none\")"))]),
        ("rerun-if-env-changed", vec![("app/build.rs", script.to_owned()), ("app/src/main.rs", prints("env!(\"SEEN\")"))]),
        (
            "a dependency's option_env!",
            vec![
                ("app/Cargo.toml", depends),
                ("app/src/main.rs", prints("label::LABEL.unwrap_or(\"none\")")),
                ("label/Cargo.toml", manifest("label", "")),
                ("label/src/lib.rs", library.to_owned()),
            ],
        ),
    ] {
        let handler = Handler::new(&[("app/Cargo.toml", &alone)]);
        for (name, text) in &files {
            handler.write(name, text);
        }
        // The last two only begin like variables that cargo sets itself.
        let names = ["LI_LABEL", "CARGO_CRATE_NAME_LI", "OUT_DIR_LI"];
        let child = |label: &str| handler.child(way, &names.map(|name| (name, label)));
        assert_eq!(child("one"), "built one", "{way}");
        assert_eq!(child("one"), "current one", "{way}");
        assert_eq!(child("two"), "built two", "{way}");
        assert_eq!(child("one"), "built one", "{way}");
    }
}

#[test]
fn another_home_of_cargo_counts_with_its_settings() {
    let handler = Handler::new(&[("app/src/main.rs", &prints("env!(\"LABEL\")"))]);
    handler.write("app/Cargo.toml", &manifest("app", ALONE));
    let homes = ["one", "two"].map(|home| {
        handler.write(&format!("homes/{home}/config.toml"), &format!("[env]\nLABEL = \"{home}\"\n"));
        handler.path(&format!("homes/{home}")).to_string_lossy().into_owned()
    });
    let child = |home: usize| handler.child("CARGO_HOME", &[("CARGO_HOME", &homes[home])]);
    assert_eq!(child(0), "built one");
    assert_eq!(child(0), "current one");
    assert_eq!(child(1), "built two");
    handler.write("homes/two/config.toml", "[env]\nLABEL = \"three\"\n");
    assert_eq!(child(1), "built three");
    assert_eq!(child(1), "current three");
}
