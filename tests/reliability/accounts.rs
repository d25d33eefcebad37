//! Accounts that no other test uses, and packages of a script.

use base64::Engine;
use liveinsight::stack::Package;
use sha2::{Digest, Sha256};
use std::{
    io::{Cursor, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};
use zip::write::SimpleFileOptions;

/// Returns a number of twelve digits: the local AWS has an account for each one that is used as an access key.
pub(crate) fn next() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 1_000_000;
    let process = u64::from(std::process::id() % 100);
    let nth = NEXT.fetch_add(1, Ordering::Relaxed) % 1000;
    format!("5{start:06}{process:02}{nth:03}")
}

/// Builds a package with this script as its program, stored in `directory`.
pub(crate) fn package(directory: &Path, script: &str) -> Package {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).unwrap();
    zip.write_all(script.as_bytes()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&zip));
    let path = directory.join(format!("{}.zip", sha256.replace('/', "_")));
    std::fs::write(&path, zip).unwrap();
    Package { sha256, path }
}
