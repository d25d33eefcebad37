//! Tests of a site without functions, through the local AWS.

use super::{get, outputs, plan, project::Project, response};
use std::fs;

const STACK: &str = "\
project: pages
region: us-east-1
environments: { dev: {} }
site: { source: pages, index: index.html, error_page: missing.html }
";

/// Creates a project with these pages only.
fn site(pages: &[(&str, &str)]) -> Project {
    let project = Project::new();
    project.edit("stack.yaml", |_| STACK.to_owned());
    for (name, content) in pages {
        let path = project.path().join("pages").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    project
}

#[test]
fn directories_and_missing_pages_are_served_as_on_aws() {
    let project = site(&[
        ("index.html", "<p>home</p>"),
        ("missing.html", "<p>no such page</p>"),
        ("docs/index.html", "<p>docs</p>"),
        (".well-known/security.txt", "Contact: mailto:a@example.com"),
        (".hidden", "x"),
        ("logo@2x~old.png", "x"),
    ]);
    let up = project.ok(&["up", "--local"]);
    assert!(up.stderr().contains("left out of the site: .hidden (hidden)"), "{}", up.stderr());
    let url = outputs(&project)["dashboard_url"].clone();
    let page = |path: &str| get(&format!("{url}{path}"));
    assert_eq!(page(""), (200, "<p>home</p>".to_owned()));
    assert_eq!(page("docs/"), (200, "<p>docs</p>".to_owned()));
    assert!(page("docs").1.contains("url=./docs/"), "{:?}", page("docs"));
    assert_eq!(page(".well-known/security.txt").0, 200);
    assert_eq!(page("logo%402x~old.png").0, 200);
    assert_eq!(page(".hidden"), (404, "<p>no such page</p>".to_owned()));
    assert_eq!(page("docs/nothing"), (404, "<p>no such page</p>".to_owned()));
    let header = |name: &str| response(&format!("{url}docs/"), &[], None).headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("cache-control")), ("text/html; charset=utf-8".to_owned(), "no-cache".to_owned()));

    // A removed directory loses its addresses; a rollback restores both.
    fs::remove_dir_all(project.path().join("pages/docs")).unwrap();
    let changes = plan(&project);
    let paths: Vec<&str> = changes["s3.bucket/static"].iter().map(String::as_str).collect();
    assert_eq!(paths, ["site.docs", "site.docs/", "site.docs/index.html"]);
    project.ok(&["up", "--local"]);
    assert_eq!(page("docs/").0, 404);
    project.ok(&["rollback", "--local"]);
    assert_eq!(page("docs/"), (200, "<p>docs</p>".to_owned()));
    project.ok(&["down", "--local", "--yes"]);
}
