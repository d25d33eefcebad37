//! Rules for file names: those left out, and those that cannot be published.

use std::path::{Component, Path};
use walkdir::DirEntry;

/// Longest key that S3 accepts, in bytes of UTF-8 ("Naming Amazon S3 objects"), less the prefix `site/`.
const LONGEST: usize = 1024 - 5;

/// Hidden directory that is part of a site, at the root only: browsers, phones and certificate authorities read it (RFC 8615).
pub(super) const WELL_KNOWN: &str = ".well-known";

/// Returns the reason for not publishing a file or directory; `None` if it is published.
pub(super) fn left_out(entry: &DirEntry, api: Option<&str>) -> Option<&'static str> {
    let kind = entry.file_type();
    let is_well_known = entry.depth() == 1 && entry.file_name() == WELL_KNOWN && kind.is_dir();
    if entry.depth() == 1 && kind.is_dir() && api.is_some_and(|api| entry.file_name() == api) {
        return Some("its address leads to the API");
    }
    let by_name = left_out_by_name(&entry.file_name().to_string_lossy()).filter(|_| !is_well_known);
    by_name.or_else(|| (!kind.is_dir() && !kind.is_file()).then_some("neither a file nor a directory"))
}

/// Returns the reason for leaving out a file by its name alone, such as the link that Emacs creates beside a file being edited.
pub(super) fn left_out_by_name(name: &str) -> Option<&'static str> {
    if name.starts_with('.') {
        Some("hidden")
    } else if name.ends_with('~') || (name.starts_with('#') && name.ends_with('#')) {
        Some("an editor's backup")
    } else {
        None
    }
}

/// Returns the key of a file by its path below the site's directory; an error names the file and its problem.
pub(super) fn key(path: &Path) -> Result<String, String> {
    let part = |component: Component<'_>| component.as_os_str().to_str().map(str::to_owned);
    let parts: Option<Vec<String>> = path.components().map(part).collect();
    let Some(parts) = parts else { return Err(format!("\"{}\" (not UTF-8)", path.as_os_str().as_encoded_bytes().escape_ascii())) };
    let key = parts.join("/");
    // S3 accepts these characters. But XML, in which S3 lists objects, cannot carry them, and tools cannot remove what they
    // cannot list.
    if key.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err(format!("{key:?} (a control character)"));
    }
    if key.len() > LONGEST {
        let begin: String = key.chars().take(60).collect();
        return Err(format!("{begin:?}… ({} bytes long, and S3 takes {LONGEST})", key.len()));
    }
    Ok(key)
}

/// Returns a name without terminal control characters.
pub(super) fn visible(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}
