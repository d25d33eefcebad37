//! The local AWS that all tests share: started by the first that asks, with its own home below `target/`, and left running for the next
//! run. Each test uses names of its own.

use liveinsight::local::Home;
use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// An endpoint to use instead, such as `http://127.0.0.1:4566`.
pub const ENDPOINT: &str = "LIVEINSIGHT_TEST_AWS";

/// The workspace's root.
pub fn workspace() -> PathBuf {
    let support = Path::new(env!("CARGO_MANIFEST_DIR"));
    support.ancestors().nth(2).unwrap_or(support).to_owned()
}

/// Where every AWS service answers.
///
/// # Panics
/// If the local AWS cannot be installed or started: a test without it could not say anything.
pub fn endpoint() -> String {
    static STARTED: OnceLock<String> = OnceLock::new();
    STARTED.get_or_init(|| std::env::var(ENDPOINT).unwrap_or_else(|_| start())).clone()
}

fn start() -> String {
    let home = workspace().join("target/test-aws");
    std::fs::create_dir_all(&home).expect("target/ can be written");
    // A thread of its own: the caller may be on a runtime already.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let started = runtime.block_on(Home::new(&home).start(&|_| {}));
        started.unwrap_or_else(|error| panic!("the tests' local AWS does not start: {error}")).endpoint
    })
    .join()
    .expect("the local AWS starts")
}
