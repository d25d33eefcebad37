//! Tests of the documents as a whole: each is in the contents, and every link has an existing target.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

/// Links of a page, and its anchors.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => page.links.push(dest_url.into_string()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.add_anchor(&heading.take().unwrap()),
                Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
                _ => {}
            }
        }
        page
    }

    /// Adds an anchor as GitHub and mdBook derive it from a heading; the second of equal ones has a number.
    fn add_anchor(&mut self, heading: &str) {
        let heading = heading.trim().to_lowercase();
        let kept = heading.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        let anchor: String = kept.collect();
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free = [anchor.clone()].into_iter().chain(numbered).find(|anchor| !self.anchors.contains(anchor));
        self.anchors.extend(free);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every page below `docs`, by path.
fn pages() -> BTreeMap<PathBuf, Page> {
    let mut pages = BTreeMap::new();
    let mut open = vec![root().join("docs")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.insert(path.clone(), Page::read(&path));
            }
        }
    }
    pages
}

/// Returns the target file of a link on a page, without `..`.
fn target(page: &Path, link: &str) -> PathBuf {
    let mut target = page.parent().unwrap().to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => drop(target.pop()),
            part => target.push(part),
        }
    }
    target
}

/// Returns the mistake in a link, if it leads into this repository.
fn broken(pages: &BTreeMap<PathBuf, Page>, path: &Path, page: &Page, link: &str) -> Option<&'static str> {
    if link.contains("://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let to = if file.is_empty() { path.to_owned() } else { target(path, file) };
    if !to.is_file() {
        return Some("there is no such file");
    }
    // The site has the pages, and the files beside them.
    let docs = root().join("docs");
    if path.starts_with(&docs) && !to.starts_with(&docs) {
        return Some("it leads out of the site");
    }
    // mdBook generates `index.html` from the one, and the sidebar of every page from the other.
    let is_contents = |path: &Path| path.ends_with("SUMMARY.md");
    if path.starts_with(&docs) && !is_contents(path) && (is_contents(&to) || to.ends_with("README.md")) {
        return Some("the site has it under another name");
    }
    let anchors = &pages.get(&to).unwrap_or(page).anchors;
    anchor.is_some_and(|anchor| !anchors.contains(anchor)).then_some("there is no such heading")
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages = pages();
    let count = pages.len();
    for outside in ["README.md", "CHANGELOG.md", "SECURITY.md"] {
        pages.insert(root().join(outside), Page::read(&root().join(outside)));
    }
    let mut problems = Vec::new();
    let mut links = 0;
    for (path, page) in &pages {
        for link in &page.links {
            links += 1;
            if let Some(problem) = broken(&pages, path, page, link) {
                problems.push(format!("{}: {link}: {problem}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(count > 15 && links > 80, "{links} links on {count} pages");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_page_is_in_the_contents_once() {
    let mut pages = pages();
    let contents = root().join("docs/SUMMARY.md");
    let summary = pages.remove(&contents).unwrap();
    let mut listed: Vec<PathBuf> = summary.links.iter().map(|link| target(&contents, link)).collect();
    listed.sort();
    assert_eq!(listed, pages.into_keys().collect::<Vec<_>>());
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let pages = pages();
    let path = root().join("docs/ci.md");
    let of = |link: &str| broken(&pages, &path, &pages[&path], link);
    assert_eq!(of("https://example.com/nothing"), None);
    assert_eq!(of("commands.md#up"), None);
    assert_eq!(of("#gitlab-ci"), None);
    assert_eq!(of("#gitlab"), Some("there is no such heading"));
    assert_eq!(of("commands.md#upp"), Some("there is no such heading"));
    assert_eq!(of("command.md"), Some("there is no such file"));
    assert_eq!(of("../README.md"), Some("it leads out of the site"));
    assert_eq!(of("README.md"), Some("the site has it under another name"));
}
