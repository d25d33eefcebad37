//! Tests of the release scripts without their builds: the content of an archive, and the conditions that prevent one.

use crate::harness::stderr;
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_liveinsight");

fn script(name: &str, arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Modification time of every file in an archive.
    Command::new(root.join(".ci").join(name)).args(arguments).env("SOURCE_DATE_EPOCH", "1000000000").output().unwrap()
}

#[test]
fn an_archive_has_the_program_and_what_belongs_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    // The tests' own program would take long to compress.
    fs::write(path("program"), "built for another machine").unwrap();
    let target = String::from_utf8(Command::new("rustc").args(["--print", "host-tuple"]).output().unwrap().stdout).unwrap();
    let target = target.trim();
    let pack = |to: &str| {
        let run = script("pack", &[target, &path("program"), PROGRAM, &path(to)]);
        assert!(run.status.success(), "{}", stderr(&run));
        path(to) + &format!("/liveinsight-{}-{target}.tar.gz", env!("CARGO_PKG_VERSION"))
    };
    let archive = pack("one");
    assert!(fs::read(&archive).unwrap() == fs::read(pack("two")).unwrap(), "the same content makes the same archive");

    let untar = Command::new("tar").args(["-xzf", &archive, "-C", directory.path().to_str().unwrap()]).output().unwrap();
    assert!(untar.status.success(), "{}", stderr(&untar));
    let unpacked = directory.path().join(format!("liveinsight-{}-{target}", env!("CARGO_PKG_VERSION")));
    let names = |below: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(unpacked.join(below)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let expected = ["CHANGELOG.md", "LICENSE", "README.md", "THIRD-PARTY.txt", "completions", "liveinsight", "man"];
    assert_eq!(names(""), expected.map(str::to_owned).into());
    assert_eq!(names("completions"), ["_liveinsight", "liveinsight.bash", "liveinsight.fish"].map(str::to_owned).into());
    assert!(names("man/man1").contains("liveinsight-up.1"));
    let read = |name: &str| fs::read_to_string(unpacked.join(name)).unwrap();
    assert_eq!(read("liveinsight"), "built for another machine");
    let notices = read("THIRD-PARTY.txt");
    assert!(notices.contains("\naws-sdk-lambda ") && notices.contains("Permission is hereby granted"), "licences with their texts");
    assert!(!notices.contains("\nsnapbox "), "what only tests use is not linked in");
}

#[test]
fn what_is_not_static_is_not_packed_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().to_str().unwrap();
    let run = script("pack", &["x86_64-unknown-linux-musl", PROGRAM, PROGRAM, to]);
    assert!(!run.status.success() && stderr(&run).contains("is not static"), "{}", stderr(&run));
    assert_eq!(fs::read_dir(to).unwrap().count(), 0);
}

#[test]
fn a_missing_standard_library_is_said_before_anything_is_built() {
    let run = script("release", &["riscv64gc-unknown-linux-musl"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("run: rustup target add riscv64gc-unknown-linux-musl"), "{}", stderr(&run));
    assert!(run.stdout.is_empty());
}

#[test]
fn a_missing_source_of_the_standard_library_names_the_package() {
    let directory = tempfile::tempdir().unwrap();
    let compiler = directory.path().join("rustc");
    // This compiler has neither standard libraries nor their source.
    fs::write(&compiler, format!("#!/bin/sh\necho {}\n", directory.path().display())).unwrap();
    fs::set_permissions(&compiler, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Command::new(root.join(".ci/release")).env("PATH", path).env("LIVEINSIGHT_BUILD_STD", "1").output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("apt-get install rust-src"), "{}", stderr(&run));
    assert!(run.stdout.is_empty());
}
