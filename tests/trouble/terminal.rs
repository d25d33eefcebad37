//! Output of the program on a terminal of a given width.

use super::desk::{Desk, ended, text};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::Read,
    os::unix::ffi::OsStrExt,
    process::{Command, Stdio},
};
use strict_aws::Config;
use test_support::workspace;

/// Stack with names as long as users choose them.
const STACK: &str = "\
project: a-shop-whose-name-is-long
region: us-east-1
environments: { dev: {} }
tables:
  orders-that-were-placed-by-customers:
    partition_key: { name: id, type: S }
site: { source: pages, index: index.html }
alarms:
  rules:
    orders-read-throttles: { table: orders-that-were-placed-by-customers, metric: read_throttles, threshold: 1, period: 5m }
";

/// Streams of a command that are the terminal.
#[derive(Clone, Copy, PartialEq)]
enum On {
    Stdout,
    Both,
}

/// Runs a command on a terminal of this width. Returns its text on the terminal without colours, and its exit code.
fn on_terminal(mut command: Command, columns: u16, on: On) -> (String, i32) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap();
    let open = || OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(path.to_bytes())).unwrap();
    command.stdin(Stdio::null()).stdout(open()).env("TERM", "xterm");
    if on == On::Both {
        command.stderr(open());
    } else {
        command.stderr(Stdio::null());
    }
    let mut child = command.spawn().unwrap();
    // Reading the terminal ends when the last open handle is closed.
    drop(command);
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    let mut terminal = File::from(terminal);
    // Linux reports the end as an error.
    while let Ok(length @ 1..) = terminal.read(&mut part) {
        said.extend_from_slice(&part[..length]);
    }
    let code = child.wait().unwrap().code().unwrap_or(-1);
    (anstream::adapter::strip_str(&text(&said)).to_string(), code)
}

/// Returns the columns of a line; no character here is wider than a column.
fn columns(line: &str) -> usize {
    line.chars().count()
}

#[track_caller]
fn fits(command: Command, width: u16, what: &str) -> String {
    let (said, _) = on_terminal(command, width, On::Stdout);
    assert!(!said.is_empty(), "{what} says nothing");
    for line in said.lines() {
        // Values of `outputs` are for copying, so they stay whole.
        let is_value = what == "outputs" && !line.contains(' ') || line.starts_with("<script");
        assert!(columns(line) <= usize::from(width) || is_value, "{what} at {width} columns: {line:?}\n{said}");
    }
    said
}

fn long_names(desk: &Desk) {
    std::fs::write(desk.directory.path().join("stack.yaml"), STACK).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_fits_the_terminal() {
    let desk = Desk::new(Config::default()).await;
    long_names(&desk);
    let shipped = workspace().join("stack.yaml");
    let shipped = ["--file", shipped.to_str().unwrap()];
    ended(&desk.run(&["up"]), 0);
    std::fs::write(desk.directory.path().join("pages/index.html"), "<p>another page</p>").unwrap();
    ended(&desk.run(&["up"]), 0);
    let changed =
        STACK.replace("threshold: 1", "threshold: 20").replace("environments:", "tags: { team: people-with-long-names }\nenvironments:");
    std::fs::write(desk.directory.path().join("stack.yaml"), changed).unwrap();
    for width in [60, 80, 110] {
        for arguments in [
            &["status"][..],
            &["status", "--verbose"],
            &["status", "--cost"],
            &["plan"],
            &["plan", "--verbose"],
            &["history"],
            &["outputs"],
            &["doctor"],
            &["graph"],
        ] {
            let said = fits(desk.command("a-user-with-a-long-name", arguments), width, &arguments.join(" "));
            if arguments == ["status"] {
                let states: Vec<&str> = said.lines().filter_map(|line| line.split("  ").next()).collect();
                assert!(states.contains(&"drifted") && !said.contains("in sync  "), "state first, what is in sync only counted: {said}");
            }
        }
        // The shipped stack, which does not exist here: 59 rows.
        for arguments in [["status"], ["graph"]] {
            let mut command = desk.command("ada", &[&shipped[..], &arguments].concat());
            // The set of handlers to compare depends on the installed Rust.
            command.envs(["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
            let said = fits(command, width, &format!("shipped {}", arguments[0]));
            assert!(arguments[0] != "status" || said.lines().filter(|line| line.starts_with("missing  ")).count() == 59, "{said}");
        }
        assert!(fits(desk.command("ada", &["local", "status"]), width, "local status").contains("not running"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_lines_are_as_long_as_they_are() {
    let desk = Desk::new(Config::default()).await;
    long_names(&desk);
    ended(&desk.run(&["up"]), 0);
    let said = text(&desk.run(&["status"]).stdout);
    assert!(said.starts_with("7 of 7 in sync\n"), "{said}");
    let said = text(&desk.run(&["status", "--verbose"]).stdout);
    let rows: Vec<&str> = said.lines().filter(|line| line.starts_with("in sync  ")).collect();
    assert_eq!(rows.len(), 7, "{said}");
    let name = "dynamodb.table/orders-that-were-placed-by-customers";
    assert!(
        rows.iter().any(|row| row.contains(name) && row.ends_with("a-shop-whose-name-is-long-orders-that-were-placed-by-customers-dev"))
    );
    let status: serde_json::Value = serde_json::from_slice(&desk.run(&["status", "--format", "json"]).stdout).unwrap();
    assert_eq!(status["resources"].as_array().unwrap().len(), 7, "{status}");
}

/// Returns the ids of all resources of the desk's stack.
fn ids(desk: &Desk) -> Vec<String> {
    let status: serde_json::Value = serde_json::from_slice(&desk.run(&["status", "--format", "json"]).stdout).unwrap();
    status["resources"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Counts the lines that contain this word.
fn lines_of(said: &str, id: &str) -> usize {
    said.split(['\n', '\r']).filter(|line| line.split_whitespace().any(|word| word == id)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_or_removed_is_named_once() {
    let desk = Desk::new(Config::default()).await;
    let ids = ids(&desk);
    assert_eq!(ids.len(), 6);
    let once = |command: &str, said: &str, shown: &str| {
        for id in &ids {
            // Parts of a resource are deleted with it.
            let is_part = ["s3.bucket_policy/static", "s3.public_access_block/static"].contains(&id.as_str());
            let lines = usize::from(command != "down" || !is_part);
            assert_eq!(lines_of(shown, id), lines, "{command}: {id}\n{said}");
        }
    };
    for command in ["up", "down"] {
        let said = ended(&desk.run(&[command]), 0);
        once(command, &said, &said);
    }
    // On a terminal, temporary rows show the work in progress; only lines that stay count.
    for (command, sign) in [(&["up"][..], "+"), (&["down", "--yes"], "-")] {
        let (said, code) = on_terminal(desk.command("ada", command), 100, On::Both);
        assert_eq!(code, 0, "{said}");
        let stay: Vec<&str> = said.split(['\n', '\r']).filter(|line| line.trim_start().starts_with(&format!("{sign} "))).collect();
        once(command[0], &said, &stay.join("\n"));
    }
    // With `--verbose`, or before a question, the program also lists the resources in advance.
    let said = ended(&desk.run(&["up", "--verbose"]), 0);
    assert!(ids.iter().all(|id| lines_of(&said, id) > 1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_critical_path_is_for_those_who_ask() {
    let desk = Desk::new(Config::default()).await;
    for (arguments, named) in [
        (&["up"][..], false),
        (&["down"], false),
        (&["up", "--verbose"], true),
        (&["down", "--verbose"], true),
        (&["up", "--timings=page.html"], true),
        (&["down", "--timings=page.html"], true),
    ] {
        let said = ended(&desk.run(arguments), 0);
        assert_eq!(said.contains("critical path"), named, "{arguments:?}: {said}");
    }
}
