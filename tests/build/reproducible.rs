//! A zip for Lambda has the same bytes on every machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use liveinsight::{
    build::{BuildTarget, Builder},
    stack::Architecture,
};

use super::source;

/// Environment variable of a child process that builds once, in an environment of its own.
const CHILD: &str = "LIVEINSIGHT_TEST_PACKS_IN";

const NAME: &str = "build::reproducible::a_zip_is_the_same_from_another_home_and_another_directory";

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Writes a project below `place`: a handler with a crate beside its workspace and one from a registry, which all contain panics.
fn project(place: &Path) -> PathBuf {
    let root = place.join("project");
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
        beside = { path = \"../beside\" }\nbase64 = \"0.22\"\n";
    write(&root.join("app/Cargo.toml"), manifest);
    let main = "fn main() {\n    let number = std::env::args().count();\n    println!(\"{} {}\", beside::checked(number), base64::Engine::encode(&base64::engine::general_purpose::STANDARD, number.to_string()));\n    \
        assert!(number < 9, \"here\");\n    include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n}\n";
    write(&root.join("app/src/main.rs"), main);
    let script = "fn main() {\n    let path = std::env::var(\"OUT_DIR\").unwrap() + \"/made.rs\";\n    \
        std::fs::write(path, \"assert!(std::env::args().count() < 7, \\\"made\\\")\").unwrap();\n}\n";
    write(&root.join("app/build.rs"), script);
    write(&root.join("beside/Cargo.toml"), "[package]\nname = \"beside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    write(
        &root.join("beside/src/lib.rs"),
        "pub fn checked(number: usize) -> usize {\n    assert!(number < 5, \"beside\");\n    number\n}\n",
    );
    root
}

/// Makes a cargo home with the downloads for one crate, so that cargo downloads nothing again.
fn cargo_home(place: &Path) -> PathBuf {
    let own = std::env::var_os("CARGO_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".cargo"), PathBuf::from);
    let home = place.join("cargo");
    let mut copied = 0;
    for kind in ["index", "cache"] {
        for entry in
            walkdir::WalkDir::new(own.join("registry").join(kind)).into_iter().flatten().filter(|entry| entry.file_type().is_file())
        {
            let name = entry.file_name().to_string_lossy();
            if name == "config.json" || name == "base64" || name.starts_with("base64-0.22.") {
                let to = home.join(entry.path().strip_prefix(&own).unwrap());
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(entry.path(), to).unwrap();
                copied += 1;
            }
        }
    }
    assert!(copied >= 3, "this workspace itself uses base64, so cargo has it below {}", own.display());
    home
}

/// Builds the project in a home and a directory of its own, and returns the digest of its zip and the program.
fn packed(name: &str, flags: Option<&str>) -> (String, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join(name);
    let root = project(&place);
    super::link_tools_below(&root);
    let rustup = std::env::var_os("RUSTUP_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".rustup"), PathBuf::from);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]).env(CHILD, &root).env("RUSTUP_HOME", rustup);
    command.env("HOME", &place).env("CARGO_HOME", cargo_home(&place)).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
    // The cross compiler builds its C library once, in a minute; the runs share it.
    command.env("ZIG_GLOBAL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig-cache"));
    if let Some(flags) = flags {
        command.env("RUSTFLAGS", flags);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("CHILD ")).map(str::to_owned);
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let (sha256, zip) = line.split_once(' ').unwrap();
    let package = liveinsight::stack::Package { sha256: sha256.to_owned(), path: zip.into() };
    let program = std::fs::read(super::unpack(&package, directory.path())).unwrap();
    (package.sha256, program)
}

fn holds(program: &[u8], text: &str) -> bool {
    program.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn a_zip_is_the_same_from_another_home_and_another_directory() {
    if let Some(root) = std::env::var_os(CHILD) {
        let builder = Builder::new(Path::new(&root), |_| ());
        let target = BuildTarget::Lambda(Architecture::X86_64);
        let packages = builder.build(&[("app".to_owned(), source("app"))].into(), None, target).await.unwrap();
        println!("\nCHILD {} {}", packages["app"].sha256, packages["app"].path.display());
        return;
    }
    let (first, program) = packed("home-of-anna", None);
    let (second, _) = packed("elsewhere/home-of-bob", None);
    assert_eq!(first, second);
    assert!(!holds(&program, "home-of-anna"));
    for place in ["/cargo/registry/base64-0.22.", "../beside/src/lib.rs", "src/main.rs"] {
        assert!(holds(&program, place), "{place}");
    }
    // The user's own flags still count, and their own path replacements stay.
    let (flagged, program) = packed("home-of-anna", Some("--remap-path-prefix=src=own-name -Coverflow-checks=on"));
    assert_ne!(flagged, first);
    assert!(holds(&program, "own-name/main.rs") && !holds(&program, "home-of-anna"));
}
