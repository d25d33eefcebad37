//! Finds which compiler `rustc` is in a directory, without running it.
//!
//! Running the compiler would be the slowest step of an unchanged `up`. So the output of `rustc -vV` is cached together with a
//! digest of all that selects the compiler, as cargo does in `target/.rustc_info.json`. When the digest differs, the compiler
//! runs again.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::write;
use engine::hex::hex;

/// Number of cached choices: the workspaces of one stack, and the stacks of one directory, may choose differently.
const KEPT: usize = 16;

/// Cached compiler versions, the latest first.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    answers: Vec<Answer>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    /// Digest that [`choice`] computed.
    choice: String,
    /// Full output of `rustc -vV`.
    said: String,
}

impl Memory {
    /// Reads the cache file. An unknown format counts as empty.
    fn of(file: &Path) -> Self {
        std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }
}

/// Returns the cached compiler version for this choice.
pub(super) fn recall(file: &Path, choice: &str) -> Option<String> {
    Memory::of(file).answers.into_iter().find(|answer| answer.choice == choice).map(|answer| answer.said)
}

/// Caches the compiler version if the directory exists and is writable. Otherwise the compiler runs again next time.
pub(super) fn remember(file: &Path, choice: String, said: &str) {
    let mut memory = Memory::of(file);
    memory.answers.retain(|answer| answer.choice != choice);
    memory.answers.insert(0, Answer { choice, said: said.to_owned() });
    memory.answers.truncate(KEPT);
    let _ = write(file, serde_json::json!(memory).to_string().as_bytes());
}

/// Computes a digest of everything that decides which compiler `rustc` is in `directory`. `variable` reads the environment.
///
/// Returns `None` if that is unknown: `rustc` is a script or another program's launcher, or the environment names another
/// compiler.
pub(super) fn choice(directory: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    if ["RUSTC", "CARGO_BUILD_RUSTC"].into_iter().any(|name| variable(name).is_some()) {
        return None;
    }
    let path = variable("PATH")?;
    let found = std::env::split_paths(&path).map(|directory| directory.join("rustc")).find(|file| file.is_file())?;
    let program = found.canonicalize().ok()?;
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    // Launchers that link `rustc` to themselves may also lie beside rustup.
    if !["rustc", "rustup"].map(Some).contains(&program.file_stem()?.to_str()) || is_script(&program)? {
        return None;
    }
    add(&stamp(&program)?);
    // Rustup links its other names to itself, or copies itself.
    if program.with_file_name("rustup").is_file() {
        for part in of_rustup(directory, variable)? {
            add(&part);
        }
    }
    Some(hex(&hasher.finalize()))
}

/// Lists all inputs of rustup's choice (<https://rust-lang.github.io/rustup/overrides.html>), and all toolchains that it can
/// choose.
fn of_rustup(directory: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Option<Vec<String>> {
    let home = variable("RUSTUP_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(variable("HOME")?).join(".rustup")))?;
    let directory = directory.canonicalize().ok()?;
    let chosen = variable("RUSTUP_TOOLCHAIN").unwrap_or_default();
    // The toolchain lies outside rustup's directory.
    if Path::new(&chosen).is_absolute() {
        return None;
    }
    let mut parts = vec![format!("{} {chosen:?}", directory.display())];
    let text = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
    parts.push(text(&home.join("settings.toml")));
    parts.push(text(Path::new("/etc/rustup/settings.toml")));
    for above in directory.ancestors() {
        for name in ["rust-toolchain", "rust-toolchain.toml"] {
            let chosen = text(&above.join(name));
            // A toolchain file with `path` also names one outside rustup's directory.
            if chosen.contains("path") {
                return None;
            }
            parts.push(chosen);
        }
    }
    let mut compilers: Vec<String> = std::fs::read_dir(home.join("toolchains"))
        .ok()?
        .filter_map(|toolchain| stamp(&toolchain.ok()?.path().join("bin").join("rustc")))
        .collect();
    compilers.sort();
    parts.extend(compilers);
    Some(parts)
}

fn is_script(program: &Path) -> Option<bool> {
    let mut start = [0; 2];
    std::fs::File::open(program).ok()?.read_exact(&mut start).ok()?;
    Some(start == *b"#!")
}

/// Returns path, size and time of a file, which change when a program is reinstalled.
fn stamp(file: &Path) -> Option<String> {
    let about = std::fs::metadata(file).ok()?;
    let modified = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {} {modified:?}", file.display(), about.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fake machine: a directory with programs and settings files.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(files: &[(&str, &str)]) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            for (name, text) in [("project/stack.yaml", "")].iter().chain(files) {
                machine.write(name, text);
            }
            machine
        }

        fn write(&self, name: &str, text: &str) {
            let file = self.0.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }

        fn choice_with(&self, toolchain: Option<&str>) -> Option<String> {
            choice(&self.0.path().join("project"), |name| match name {
                "PATH" => Some(std::env::join_paths([self.0.path().join("none"), self.0.path().join("bin")]).unwrap()),
                "HOME" => Some(self.0.path().into()),
                "RUSTUP_TOOLCHAIN" => toolchain.map(OsString::from),
                _ => None,
            })
        }

        fn choice(&self) -> Option<String> {
            self.choice_with(None)
        }
    }

    #[test]
    fn a_compiler_is_another_one_when_its_file_is() {
        let machine = Machine::new(&[("bin/rustc", "\x7fELF 1")]);
        let first = machine.choice().unwrap();
        machine.write("project/src/main.rs", "");
        assert_eq!(machine.choice().unwrap(), first);
        machine.write("bin/rustc", "\x7fELF 1.2");
        assert_ne!(machine.choice().unwrap(), first);
    }

    #[test]
    fn whatever_rustup_chooses_by_makes_another_choice() {
        let machine = Machine::new(&[("bin/rustc", "proxy"), ("bin/rustup", "proxy"), (".rustup/toolchains/stable/bin/rustc", "1")]);
        let mut seen = vec![machine.choice().unwrap()];
        assert_eq!(machine.choice().unwrap(), seen[0]);
        for (name, text) in [
            (".rustup/settings.toml", "default_toolchain = \"nightly\""),
            (".rustup/toolchains/stable/bin/rustc", "1.2"),
            (".rustup/toolchains/nightly/bin/rustc", "2"),
            ("project/rust-toolchain.toml", "[toolchain]\nchannel = \"nightly\""),
            ("rust-toolchain", "nightly"),
        ] {
            machine.write(name, text);
            let now = machine.choice().unwrap();
            assert!(!seen.contains(&now), "{name}");
            seen.push(now);
        }
        assert!(!seen.contains(&machine.choice_with(Some("nightly")).unwrap()));
    }

    #[test]
    fn what_cannot_be_told_is_asked() {
        assert_eq!(Machine::new(&[]).choice(), None, "no compiler");
        assert_eq!(Machine::new(&[("bin/rustc", "#!/bin/sh\nexec something")]).choice(), None, "a script");
        let rustup = [("bin/rustc", "proxy"), ("bin/rustup", "proxy"), (".rustup/toolchains/stable/bin/rustc", "1")];
        let elsewhere = Machine::new(&rustup);
        elsewhere.write("project/rust-toolchain.toml", "[toolchain]\npath = \"/opt/rust\"");
        assert_eq!(elsewhere.choice(), None, "a toolchain of its own");
        #[cfg(unix)]
        {
            let other = Machine::new(&[("bin/mise", "\x7fELF"), ("bin/rustup", "\x7fELF")]);
            std::os::unix::fs::symlink(other.0.path().join("bin/mise"), other.0.path().join("bin/rustc")).unwrap();
            assert_eq!(other.choice(), None, "another program's name for it");
        }
    }

    #[test]
    fn it_remembers_for_the_same_choice_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rustc.json");
        assert_eq!(recall(&file, "a"), None);
        remember(&file, "a".to_owned(), "rustc 1");
        assert_eq!(recall(&file, "a").as_deref(), Some("rustc 1"));
        assert_eq!(recall(&file, "b"), None);
        remember(&file, "b".to_owned(), "rustc 2");
        assert_eq!(["a", "b"].map(|choice| recall(&file, choice)), ["rustc 1", "rustc 2"].map(|said| Some(said.to_owned())));
        std::fs::write(&file, "{").unwrap();
        assert_eq!(recall(&file, "a"), None);
    }
}
