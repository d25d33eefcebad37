//! Markdown files with commands and their recorded output.
//!
//! In blocks that begin with ```` ```console ````, or with more backticks, a line that begins with `$ ` is a command. The lines up to the
//! next command are its output. The output of a failed command ends with `(exit code N)`. In an output, `...` on a line of its own stands
//! for any lines, and `[..]` for any text within a line.

/// File, split into prose and commands.
pub(super) struct Transcript(Vec<Part>);

enum Part {
    /// Lines outside commands and their output.
    Prose(String),
    Step(Step),
}

/// Command with its output and its exit code.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Step {
    /// Line for a shell.
    pub(super) command: String,
    /// Text of both streams, in the order of writing.
    pub(super) output: String,
    pub(super) code: i32,
}

impl Transcript {
    pub(super) fn read(text: &str) -> Self {
        let mut parts = vec![Part::Prose(String::new())];
        let mut fence: Option<&str> = None;
        for line in text.lines() {
            let (ticks, language) = line.split_at(line.len() - line.trim_start_matches('`').len());
            match fence {
                None if ticks.len() >= 3 && language == "console" => fence = Some(ticks),
                Some(open) if line == open => {
                    fence = None;
                    parts.push(Part::Prose(String::new()));
                }
                _ => {}
            }
            if let Some(command) = line.strip_prefix("$ ").filter(|_| fence.is_some()) {
                parts.push(Part::Step(Step { command: command.to_owned(), ..Step::default() }));
                continue;
            }
            match parts.last_mut() {
                Some(Part::Step(step)) => match exit_code(line) {
                    Some(code) => step.code = code,
                    None => step.output.extend([line, "\n"]),
                },
                Some(Part::Prose(prose)) => prose.extend([line, "\n"]),
                None => unreachable!("it begins with prose"),
            }
        }
        Self(parts)
    }

    /// Returns the commands in order.
    pub(super) fn steps(&mut self) -> impl Iterator<Item = &mut Step> {
        self.0.iter_mut().filter_map(|part| match part {
            Part::Step(step) => Some(step),
            Part::Prose(_) => None,
        })
    }

    /// Returns the text of the file.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(Part::text).collect()
    }
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Prose(prose) => prose.clone(),
            Self::Step(Step { command, output, code: 0 }) => format!("$ {command}\n{output}"),
            Self::Step(Step { command, output, code }) => format!("$ {command}\n{output}(exit code {code})\n"),
        }
    }
}

fn exit_code(line: &str) -> Option<i32> {
    line.strip_prefix("(exit code ")?.strip_suffix(')')?.parse().ok()
}

#[test]
fn a_transcript_is_taken_apart_and_put_together_again() {
    let text = "# Title\n\n````console\n$ one\na\n\n```\n$ two\n(exit code 3)\n````\n\n```sh\n$ no command\n```\n";
    let mut transcript = Transcript::read(text);
    let steps: Vec<(String, String, i32)> = transcript.steps().map(|step| (step.command.clone(), step.output.clone(), step.code)).collect();
    assert_eq!(steps, [("one".into(), "a\n\n```\n".into(), 0), ("two".into(), String::new(), 3)]);
    assert_eq!(transcript.text(), text);
}
