//! Notes at the end of `up` about the product's defaults that close or open something. They appear on AWS, not on the local AWS.
//! On AWS `up` builds functions for Lambda, so these tests stand beside the builds; the account is behind a strict AWS.

use std::process::Command;
use std::time::SystemTime;

use strict_aws::{Config, Strict};

use super::{Project, link_tools};

const READING: &str = "reading is closed: no token is set";
const SITES: &str = "events are taken for any site; list yours under `environment` of collector in stack.yaml, such as SITES: default";

/// Returns a stack.yaml of a product in two functions. `readers` and `sites` are its declarations about reading and sites.
fn stack(readers: &str, sites: &str) -> String {
    format!(
        "project: notes\nregion: us-east-1\nenvironments: {{ dev: {{}} }}\n{readers}functions:\n  \
         collector: {{ source: lambdas/one, route: POST /api/events, architecture: x86_64{sites} }}\n  \
         reader: {{ source: lambdas/two, route: GET /api/realtime, architecture: x86_64 }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn up_says_that_reading_is_closed_and_that_any_site_is_taken_until_both_are_declared() {
    let project = Project::new("notes");
    link_tools(&project);
    let strict = Strict::start(&test_support::endpoint(), Config::default()).await.unwrap();
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 100_000_000;
    let account = format!("6{seconds:08}{:03}", std::process::id() % 1_000);
    let up = |readers: &str, sites: &str| {
        project.write("stack.yaml", &stack(readers, sites));
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.arg("up").current_dir(project.path("")).env_remove("AWS_PROFILE").env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI");
        command.env("AWS_ENDPOINT_URL", strict.endpoint()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", &account).env("AWS_SECRET_ACCESS_KEY", "test");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };

    let said = up("", "");
    assert!(said.contains(READING) && said.contains("name it under `secrets` of reader in stack.yaml"), "{said}");
    assert!(said.contains("READ_TOKEN_SHA256=$(printf %s \"$TOKEN\"") && said.contains("liveinsight up --env dev"), "{said}");
    assert!(said.contains("or let everybody read: `readers: public`") && said.contains(SITES), "{said}");

    // Each note appears until the file declares a value.
    let said = up("readers: public\n", "");
    assert!(!said.contains(READING) && said.contains(SITES), "{said}");
    let said = up("readers: public\n", ", environment: { SITES: shop }");
    assert!(!said.contains(READING) && !said.contains("any site"), "{said}");
}
