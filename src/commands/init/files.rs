//! Files of a new project: those below `templates/project`, by path.

use crate::stack::{self, Problem, Stack, StackError};
use serde_json::json;
use std::path::Path;

/// Name of the project in the templates.
const TEMPLATE_NAME: &str = "my-project";

/// Path of the file that is validated.
const STACK: &str = "stack.yaml";

/// Path of the schema that the first line of stack.yaml names.
pub(super) const SCHEMA: &str = "stack.schema.json";

macro_rules! template {
    ($path:literal) => {
        template!($path, $path)
    };
    ($path:literal, $kept:literal) => {
        ($path, include_str!(concat!("../../../templates/project/", $kept)))
    };
}

/// Template files: path in the project, and text.
const TEMPLATES: &[(&str, &str)] = &[
    template!(".github/workflows/deploy.yml"),
    template!(".gitignore"),
    template!("Cargo.toml", "workspace.toml"),
    template!("README.md"),
    template!("functions/hello/Cargo.toml"),
    template!("functions/hello/src/main.rs"),
    template!("site/app.js"),
    template!("site/index.html"),
    template!("stack.yaml"),
];

/// Returns the files of a project with this name, sorted by path. An error describes the problem of the name.
pub(super) fn of(name: &str) -> Result<Vec<(&'static str, String)>, String> {
    let mut files = Vec::from([(SCHEMA, schema())]);
    for (path, text) in TEMPLATES {
        let text = if *path == STACK { stack_yaml(text, name)? } else { text.replace(TEMPLATE_NAME, name) };
        files.push((path, text));
    }
    files.sort();
    Ok(files)
}

/// Returns the text of the schema.
pub(super) fn schema() -> String {
    format!("{:#}\n", stack::schema())
}

/// Returns the project's stack.yaml, validated as in `up`. A name such as `true` is a string only in quotes.
fn stack_yaml(template: &str, name: &str) -> Result<String, String> {
    let checked = |name: &str| {
        let text = template.replace(TEMPLATE_NAME, name);
        Stack::parse(&text, STACK, Path::new("."), None, None).map(|_| text)
    };
    let problem = |error: StackError| error.problems().first().map(Problem::in_short).unwrap_or_default();
    checked(name).or_else(|_| checked(&json!(name).to_string())).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::{STACK, TEMPLATES, of};
    use crate::stack::Stack;
    use std::path::Path;

    #[test]
    fn every_template_is_written() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/project");
        let walk = walkdir::WalkDir::new(&kept).sort_by_file_name().into_iter().map(Result::unwrap);
        let kept: Vec<String> = walk
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(&kept).unwrap().to_str().unwrap().replace("workspace.toml", "Cargo.toml"))
            .collect();
        let mut written: Vec<&str> = TEMPLATES.iter().map(|(path, _)| *path).collect();
        let mut kept: Vec<&str> = kept.iter().map(String::as_str).collect();
        written.sort_unstable();
        kept.sort_unstable();
        assert_eq!(written, kept);
    }

    #[test]
    fn the_name_is_everywhere_and_the_templates_nowhere() {
        for name in ["shop", "true", "null"] {
            let files = of(name).unwrap();
            assert!(files.iter().all(|(_, text)| !text.contains("my-project")));
            let (_, text) = files.iter().find(|(path, _)| *path == STACK).unwrap();
            let stack = Stack::parse(text, STACK, Path::new("."), None, None).unwrap();
            assert_eq!((stack.project.as_str(), stack.environment.as_str()), (name, "dev"));
        }
    }

    #[test]
    fn a_name_that_no_resource_could_have_is_refused_with_the_reason() {
        for (name, reason) in [
            ("My Shop", "lower-case letters, digits and single hyphens"),
            ("a: b", "lower-case letters, digits and single hyphens"),
            ("", "lower-case letters, digits and single hyphens"),
            (&"a".repeat(60), "characters, AWS allows"),
        ] {
            let problem = of(name).unwrap_err();
            assert!(problem.contains(reason), "{name}: {problem}");
        }
    }
}
