//! Variables of the program's environment that a build sees.

use std::collections::BTreeSet;
use std::process::Command;

use liveinsight::build::Builder;
use liveinsight::child::BuildEnvironment;

use super::{HOST, output, source};

/// Environment variable of a child process that builds once, with the directory to build in.
const CHILD: &str = "LIVEINSIGHT_TEST_SHOWS";
const NAME: &str = "build::environment::builds_see_no_credentials_but_those_that_are_named";

/// Build script that passes on the names of all variables that it sees.
const SCRIPT: &str = "fn main() {\n    let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();\n    \
    println!(\"cargo::rustc-env=SEEN={}\", names.join(\" \"));\n}\n";

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn builds_see_no_credentials_but_those_that_are_named() {
    if let Some(root) = std::env::var_os(CHILD) {
        let environment = BuildEnvironment { secrets: names(&["PAYMENT_KEY", "MAP_KEY"]), shown: names(&["MAP_KEY", "NPM_TOKEN"]) };
        let builder = Builder::new(root.as_ref(), |_| ()).within(environment);
        let packages = builder.build(&[("app".to_owned(), source("app"))].into(), None, HOST).await.unwrap();
        println!("\nCHILD {}", output(&packages["app"]).trim());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "app/Cargo.toml",
        "[package]\nname = \"environment-app\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[[bin]]\nname = \"app\"\npath = \"src/main.rs\"\n[workspace]\n",
    );
    write("app/build.rs", SCRIPT);
    write("app/src/main.rs", "fn main() {\n    println!(\"{}\", env!(\"SEEN\"));\n}\n");
    let hidden = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CI_JOB_TOKEN", "PAYMENT_KEY"];
    let shown = ["RELEASE_LABEL", "MAP_KEY", "NPM_TOKEN"];
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]).env(CHILD, directory.path());
    command.envs(hidden.iter().chain(&shown).map(|name| (name, "value")));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("CHILD "));
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let seen: BTreeSet<&str> = line.split(' ').collect();
    assert!(hidden.iter().all(|name| !seen.contains(name)), "{line}");
    assert!(shown.iter().all(|name| seen.contains(name)), "{line}");
}
