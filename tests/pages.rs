//! What visitors load stays small: the script tag that they do not see, and the dashboard.

use flate2::{Compression, write::GzEncoder};
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
fn the_dashboard_is_at_most_45_kilobytes() {
    let bytes = gzipped(&["index.html", "style.css", "app.js", "icon.svg"]);
    assert!(bytes <= 45 * 1_024, "{bytes}");
}
