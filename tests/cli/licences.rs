//! Checks that every used crate has a licence that `deny.toml` allows: the part of `cargo deny check` that needs no further
//! program.

use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};
use std::{collections::BTreeSet, process::Command};

/// Returns the licences that `deny.toml` allows, by SPDX identifier.
fn allowed() -> BTreeSet<&'static str> {
    let list = include_str!("../../deny.toml").split_once("\nallow = [").unwrap().1.split_once(']').unwrap().0;
    list.split(',').map(|entry| entry.trim().trim_matches('"')).filter(|entry| !entry.is_empty()).collect()
}

/// Returns all packages of the workspace and its dependencies on this platform. Those of other platforms need not have been
/// downloaded.
fn packages() -> Vec<Value> {
    let rustc = Command::new("rustc").args(["--print", "host-tuple"]).output().unwrap();
    let platform = String::from_utf8(rustc.stdout).unwrap();
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", platform.trim()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let mut metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// Returns true if the expression can be met with allowed licences only.
fn is_met(licence: &str, allowed: &BTreeSet<&str>) -> bool {
    // A slash is an older way to write "or".
    let expression = Expression::parse_mode(licence, ParseMode::LAX).unwrap_or_else(|error| panic!("{licence}: {error}"));
    expression
        .evaluate(|licence: &LicenseReq| licence.addition.is_none() && licence.license.id().is_some_and(|id| allowed.contains(id.name)))
}

#[test]
fn every_crate_is_under_a_licence_that_is_allowed() {
    let allowed = allowed();
    let packages = packages();
    assert!(packages.len() > 300, "{}", packages.len());
    let licence = |package: &Value| package["license"].as_str().unwrap_or("none stated").to_owned();
    // The template of a user's function carries no licence.
    let is_template = |package: &&Value| package["manifest_path"].as_str().is_some_and(|path| path.contains("/templates/project/"));
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_template(package))
        .filter(|package| !package["license"].as_str().is_some_and(|text| is_met(text, &allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], licence(package)))
        .collect();
    assert!(refused.is_empty(), "find another crate, or allow it in deny.toml:\n{}", refused.join("\n"));
    let from = |package: &Value| package["source"].as_str().unwrap_or("here").to_owned();
    let sources: BTreeSet<String> = packages.iter().map(from).collect();
    assert_eq!(sources.len(), 2, "this workspace and one registry: {sources:?}");
}

#[test]
fn what_is_not_allowed_is_refused() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0"]);
    for (licence, met) in [
        ("MIT OR GPL-3.0-only", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("AGPL-3.0-only", false),
        ("LicenseRef-own", false),
    ] {
        assert_eq!(is_met(licence, &allowed), met, "{licence}");
    }
}
