//! Addresses of directories: `/docs/` and `/docs` for `docs/index.html`.
//!
//! CloudFront shows an index page at `/` only, and S3 asked by CloudFront knows no directories ("Specify a default root object"). A
//! CloudFront function would rewrite addresses, and is one more resource and a call of its own for every visit. So the page is published
//! once more under the key `docs/`, and under `docs` a small page that leads there: with the page itself there, its relative links would
//! lead elsewhere. Both are files of the site like any other, so releases, caches, `rollback` and `down` know them.

use super::{SiteFile, cache};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;

/// Characters that an address carries as they are (RFC 3986, "unreserved").
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The type of pages.
const HTML: &str = "text/html; charset=utf-8";

/// Returns what is published beside `files` for directories to have addresses; `index` is the site's index page.
pub(super) fn pages(files: &[SiteFile], index: &str) -> Vec<SiteFile> {
    let name = index.rsplit('/').next().unwrap_or(index);
    let taken: BTreeSet<&str> = files.iter().map(|file| file.key.as_str()).collect();
    let directory = |file: &SiteFile| Some((file.key.strip_suffix(name)?.strip_suffix('/')?.to_owned(), file.bytes.clone()));
    let directories = files.iter().filter_map(directory);
    let pages = directories.flat_map(|(directory, bytes)| [page(format!("{directory}/"), bytes), leading_to(directory)]);
    pages.filter(|page| !taken.contains(page.key.as_str())).collect()
}

fn page(key: String, bytes: Vec<u8>) -> SiteFile {
    SiteFile { content_type: HTML.to_owned(), cache_control: cache::PAGE.to_owned(), ..SiteFile::new(key, bytes) }
}

/// A page at `docs` that leads to `docs/`.
fn leading_to(directory: String) -> SiteFile {
    let name = directory.rsplit('/').next().unwrap_or(&directory);
    // Relative to where it is, so that it holds under any address. A name with a colon would be taken for a scheme.
    let address = format!("./{}/", utf8_percent_encode(name, PLAIN));
    let text = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\">\n\
         <link rel=\"canonical\" href=\"{address}\">\n<title>Moved</title>\n<p><a href=\"{address}\">Moved here</a></p>\n"
    );
    page(directory, text.into_bytes())
}
