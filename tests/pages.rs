//! What visitors load stays small: the script tag that they do not see, and the dashboard.

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{io::Write, path::Path};

/// The bytes of these published files together, each compressed as well as gzip can.
fn gzipped(files: &[&str]) -> usize {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/public");
    let compressed = |file: &&str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&std::fs::read(published.join(file)).expect("it is published")).expect("memory takes it");
        encoder.finish().expect("memory takes it").len()
    };
    files.iter().map(compressed).sum()
}

#[test]
fn the_tracker_is_at_most_two_kilobytes() {
    let bytes = gzipped(&["liveinsight.js"]);
    assert!(bytes <= 2_048, "{bytes}");
}

#[test]
fn the_pinned_tracker_is_the_current_one_and_named_by_its_content() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tracker = std::fs::read(root.join("dashboard/public/liveinsight.js")).expect("it is published");
    let digest = Sha256::digest(&tracker).iter().take(6).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let name = format!("liveinsight-{}.{digest}.js", env!("CARGO_PKG_VERSION"));
    let pinned = std::fs::read(root.join("dashboard/public").join(&name));
    assert_eq!(pinned.ok(), Some(tracker), "{name} is not there or another: run `npm run build` in dashboard/");
    let stack = std::fs::read_to_string(root.join("stack.yaml")).expect("it is there");
    assert!(stack.contains(&format!("tracker_pinned_url: {name}")), "stack.yaml has to name {name}");
}

#[test]
fn the_dashboard_is_at_most_45_kilobytes() {
    let bytes = gzipped(&["index.html", "style.css", "app.js", "icon.svg"]);
    assert!(bytes <= 45 * 1_024, "{bytes}");
}
