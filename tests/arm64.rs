//! The handlers as Lambda runs them, and the program as released: built with a separate Rust, run on an emulated processor.
//!
//! `up` on AWS builds for arm64, and few development machines can build or run such programs. So the test makes a Debian in a folder
//! ([`debian`]). There the real program builds and deploys to a strict AWS, and the test starts the built programs under qemu.
//! `docs/releasing.md` lists the requirements; a missing one fails the test.
//!
//! `cargo test --test arm64 -- --nocapture` also prints sizes and times.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]
#![allow(clippy::print_stdout, reason = "sizes and times are shown on request")]

#[allow(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "reliability/accounts.rs"]
mod accounts;
#[path = "arm64/debian.rs"]
mod debian;
#[allow(dead_code, reason = "shared with the end-to-end tests, which use more of it")]
#[path = "e2e/project.rs"]
mod project;
#[path = "../lambdas/shared/tests/support/mod.rs"]
mod support;
#[path = "arm64/tls.rs"]
mod tls;

use base64::Engine;
use debian::{Debian, succeed, text};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Instant, SystemTime},
};
use strict_aws::{Config, Strict};
use support::runtime::{Function, proxy_event};
use test_support::{elf, workspace};
use tls::Front;

const FUNCTIONS: [&str; 3] = ["event-collector", "realtime-api", "stats-api"];
/// Minor version of the glibc in `provided.al2023`, which is 2.34.
const LAMBDA_GLIBC: u32 = 34;
/// Limit of a program in bytes. Rust 1.97 made a program of 7.0 MB and a zip of 2.9 MB; larger ones start more slowly.
const LARGEST_PROGRAM: u64 = 8_500_000;
const LARGEST_ZIP: u64 = 3_500_000;

/// Returns the folder, which the tests of this file share.
fn debian() -> &'static Debian {
    static DEBIAN: OnceLock<Debian> = OnceLock::new();
    DEBIAN.get_or_init(Debian::open)
}

/// Checkout in a home directory in the folder. The downloads and builds of its cargo stay below `target/`.
struct Home {
    name: &'static str,
    project: tempfile::TempDir,
    kept: PathBuf,
}

impl Home {
    fn new(name: &'static str) -> Self {
        let project = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        test_support::copies::copy_of_workspace(project::PARTS, project.path());
        // One installation of zig for all.
        fs::create_dir(project.path().join(".liveinsight")).unwrap();
        symlink("/tools", project.path().join(".liveinsight/tools")).unwrap();
        let kept = workspace().join("target/arm64").join(name);
        fs::create_dir_all(&kept).unwrap();
        Self { name, project, kept }
    }

    /// Runs the program in the checkout as on AWS, and returns the document or the last event that it printed.
    fn ok(&self, account: &str, strict: &Strict, arguments: &[&str]) -> Value {
        let home = format!("/home/{}", self.name);
        let project = format!("{home}/project");
        let program = Path::new(env!("CARGO_BIN_EXE_liveinsight")).parent().unwrap();
        let tools = workspace().join("target/arm64/tools");
        fs::create_dir_all(&tools).unwrap();
        let folders = [(&*self.kept, &*home), (self.project.path(), &*project), (program, "/program"), (&*tools, "/tools")];
        let mut inside = vec!["env", "--chdir", &project, "/program/liveinsight"];
        inside.extend(arguments);
        let mut command = debian().enter(&folders, &inside);
        command.env("HOME", &home).env("CARGO_TARGET_DIR", format!("{home}/target")).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs([("AWS_ENDPOINT_URL", strict.endpoint()), ("AWS_ACCESS_KEY_ID", account), ("AWS_SECRET_ACCESS_KEY", "test")]);
        let output = succeed("liveinsight", &mut command);
        let said = text(&output.stdout);
        serde_json::from_str(&said).or_else(|_| serde_json::from_str(said.lines().last().unwrap_or_default())).unwrap()
    }

    /// Path of the only package of a function.
    fn zip(&self, function: &str) -> PathBuf {
        let files = fs::read_dir(self.project.path().join(".liveinsight/build/arm64")).unwrap().map(|entry| entry.unwrap().path());
        let is_package = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(&format!("{function}-")) && name.ends_with(".zip")
        };
        let found: Vec<PathBuf> = files.filter(is_package).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_builds_handlers_for_arm64_that_answer_as_they_should() {
    let (account, home) = (accounts::next(), Home::new("first"));
    let strict = Strict::start(&test_support::endpoint(), Config::default()).await.unwrap();
    let started = Instant::now();
    let said = home.ok(&account, &strict, &["up", "--format", "json"]);
    println!("up: {:.0} s, {said}", started.elapsed().as_secs_f64());

    let unpacked = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for function in FUNCTIONS {
        let zip = home.zip(function);
        let program = unpack(&zip, unpacked.path(), function);
        let (size, packed, glibc) = (length(&program), length(&zip), elf::newest_glibc(&program));
        println!("{function}: bootstrap {size} bytes, zip {packed} bytes, newest symbol GLIBC_2.{glibc}");
        assert_eq!(elf::machine(&program), elf::AARCH64, "{function}");
        assert!((1..=LAMBDA_GLIBC).contains(&glibc), "{function} needs GLIBC_2.{glibc}");
        assert!(size <= LARGEST_PROGRAM && packed <= LARGEST_ZIP, "{function}: {size} bytes, {packed} packed");
        let deployed = deployed(&account, function).await;
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(fs::read(&zip).unwrap()));
        assert_eq!(deployed, json!([["arm64"], "provided.al2023", digest]), "{function}");
    }

    let local = test_support::endpoint();
    let call = |endpoint: &str, authority: Option<&Path>| Site {
        programs: unpacked.path().to_owned(),
        account: account.clone(),
        endpoint: endpoint.to_owned(),
        authority: authority.map(Path::to_owned),
    };
    call(&local, None).serves_visitors(1).await;
    let front = Front::start(debian(), &unpacked.path().join("tls"), &local).await;
    call(&front.endpoint, Some(&front.authority)).serves_visitors(2).await;
    assert_eq!(front.sessions(), ["Some(TLSv1_3)"]);
    // Without the authority's certificate the handler trusts no server.
    let mut function = call(&front.endpoint, None).start("realtime-api").await;
    let refused = answer(&mut function, proxy_event("GET", "/api/realtime", &json!({}), None)).await;
    assert_eq!((&refused[0], front.sessions()), (&json!(503), vec![]), "{refused}");
}

/// Functions of a deployed stack, as Lambda would start them.
struct Site {
    programs: PathBuf,
    account: String,
    endpoint: String,
    authority: Option<PathBuf>,
}

impl Site {
    async fn start(&self, function: &str) -> Function {
        let mut command = debian().emulate(&self.programs.join(function).join("bootstrap"));
        command.envs([("AWS_ACCESS_KEY_ID", &self.account), ("AWS_ENDPOINT_URL", &self.endpoint)]);
        command.envs([("EVENTS_TABLE", "liveinsight-events-dev"), ("SESSIONS_TABLE", "liveinsight-sessions-dev")]);
        if let Some(authority) = &self.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        Function::run(command.into()).await
    }

    /// Sends the events of the `nth` visitor, and reads the statistics of all visitors.
    async fn serves_visitors(&self, nth: u64) {
        let now = u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let event = |kind: &str, age: u64| {
            json!({"session_id": format!("session-{nth:04}"), "timestamp": now - age, "event_type": kind, "referrer": "",
                "page_url": "https://shop.example/arm", "user_agent": "Mozilla/5.0 (X11; Linux)"})
        };
        let batch = json!({"batch_id": format!("b{nth}"), "sent_at": now, "events": [event("page_view", 2000), event("click", 1000)]});
        let post = |body: &str| proxy_event("POST", "/api/events", &json!({}), Some(body));
        let started = Instant::now();
        let mut collector = self.start("event-collector").await;
        let taken = answer(&mut collector, post(&batch.to_string())).await;
        println!("{}: first answer after {:.2} s", self.endpoint, started.elapsed().as_secs_f64());
        let expected = |duplicate: bool| {
            json!({"processed_events": 2, "rejected": [], "duplicate": duplicate, "session_updated": !duplicate,
                "new_session": !duplicate, "ignored": 0})
        };
        assert_eq!(taken, json!([200, expected(false)]));
        let again = answer(&mut collector, post(&batch.to_string())).await;
        assert_eq!((&again[0], &again[1]["duplicate"]), (&json!(200), &json!(true)), "{again}");
        assert_eq!(answer(&mut collector, post("{")).await[0], 400);

        let mut realtime = self.start("realtime-api").await;
        let seen = answer(&mut realtime, proxy_event("GET", "/api/realtime", &json!({}), None)).await;
        assert_eq!((&seen[0], &seen[1]["active_users"]), (&json!(200), &json!(nth)), "{seen}");
        assert_eq!(seen[1]["current_pages"], json!({"/arm": nth}), "{seen}");
        assert_eq!(answer(&mut realtime, proxy_event("POST", "/api/realtime", &json!({}), Some("{}"))).await[0], 405);

        let mut stats = self.start("stats-api").await;
        let query = |period: &str| proxy_event("GET", "/api/stats", &json!({"period": period, "limit": "3"}), None);
        let seen = answer(&mut stats, query("hour")).await;
        assert_eq!((&seen[0], &seen[1]["summary"]["total_pageviews"]), (&json!(200), &json!(nth)), "{seen}");
        assert_eq!(seen[1]["top_pages"], json!([{"url": "/arm", "views": nth, "percentage": 100.0}]), "{seen}");
        assert_eq!(answer(&mut stats, query("year")).await[0], 400);
        for function in [collector, realtime, stats] {
            function.kill().await;
        }
    }
}

/// Returns the status and the data of a function's response.
async fn answer(function: &mut Function, event: Value) -> Value {
    let response = function.invoke(event).await["response"].take();
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap_or("null")).unwrap();
    json!([response["statusCode"], body["data"]])
}

/// Returns the architectures, the runtime and the code digest that Lambda has of a function.
async fn deployed(account: &str, function: &str) -> Value {
    let credentials = aws_sdk_lambda::config::Credentials::new(account, "test", None, None, "tests");
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .endpoint_url(test_support::endpoint())
        .region(aws_sdk_lambda::config::Region::new("us-east-1"))
        .credentials_provider(credentials);
    let client = aws_sdk_lambda::Client::from_conf(config.build());
    let name = format!("liveinsight-{function}-dev");
    let kept = client.get_function_configuration().function_name(&name).send().await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let processors: Vec<&str> = kept.architectures().iter().map(|processor| processor.as_str()).collect();
    json!([processors, kept.runtime().map(|runtime| runtime.as_str()), kept.code_sha256()])
}

/// Unpacks a package, which holds only the program.
fn unpack(zip: &Path, directory: &Path, function: &str) -> PathBuf {
    let mut archive = zip::ZipArchive::new(fs::File::open(zip).unwrap()).unwrap();
    assert_eq!(archive.file_names().map(|name| name.unwrap().into_owned()).collect::<Vec<_>>(), ["bootstrap"], "{function}");
    let program = directory.join(function).join("bootstrap");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::io::copy(&mut archive.by_index(0).unwrap(), &mut fs::File::create(&program).unwrap()).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

#[test]
fn a_released_program_is_static_and_starts_without_a_system() {
    const TARGET: &str = "x86_64-unknown-linux-musl";
    let kept = workspace().join("target/arm64/release");
    fs::create_dir_all(&kept).unwrap();
    let started = Instant::now();
    let mut release = debian().enter(&[(&workspace(), "/project"), (&kept, "/release")], &["/project/.ci/release", TARGET]);
    release.envs([("CARGO_HOME", "/release/cargo"), ("CARGO_TARGET_DIR", "/release/target")]);
    // Debian has no standard library for musl. SOURCE_DATE_EPOCH is the modification time of files in the archive.
    release.envs([("LIVEINSIGHT_BUILD_STD", "1"), ("SOURCE_DATE_EPOCH", "1000000000")]);
    succeed(".ci/release", &mut release);

    let name = format!("liveinsight-{}-{TARGET}", env!("CARGO_PKG_VERSION"));
    let archive = kept.join(format!("target/dist/{name}.tar.gz"));
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    succeed("tar", Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(directory.path()));
    let program = directory.path().join(&name).join("liveinsight");
    println!("release: {:.0} s, program {} bytes, archive {} bytes", started.elapsed().as_secs_f64(), length(&program), length(&archive));
    assert_eq!(elf::machine(&program), elf::X86_64);
    assert!(elf::is_static(&program), "{}", program.display());
    // The directory holds only the program: no library, no linker, no /proc.
    let alone = directory.path().join("alone");
    fs::create_dir(&alone).unwrap();
    fs::copy(&program, alone.join("liveinsight")).unwrap();
    let mut chroot = Command::new("chroot");
    // PATH is for finding chroot itself; the program sees nothing else of the environment.
    chroot.arg(&alone).args(["/liveinsight", "--version"]).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let said = succeed("the released program", &mut chroot);
    assert_eq!(text(&said.stdout), format!("liveinsight {}\n", env!("CARGO_PKG_VERSION")));
}
