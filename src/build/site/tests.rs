use super::{LeftOut, SiteError, SiteFiles, content_type, integrity, read_site};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
};

fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}

fn keys(site: &SiteFiles) -> Vec<&str> {
    site.files.iter().map(|file| file.key.as_str()).collect()
}

#[test]
fn files_come_sorted_with_digests() {
    let site = site(&[("index.html", "abc"), ("b/x.js", ""), ("a.css", "")]);
    let site = read_site(site.path(), "index.html", None).unwrap();
    assert_eq!(keys(&site), ["a.css", "b/x.js", "index.html"]);
    // MD5 and SHA-256 of `abc` from the test suites of RFC 1321 and FIPS 180-2.
    assert_eq!(site.files[2].md5_hex, "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(site.files[2].sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_eq!(site.left_out, []);
}

#[test]
fn only_a_script_that_never_changes_has_a_digest_in_its_tag() {
    // SHA-384 of `abc` from the test suite of FIPS 180-2.
    let digest = "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn";
    assert_eq!(integrity("liveinsight-0.1.0.14abd3511b25.js", b"abc").as_deref(), Some(digest));
    assert_eq!(integrity("liveinsight.js", b"abc"), None, "it is another one after the next release");
}

#[test]
fn every_file_is_published_or_named_as_left_out() {
    let site = site(&[
        ("index.html", ""),
        ("empty.txt", ""),
        (".well-known/assetlinks.json", "{}"),
        (".well-known/acme-challenge/token", "x"),
        (".well-known/.DS_Store", ""),
        (".DS_Store", ""),
        (".git/config", ""),
        (".nojekyll", ""),
        ("docs/.well-known/x", ""),
        ("index.html~", ""),
        ("#index.html#", ""),
        ("docs/.index.html.swp", ""),
        ("real/a.txt", "a"),
    ]);
    symlink(site.path().join("real"), site.path().join("linked")).unwrap();
    symlink(site.path().join("real/a.txt"), site.path().join("b.txt")).unwrap();
    symlink("ada@desk.1234:1", site.path().join("docs/.#index.html")).unwrap();
    let _socket = UnixListener::bind(site.path().join("socket")).unwrap();
    let site = read_site(site.path(), "index.html", None).unwrap();
    assert_eq!(
        keys(&site),
        [
            ".well-known/acme-challenge/token",
            ".well-known/assetlinks.json",
            "b.txt",
            "empty.txt",
            "index.html",
            "linked/a.txt",
            "real/a.txt"
        ]
    );
    let left_out: Vec<(&str, &str)> = site.left_out.iter().map(|LeftOut { path, why }| (path.as_str(), *why)).collect();
    assert_eq!(
        left_out,
        [
            ("#index.html#", "an editor's backup"),
            (".DS_Store", "hidden"),
            (".git/", "hidden"),
            (".nojekyll", "hidden"),
            (".well-known/.DS_Store", "hidden"),
            ("docs/.#index.html", "hidden"),
            ("docs/.index.html.swp", "hidden"),
            ("docs/.well-known/", "hidden"),
            ("index.html~", "an editor's backup"),
            ("socket", "neither a file nor a directory"),
        ]
    );
}

#[test]
fn names_that_cannot_be_published_are_refused_all_at_once() {
    let site = site(&[("index.html", ""), ("new\nline.txt", ""), ("sub/bell\u{7}.txt", ""), ("fine ü+%.txt", "")]);
    fs::write(site.path().join(OsStr::from_bytes(b"latin-\xfc.txt")), "").unwrap();
    // Each part has a file system's maximum length; together they exceed the maximum length of a key.
    let deep = vec!["x".repeat(250); 5].join("/");
    fs::create_dir_all(site.path().join(&deep)).unwrap();
    fs::write(site.path().join(deep).join("a"), "").unwrap();
    let error = read_site(site.path(), "index.html", None).unwrap_err();
    let SiteError::Refused { files, .. } = &error else { panic!("{error}") };
    assert_eq!(files.len(), 4, "{error}");
    for part in [r#""new\nline.txt" (a control character)"#, r#""sub/bell\u{7}.txt""#, r#"latin-\xfc.txt" (not UTF-8)"#, "1256 bytes long"]
    {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
}

#[test]
fn a_key_of_the_longest_length_is_published_and_a_longer_one_is_not() {
    let path = |last: usize| format!("{}/{}", vec!["x".repeat(200); 5].join("/"), "y".repeat(last));
    let (longest, longer) = (path(14), path(15));
    assert_eq!(longest.len(), 1019);
    read_site(site(&[("index.html", ""), (&longest, "")]).path(), "index.html", None).unwrap();
    let error = read_site(site(&[("index.html", ""), (&longer, "")]).path(), "index.html", None).unwrap_err();
    assert!(matches!(error, SiteError::Refused { .. }), "{error}");
}

#[test]
fn a_directory_with_an_index_page_has_addresses_of_its_own() {
    let site = site(&[("index.html", "root"), ("docs/index.html", "docs"), ("docs/a b/index.html", "deep"), ("other/x.html", "")]);
    let site = read_site(site.path(), "index.html", None).unwrap();
    let keys = keys(&site);
    assert_eq!(keys, ["docs", "docs/", "docs/a b", "docs/a b/", "docs/a b/index.html", "docs/index.html", "index.html", "other/x.html"]);
    let file = |key: &str| site.files.iter().find(|file| file.key == key).unwrap();
    assert_eq!(file("docs/").bytes, b"docs");
    assert_eq!(file("docs/a b/").bytes, b"deep");
    for key in ["docs", "docs/", "docs/a b", "docs/a b/"] {
        assert_eq!((file(key).content_type.as_str(), file(key).cache_control.as_str()), ("text/html; charset=utf-8", "no-cache"), "{key}");
    }
    assert!(String::from_utf8_lossy(&file("docs").bytes).contains("url=./docs/\""));
    assert!(String::from_utf8_lossy(&file("docs/a b").bytes).contains("url=./a%20b/\""));
}

#[test]
fn files_whose_addresses_lead_to_the_api_are_left_out() {
    let site = site(&[("index.html", ""), ("api/index.html", ""), ("docs/api/x.html", ""), ("api.html", "")]);
    let with_api = read_site(site.path(), "index.html", Some("api")).unwrap();
    assert_eq!(keys(&with_api), ["api.html", "docs/api/x.html", "index.html"]);
    assert_eq!(with_api.left_out, [LeftOut { path: "api/".to_owned(), why: "its address leads to the API" }]);
    assert!(keys(&read_site(site.path(), "index.html", None).unwrap()).contains(&"api/index.html"));
}

#[test]
fn content_types_name_the_charset_of_text() {
    for (key, expected) in [
        ("index.html", "text/html; charset=utf-8"),
        ("a/app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("data.json", "application/json; charset=utf-8"),
        ("icon.svg", "image/svg+xml; charset=utf-8"),
        ("logo.png", "image/png"),
        ("font.woff2", "font/woff2"),
        ("module.wasm", "application/wasm"),
        ("LICENSE", "application/octet-stream"),
    ] {
        assert_eq!(content_type(key, b"x"), expected, "{key}");
    }
    for (key, content, expected) in [
        (".well-known/apple-app-site-association", "{\"applinks\": {}}", "application/json; charset=utf-8"),
        (".well-known/acme-challenge/token", "123", "text/plain; charset=utf-8"),
        (".well-known/assetlinks.json", "[]", "application/json; charset=utf-8"),
        ("LICENSE", "{}", "application/octet-stream"),
    ] {
        assert_eq!(content_type(key, content.as_bytes()), expected, "{key}");
    }
}

#[test]
fn links_may_not_lead_out() {
    let secret = site(&[("secret.txt", "secret")]);
    let site = site(&[("index.html", ""), ("pages/a.html", "a")]);
    symlink(site.path().join("pages/a.html"), site.path().join("b.html")).unwrap();
    assert_eq!(read_site(site.path(), "index.html", None).unwrap().files[0].bytes, b"a");

    for (link, target) in [("file", secret.path().join("secret.txt")), ("directory", secret.path().to_owned()), ("lost", "/none".into())] {
        symlink(target, site.path().join(link)).unwrap();
    }
    fs::write(site.path().join("bell\u{7}"), "").unwrap();
    let error = read_site(site.path(), "index.html", None).unwrap_err().to_string();
    assert_eq!(
        error,
        "nothing was uploaded, because these files cannot be published: \"bell\\u{7}\" (a control character), \"directory\" (a symbolic \
         link that leads out of the site's directory), \"file\" (a symbolic link that leads out of the site's directory), \"lost\" (a \
         symbolic link that leads nowhere); rename files with such names, put a copy in the place of each such link"
    );
}

#[test]
fn what_is_missing_is_named() {
    let site = site(&[("home.html", "")]);
    let missing = read_site(site.path(), "index.html", None).unwrap_err().to_string();
    assert!(missing.contains("no index.html in"), "{missing}");
    let missing = read_site(&site.path().join("nowhere"), "index.html", None).unwrap_err().to_string();
    assert!(missing.contains("site.source"), "{missing}");
}
