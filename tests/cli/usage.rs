//! Tests of arguments, help, formats, and output streams.

use crate::harness::{Project, SMALL, stderr, stdout};
use std::fs::File;

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let project = Project::new(SMALL);
    insta::assert_snapshot!("unknown_command", project.show(&["upp"]));
    insta::assert_snapshot!("unknown_option", project.show(&["up", "--dry-run"]));
    insta::assert_snapshot!("unknown_format", project.show(&["status", "--format", "dotenv"]));
    insta::assert_snapshot!("contradiction", project.show(&["graph", "--quiet", "--verbose"]));
}

#[test]
fn without_arguments_it_shows_the_help_and_ends_with_2() {
    let output = Project::empty().run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).is_empty());
    assert!(stderr(&output).contains("Usage: liveinsight [OPTIONS] <COMMAND>"));
}

#[test]
fn help_of_every_command_is_a_result() {
    for command in
        ["up", "plan", "down", "status", "outputs", "logs", "dev", "seed", "doctor", "graph", "local", "schema", "completions", "man"]
    {
        let output = Project::empty().run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(stdout(&output).contains(&format!("Usage: liveinsight {command}")), "{command}");
        assert!(stderr(&output).is_empty(), "{command}");
    }
}

#[test]
fn global_options_work_before_and_after_the_command() {
    let project = Project::new(SMALL);
    let before = project.run(&["--format", "dot", "graph"]);
    let after = project.run(&["graph", "--format", "dot"]);
    assert!(stdout(&before).starts_with("digraph"));
    assert_eq!(stdout(&before), stdout(&after));
}

#[test]
fn no_escape_codes_off_a_terminal_unless_asked_for() {
    let project = Project::new(SMALL);
    assert!(!stdout(&project.run(&["graph"])).contains('\x1b'));
    assert!(stdout(&project.run(&["graph", "--color", "always"])).contains('\x1b'));
    let without = Project::new(SMALL).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
    assert!(!stdout(&without.run(&["graph", "--color", "never"])).contains('\x1b'));
    assert!(!stdout(&without.run(&["graph"])).contains('\x1b'));
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let project = Project::empty();
    let mut child = project.command(&["schema"]).spawn().unwrap();
    // Stdout closes before or during the writing: either way there is no reader.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let project = Project::empty();
    let output = project.command(&["schema"]).stdout(File::create("/dev/full").unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write to stdout"), "{}", stderr(&output));
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Project::empty().run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(stdout(&output).contains("outputs"), "{shell}");
    }
}

#[test]
fn the_local_aws_is_not_started_by_asking() {
    let project = Project::new(SMALL);
    insta::assert_snapshot!("local_status", project.show(&["local", "status"]));
    insta::assert_snapshot!("local_status_json", project.show(&["local", "status", "--format", "json"]));
    insta::assert_snapshot!("local_stop", project.show(&["local", "stop"]));
    assert!(!project.path().join(".liveinsight").exists());
}

#[test]
fn a_wrong_format_names_those_of_the_command() {
    let project = Project::new(SMALL);
    for (command, formats) in [
        ("status", "text, json"),
        ("plan", "text, json, markdown"),
        ("outputs", "text, json, dotenv, github"),
        ("graph", "text, mermaid, dot"),
        ("open", "text"),
    ] {
        for arguments in [["--format", "xml", command], [command, "--format", "xml"]] {
            let output = project.run(&arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            let said = stderr(&output);
            assert!(
                said.contains("invalid value 'xml' for '--format <FORMAT>'") && said.contains(&format!("[possible values: {formats}]")),
                "{said}"
            );
        }
    }
}

#[test]
fn timings_take_a_file_with_and_without_an_equals_sign() {
    // A mistake in the file appears only after the options are parsed.
    let project = Project::new("project: Wrong\nregion: us-east-1\n");
    for arguments in
        [&["up", "--timings", "page.html"][..], &["up", "--timings=page.html"], &["up", "--timings"], &["down", "--timings", "-q"]]
    {
        assert_eq!(project.run(arguments).status.code(), Some(3), "{arguments:?}");
    }
}

#[test]
fn a_length_of_time_needs_a_unit() {
    let project = Project::new(SMALL);
    let ask = "a number needs a unit: write 5s, 5m, 5h or 5d";
    for arguments in [&["logs", "--since", "5"][..], &["up", "--canary", "10%:5"], &["seed", "--duration", "5"]] {
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(ask), "{}", stderr(&output));
    }
    assert!(stderr(&project.run(&["up", "--canary", "10:5m"])).contains("a share needs its unit: write 10%:5m"));
}

#[test]
fn logs_of_a_function_called_api_and_of_the_api_have_names_of_their_own() {
    let project = Project::new(&format!("{SMALL}functions:\n  api: {{ source: api, route: GET /api/things }}\n"));
    let said = stderr(&project.run(&["logs", "nobody"]));
    assert!(said.contains("stack.yaml has no function nobody") && said.contains("hint: known are api, api.gateway"), "{said}");
    let project = Project::new(&format!("{SMALL}functions:\n  things: {{ source: api, route: GET /api/things }}\n"));
    assert!(stderr(&project.run(&["logs", "nobody"])).contains("hint: known are things, api\n"));
}
