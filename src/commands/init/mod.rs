//! `init`: writes a small project that works at once, without calling AWS.

mod files;
mod from;

use super::Context;
use crate::{
    disk::remedy,
    error::{CliError, Exit},
    options::Format,
    stack::project_name,
};
use clap::Args;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{Error, Write},
    path::{Path, PathBuf},
};

/// Project name for a directory that has no letter in its name.
const NAMELESS: &str = "my-project";

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes stack.yaml with its JSON schema, a Cargo workspace with one function and its test, a page,
a .gitignore, a workflow for GitHub Actions, and a README with the next steps. Overwrites no file:
if one of them exists, `init` writes nothing.
To run the project: liveinsight up --local

With --from, writes stack.yaml and its schema alone, and lists line by line what stack.yaml does
not have. FILE is a template of SAM or CloudFormation, a serverless.yml, or a state of Terraform
(terraform.tfstate, or what `terraform show -json` prints). Values of variables with a secret name
are never written: they become `secrets`.")]
pub struct InitArgs {
    /// Directory of the project, created if it does not exist [default: the current directory]
    directory: Option<PathBuf>,
    /// Name of the project, the first part of every physical name [default: derived from the directory's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// File of another tool to make stack.yaml of: a SAM or CloudFormation template, serverless.yml, or a Terraform state
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Entry point of `init`.
pub(crate) fn run(args: &InitArgs, context: &Context) -> Result<Exit, CliError> {
    if let Some(file) = &args.from {
        return from::run(args, file, context);
    }
    let format = context.format(&[Format::Text, Format::Json])?;
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(directory)?,
    };
    let files = files::of(&name).map_err(|problem| unusable(&name, &problem))?;
    refuse_existing(directory, &files)?;
    write(directory, &files)?;
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    if format == Format::Json {
        let document = json!({ "project": name, "directory": directory, "files": paths });
        context.ui.result(&document.to_string());
        return Ok(Exit::Done);
    }
    context.ui.result(&paths.iter().map(|path| directory.join(path).display().to_string()).collect::<Vec<_>>().join("\n"));
    let enter = if args.directory.is_some() { format!("cd {} && ", quoted(directory)) } else { String::new() };
    context.ui.note(&format!("project {name} is written; to see it run: {enter}liveinsight up --local"));
    Ok(Exit::Done)
}

/// Returns a valid name that resembles the directory's.
fn name_of(directory: &Path) -> Result<String, CliError> {
    // `.` and `..` have a name only after resolution. A directory that does not exist yet has the given name.
    let known = directory.canonicalize().or_else(|_| std::path::absolute(directory)).map_err(|error| cannot(directory, "find", &error))?;
    let name = known.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(project_name(&name).unwrap_or_else(|| NAMELESS.to_owned()))
}

fn unusable(name: &str, problem: &str) -> CliError {
    let error = CliError::usage(format!("--name: {problem}"));
    match project_name(name) {
        Some(valid) if valid != name => error.hint(format!("--name {valid} would do")),
        _ => error,
    }
}

fn refuse_existing(directory: &Path, files: &[(&str, String)]) -> Result<(), CliError> {
    let is_there = |path: &str| directory.join(path).symlink_metadata().is_ok();
    let existing: Vec<String> =
        files.iter().filter(|(path, _)| is_there(path)).map(|(path, _)| directory.join(path).display().to_string()).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let message = format!("nothing is written, because there is already {}", existing.join(", "));
    Err(CliError::failed(message).hint("`liveinsight init DIRECTORY` writes into another directory, and what you want of it can be copied"))
}

/// Writes all files or none: a failure removes the files written before.
fn write(directory: &Path, files: &[(&str, String)]) -> Result<(), CliError> {
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, text) in files {
        let path = directory.join(path);
        if let Err(error) = write_one(&path, text) {
            for path in &written {
                // The first failure is the one to report.
                let _ = fs::remove_file(path);
            }
            return Err(cannot(&path, "write", &error));
        }
        written.push(path);
    }
    Ok(())
}

/// Writes a new file. An existing file is never overwritten, even one created meanwhile.
fn write_one(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

fn cannot(path: &Path, what: &str, error: &Error) -> CliError {
    CliError::failed(format!("cannot {what} {}: {error}; {}", path.display(), remedy(error)))
}

/// Quotes the path for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@%".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn a_path_is_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted(Path::new("a/shop-1")), "a/shop-1");
        assert_eq!(quoted(Path::new("my shop's")), r"'my shop'\''s'");
    }
}
