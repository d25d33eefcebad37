//! Tests of the manual pages: there is one for each command, and `man` has no complaints about them.

use crate::harness::{Project, stderr, stdout};
use clap::{Command, CommandFactory};
use liveinsight::cli::Cli;
use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Write},
    process::Stdio,
};

/// Returns every command as its words; the program itself has none.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &Command, words: &[String], all: &mut Vec<Vec<String>>) {
        all.push(words.to_vec());
        for command in command.get_subcommands() {
            below(command, &[words, &[command.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    below(&Cli::command(), &[], &mut all);
    all
}

#[test]
fn each_command_has_a_page_that_man_can_show() {
    let project = Project::empty();
    let run = project.run(&["man", "--out", "share/man1"]);
    assert_eq!((run.status.code(), stdout(&run)), (Some(0), String::new()), "{}", stderr(&run));
    let files = fs::read_dir(project.path().join("share/man1")).unwrap();
    let written: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let name = |words: &[String]| [&["liveinsight".to_owned()], words].concat().join("-");
    let expected: BTreeSet<String> = commands().iter().map(|words| format!("{}.1", name(words))).collect();
    assert!(expected.len() > 20 && expected.contains("liveinsight-local-start.1"), "{expected:?}");
    assert_eq!(written, expected);

    for words in commands() {
        let arguments: Vec<&str> = ["man"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let printed = stdout(&project.run(&arguments));
        let name = name(&words);
        let written = fs::read_to_string(project.path().join(format!("share/man1/{name}.1"))).unwrap();
        assert_eq!(printed.trim_end(), written.trim_end());
        assert!(printed.contains(&format!(".TH {name} 1 ")) && printed.contains(env!("CARGO_PKG_VERSION")), "{printed}");
        let line = printed.lines().skip_while(|line| *line != ".SH NAME").nth(1).unwrap();
        assert!(line.starts_with(&format!("{} \\- ", name.replace('-', "\\-"))), "{line}");
        assert_eq!(complaints(&printed), "", "{name}");
    }
}

/// Returns groff's complaints about a page; none where there is no groff.
fn complaints(page: &str) -> String {
    let groff = std::process::Command::new("groff")
        .args(["-man", "-Kutf8", "-Tutf8", "-ww", "-z"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut groff = match groff {
        Err(error) if error.kind() == ErrorKind::NotFound => return String::new(),
        groff => groff.unwrap(),
    };
    groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    stderr(&groff.wait_with_output().unwrap())
}

#[test]
fn what_is_no_command_and_what_cannot_be_written_is_said() {
    let project = Project::empty();
    insta::assert_snapshot!("no_such_page", project.show(&["man", "local", "begin"]));
    fs::write(project.path().join("file"), "").unwrap();
    let run = project.run(&["man", "--out", "file"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("cannot write the manual pages into file: "), "{}", stderr(&run));
}
