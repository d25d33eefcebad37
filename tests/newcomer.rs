//! The list of `docs/adding-a-resource.md`, followed by a script: a kind that is added in exactly these places compiles, keeps its contract on the
//! local AWS, and shows wherever kinds show.
//!
//! It compiles half of the program once more: `cargo test --test newcomer`.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};
use test_support::{
    copies::{copy_of_workspace, link_dependencies},
    workspace,
};

/// Content of a checkout that its tests need.
const PARTS: [&str; 18] = [
    ".ci",
    ".github",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "bench",
    "crates",
    "dashboard/public",
    "deny.toml",
    "docs",
    "lambdas",
    "src",
    "stack.yaml",
    "templates",
    "docs/examples",
    "tests",
];

/// New files, with their content.
const FILES: [(&str, &str); 2] = [
    ("crates/resources/src/cloudwatch/composite_alarm.rs", include_str!("newcomer/kind.rs")),
    ("crates/stack/src/sections/composite_alarms.rs", include_str!("newcomer/section.rs")),
];

/// New lines: the file, the line that they follow, and the lines.
const LINES: [(&str, &str, &str); 10] = [
    ("crates/resources/src/cloudwatch/mod.rs", "mod alarm;", "mod composite_alarm;"),
    (
        "crates/resources/src/cloudwatch/mod.rs",
        "pub use alarm::{Alarm, AlarmOutput};",
        "pub use composite_alarm::{CompositeAlarm, CompositeAlarmOutput};",
    ),
    ("crates/resources/src/lib.rs", "    Role::FACTS,", "    CompositeAlarm::FACTS,"),
    (SECTIONS, "mod api;", "mod composite_alarms;"),
    (
        SECTIONS,
        "    pub alarms: AlarmsFile,",
        "    /// Alarms on the states of other alarms: rules by name.\n    #[serde(default)]\n    pub composite_alarms: BTreeMap<String, String>,",
    ),
    (
        SECTIONS,
        "    pub alarms: Alarms,",
        "    /// Rules of composite alarms, by name.\n    pub composite_alarms: BTreeMap<String, String>,",
    ),
    (
        SECTIONS,
        "            alarms: self.alarms.resolve(&overrides.alarms),",
        "            composite_alarms: self.composite_alarms.clone(),",
    ),
    (SECTIONS, "    alarms::check(file, problems);", "    composite_alarms::check(file, problems);"),
    (SECTIONS, "    alarms::declare(declaring);", "    composite_alarms::declare(declaring);"),
    ("tests/contract/cloudwatch.rs", "", include_str!("newcomer/contract.rs")),
];

const SECTIONS: &str = "crates/stack/src/sections/mod.rs";

const STACK: &str = "project: newcomer\nregion: us-east-1\ncomposite_alarms: { all: \"FALSE\" }\n";

#[test]
fn a_kind_that_is_added_in_the_listed_places_works_and_shows_everywhere() {
    let changed: BTreeSet<&str> = FILES.iter().map(|(file, _)| *file).chain(LINES.iter().map(|(file, ..)| *file)).collect();
    assert_eq!(listed(), changed.iter().map(|file| (*file).to_owned()).collect(), "docs/adding-a-resource.md lists other files");
    assert!(changed.len() <= 6, "{changed:?}");

    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("newcomer");
    let output = workspace().join("target/newcomer");
    if root.exists() {
        fs::remove_dir_all(&root).unwrap();
    }
    copy_of_workspace(&PARTS, &root);
    for (file, content) in FILES {
        fs::write(root.join(file), content).unwrap();
    }
    for (file, after, lines) in LINES {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let added = if after.is_empty() { text + lines } else { text.replacen(&format!("{after}\n"), &format!("{after}\n{lines}\n"), 1) };
        assert!(added.contains(lines), "{file} has no line {after:?}");
        fs::write(root.join(file), added).unwrap();
    }
    link_dependencies(&output);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--workspace", "--locked", "--offline", "--test", "system", "a_composite_alarm"]).current_dir(&root);
    let tested = cargo.env("CARGO_TARGET_DIR", &output).output().unwrap();
    assert!(succeeds(&tested).contains("contract::cloudwatch::a_composite_alarm_keeps_its_contract ... ok"), "{}", text(&tested));

    let project = root.join("project");
    fs::create_dir(&project).unwrap();
    fs::write(project.join("stack.yaml"), STACK).unwrap();
    test_support::endpoint();
    test_support::end_local_aws_with_this_process(&project);
    let run = |arguments: &[&str]| {
        let mut program = Command::new(output.join("debug/liveinsight"));
        program.args(arguments).current_dir(&project).env("LIVEINSIGHT_CACHE_DIR", test_support::cache());
        succeeds(&program.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap())
    };
    let plan = run(&["plan", "--local"]);
    assert!(plan.contains("cloudwatch.composite_alarm/all") && plan.contains("a month"), "plan and cost: {plan}");
    run(&["up", "--local"]);
    let status = run(&["status", "--local", "-v"]);
    assert!(status.contains("cloudwatch.composite_alarm/all"), "{status}");
    let policy = run(&["policy", "up", "--account", "123456789012"]);
    assert!(policy.contains("cloudwatch:PutCompositeAlarm"), "{policy}");
    fs::write(project.join("stack.yaml"), STACK.replace("composite_alarms: { all: \"FALSE\" }\n", "")).unwrap();
    let plan = run(&["plan", "--local"]);
    assert!(plan.contains("- cloudwatch.composite_alarm/all"), "an orphan: {plan}");
    run(&["down", "--local", "--yes"]);
    run(&["local", "stop"]);
}

/// Returns the files in the first column of the list of places.
fn listed() -> BTreeSet<String> {
    let page = fs::read_to_string(workspace().join("docs/adding-a-resource.md")).unwrap();
    let (_, list) = page.split_once("## The places").unwrap();
    let (list, _) = list.split_once("\n## ").unwrap();
    let rows = list.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(file, _)| file.to_owned()).collect()
}

fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
