//! Commands that install a standard library for the installed Rust: rustup's or the distribution's.

use std::path::Path;

/// Path prefix of a Rust that a distribution installed. Rustup installs below a home directory.
const OF_DISTRIBUTION: &str = "/usr";

/// Returns the command that installs the standard library of `triple`, which rustc looks for in `libraries`. `system` is the content of
/// `/etc/os-release`.
pub(super) fn remedy(triple: &str, libraries: &Path, system: &str) -> String {
    let rustup = format!("run `rustup target add {triple}`");
    if !libraries.starts_with(OF_DISTRIBUTION) {
        return rustup;
    }
    let family = family(system);
    let is = |name: &str| family.iter().any(|own| own == name);
    if let Some(architecture) = debian(triple).filter(|_| is("debian") || is("ubuntu")) {
        return format!(
            "run `dpkg --add-architecture {architecture} && apt update && apt install libstd-rust-dev:{architecture}` as root \
             (the version has to be that of rustc)"
        );
    }
    if is("fedora") || is("rhel") {
        return format!(
            "run `dnf install rust-std-static-{triple}` as root; where the distribution has no such package, install Rust from \
             https://rustup.rs and {rustup}"
        );
    }
    format!("the distribution's Rust may have no package for it: install Rust from https://rustup.rs and {rustup}")
}

/// Returns the names of the system and of its ancestors: `ubuntu`, `debian`.
fn family(system: &str) -> Vec<String> {
    let values = system.lines().filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")));
    values.flat_map(|value| value.trim_matches('"').split_whitespace()).map(str::to_owned).collect()
}

/// Returns Debian's name of a processor, for a target whose standard library Debian packages: those with glibc.
fn debian(triple: &str) -> Option<&'static str> {
    match triple {
        "aarch64-unknown-linux-gnu" => Some("arm64"),
        "x86_64-unknown-linux-gnu" => Some("amd64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM: &str = "aarch64-unknown-linux-gnu";

    #[test]
    fn the_command_is_that_of_the_rust_that_is_there() {
        let usr = Path::new("/usr/lib/rustlib/aarch64-unknown-linux-gnu/lib");
        let home = Path::new("/home/anna/.rustup/toolchains/stable/lib/rustlib/aarch64-unknown-linux-gnu/lib");
        for (libraries, system, expected) in [
            (home, "ID=debian\n", "run `rustup target add aarch64-unknown-linux-gnu`"),
            (usr, "NAME=x\nID=debian\n", "apt install libstd-rust-dev:arm64`"),
            (usr, "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt install libstd-rust-dev:arm64`"),
            (usr, "ID=fedora\n", "dnf install rust-std-static-aarch64-unknown-linux-gnu`"),
            (usr, "ID=alpine\n", "https://rustup.rs"),
            (usr, "", "rustup target add aarch64-unknown-linux-gnu"),
        ] {
            let remedy = remedy(ARM, libraries, system);
            assert!(remedy.contains(expected), "{system}: {remedy}");
        }
        let other = remedy("aarch64-unknown-linux-musl", usr, "ID=debian\n");
        assert!(other.contains("rustup target add aarch64-unknown-linux-musl"), "{other}");
    }
}
