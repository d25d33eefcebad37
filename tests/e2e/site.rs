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
fn declared_headers_come_with_every_page_and_the_error_page() {
    let project = site(&[("index.html", "<p>home</p>"), ("missing.html", "<p>no such page</p>"), ("app.js", "let a = 1")]);
    project.ok(&["up", "--local"]);
    let url = outputs(&project)["dashboard_url"].clone();
    let headers = |path: &str| {
        // An `Origin` makes CloudFront name the origins that may read the answer.
        let answer = response(&format!("{url}{path}"), &[("Origin", "https://example.com")], None);
        let value = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), ["content-security-policy", "permissions-policy", "x-frame-options"].map(value), usual(&answer))
    };
    let pages = [("", 200), ("app.js", 200), ("missing.html", 200), ("nothing", 404)];
    let before = pages.map(|(path, status)| {
        let (answered, [policy, permissions, frames], usual) = headers(path);
        assert_eq!((answered, policy, permissions, frames.as_deref()), (status, None, None, Some("SAMEORIGIN")), "{path}");
        usual
    });

    let headers_of_site = "  headers:\n    Content-Security-Policy: >\n      default-src 'self';\n      frame-ancestors 'none'\n    \
                           Permissions-Policy: camera=()\n    X-Frame-Options: deny\n";
    let site = "site:\n  source: pages\n  index: index.html\n  error_page: missing.html\n";
    project.edit("stack.yaml", |text| text.replace(&text[text.find("site:").unwrap()..], &format!("{site}{headers_of_site}")));
    let changes = plan(&project);
    let names: Vec<&str> = changes.keys().map(String::as_str).collect();
    assert_eq!(names, ["cloudfront.distribution/static", "cloudfront.response_headers_policy/static"]);
    project.ok(&["up", "--local"]);
    for ((path, status), before) in pages.into_iter().zip(&before) {
        let (answered, declared, usual) = headers(path);
        let expected = ["default-src 'self'; frame-ancestors 'none'", "camera=()", "DENY"].map(|value| Some(value.to_owned()));
        assert_eq!((answered, declared), (status, expected), "{path}");
        assert_eq!(&usual, before, "the others are as AWS's own policy sends them: {path}");
    }
    project.run(&["plan", "--local", "--exit-code"]).expect(0);
    assert!(project.other_client(&["list"]).contains(&"response headers policy pages-static-dev".to_owned()));

    project.edit("stack.yaml", |_| STACK.to_owned());
    let changes = plan(&project);
    assert_eq!(changes["cloudfront.distribution/static"].iter().collect::<Vec<_>>(), ["behaviors.default.headers_policy"]);
    assert!(changes.contains_key("cloudfront.response_headers_policy/static"));
    project.ok(&["up", "--local"]);
    assert_eq!(headers("").1, [None, None, Some("SAMEORIGIN".to_owned())]);
    assert!(project.other_client(&["list"]).iter().all(|line| !line.contains("headers policy")));
    project.run(&["plan", "--local", "--exit-code"]).expect(0);
    project.ok(&["down", "--local", "--yes"]);
    assert_eq!(project.other_client(&["list"]), Vec::<String>::new());
}

/// Returns the headers of AWS's `CORS-and-SecurityHeadersPolicy` that no test declares.
fn usual(answer: &ureq::http::Response<ureq::Body>) -> Vec<(&'static str, String)> {
    let names =
        ["strict-transport-security", "x-content-type-options", "referrer-policy", "x-xss-protection", "access-control-allow-origin"];
    names.into_iter().map(|name| (name, answer.headers()[name].to_str().unwrap().to_owned())).collect()
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
