//! Limits on the size of the tracker script and of the dashboard, and a policy that keeps foreign code off every page.

use base64::Engine;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, io::Write, path::Path};

/// Returns the total size in bytes of these published files, each compressed at gzip's highest level.
fn gzipped(files: &[&str]) -> usize {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/public");
    let compressed = |file: &&str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&std::fs::read(published.join(file)).expect("it is published")).expect("memory takes it");
        encoder.finish().expect("memory takes it").len()
    };
    files.iter().map(compressed).sum()
}

#[test]
fn the_tracker_is_at_most_two_kilobytes() {
    let bytes = gzipped(&["liveinsight.js"]);
    assert!(bytes <= 2_048, "{bytes}");
}

#[test]
fn the_pinned_tracker_is_the_current_one_and_named_by_its_content() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tracker = std::fs::read(root.join("dashboard/public/liveinsight.js")).expect("it is published");
    let digest = Sha256::digest(&tracker).iter().take(6).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let name = format!("liveinsight-{}.{digest}.js", env!("CARGO_PKG_VERSION"));
    let pinned = std::fs::read(root.join("dashboard/public").join(&name));
    assert_eq!(pinned.ok(), Some(tracker), "{name} is not there or another: run `npm run build` in dashboard/");
    let stack = std::fs::read_to_string(root.join("stack.yaml")).expect("it is there");
    assert!(stack.contains(&format!("tracker_pinned_url: {name}")), "stack.yaml has to name {name}");
}

#[test]
fn the_dashboard_is_at_most_45_kilobytes() {
    let bytes = gzipped(&["index.html", "style.css", "app.js", "icon.svg"]);
    assert!(bytes <= 45 * 1_024, "{bytes}");
}

/// Sources that a strict policy may name: none, and the page's own origin. `img-src` may also name images within the page (`data:`).
const STRICT: &[&str] = &["'none'", "'self'"];

/// Returns the gaps of a page's Content-Security-Policy, and the parts of the page that it would block.
fn gaps(page: &str) -> Vec<String> {
    let Some((before, rest)) = page.split_once("<meta http-equiv=\"Content-Security-Policy\" content=\"") else {
        return vec!["no Content-Security-Policy".to_owned()];
    };
    let (policy, after) = rest.split_once('"').expect("the attribute ends");
    let directives: BTreeMap<&str, Vec<&str>> = policy
        .split(';')
        .filter_map(|directive| {
            directive.split_ascii_whitespace().next().map(|name| (name, directive.split_ascii_whitespace().skip(1).collect()))
        })
        .collect();
    let mut gaps = Vec::new();
    // The policy does not cover elements that stand before it.
    gaps.extend(
        ["<script", "<link", "<style", "<img"].iter().filter(|tag| before.contains(**tag)).map(|tag| format!("{tag} before the policy")),
    );
    for name in ["default-src", "base-uri", "form-action"] {
        if directives.get(name) != Some(&vec!["'none'"]) {
            gaps.push(format!("{name} is not 'none'"));
        }
    }
    for (name, sources) in &directives {
        let is_strict =
            |source: &&&str| STRICT.contains(*source) || source.starts_with("'sha256-") || (*name == "img-src" && **source == "data:");
        gaps.extend(sources.iter().filter(|source| !is_strict(source)).map(|source| format!("{name} lets in {source}")));
    }
    for piece in after.split("<script").skip(1) {
        let (tag, rest) = piece.split_once('>').expect("the tag ends");
        let text = rest.split("</script").next().unwrap_or_default();
        let hash = format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)));
        if !tag.contains("src=\"") && !directives.get("script-src").is_some_and(|sources| sources.contains(&hash.as_str())) {
            gaps.push(format!("an inline script without its hash {hash}"));
        }
    }
    gaps
}

#[test]
fn every_page_forbids_code_from_elsewhere_and_inline() {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/public");
    let files = walkdir::WalkDir::new(published).into_iter().map(|entry| entry.expect("it is readable").into_path());
    let pages: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "html")).collect();
    assert!(pages.len() >= 2, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("it is readable");
        assert_eq!(gaps(&text), Vec::<String>::new(), "{}", page.display());
    }
}

#[test]
fn pages_that_lead_to_a_directory_and_the_page_of_a_new_project_do_as_well() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(directory.path().join("docs/deep")).expect("a directory in it");
    for page in ["index.html", "docs/index.html", "docs/deep/index.html"] {
        std::fs::copy(root.join("templates/project/site/index.html"), directory.path().join(page)).expect("it can be written");
    }
    let site = liveinsight::build::read_site(directory.path(), "index.html", None).expect("it can be published");
    let keys: Vec<&str> = site.files.iter().map(|file| file.key.as_str()).collect();
    assert!(["docs", "docs/", "docs/deep", "index.html"].iter().all(|key| keys.contains(key)), "{keys:?}");
    for file in &site.files {
        assert_eq!(gaps(&String::from_utf8_lossy(&file.bytes)), Vec::<String>::new(), "{}", file.key);
    }
}

#[test]
fn a_page_that_could_run_foreign_code_is_found() {
    let page = |policy: &str, rest: &str| format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">{rest}");
    let strict = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'";
    let is_found = |page: &str, gap: &str| assert!(gaps(page).iter().any(|found| found.contains(gap)), "{gap}: {:?}", gaps(page));
    assert_eq!(gaps(&page(strict, "<script src=\"a.js\"></script>")), Vec::<String>::new());
    is_found("<html>", "no Content-Security-Policy");
    is_found(&page(&strict.replace("'self'", "'self' https://cdn.example"), ""), "script-src lets in https://cdn.example");
    is_found(&page(&strict.replace("'self'", "'unsafe-inline'"), ""), "'unsafe-inline'");
    is_found(&page("script-src 'self'; base-uri 'none'; form-action 'none'", ""), "default-src");
    is_found(&page(strict, "<script>alert(1)</script>"), "an inline script");
    is_found(&format!("<script src=\"a.js\"></script>{}", page(strict, "")), "before the policy");
    // Digest of `alert(1)`, computed with openssl.
    let hashed = strict.replace("'self'", "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='");
    assert_eq!(gaps(&page(&hashed, "<script>alert(1)</script>")), Vec::<String>::new());
}
