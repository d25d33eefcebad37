//! Options of every command, and the formats of their values.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Path of the stack file [default: stack.yaml in the current directory or the nearest parent directory]
    #[arg(short, long, value_name = "PATH", global = true)]
    pub file: Option<PathBuf>,
    /// Environment of stack.yaml to use [default: `default_environment`, else `dev`]
    #[arg(short, long, value_name = "NAME", global = true)]
    pub env: Option<String>,
    /// AWS region to use instead of the one in stack.yaml
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// Profile of the AWS configuration to use, like `AWS_PROFILE`
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// Use the local AWS on this machine instead of the cloud; install and start it if needed
    #[arg(long, global = true)]
    pub local: bool,
    /// Output format: `text` or `json`; also `markdown` for `plan`, `dotenv` and `github` for `outputs`, `mermaid` and `dot` for `graph`
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true, global = true)]
    pub format: Format,
    /// Colour the output; `NO_COLOR` also disables colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,
    /// Append a JSON line to this file for each attempt of an AWS call: operation, resource, attempt, milliseconds, outcome, request id
    #[arg(long, value_name = "FILE", global = true)]
    pub log: Option<PathBuf>,
    /// Print more: every field of new resources, cargo's output, AWS calls by operation
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print only results, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Output format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people.
    Text,
    /// JSON document; events, each on a line, for `up` and `down`.
    Json,
    /// `NAME=value` lines.
    Dotenv,
    /// Step outputs of GitHub Actions.
    Github,
    /// Flowchart for Mermaid.
    Mermaid,
    /// Graph for Graphviz.
    Dot,
    /// Markdown for a comment on a pull request.
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

/// Use of colours in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Use colours on a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always use colours.
    Always,
    /// Never use colours.
    Never,
}
