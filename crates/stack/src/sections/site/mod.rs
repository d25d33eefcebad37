//! `site`: static pages in a private bucket behind CloudFront.

mod check;
mod declare;

pub use declare::API_PATH;

pub(crate) use check::check;
pub(crate) use declare::declare;

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
}
