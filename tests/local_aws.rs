//! Life cycle of the local AWS: start, use, stop, start again, crash, reset. All tests run the real server.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

#[path = "local_aws/web.rs"]
mod web;

use std::sync::Mutex;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use liveinsight::local::{ACCESS_KEY_ID, Home, LocalAws};

/// Project directory. Its server ends with the test, also if the test fails.
struct Project {
    directory: tempfile::TempDir,
    home: Home,
}

impl Project {
    /// Makes a project that shares one installation with the other tests. The first of them installs it.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::with_cache(directory.path(), &test_support::cache());
        test_support::end_local_aws_with_this_process(directory.path());
        Self { directory, home }
    }

    async fn start(&self) -> LocalAws {
        self.home.start(&|_| ()).await.unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let home = self.home.clone();
        // In a separate thread, because this code runs inside the test's runtime.
        let stop = move || tokio::runtime::Runtime::new().unwrap().block_on(home.reset());
        std::thread::spawn(stop).join().unwrap().unwrap();
    }
}

fn dynamodb(aws: &LocalAws) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&aws.endpoint)
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, aws.secret_access_key.expose(), None, None, "test"))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

async fn create_table(aws: &LocalAws, name: &str) {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build().unwrap();
    let create = dynamodb(aws).create_table().table_name(name).key_schema(key).attribute_definitions(attribute);
    create.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
}

async fn tables(aws: &LocalAws) -> Vec<String> {
    dynamodb(aws).list_tables().send().await.unwrap().table_names().to_vec()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn nothing_is_running_in_a_new_project() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::new(directory.path());
    assert_eq!(home.status().await.unwrap(), None);
    assert!(!home.stop().await.unwrap());
    home.reset().await.unwrap();
    assert!(!directory.path().join(".liveinsight").exists(), "asking must not write");
}

#[tokio::test]
async fn starting_twice_finds_the_first() {
    let project = Project::new();
    let first = project.start().await;
    assert_eq!(project.start().await, first);
    assert_eq!(project.home.status().await.unwrap(), Some(first));
}

#[tokio::test]
async fn starting_at_the_same_time_starts_one() {
    let project = Project::new();
    let (one, other) = tokio::join!(project.start(), project.start());
    assert_eq!(one, other);
}

#[tokio::test]
async fn state_and_address_survive_a_stop_and_not_a_reset() {
    let project = Project::new();
    let first = project.start().await;
    create_table(&first, "kept").await;
    assert!(project.home.stop().await.unwrap());
    assert_eq!(project.home.status().await.unwrap(), None);
    assert!(!project.home.stop().await.unwrap(), "it is stopped already");

    let second = project.start().await;
    assert_eq!((second.port, tables(&second).await), (first.port, vec!["kept".to_owned()]));
    assert_ne!(second.pid, first.pid);

    project.home.reset().await.unwrap();
    assert_eq!(project.home.status().await.unwrap(), None);
    let third = project.start().await;
    assert_eq!(tables(&third).await, Vec::<String>::new());
}

#[tokio::test]
async fn two_projects_do_not_see_each_other() {
    let (one, other) = (Project::new(), Project::new());
    let (first, second) = (one.start().await, other.start().await);
    assert_ne!(first.port, second.port);
    create_table(&first, "of-the-first").await;
    assert!(tables(&second).await.is_empty());
    assert!(one.home.stop().await.unwrap());
    assert_eq!(other.home.status().await.unwrap(), Some(second));
}

#[tokio::test]
async fn a_killed_server_is_replaced() {
    let project = Project::new();
    let first = project.start().await;
    create_table(&first, "before").await;
    assert!(project.home.stop().await.unwrap());
    let second = project.start().await;
    kill(second.pid);
    let third = project.start().await;
    assert_ne!(third.pid, second.pid);
    assert_eq!((third.port, tables(&third).await), (first.port, vec!["before".to_owned()]));
}

#[tokio::test]
async fn a_server_that_hangs_is_replaced() {
    let project = Project::new();
    let first = project.start().await;
    let pid = rustix::process::Pid::from_raw(first.pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let told = Mutex::new(Vec::new());
    let second = project.home.start(&|line| told.lock().unwrap().push(line.to_owned())).await.unwrap();
    assert_ne!(second.pid, first.pid);
    assert!(told.lock().unwrap().iter().any(|line| line.contains("does not answer")), "{told:?}");
}

#[tokio::test]
async fn a_taken_port_means_another_one() {
    let project = Project::new();
    let first = project.start().await;
    assert!(project.home.stop().await.unwrap());
    let taken = std::net::TcpListener::bind(("127.0.0.1", first.port)).unwrap();
    let second = project.start().await;
    assert_ne!(second.port, taken.local_addr().unwrap().port());
    assert!(tables(&second).await.is_empty());
}

#[tokio::test]
async fn a_stale_or_damaged_record_is_no_obstacle() {
    let project = Project::new();
    let record = project.directory.path().join(".liveinsight/aws/server.json");
    std::fs::create_dir_all(record.parent().unwrap()).unwrap();
    // The record names a process that is not the server: this test. The program must not end it.
    std::fs::write(&record, format!("{{\"port\": 9, \"pid\": {}}}", std::process::id())).unwrap();
    assert!(!project.home.stop().await.unwrap());
    std::fs::write(&record, "{\"port\": 2").unwrap();
    assert_eq!(project.home.status().await.unwrap(), None);
    let started = project.start().await;
    assert_eq!(project.home.status().await.unwrap(), Some(started));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    // A file at this path stops every user, also root, for which permissions do not count.
    std::fs::write(directory.path().join(".liveinsight"), "in the way").unwrap();
    let error = Home::new(directory.path()).start(&|_| ()).await.unwrap_err().to_string();
    assert!(error.contains(".liveinsight/aws") && error.contains("writable"), "{error}");
}

#[tokio::test]
async fn it_does_not_get_this_programs_interrupt() {
    let project = Project::new();
    let aws = project.start().await;
    let pid = rustix::process::Pid::from_raw(aws.pid.try_into().unwrap()).unwrap();
    // A terminal's Ctrl-C goes to a process group.
    assert_eq!(rustix::process::getpgid(Some(pid)).unwrap(), pid);
    assert_ne!(rustix::process::getpgrp(), pid);
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let project = Project::new();
    let aws = project.start().await;
    // 127.0.0.2 is this machine, too, but not the address that the server listens on.
    assert!(std::net::TcpStream::connect(("127.0.0.1", aws.port)).is_ok());
    assert!(std::net::TcpStream::connect(("127.0.0.2", aws.port)).is_err());
}

/// Returns the content of `server.json`.
fn remembered(directory: &std::path::Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(directory.join(".liveinsight/aws/server.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn two_projects_share_one_installation_and_keep_their_own_state() {
    let (one, other) = (Project::new(), Project::new());
    tokio::join!(one.start(), other.start());
    let [first, second] = [&one, &other].map(|project| remembered(project.directory.path())["venv"].clone());
    assert_eq!(first, second);
    assert!(first.as_str().unwrap().starts_with(&*test_support::cache().to_string_lossy()), "{first}");
    for project in [&one, &other] {
        assert!(!project.directory.path().join(".liveinsight/aws/venv").exists());
        assert!(project.directory.path().join(".liveinsight/aws/state").is_dir());
    }
}

#[tokio::test]
async fn another_projects_server_is_not_taken_for_ones_own() {
    let (one, other) = (Project::new(), Project::new());
    let (first, second) = (one.start().await, other.start().await);
    // As after a restart of the machine: the recorded process id now belongs to the other project's server.
    let record = one.directory.path().join(".liveinsight/aws/server.json");
    assert!(one.home.stop().await.unwrap());
    std::fs::write(&record, format!("{{\"port\": {}, \"pid\": {}}}", first.port, second.pid)).unwrap();
    assert!(!one.home.stop().await.unwrap());
    assert_eq!(other.home.status().await.unwrap(), Some(second));
}

#[tokio::test]
async fn a_server_of_another_installation_is_started_again() {
    let project = Project::new();
    let first = project.start().await;
    create_table(&first, "kept").await;
    let record = project.directory.path().join(".liveinsight/aws/server.json");
    let mut server = remembered(project.directory.path());
    server["venv"] = "/of/an/earlier/version".into();
    std::fs::write(&record, server.to_string()).unwrap();
    let second = project.start().await;
    assert_ne!(second.pid, first.pid);
    assert_eq!(tables(&second).await, ["kept"]);
}

#[tokio::test]
async fn an_installation_in_the_project_of_an_earlier_version_is_removed() {
    let project = Project::new();
    let earlier = project.directory.path().join(".liveinsight/aws/venv");
    std::fs::create_dir_all(earlier.join("bin")).unwrap();
    project.start().await;
    assert!(!earlier.exists());
}

#[tokio::test]
async fn a_server_without_a_guard_is_replaced_by_one_with() {
    let project = Project::new();
    let first = project.start().await;
    create_table(&first, "kept").await;
    let record = project.directory.path().join(".liveinsight/aws/server.json");
    let mut server = remembered(project.directory.path());
    // As an earlier version wrote the record: it started the server without a front.
    server.as_object_mut().unwrap().remove("front").unwrap();
    std::fs::write(&record, server.to_string()).unwrap();
    let second = project.start().await;
    assert_ne!(second.pid, first.pid);
    assert_eq!((second.port, tables(&second).await), (first.port, vec!["kept".to_owned()]));
}

#[tokio::test]
async fn another_python_on_the_path_does_not_restart_it() {
    let project = Project::new();
    let first = project.start().await;
    let record = project.directory.path().join(".liveinsight/aws/server.json");
    let mut server = remembered(project.directory.path());
    // The same packages, installed for a Python that is no longer the first on PATH.
    let other = project.directory.path().join("venv");
    std::os::unix::fs::symlink(std::fs::canonicalize(server["venv"].as_str().unwrap()).unwrap(), &other).unwrap();
    server["venv"] = other.to_string_lossy().into();
    std::fs::write(&record, server.to_string()).unwrap();
    assert_eq!(project.start().await, first);
    std::fs::remove_file(&other).unwrap();
    assert_ne!(project.start().await.pid, first.pid, "that installation is gone");
}

#[tokio::test]
async fn a_server_whose_home_is_deleted_ends() {
    let project = Project::new();
    let aws = project.start().await;
    std::fs::remove_dir_all(project.directory.path().join(".liveinsight")).unwrap();
    let patience = std::time::Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", aws.port)).is_ok() {
        assert!(patience.elapsed() < std::time::Duration::from_mins(1), "it still runs");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(!project.directory.path().join(".liveinsight").exists(), "it wrote its state");
}

#[tokio::test]
async fn each_home_has_a_secret_that_stays() {
    let (one, other) = (Project::new(), Project::new());
    let (first, second) = (one.start().await, other.start().await);
    assert_ne!(first.secret_access_key, second.secret_access_key);
    let mode = |name: &str| {
        let about = std::fs::metadata(one.directory.path().join(".liveinsight/aws").join(name)).unwrap();
        std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777
    };
    assert_eq!(["secret", "front.py"].map(mode), [0o600; 2]);
    one.home.reset().await.unwrap();
    assert_eq!(one.start().await.secret_access_key, first.secret_access_key);
}

/// Runs the program in a project, and returns its output.
fn run(project: &Project, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_liveinsight"));
    let output =
        command.args(arguments).current_dir(&project.directory).env("LIVEINSIGHT_CACHE_DIR", test_support::cache()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn it_is_restarted_and_its_status_lets_other_clients_in() {
    let project = Project::new();
    std::fs::write(project.directory.path().join("stack.yaml"), "project: shop\nregion: eu-west-1\n").unwrap();
    run(&project, &["local", "start"]);
    let first = project.home.status().await.unwrap().unwrap();
    create_table(&first, "kept").await;
    run(&project, &["local", "restart"]);
    let second = project.home.status().await.unwrap().unwrap();
    assert_ne!(second.pid, first.pid);
    assert_eq!((second.port, tables(&second).await), (first.port, vec!["kept".to_owned()]));

    let status = run(&project, &["local", "status"]);
    let document: serde_json::Value = serde_json::from_str(&run(&project, &["local", "status", "--format", "json"])).unwrap();
    for (name, value) in second.environment("eu-west-1") {
        assert!(status.contains(&format!("export {name}={value}\n")), "{name} is not in {status}");
        assert_eq!(document["environment"][name], value);
    }
}
