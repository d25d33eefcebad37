//! `init --from`: turns what another tool declares into a stack.yaml, and lists what it could not take over.
//!
//! Each format has a module that reads it into one neutral [description](description::Description); [`write`](mod@write) makes the text of it.

mod cloudformation;
mod code;
mod description;
mod expression;
mod gateway;
mod names;
mod policy;
mod sam;
mod serverless;
mod terraform;
mod variable;
mod write;

use super::{InitArgs, cannot, files, name_of, refuse_existing, unusable};
use crate::{
    commands::Context,
    error::{CliError, Exit},
    options::Format,
    stack::{self, Node, StackError},
};
use description::{Description, Left};
use names::Chosen;
use serde_json::json;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use write::{Place, STACK};

/// Largest file that is read: CloudFormation takes 1 MB, and states of Terraform are seldom larger.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Names that the user wants for the stack.
struct Wanted<'a> {
    /// Project of the command line.
    project: Option<&'a str>,
    /// Project for want of one in the file.
    proposed: String,
}

/// Formats of other tools.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    CloudFormation,
    Serverless,
    Terraform,
}

/// Runs `init --from`.
pub(super) fn run(args: &InitArgs, file: &Path, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    if let Some(name) = &args.name {
        files::of(name).map_err(|problem| unusable(name, &problem))?;
    }
    let shown = file.display().to_string();
    let text = read(file, &shown)?;
    let root = stack::tree(&shown, &text).map_err(|error| unreadable(&error))?;
    let kind = kind_of(&root, &shown)?;
    let wanted = Wanted { project: args.name.as_deref(), proposed: name_of(directory)? };
    let (mut description, chosen) = match kind {
        Kind::CloudFormation => cloudformation::read(&root, &wanted),
        Kind::Serverless => serverless::read(&root, &wanted),
        Kind::Terraform => terraform::read(&root, &wanted),
    };
    if description.functions.is_empty() && description.tables.is_empty() {
        return Err(nothing(&description, &shown));
    }
    description.settle();
    note_tables(&mut description, &chosen);
    let base = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = relative(directory, base)?;
    let place = Place { input: &file.file_name().unwrap_or_default().to_string_lossy(), base, prefix: &prefix };
    let written = write::text(&mut description, &chosen, &place)?;
    let files = [(STACK, written), (files::SCHEMA, files::schema())];
    refuse_existing(directory, &files)?;
    super::write(directory, &files)?;
    report(&mut description, &chosen, (&shown, directory, format), context);
    Ok(Exit::Done)
}

/// Reads the input, which has to be text of a reasonable size.
fn read(file: &Path, shown: &str) -> Result<String, CliError> {
    let refused = |what: &str, hint: &str| Err(CliError::failed(format!("{shown} {what}")).hint(hint));
    if let Some(error) = by_extension(file, shown) {
        return Err(error);
    }
    let open = File::open(file).map_err(|error| CliError::failed(format!("cannot read {shown}: {error}")))?;
    let mut bytes = Vec::new();
    open.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| CliError::failed(format!("cannot read {shown}: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return refused("is larger than 8 MiB", "name the template or the state itself; a state can be divided by its modules");
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return refused("is not text in UTF-8", "name the template or the state itself, not an archive of it");
    };
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return refused("is empty", EXPECTED);
    }
    Ok(text)
}

/// Kinds of files that `--from` reads.
const EXPECTED: &str = "--from reads a template of SAM or CloudFormation, a serverless.yml, or a state of Terraform \
                        (terraform.tfstate, or what `terraform show -json` prints)";

/// Refuses files whose name alone shows that they are written in another language.
fn by_extension(file: &Path, shown: &str) -> Option<CliError> {
    let (what, hint) = match file.extension()?.to_str()? {
        "tf" => ("is Terraform's source, which is not read", "write its state: terraform show -json > state.json; then --from state.json"),
        "ts" | "js" | "py" | "go" | "rs" => (
            "is a program, which is not run",
            "name what it makes: `serverless print` for the Serverless Framework, the template in cdk.out after `cdk synth` for the CDK",
        ),
        "toml" => ("is TOML", EXPECTED),
        "zip" | "gz" => ("is an archive", EXPECTED),
        _ => return None,
    };
    Some(CliError::failed(format!("{shown} {what}")).hint(hint))
}

/// Converts an error of YAML, which is no mistake of stack.yaml here.
fn unreadable(error: &StackError) -> CliError {
    CliError { exit: Exit::Failed, ..CliError::from(error.clone()) }
}

/// Recognises the tool by the keys of its file.
fn kind_of(root: &Node, shown: &str) -> Result<Kind, CliError> {
    let has = |key: &str| root.get(key).is_some();
    let refused = |what: &str, hint: &str| Err(CliError::failed(format!("{shown} {what}")).hint(hint));
    if root.entries().next().is_none() {
        return refused("has no keys at its top", EXPECTED);
    }
    if has("Resources") || has("AWSTemplateFormatVersion") || has("Transform") {
        let is_empty = root.get("Resources").is_none_or(|resources| resources.entries().next().is_none());
        return if is_empty {
            refused("is a template without resources", "nothing can be taken over from it")
        } else {
            Ok(Kind::CloudFormation)
        };
    }
    if has("planned_values") || has("planned_resource_changes") {
        return refused("is a plan of Terraform", "name its state: terraform show -json > state.json");
    }
    if has("terraform_version") && (has("resources") || has("values")) {
        return Ok(Kind::Terraform);
    }
    if has("terraform_version") || has("format_version") {
        return refused(
            "is a state of Terraform without resources",
            "run `terraform show -json` in the directory where the resources were applied",
        );
    }
    if has("service") && (has("provider") || has("functions")) {
        let provider = root.get("provider").and_then(|node| node.text().or_else(|| node.get("name")?.text()));
        return match provider {
            Some("aws") | None => Ok(Kind::Serverless),
            Some(other) => refused(&format!("is for the provider {other}"), "liveinsight deploys only to AWS"),
        };
    }
    let other = if has("project") && has("region") {
        "is a stack.yaml already"
    } else if has("openapi") || has("swagger") {
        "is an OpenAPI document"
    } else if has("apiVersion") && has("kind") {
        "is a manifest of Kubernetes"
    } else if has("services") {
        "is a file of Docker Compose or Serverless Compose"
    } else if has("jobs") || has("stages") {
        "is a workflow of a CI service"
    } else if has("app") && has("context") {
        return refused("is the settings file of the CDK", "run `cdk synth`, and name the template in cdk.out");
    } else {
        "is none of the files that --from reads"
    };
    refused(other, EXPECTED)
}

/// Returns the error of a file from which nothing can be taken over.
fn nothing(description: &Description, shown: &str) -> CliError {
    let head = format!("{shown} has no function and no table that stack.yaml can have; nothing is written");
    let lines = description.left.iter().map(|left| line_of(shown, left, ""));
    CliError::failed(std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n"))
        .hint("`liveinsight init` without --from begins a project of its own")
}

/// Returns the way from a directory to another one.
fn relative(from: &Path, to: &Path) -> Result<PathBuf, CliError> {
    let absolute = |path: &Path| {
        let path = path.canonicalize().or_else(|_| std::path::absolute(path)).map_err(|error| cannot(path, "find", &error))?;
        Ok::<PathBuf, CliError>(path)
    };
    let (from, to) = (absolute(from)?, absolute(to)?);
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Path::new("..").to_owned());
    let down = to.components().skip(common).map(|part| PathBuf::from(part.as_os_str()));
    Ok(up.chain(down).collect())
}

/// Records for each table whether `up` finds the existing one.
fn note_tables(description: &mut Description, chosen: &Chosen) {
    for index in 0..description.tables.len() {
        let table = &description.tables[index];
        let (line, id, here) = (table.line, table.id.clone(), chosen.physical(&table.name));
        match table.physical.clone() {
            Some(physical) if physical == here => description.note(
                line,
                format!("the table `{id}` keeps its name, {here}"),
                "`plan --adopt` shows what `up --adopt` would change of it; its items stay. Have the other tool let go of it before you remove \
                 anything there (DeletionPolicy: Retain, `terraform state rm`)",
            ),
            physical => {
                let there = physical.unwrap_or_else(|| "a name that is made up at the deployment".to_owned());
                description.note(
                    line,
                    format!("the table `{id}` is called {here} here, and there {there}: `up` makes a new, empty one"),
                    "copy the items before you switch, and keep the old table until then",
                );
            }
        }
    }
}

/// Sets the retention of all log groups: the longest, where they differ.
fn retention(description: &mut Description, days: &[u32]) {
    description.retention = days.iter().copied().max();
    if days.iter().any(|one| Some(*one) != description.retention) {
        description.note(
            None,
            "log groups have different retentions there; here all have the longest",
            "change `logs.retention_days` if that is too long",
        );
    }
    if days.is_empty() && !description.functions.is_empty() {
        description.note(
            None,
            "no retention of logs is declared there, and CloudWatch keeps them for ever; here it is 7 days",
            "write `logs.retention_days` for longer",
        );
    }
}

/// Records a table with provisioned capacity.
fn note_provisioned(description: &mut Description, table: &str, line: Option<usize>) {
    let what = format!("the table `{table}` has provisioned capacity there, and is paid per request here");
    description.note(line, what, "`max_read_units` and `max_write_units` bound what it can cost");
}

/// Records an alarm.
fn leave_alarm(description: &mut Description, line: Option<usize>, kind: &str, id: &str) {
    description.leave(
        line,
        format!("{kind} `{id}` is not taken over"),
        "declare it under `alarms.rules`, if it watches a function, the API or a table",
    );
}

/// Returns a line of the list.
fn line_of(shown: &str, left: &Left, mark: &str) -> String {
    let place = left.line.map_or_else(|| shown.to_owned(), |line| format!("{shown}:{line}"));
    let text = format!("{place}: {mark}{}; {}", left.what, left.next);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Prints what was left and what differs.
fn report(description: &mut Description, chosen: &Chosen, (shown, directory, format): (&str, &Path, Format), context: &Context) {
    description.unvalued();
    description.left.sort_by_key(|left| left.line);
    description.left.dedup();
    description.notes.sort_by_key(|note| note.line);
    let Description { left, notes, functions, tables, .. } = description;
    if format == Format::Json {
        let list =
            |list: &[Left]| list.iter().map(|left| json!({ "line": left.line, "what": left.what, "next": left.next })).collect::<Vec<_>>();
        let document = json!({
            "project": chosen.project,
            "environment": chosen.environment,
            "directory": directory,
            "files": [STACK, files::SCHEMA],
            "from": shown,
            "left": list(left),
            "notes": list(notes),
        });
        return context.ui.result(&document.to_string());
    }
    let lines: Vec<String> =
        left.iter().map(|left| line_of(shown, left, "")).chain(notes.iter().map(|note| line_of(shown, note, "note: "))).collect();
    if !lines.is_empty() {
        context.ui.result(&lines.join("\n"));
    }
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let path = directory.join(STACK);
    context.ui.note(&format!(
        "{} is written, with {} and {}; {} not taken over. Look at the lines above and at its comments, then run: liveinsight plan",
        path.display(),
        count(functions.len(), "function"),
        count(tables.len(), "table"),
        match left.len() {
            1 => "1 part is".to_owned(),
            number => format!("{number} parts are"),
        },
    ));
}
