//! A Debian in a folder: a second Rust with the parts that a developer's installation may lack. The machine itself stays unchanged.
//!
//! Debian's unstable distribution packages Rust's standard library for other processors. Building for arm64 therefore needs only the
//! registries of Debian, Rust and Python. debootstrap makes the folder once, below `target/`, where it is kept.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use test_support::workspace;

/// Environment variable with another folder to use. If that folder already holds a Debian, the test uses it as it is.
const FOLDER: &str = "LIVEINSIGHT_DEBIAN";
/// Environment variable with the mirror to use, for machines without a Debian mirror in their package sources.
const MIRROR: &str = "LIVEINSIGHT_DEBIAN_MIRROR";
/// Debian release to install: stable releases carry a Rust that is older than `rust-version` in `Cargo.toml`.
const SUITE: &str = "sid";
/// Programs that the test needs on this machine, with the packages that contain them.
const PROGRAMS: &[(&str, &str)] =
    &[("debootstrap", "debootstrap"), ("unshare", "util-linux"), ("chroot", "coreutils"), ("apt-get", "apt"), ("readelf", "binutils")];
/// Packages to install in the folder, each with its use.
const PACKAGES: &[(&str, &str)] = &[
    ("rustc", "compiles"),
    ("cargo", "compiles"),
    ("libstd-rust-dev:arm64", "is Rust's standard library for arm64, and brings the C library that the handlers start with"),
    ("rust-src", "is the source of the standard library, which is compiled for musl"),
    ("gcc", "links build scripts"),
    ("libc6-dev", "links build scripts"),
    ("python3-venv", "installs the cross compiler"),
    ("ca-certificates", "lets registries be trusted"),
    ("openssl", "makes the certificate of the TLS test"),
    ("qemu-user", "runs arm64 programs (qemu-user-static until Debian 12)"),
];

/// Folder with all packages installed.
pub(crate) struct Debian {
    folder: PathBuf,
}

impl Debian {
    /// Opens the folder, or makes it, which takes some minutes and 2.5 GB.
    ///
    /// # Panics
    /// If something is missing, which the message names: a skipped test would prove nothing.
    pub(crate) fn open() -> Self {
        let folder = std::env::var_os(FOLDER).map_or_else(|| workspace().join("target/arm64/debian"), PathBuf::from);
        for (program, package) in PROGRAMS {
            let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(found.is_ok(), "no {program} on PATH: apt-get install {package}");
        }
        assert!(rustix::process::geteuid().is_root(), "only root may make a Debian in a folder and enter it: run this test as root");
        if !folder.exists() {
            make(&folder);
        }
        let debian = Self { folder };
        debian.follow_network();
        for (package, purpose) in PACKAGES {
            let state = debian.enter(&[], &["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]).output().unwrap();
            let folder = debian.folder.display();
            assert!(
                text(&state.stdout) == "installed",
                "the package {package}, which {purpose}, is not installed in {folder}: `chroot {folder} apt-get install {package}`, \
                 or remove that folder to have it made anew"
            );
        }
        debian
    }

    /// Returns a command that runs inside the folder. `folders` are pairs of a folder of this machine and its path inside.
    pub(crate) fn enter(&self, folders: &[(&Path, &str)], command: &[&str]) -> Command {
        enter(&self.folder, folders, command)
    }

    /// Returns a command that runs an arm64 program of this machine with the C library of the folder.
    pub(crate) fn emulate(&self, program: &Path) -> Command {
        let mut command = Command::new(self.folder.join("usr/bin/qemu-aarch64"));
        command.arg("-L").arg(&self.folder).arg(program).env_clear();
        command
    }

    /// Copies this machine's current name resolution and trusted authorities into the folder.
    fn follow_network(&self) {
        for file in ["etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"] {
            let here = Path::new("/").join(file);
            if here.is_file() {
                fs::copy(&here, self.folder.join(file)).unwrap_or_else(|error| panic!("{file} cannot be copied: {error}"));
            }
        }
    }
}

fn enter(folder: &Path, folders: &[(&Path, &str)], inside: &[&str]) -> Command {
    let mut command = Command::new(workspace().join("tests/arm64/enter"));
    command.arg(folder);
    for (from, to) in folders {
        command.arg(format!("{}:{to}", from.display()));
    }
    command.arg("--").args(inside).stdin(Stdio::null()).env_clear();
    let proxies = std::env::vars().filter(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy"));
    command.envs(proxies).envs([("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"), ("HOME", "/root"), ("LANG", "C.UTF-8")]);
    command
}

/// Makes the folder beside its final path and renames it when it is complete.
fn make(folder: &Path) {
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).unwrap();
    }
    fs::create_dir_all(&partial).unwrap();
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", SUITE]).arg(&partial).arg(mirror()).env_remove("TMPDIR");
    succeed("debootstrap", &mut debootstrap);
    let packages: Vec<&str> = PACKAGES.iter().map(|(package, _)| *package).collect();
    // A mirror may be a snapshot of some day; apt checks its signature all the same.
    let install = format!(
        "dpkg --add-architecture arm64 && apt-get -q -o Acquire::Check-Valid-Until=false update && \
         apt-get install -qy --no-install-recommends {} && apt-get clean",
        packages.join(" ")
    );
    succeed("apt-get", enter(&partial, &[], &["sh", "-c", &install]).env("DEBIAN_FRONTEND", "noninteractive"));
    fs::rename(&partial, folder).unwrap();
}

/// Returns the mirror of this machine's own packages, as apt reads its sources.
fn mirror() -> String {
    if let Ok(named) = std::env::var(MIRROR) {
        return named;
    }
    let format = ["indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"];
    let sources = text(&Command::new("apt-get").args(format).output().unwrap().stdout);
    let found = sources.lines().find_map(|line| line.strip_prefix("Debian Debian ").map(str::to_owned));
    found.unwrap_or_else(|| panic!("apt's sources (/etc/apt/sources.list*) name no mirror of Debian: run apt-get update, or set {MIRROR}"))
}

/// Runs a command that has to succeed. If it fails, the test panics with the end of its output.
pub(crate) fn succeed(name: &str, command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert!(output.status.success(), "{name} failed ({}):\n{}", output.status, lines[lines.len().saturating_sub(40)..].join("\n"));
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
