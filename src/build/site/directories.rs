//! Addresses of directories: `/docs/` and `/docs` for `docs/index.html`.
//!
//! CloudFront serves an index page at `/` only, and S3 behind CloudFront knows no directories ("Specify a default root
//! object"). A CloudFront function could rewrite addresses, at the price of one more resource and one more call per visit. So
//! the page is also published under the key `docs/`, and a small redirect page under `docs`. With the page itself under `docs`,
//! its relative links would resolve elsewhere. Both are ordinary files of the site, so releases, caches, `rollback` and `down`
//! handle them.

use super::{SiteFile, cache};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;

/// Characters that an address carries unescaped (RFC 3986, "unreserved").
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Content type of pages.
const HTML: &str = "text/html; charset=utf-8";

/// Returns the files to publish beside `files` so that directories have addresses; `index` is the site's index page.
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

/// Builds the page at `docs` that redirects to `docs/`.
fn leading_to(directory: String) -> SiteFile {
    let name = directory.rsplit('/').next().unwrap_or(&directory);
    // The relative address works under any domain. The leading `./` keeps a name with a colon from reading as a scheme.
    let address = format!("./{}/", utf8_percent_encode(name, PLAIN));
    let text = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\">\n\
         <link rel=\"canonical\" href=\"{address}\">\n<title>Moved</title>\n<p><a href=\"{address}\">Moved here</a></p>\n"
    );
    page(directory, text.into_bytes())
}
