//! The prose of comments, in figures: at or below what was measured in jj, nextest, uv and omicron.

use regex::Regex;
use std::{fmt, fs, path::Path};
use walkdir::WalkDir;

/// Most that is allowed of each figure. In the four: openers 1 to 3 %, one or two words 1 to 2 %, "told" 0.1 to 0.4, "whoever" 0.2 to 0.4.
const MOST: Figures = Figures { openers: 3.0, short: 2.0, told: 0.4, whoever: 0.4 };

/// Rates of a directory's comments.
#[derive(Debug)]
struct Figures {
    /// Percent of doc comments that begin with a question word or a pronoun instead of a verb or a noun.
    openers: f64,
    /// Percent of doc comments of one or two words.
    short: f64,
    /// "told", "says" and the like, per 1,000 words.
    told: f64,
    /// "whoever", "nobody" and the like, per 1,000 words.
    whoever: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { openers, short, told, whoever } = self;
        write!(f, "openers {openers:.1} %, one or two words {short:.1} %, told {told:.1}, whoever {whoever:.1} per 1,000 words")
    }
}

/// Counts the comments below a directory. A doc comment is a run of lines with three slashes.
fn figures(directory: &Path) -> Figures {
    let opener = Regex::new(r"^(What|Whether|How|Which|Where|Whose|Who|When|From|Those|One|It|The same)\b").unwrap();
    let told = Regex::new(r"\b(told|tells?|said|says?)\b").unwrap();
    let whoever = Regex::new(r"\b([Ww]hoever|[Ww]hose|[Nn]obody|[Ss]omebody)\b").unwrap();
    let mark = Regex::new(r"^//[/!]?\s?").unwrap();
    let [mut docs, mut words, mut openers, mut short, mut tells, mut whoevers] = [0_u32; 6];
    let count = |found: usize| u32::try_from(found).unwrap();
    let is_source = |entry: &walkdir::DirEntry| entry.path().extension().is_some_and(|end| end == "rs");
    let files = WalkDir::new(directory).into_iter().filter_entry(|entry| entry.file_name() != "target").map(Result::unwrap);
    for file in files.filter(is_source) {
        let (text, mut in_docs) = (fs::read_to_string(file.path()).unwrap(), false);
        for line in text.lines().map(str::trim) {
            if line.starts_with("//") {
                let body = mark.replace(line, "");
                words += count(body.split_whitespace().count());
                tells += count(told.find_iter(&body).count());
                whoevers += count(whoever.find_iter(&body).count());
                if line.starts_with("///") && !in_docs {
                    docs += 1;
                    openers += u32::from(opener.is_match(&body));
                    short += u32::from(body.split_whitespace().count() <= 2);
                }
            }
            in_docs = line.starts_with("///");
        }
    }
    assert!(docs > 0 && words > 1_000, "{} has no comments", directory.display());
    let of = |part: u32, whole: u32, by: f64| by * f64::from(part) / f64::from(whole);
    Figures {
        openers: of(openers, docs, 100.0),
        short: of(short, docs, 100.0),
        told: of(tells, words, 1_000.0),
        whoever: of(whoevers, words, 1_000.0),
    }
}

#[test]
fn comments_read_as_those_of_the_best() {
    let mut worse = Vec::new();
    for directory in ["src", "crates", "lambdas"] {
        let found = figures(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory));
        let line = format!("{directory}: {found}");
        println!("{line}");
        if found.openers > MOST.openers || found.short > MOST.short || found.told > MOST.told || found.whoever > MOST.whoever {
            worse.push(line);
        }
    }
    assert!(worse.is_empty(), "more than allowed ({MOST}):\n{}", worse.join("\n"));
}
