//! Checks that `docs/commands.md`, which is generated from the command line itself, is current.

use clap::{Arg, Command, CommandFactory};
use liveinsight::cli::Cli;
use std::{fmt::Write, fs, path::Path};

const HEAD: &str = "\
# Commands

This file is made from the program's own help. To make it again after a change:
`UPDATE_DOCS=1 cargo test --test cli docs`.

";

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let generated = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == generated, "docs/commands.md is not current; run `UPDATE_DOCS=1 cargo test --test cli docs`");
}

/// Returns the whole document.
fn reference() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = String::from(HEAD);
    paragraph(&mut text, command.get_long_about().or(command.get_about()));
    options(&mut text, "## Global options", &mut command.get_arguments().filter(|arg| arg.is_global_set()));
    paragraph(&mut text, command.get_after_help());
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        section(&mut text, command);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn section(text: &mut String, command: &Command) {
    let mut usage = command.clone();
    let usage = usage.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    write!(text, "## {}\n\n", command.get_name()).unwrap();
    paragraph(text, command.get_long_about().or(command.get_about()));
    write!(text, "```\n{usage}\n```\n\n").unwrap();
    options(text, "", &mut command.get_arguments().filter(|arg| !arg.is_global_set()));
    for action in command.get_subcommands().filter(|action| action.get_name() != "help") {
        let about = action.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "- `{} {}`: {about}", command.get_name(), action.get_name()).unwrap();
    }
    if command.has_subcommands() {
        text.push('\n');
    }
    if let Some(help) = command.get_after_help() {
        write!(text, "```text\n{help}\n```\n\n").unwrap();
    }
}

fn options(text: &mut String, heading: &str, arguments: &mut dyn Iterator<Item = &Arg>) {
    let hidden = ["help", "version"];
    let rows: Vec<String> = arguments.filter(|arg| !hidden.contains(&arg.get_id().as_str())).map(row).collect();
    if rows.is_empty() {
        return;
    }
    if !heading.is_empty() {
        write!(text, "{heading}\n\n").unwrap();
    }
    write!(text, "| option | |\n|---|---|\n{}\n\n", rows.join("\n")).unwrap();
}

fn row(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flag = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    let value = arg.get_value_names().filter(|_| arg.get_action().takes_values()).and_then(|names| names.first());
    let name = match (flag.is_empty(), value) {
        (true, _) if arg.is_required_set() => format!("<{}>", arg.get_id().as_str().to_uppercase()),
        (true, _) => format!("[{}]", arg.get_id().as_str().to_uppercase()),
        (false, Some(value)) => format!("{flag} {value}"),
        (false, None) => flag,
    };
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if arg.get_action().takes_values() && !arg.is_hide_possible_values_set() {
        let values: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        for (what, list) in [("possible values: ", values), ("default: ", defaults)] {
            if !list.is_empty() {
                write!(help, " [{what}{}]", list.join(", ")).unwrap();
            }
        }
    }
    format!("| `{name}` | {} |", help.replace('|', "\\|"))
}

fn paragraph(text: &mut String, paragraph: Option<&clap::builder::StyledStr>) {
    if let Some(paragraph) = paragraph {
        write!(text, "{paragraph}\n\n").unwrap();
    }
}
