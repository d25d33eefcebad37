//! Empty crate that only selects features; see `Cargo.toml`.
