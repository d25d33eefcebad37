//! `stack.yaml` from the outside: the shipped one, others, and every kind of mistake.

use std::path::Path;

use liveinsight::stack::{Stack, StackError};

const SHIPPED: &str = include_str!("../stack.yaml");

/// Parses a text as `stack.yaml`, without looking at any file.
fn parse(text: &str, environment: Option<&str>) -> Result<Stack, StackError> {
    Stack::parse(text, "stack.yaml", Path::new("."), environment, None)
}

#[test]
fn the_shipped_file_is_sound_in_every_environment() {
    let development = parse(SHIPPED, None).unwrap();
    assert_eq!(development.environment, "dev");
    assert!(!development.protect);
    assert_eq!(development.logs.retention_days, 7);
    assert_eq!(
        (development.tables.len(), development.functions.len()),
        (2, 3)
    );
    assert_eq!(development.alarms.rules.len(), 8);
    assert!((development.api.throttle.rate - 16.67).abs() < 0.01);

    let production = parse(SHIPPED, Some("prod")).unwrap();
    assert!(production.protect);
    assert_eq!(production.logs.retention_days, 30);
    assert_eq!(production.functions, development.functions);
}
