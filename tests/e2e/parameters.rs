//! Tests of a secret in a parameter of Systems Manager: the change to it, and a rotation without a run of the program.

use super::{Project, outputs, project::Run, request};
use liveinsight::{aws::Connection, aws::Target, local::ACCESS_KEY_ID, local::ACCOUNT_ID};
use std::{collections::HashMap, thread::sleep, time::Duration};

const FUNCTION: &str = "liveinsight-realtime-api-dev";
const NAME: &str = "/liveinsight/dev/READ_TOKEN_SHA256";
/// `printf one | sha256sum` and `printf two | sha256sum`.
const HASHES: [&str; 2] = [
    "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
    "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",
];

/// Returns the version behind the function's alias, and its variables.
fn served(project: &Project) -> (String, HashMap<String, String>) {
    let (endpoint, secret) = (project.endpoint(), test_support::secret(project.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = Connection::endpoint("us-east-1", &endpoint, ACCESS_KEY_ID, &secret).await;
        let aws = liveinsight::resources::connect(&connection, Target::aws("aws", "us-east-1", ACCOUNT_ID), "liveinsight/dev".to_owned());
        let answer = aws.lambda.get_function_configuration().function_name(FUNCTION).qualifier("live").send().await.unwrap();
        (answer.version.unwrap(), answer.environment.unwrap().variables.unwrap())
    })
}

/// Runs a command, with a value of the secret in its environment if there is one, and asserts that no value is displayed.
fn silent(project: &Project, arguments: &[&str], value: Option<&str>) -> Run {
    let mut command = project.command(arguments);
    command.env_remove("READ_TOKEN_SHA256").envs(value.map(|value| ("READ_TOKEN_SHA256", value)));
    let run = Run::of(arguments, command.output().unwrap());
    run.expect(0);
    assert!(HASHES.iter().all(|hash| !run.stdout().contains(hash) && !run.stderr().contains(hash)), "{}{}", run.stdout(), run.stderr());
    run
}

#[test]
fn a_secret_moves_to_a_parameter_and_is_replaced_there_without_a_deploy() {
    let project = &Project::new();
    project.edit("stack.yaml", |text| {
        let route = "    route: GET /api/realtime\n";
        let more = "    secrets: [READ_TOKEN_SHA256]\n    environment: { PARAMETERS_REFRESH_SECONDS: \"1\" }\n";
        text.replacen(route, &format!("{route}{more}"), 1)
    });
    silent(project, &["up", "--local"], Some(HASHES[0]));
    let url = format!("{}/api/realtime", outputs(project)["api_url"]);
    let status = |token: &str| request(&url, &[("X-API-Key", token)], None).0;
    assert_eq!((status("one"), status("two")), (200, 401));
    let (_, variables) = served(project);
    assert_eq!(variables["READ_TOKEN_SHA256"], HASHES[0]);

    // The plan displays the change, no value is required, and the old one is removed from the function.
    project.edit("stack.yaml", |text| format!("{text}\nsecrets_from: ssm\n"));
    let plan = silent(project, &["plan", "--local", "--no-build"], None).stdout();
    for part in [
        "environment.READ_TOKEN_SHA256: (secret) → (none)",
        &format!("environment.READ_TOKEN_SHA256_PARAMETER: (none) → \"{NAME}\""),
        "document.Parameters.Action: (none) → [\"ssm:GetParameters\"]",
        "0 to create, 3 to update",
    ] {
        assert!(plan.contains(part), "{part} is not in {plan}");
    }
    let put = |value: &str| test_support::parameters::put_at(&project.endpoint(), &test_support::secret(project.path()), NAME, value);
    put(HASHES[0]);
    silent(project, &["up", "--local", "--no-build", "--verbose"], None);
    let (version, variables) = served(project);
    assert!(!variables.contains_key("READ_TOKEN_SHA256") && variables["READ_TOKEN_SHA256_PARAMETER"] == NAME, "{:?}", variables.keys());
    assert_eq!((status("one"), status("two")), (200, 401));
    silent(project, &["status", "--local", "--exit-code"], None);
    silent(project, &["plan", "--local", "--no-build", "--exit-code"], None);

    put(HASHES[1]);
    // Each container of the function reads for itself, a second after its last reading.
    for _ in 0..600 {
        if status("one") == 401 && status("two") == 200 {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!((status("one"), status("two")), (401, 200));
    assert_eq!(served(project), (version, variables), "nothing was deployed");
    silent(project, &["plan", "--local", "--no-build", "--exit-code"], None);
    project.ok(&["down", "--local"]);
}
