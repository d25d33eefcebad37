//! Parser that splits a page of recipes into its blocks.

/// Blocks of a page that the test follows, in order.
pub(super) struct Page(Vec<Block>);

pub(super) enum Block {
    /// Piece of stack.yaml.
    Yaml {
        text: String,
    },
    Shell(Commands),
}

/// Commands of an `sh` block, with the heading above it.
pub(super) struct Commands {
    heading: String,
    text: String,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let (mut blocks, mut heading, mut open) = (Vec::new(), String::new(), None::<(String, String)>);
        for line in text.lines() {
            match (&mut open, line) {
                (Some((language, text)), "```") => {
                    match language.as_str() {
                        "yaml" => blocks.push(Block::Yaml { text: text.clone() }),
                        "sh" => blocks.push(Block::Shell(Commands { heading: heading.clone(), text: text.clone() })),
                        other => panic!("{heading}: nobody knows what to do with {other:?}"),
                    }
                    open = None;
                }
                (Some((_, text)), line) => text.extend([line, "\n"]),
                (None, line) => {
                    if let Some(language) = line.strip_prefix("```") {
                        open = Some((language.to_owned(), String::new()));
                    } else if let Some(title) = line.strip_prefix("## ") {
                        title.clone_into(&mut heading);
                    }
                }
            }
        }
        assert!(open.is_none(), "{heading}: a block without an end");
        Self(blocks)
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.0.iter()
    }
}

impl Commands {
    pub(super) fn heading(&self) -> &str {
        &self.heading
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the texts that the block has to print.
    pub(super) fn prints(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter_map(|line| Some(line.rsplit_once("# prints ")?.1))
    }

    /// Returns the block as a bash script. A command that has to fail must end with the exit code in its comment.
    pub(super) fn script(&self) -> String {
        let line = |line: &str| match line.rsplit_once("# ends with ") {
            Some((command, code)) => format!("code=0; {} || code=$?; [ \"$code\" = {code} ]\n", command.trim_end()),
            None => format!("{line}\n"),
        };
        self.text.lines().map(line).collect()
    }
}

#[test]
fn a_page_is_taken_apart() {
    let page = Page::read("# Title\n\n## One\n\n```sh\na   # prints x # y\nb   # ends with 3\n```\n\n```yaml\nc: {}\n```\n");
    let [Block::Shell(commands), Block::Yaml { text }] = &page.0[..] else { panic!("two blocks") };
    assert_eq!((commands.heading(), text.as_str()), ("One", "c: {}\n"));
    assert_eq!(commands.prints().collect::<Vec<_>>(), ["x # y"]);
    assert_eq!(commands.script(), "a   # prints x # y\ncode=0; b || code=$?; [ \"$code\" = 3 ]\n");
}
