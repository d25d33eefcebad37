//! `strict-aws LISTEN UPSTREAM [SCALE]`: a strict AWS at `LISTEN` (`127.0.0.1:4570`) in front of the local one at `UPSTREAM`
//! (`http://127.0.0.1:4566`), with AWS's own waiting times and limits, `SCALE` times as fast. Runs until it is stopped.

use std::process::ExitCode;
use strict_aws::{Config, Strict, Windows};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (listen, upstream, scale) = match &arguments[..] {
        [listen, upstream] => (listen, upstream, Ok(1.0)),
        [listen, upstream, scale] => (listen, upstream, scale.parse()),
        _ => return usage("strict-aws LISTEN UPSTREAM [SCALE]"),
    };
    let Ok(scale) = scale else { return usage("SCALE is a number, such as 100") };
    let config = Config { windows: Some(Windows::aws(scale)), limits: Some(scale), ..Config::default() };
    match Strict::listen(listen, upstream, config).await {
        Ok(_strict) => std::future::pending().await,
        Err(error) => usage(&format!("cannot listen at {listen}: {error}")),
    }
}

#[expect(clippy::print_stderr, reason = "a program for developers, with no other way to speak")]
fn usage(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(2)
}
