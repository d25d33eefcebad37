//! The strict AWS as a separate program, for measuring or trying out a client as `bench/` does.
//!
//! The program prints its address and then reads its standard input. It answers `report` by one line of JSON about the requests since the last
//! one (see [`strict_aws::report`]). It ends with its input, so it never outlives the process that started it.

use clap::Parser;
use std::{
    io::{BufRead, Write},
    process::ExitCode,
    time::Duration,
};
use strict_aws::{Config, Faults, Strict, Windows, report};

/// An AWS that takes its time, in front of a local one
///
/// Prints its address. A line `report` on standard input is answered by one line of JSON on standard output: what was asked for since the
/// last report. The end of standard input ends it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The address of the local AWS, such as `http://127.0.0.1:4566`
    upstream: String,
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
    /// How long every request is on its way, beside what the local AWS takes
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency: u64,
    /// Keeps AWS's request limits, with time passing so many times as fast
    #[arg(long, value_name = "SCALE")]
    limits: Option<f64>,
    /// Refuses and delays as AWS does, with waiting times so many times as short
    #[arg(long, value_name = "SCALE")]
    delays: Option<f64>,
    /// How long a distribution is being deployed after each change, instead of AWS's three minutes
    #[arg(long, value_name = "SECONDS", requires = "delays")]
    deploying: Option<f64>,
    /// Throttles, stumbles, loses answers and breaks connections at this share of the requests
    #[arg(long, value_name = "SHARE")]
    lossy: Option<f64>,
    /// Answers this write (counted from 1) never, and keeps the connection open
    #[arg(long, value_name = "NUMBER", conflicts_with = "lossy")]
    hang: Option<u64>,
    /// Lets requests pass that it does not recognise, rather than to refuse them
    #[arg(long)]
    pass_unknown: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let strict = match Strict::listen(&arguments.listen, &arguments.upstream, arguments.config()).await {
        Ok(strict) => strict,
        Err(error) => return failed(&format!("cannot listen at {}: {error}", arguments.listen)),
    };
    if say(strict.endpoint()).is_err() {
        return ExitCode::FAILURE;
    }
    // Reading blocks, so it runs on a thread of its own; other threads serve requests.
    let serving = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lock().lines() {
            match line?.trim() {
                "report" => say(&report(&strict.take_log()).to_string())?,
                "" => {}
                other => say(&serde_json::json!({ "error": format!("{other:?} is not known; `report` is") }).to_string())?,
            }
        }
        Ok::<(), std::io::Error>(())
    });
    match serving.await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // The reader of the output is gone.
        _ => ExitCode::FAILURE,
    }
}

impl Arguments {
    fn config(&self) -> Config {
        let windows = self.delays.map(|scale| {
            let windows = Windows::aws(scale);
            let distribution_deploying = self.deploying.map_or(windows.distribution_deploying, Duration::from_secs_f64);
            Windows { distribution_deploying, ..windows }
        });
        let faults = match (self.lossy, self.hang) {
            (Some(share), _) => Faults::Mixed { seed: SEED, share },
            (None, Some(number)) => Faults::AtWrite(number, strict_aws::Fault::Hung),
            (None, None) => Faults::None,
        };
        let latency = Duration::from_millis(self.latency);
        Config { windows, limits: self.limits, latency, faults, pass_unknown: self.pass_unknown, ..Config::default() }
    }
}

/// Seed of the faults. A fault depends on the request and this seed only, so two clients with the same requests meet the same faults.
const SEED: u64 = 1;

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[expect(clippy::print_stderr, reason = "a program for developers, with no other way to speak")]
fn failed(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(2)
}
