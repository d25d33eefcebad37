//! Reads a directory of pages: every file with its digests, content type and how long browsers may keep it.

use std::path::{Component, Path, PathBuf};

use base64::Engine;
// The two crates are generations apart, so each brings a trait of the same name.
use md5::{Digest as _, Md5};
use sha2::{Digest as _, Sha256};
use walkdir::{DirEntry, WalkDir};

/// A name that changes with the content never has to be asked for again.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Pages are asked for every time (and answered 304), so that a release shows at once.
const PAGE: &str = "no-cache";

/// Everything else may be five minutes old.
const SHORT: &str = "public, max-age=300";

/// A content digest in a file name has at least this many characters (webpack, Vite, esbuild and trunk: 8 and more).
const SHORTEST_HASH: usize = 8;

/// One file of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFile {
    /// Its path below the directory, with slashes: `assets/app.js`.
    pub key: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// MD5 as hex, which S3 gives as the `ETag` of an object written by one plain request.
    pub md5_hex: String,
    /// Base64 of SHA-256, as in S3's `x-amz-checksum-sha256`.
    pub sha256: String,
    /// By extension; text comes with `charset=utf-8`.
    pub content_type: String,
    /// For the header `Cache-Control`.
    pub cache_control: String,
}

/// Why a directory cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// There is no such directory.
    #[error("no directory {}; correct `site.source` in stack.yaml or create it", path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// The page that `/` shows is missing.
    #[error("no {index} in {}; correct `site.index` in stack.yaml or create the page", path.display())]
    NoIndex {
        /// The page's name.
        index: String,
        /// The directory.
        path: PathBuf,
    },
    /// A symbolic link would publish something from elsewhere.
    #[error("{} is a symbolic link that leads out of the site's directory; copy the file there instead", path.display())]
    Outside {
        /// The link.
        path: PathBuf,
    },
    /// A name that is not text cannot be an object's key.
    #[error("the name of {} is not valid UTF-8; rename it", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A file or directory could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Reads all files below `directory`, sorted by key. `index` is the page that has to be there.
///
/// Hidden files and directories are left out. Symbolic links are followed as long as they stay inside.
pub fn read_site(directory: &Path, index: &str) -> Result<Vec<SiteFile>, SiteError> {
    let root = std::fs::canonicalize(directory).ok().filter(|path| path.is_dir());
    let root = root.ok_or_else(|| SiteError::NoDirectory { path: directory.to_owned() })?;
    let mut files = Vec::new();
    for entry in WalkDir::new(&root).follow_links(true).into_iter().filter_entry(is_visible) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(&root).to_owned();
            SiteError::Read { path, source: error.into() }
        })?;
        let path = entry.path();
        let read_error = |source| SiteError::Read { path: path.to_owned(), source };
        if entry.path_is_symlink() && !std::fs::canonicalize(path).map_err(read_error)?.starts_with(&root) {
            return Err(SiteError::Outside { path: path.to_owned() });
        }
        if entry.file_type().is_file() {
            let bytes = std::fs::read(path).map_err(read_error)?;
            files.push(site_file(key(&root, path)?, bytes));
        }
    }
    files.sort_by(|one, other| one.key.cmp(&other.key));
    if files.iter().all(|file| file.key != index) {
        return Err(SiteError::NoIndex { index: index.to_owned(), path: directory.to_owned() });
    }
    Ok(files)
}

fn is_visible(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
}

fn key(root: &Path, path: &Path) -> Result<String, SiteError> {
    let part = |component: Component<'_>| component.as_os_str().to_str().map(str::to_owned);
    let parts: Option<Vec<String>> = path.strip_prefix(root).unwrap_or(path).components().map(part).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| SiteError::Name { path: path.to_owned() })
}

fn site_file(key: String, bytes: Vec<u8>) -> SiteFile {
    SiteFile {
        md5_hex: Md5::digest(&bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
        sha256: base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&bytes)),
        content_type: content_type(&key),
        cache_control: cache_control(&key).to_owned(),
        key,
        bytes,
    }
}

fn content_type(key: &str) -> String {
    let guess = mime_guess::from_path(key).first_or_octet_stream();
    let is_text = guess.type_() == mime_guess::mime::TEXT
        || guess.suffix() == Some(mime_guess::mime::XML)
        || matches!(guess.subtype().as_str(), "json" | "javascript" | "manifest+json");
    if is_text { format!("{}; charset=utf-8", guess.essence_str()) } else { guess.essence_str().to_owned() }
}

fn cache_control(key: &str) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    match extension {
        "html" | "htm" => PAGE,
        _ if has_hash(stem) => IMMUTABLE,
        _ => SHORT,
    }
}

/// Whether a name without its extension ends in a content digest: `app.3f2a91bc`, `index-DiwrgT4a`.
///
/// A word or a date is no digest, so a digit and a letter are asked for, and capitals unless it is hexadecimal. To take
/// a name for a digest by mistake would show an old file for a year; to miss one costs a question every five minutes.
fn has_hash(stem: &str) -> bool {
    // `app.3f2a91bc.js.map` and `app.3f2a91bc.min.js` have it before another ending.
    let stem = [".min", ".js", ".css"].iter().fold(stem, |stem, ending| stem.strip_suffix(ending).unwrap_or(stem));
    let Some((_, last)) = stem.rsplit_once(['.', '-']) else {
        return false;
    };
    let is_hexadecimal = last.chars().all(|letter| matches!(letter, '0'..='9' | 'a'..='f'));
    let has_inner_capital = last.chars().skip(1).any(|letter| letter.is_ascii_uppercase());
    last.len() >= SHORTEST_HASH
        && last.chars().all(|letter| letter.is_ascii_alphanumeric())
        && last.chars().any(|letter| letter.is_ascii_digit())
        && last.chars().any(|letter| letter.is_ascii_alphabetic())
        && (is_hexadecimal || has_inner_capital)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        directory
    }

    #[test]
    fn files_come_sorted_with_digests_and_without_hidden_ones() {
        let site = site(&[("index.html", "abc"), ("b/x.js", ""), ("a.css", ""), (".DS_Store", ""), (".git/config", "")]);
        let files = read_site(site.path(), "index.html").unwrap();
        let keys: Vec<&str> = files.iter().map(|file| file.key.as_str()).collect();
        assert_eq!(keys, ["a.css", "b/x.js", "index.html"]);
        // The digests of `abc` in the test suites of RFC 1321 and FIPS 180-2.
        assert_eq!(files[2].md5_hex, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(files[2].sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
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
            assert_eq!(content_type(key), expected, "{key}");
        }
    }

    #[test]
    fn only_names_with_a_digest_are_immutable() {
        for key in ["app.3f2a91bc.js", "assets/index-DiwrgT4a.js", "a-5d41402abc4b2a76b9719d911017c592.css", "app.3f2a91bc.js.map"] {
            assert_eq!(cache_control(key), IMMUTABLE, "{key}");
        }
        for key in [
            "app.js",
            "jquery-3.7.1.min.js",
            "service-worker.js",
            "my-component.css",
            "page-UserProfile.js",
            "report-20260131.pdf",
            "a.component.js",
        ] {
            assert_eq!(cache_control(key), SHORT, "{key}");
        }
        for key in ["index.html", "about.3f2a91bc.html"] {
            assert_eq!(cache_control(key), PAGE, "{key}");
        }
    }

    #[test]
    fn links_may_not_lead_out() {
        let secret = site(&[("secret.txt", "secret")]);
        let site = site(&[("index.html", ""), ("pages/a.html", "a")]);
        std::os::unix::fs::symlink(site.path().join("pages/a.html"), site.path().join("b.html")).unwrap();
        assert_eq!(read_site(site.path(), "index.html").unwrap()[0].bytes, b"a");

        for (link, target) in [("file", secret.path().join("secret.txt")), ("directory", secret.path().to_owned())] {
            let link = site.path().join(link);
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert!(matches!(read_site(site.path(), "index.html"), Err(SiteError::Outside { .. })), "{link:?}");
            std::fs::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let site = site(&[("home.html", "")]);
        let missing = read_site(site.path(), "index.html").unwrap_err().to_string();
        assert!(missing.contains("no index.html in"), "{missing}");
        let missing = read_site(&site.path().join("nowhere"), "index.html").unwrap_err().to_string();
        assert!(missing.contains("site.source"), "{missing}");
    }
}
