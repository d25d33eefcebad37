//! Packages that something else has built.

use std::fs::File;
use std::path::Path;

use super::{
    BuildError, LARGEST_UNPACKED, LARGEST_ZIP,
    evidence::fingerprint,
    pack::{self, MEGABYTE},
    store::Store,
};
use crate::{
    home,
    stack::{BOOTSTRAP, Package, Prebuilt},
};

/// Checks a package as Lambda will, and keeps a copy: a later build may replace the file while it is being uploaded.
pub fn prebuilt(root: &Path, function: &str, package: &Prebuilt) -> Result<Package, BuildError> {
    let path = root.join(&package.path);
    let wrong = |reason: String| BuildError::Package { function: function.to_owned(), path: package.path.clone(), reason };
    let read = |source| BuildError::Read { path: path.clone(), source };
    let size = std::fs::metadata(&path).map_err(read)?.len();
    if size > LARGEST_ZIP {
        return Err(wrong(format!("it is {} MB, Lambda takes {} MB in a request", size.div_ceil(MEGABYTE), LARGEST_ZIP / MEGABYTE)));
    }
    let not_zip = |error: zip::result::ZipError| wrong(format!("it is no zip that Lambda can read: {error}"));
    let mut zip = zip::ZipArchive::new(File::open(&path).map_err(read)?).map_err(not_zip)?;
    let mut unpacked = 0;
    for index in 0..zip.len() {
        unpacked += zip.by_index_raw(index).map_err(not_zip)?.size();
    }
    if unpacked > LARGEST_UNPACKED {
        let (size, limit) = (unpacked.div_ceil(MEGABYTE), LARGEST_UNPACKED / MEGABYTE);
        return Err(wrong(format!("it is {size} MB when unpacked, Lambda takes {limit} MB")));
    }
    if package.starts_bootstrap() && zip.index_for_name(BOOTSTRAP).is_none() {
        return Err(wrong(format!("it has no file `{BOOTSTRAP}` at its top, which {} starts", package.runtime)));
    }
    let content = std::fs::read(&path).map_err(read)?;
    let sha256 = pack::code_sha256(&content[..]).map_err(read)?;
    let store = Store { directory: home::of(root).join("build").join("packages") };
    store.create()?;
    // A key ends in a digest, so that none is a prefix of another.
    let key = format!("{function}-{}", fingerprint(function.as_bytes()));
    let kept = store.keep(&key, &content, sha256);
    store.clear([key.as_str()]);
    kept
}
