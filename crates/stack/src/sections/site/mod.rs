//! `site`: static pages in a private bucket behind CloudFront.

mod check;
mod declare;
mod headers;

pub use declare::API_PATH;

pub(crate) use check::check;
pub(crate) use declare::declare;
pub(crate) use headers::too_many as too_many_headers;

use super::empty_is_default;
use crate::values::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Static pages behind CloudFront.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// Directory of the pages, relative to this file. "What is published" below lists the files that are published.
    pub source: String,
    /// Page to show at /, relative to `source`. A directory with a page of that name is served under its own address. Default: index.html.
    pub index: Option<String>,
    /// Page to show in place of a missing page, relative to `source`.
    pub error_page: Option<String>,
    /// Pages by the name of the output that has their address: `tracker_url: liveinsight.js`. For a script, `outputs` also prints the tag,
    /// with `integrity` if the file's name has a digest of its content.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// Headers of every page and file, `error_page` included: `Content-Security-Policy: "default-src 'self'"`. They come beside the usual ones
    /// (X-Frame-Options and others, see docs/security.md) or in place of them. Answers of the API keep theirs. Default: only the usual ones.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub headers: BTreeMap<String, Text>,
}

impl SiteFile {
    /// Returns the page to show at /.
    pub(crate) fn index(&self) -> &str {
        self.index.as_deref().unwrap_or("index.html")
    }

    pub(crate) fn resolve(&self) -> Site {
        Site {
            source: self.source.clone().into(),
            index: self.index().to_owned(),
            error_page: self.error_page.clone(),
            outputs: self.outputs.clone(),
            headers: headers::resolve(&self.headers),
        }
    }
}

/// Static pages of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The directory of the pages, relative to [`Stack::root`](crate::Stack::root).
    pub source: PathBuf,
    /// Page that `/` shows, relative to `source`.
    pub index: String,
    /// Page in place of a missing one, relative to `source`.
    pub error_page: Option<String>,
    /// Pages with an address among the outputs, by the output's name.
    pub outputs: BTreeMap<String, String>,
    /// Headers of all answers but the API's: values by name, in the form in which CloudFront sends them.
    pub headers: BTreeMap<String, String>,
}
