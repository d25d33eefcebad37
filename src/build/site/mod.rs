//! Reads a directory of pages: every file with its digests, content type and cache lifetime.
//!
//! Every file is published or reported as left out. A name that could not be served, or could not be removed later, is refused.

mod cache;
mod directories;
mod names;

use crate::{aws::Headers, resources::SiteObject, stack::LeftOut};
use base64::Engine;
use engine::hex::hex;
use md5::{Digest as _, Md5};
use sha2::{Sha256, Sha384};
use std::path::{Path, PathBuf};
use std::{collections::BTreeMap, rc::Rc};
use walkdir::WalkDir;

/// Site as it will be published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteFiles {
    /// Published files, sorted by key.
    pub files: Vec<SiteFile>,
    /// Unpublished files and directories, sorted by path.
    pub left_out: Vec<LeftOut>,
}

/// File of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFile {
    /// Path below the site's directory, with slashes: `assets/app.js`.
    pub key: String,
    /// Content of the file.
    pub bytes: Vec<u8>,
    /// MD5 as hex, which S3 returns as the `ETag` of an object written by one plain request.
    pub md5_hex: String,
    /// SHA-256 as base64, as in S3's `x-amz-checksum-sha256`.
    pub sha256: String,
    /// Content type by extension; text has `charset=utf-8`.
    pub content_type: String,
    /// Value of the header `Cache-Control`.
    pub cache_control: String,
}

/// Returns files of a site as they are to be published, by key.
pub fn site_objects(files: Vec<SiteFile>) -> BTreeMap<String, SiteObject> {
    let object = |file: SiteFile| {
        let SiteFile { key, bytes, md5_hex, content_type, cache_control, .. } = file;
        (key, SiteObject { md5: md5_hex, bytes: Rc::from(bytes), headers: Headers::new(content_type, cache_control) })
    };
    files.into_iter().map(object).collect()
}

/// Reason that a directory cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The directory does not exist.
    #[error("no directory {}; correct `site.source` in stack.yaml or create it", path.display())]
    NoDirectory {
        /// Path of the directory.
        path: PathBuf,
    },
    /// The index page, served at `/`, is missing.
    #[error("no {index} in {}; correct `site.index` in stack.yaml or create the page", path.display())]
    NoIndex {
        /// File name of the page.
        index: String,
        /// Directory of the site.
        path: PathBuf,
    },
    /// Files that cannot be published; each with the reason.
    #[error("nothing was uploaded, because these files cannot be published: {}; {}", files.join(", "), advice.join(", "))]
    Refused {
        /// File names as source code would spell them, each with its problem.
        files: Vec<String>,
        /// Suggested fixes.
        advice: Vec<&'static str>,
    },
    /// A file or directory could not be read.
    #[error("cannot read {path:?}: {source}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Error of the read.
        source: std::io::Error,
    },
}

/// Reads all files below `directory`. `index` is the required index page; a subdirectory with a page of that name is also
/// served under its own address. `api` is the directory name that routes to the API.
///
/// Symbolic links are followed as long as they stay inside.
pub fn read_site(directory: &Path, index: &str, api: Option<&str>) -> Result<SiteFiles, SiteError> {
    let root = std::fs::canonicalize(directory).ok().filter(|path| path.is_dir());
    let root = root.ok_or_else(|| SiteError::NoDirectory { path: directory.to_owned() })?;
    let mut site = SiteFiles::default();
    let (mut misnamed, mut outside) = (Vec::new(), Vec::new());
    let mut walk = WalkDir::new(&root).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(&root).to_owned();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if let Some(why) = names::left_out_by_name(&name) {
                    site.left_out.push(LeftOut { path: shown(&root, &path, false), why });
                } else if path.is_symlink() && !path.exists() {
                    outside.push(format!("{:?} (a symbolic link that leads nowhere)", shown(&root, &path, false)));
                } else {
                    return Err(SiteError::Read { path, source: error.into() });
                }
                continue;
            }
        };
        if entry.depth() == 0 {
            continue;
        }
        if let Some(why) = names::left_out(&entry, api) {
            site.left_out.push(LeftOut { path: shown(&root, entry.path(), entry.file_type().is_dir()), why });
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            continue;
        }
        let path = entry.path();
        let read_error = |source| SiteError::Read { path: path.to_owned(), source };
        if entry.path_is_symlink() && !std::fs::canonicalize(path).map_err(read_error)?.starts_with(&root) {
            let link = shown(&root, path, false);
            outside.push(format!("{link:?} (a symbolic link that leads out of the site's directory)"));
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            continue;
        }
        if entry.file_type().is_dir() {
            continue;
        }
        match names::key(path.strip_prefix(&root).unwrap_or(path)) {
            Ok(key) => site.files.push(SiteFile::new(key, std::fs::read(path).map_err(read_error)?)),
            Err(why) => misnamed.push(why),
        }
    }
    let advice = [(&misnamed, "rename files with such names"), (&outside, "put a copy in the place of each such link")];
    let advice: Vec<&str> = advice.into_iter().filter(|(files, _)| !files.is_empty()).map(|(_, advice)| advice).collect();
    if !advice.is_empty() {
        return Err(SiteError::Refused { files: [misnamed, outside].concat(), advice });
    }
    if site.files.iter().all(|file| file.key != index) {
        return Err(SiteError::NoIndex { index: index.to_owned(), path: directory.to_owned() });
    }
    site.files.extend(directories::pages(&site.files, index));
    site.files.sort_by(|one, other| one.key.cmp(&other.key));
    site.left_out.sort();
    Ok(site)
}

/// Returns the digest of a script for `integrity` in its tag (W3C, Subresource Integrity): `sha384-` and base64. `None` for a
/// file whose name lacks a content digest: its content may change under that name, and browsers would then refuse it.
pub fn integrity(key: &str, bytes: &[u8]) -> Option<String> {
    let digest = || base64::engine::general_purpose::STANDARD.encode(Sha384::digest(bytes));
    (cache::cache_control(key) == cache::IMMUTABLE).then(|| format!("sha384-{}", digest()))
}

/// Formats a path below the root for messages.
fn shown(root: &Path, path: &Path, is_directory: bool) -> String {
    let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
    let slash = if is_directory { "/" } else { "" };
    format!("{}{slash}", names::visible(&path))
}

impl SiteFile {
    fn new(key: String, bytes: Vec<u8>) -> Self {
        Self {
            md5_hex: hex(&Md5::digest(&bytes)),
            sha256: base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&bytes)),
            content_type: content_type(&key, &bytes),
            cache_control: cache::cache_control(&key).to_owned(),
            key,
            bytes,
        }
    }
}

fn content_type(key: &str, bytes: &[u8]) -> String {
    let Some(guess) = mime_guess::from_path(key).first() else { return unknown_type(key, bytes).to_owned() };
    let is_text = guess.type_() == mime_guess::mime::TEXT
        || guess.suffix() == Some(mime_guess::mime::XML)
        || matches!(guess.subtype().as_str(), "json" | "javascript" | "manifest+json");
    if is_text { format!("{}; charset=utf-8", guess.essence_str()) } else { guess.essence_str().to_owned() }
}

/// Returns the type of an unknown extension. Well-known files have none by their standards, and are read as JSON or as text
/// (`apple-app-site-association`, ACME's tokens).
fn unknown_type(key: &str, bytes: &[u8]) -> &'static str {
    if !key.starts_with(names::WELL_KNOWN) {
        "application/octet-stream"
    } else if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() && bytes.trim_ascii_start().starts_with(b"{") {
        "application/json; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    }
}

#[cfg(test)]
mod tests;
