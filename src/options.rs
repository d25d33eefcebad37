//! Options of every command, and the formats of their values.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The stack's description [default: stack.yaml here or in a directory above]
    #[arg(short, long, value_name = "PATH", global = true)]
    pub file: Option<PathBuf>,
    /// One of the environments in stack.yaml [default: `default_environment`, else `dev`]
    #[arg(short, long, value_name = "NAME", global = true)]
    pub env: Option<String>,
    /// The AWS region, instead of the one in stack.yaml
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// The profile of the AWS configuration, as `AWS_PROFILE`
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// Acts on the local AWS on this machine instead of the cloud; it is installed and started when needed
    #[arg(long, global = true)]
    pub local: bool,
    /// How results are written: `text` or `json`; `plan` also knows `markdown`, `outputs` `dotenv` and `github`, `graph` `mermaid` and `dot`
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true, global = true)]
    pub format: Format,
    /// Colours; `NO_COLOR` turns them off as well
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,
    /// Appends a line of JSON to this file for each attempt of a call to AWS: operation, resource, attempt, milliseconds, outcome, request id
    #[arg(long, value_name = "FILE", global = true)]
    pub log: Option<PathBuf>,
    /// Says more: every field of what is created, cargo's output, AWS calls by operation
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Says only results, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One document, or one event per line from `up` and `down`.
    Json,
    /// `NAME=value` lines.
    Dotenv,
    /// Step outputs of GitHub Actions.
    Github,
    /// A Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// For a comment on a pull request.
    Markdown,
}

impl Format {
    /// Returns the formats that a command writes, by the command's name.
    pub fn of(command: &str) -> &'static [Self] {
        match command {
            "plan" => &[Self::Text, Self::Json, Self::Markdown],
            "outputs" => &[Self::Text, Self::Json, Self::Dotenv, Self::Github],
            "graph" => &[Self::Text, Self::Mermaid, Self::Dot],
            "completions" | "dev" | "man" | "open" => &[Self::Text],
            _ => &[Self::Text, Self::Json],
        }
    }

    /// Returns the name of the format on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
