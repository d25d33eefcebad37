//! Tests of mistakes in stack.yaml as users meet them. Tests beside each check cover the checks; these cover the output.

use crate::harness::{Project, SMALL, stderr, stdout};

#[test]
fn a_mistake_is_shown_on_its_line_and_ends_with_3() {
    let project = Project::new(&SMALL.replace("partition_key", "partition_kye"));
    insta::assert_snapshot!("misspelt_key", project.show(&["graph"]));
    // The mistake is found before any connection: there are no credentials here.
    for command in ["up", "plan", "status", "down", "outputs"] {
        let output = project.run(&[command]);
        assert_eq!(output.status.code(), Some(3), "{command}");
        assert!(stdout(&output).is_empty(), "{command}");
    }
}

#[test]
fn other_ways_in_which_the_file_is_not_usable() {
    insta::assert_snapshot!("no_file", Project::empty().show(&["graph", "--file", "other.yaml"]));
    insta::assert_snapshot!("empty_file", Project::new("").show(&["graph"]));
    insta::assert_snapshot!("unknown_environment", Project::new(SMALL).show(&["graph", "--env", "prd"]));
    let missing = Project::empty().run(&["graph"]);
    // A directory above the tests may contain a stack.yaml; a temporary directory does not.
    assert_eq!(missing.status.code(), Some(3), "{}", stderr(&missing));
    assert!(stderr(&missing).contains("no stack.yaml here or in any directory above"));
    assert!(stderr(&missing).contains("run `liveinsight init` to write one"));
    // Another repository in a subdirectory has a stack of its own, or none.
    let project = Project::new(SMALL);
    std::fs::create_dir_all(project.path().join("vendored/.git")).unwrap();
    assert_eq!(project.run_in("vendored", &["graph"]).status.code(), Some(3));
}

#[test]
fn it_is_found_from_a_directory_below() {
    let project = Project::new(SMALL);
    let here = project.run(&["graph"]);
    let below = project.run_in("some/where", &["graph"]);
    assert_eq!(stdout(&here), stdout(&below));
    assert!(stdout(&here).contains("demo-notes-dev"));
}

#[test]
fn secrets_without_a_value_stop_up_and_not_plan_or_status() {
    let stack = format!("{SMALL}functions:\n  hello: {{ source: hello, secrets: [MY_TOKEN, OTHER_KEY] }}\n");
    let make = || {
        let project = Project::new(&stack);
        std::fs::create_dir(project.path().join("hello")).unwrap();
        std::fs::write(project.path().join("hello/Cargo.toml"), "").unwrap();
        project
    };
    let up = make().run(&["up"]);
    assert_eq!(up.status.code(), Some(3));
    for name in ["MY_TOKEN", "OTHER_KEY"] {
        assert!(stderr(&up).contains(&format!("the environment variable {name}, a secret of `hello`, is not set")), "{}", stderr(&up));
    }
    // The file does not prevent these commands; the missing credentials do.
    for command in ["plan", "status", "down", "outputs", "history", "logs"] {
        assert_eq!(make().run(&[command]).status.code(), Some(4), "{command}");
    }
    assert_eq!(make().run(&["graph"]).status.code(), Some(0));
}

#[test]
fn values_that_handlers_refuse_stop_everything_and_short_secrets_are_named() {
    let stack =
        format!("{SMALL}functions:\n  hello: {{ source: hello, secrets: [MY_TOKEN, READ_TOKEN_SHA256, ORIGIN_VERIFY, TOKEN_SECRET] }}\n");
    let (hash, long) = ("ab".repeat(32), "0123456789abcdef".repeat(2));
    let run = |changes: &[(&str, &str)]| {
        let fine = [("MY_TOKEN", "0123456789abcdef"), ("READ_TOKEN_SHA256", &*hash), ("ORIGIN_VERIFY", &*long), ("TOKEN_SECRET", &*long)];
        let project = fine.iter().chain(changes).fold(Project::new(&stack), |project, (name, value)| project.env(name, value));
        std::fs::create_dir(project.path().join("hello")).unwrap();
        std::fs::write(project.path().join("hello/Cargo.toml"), "").unwrap();
        let up = project.run(&["up"]);
        (up.status.code(), stderr(&up))
    };
    let (code, text) = run(&[]);
    assert!(code == Some(4) && !text.contains("guessed"), "nothing is wrong, and credentials are asked for: {text}");
    for (name, value, why) in [
        ("READ_TOKEN_SHA256", "q1w2e3r4", "64 hexadecimal digits"),
        ("READ_TOKEN_SHA256", "shop=q1w2e3r4", "64 hexadecimal digits"),
        ("ORIGIN_VERIFY", "q1w2e3r4", "at least 32"),
    ] {
        let (code, text) = run(&[(name, value)]);
        assert!(code == Some(3) && text.contains("`hello` would not start") && text.contains(name) && text.contains(why), "{text}");
        assert!(!text.contains("q1w2e3r4"), "{text}");
    }
    let several = format!("{long},q1w2e3r4");
    for (name, value) in [("MY_TOKEN", "q1w2e3r4"), ("TOKEN_SECRET", &*several)] {
        let (code, text) = run(&[(name, value)]);
        let named = format!("the secret {name} of `hello` has 8 characters");
        assert!(code == Some(4) && text.contains(&named) && text.contains("openssl rand -hex 32"), "{text}");
        assert!(!text.contains("q1w2e3r4"), "{text}");
    }
}

#[test]
fn secrets_in_parameters_are_not_asked_for() {
    let project = |from: &str| {
        let project = Project::new(&format!("{SMALL}functions:\n  hello: {{ source: hello, secrets: [MY_TOKEN, OTHER_KEY] }}\n{from}"));
        std::fs::create_dir(project.path().join("hello")).unwrap();
        std::fs::write(project.path().join("hello/Cargo.toml"), "").unwrap();
        project
    };
    let up = project("secrets_from: ssm\n").run(&["up"]);
    assert_eq!(up.status.code(), Some(4), "nothing is missing, and credentials are asked for: {}", stderr(&up));
    for command in ["up", "plan", "status"] {
        let output = project("secrets_from: ssm\n").run(&[command]);
        assert!(!stderr(&output).contains("MY_TOKEN") && !stdout(&output).contains("MY_TOKEN"), "{command}");
    }
    let doctor = |from: &str| stdout(&project(from).run(&["doctor"]));
    assert!(doctor("").contains("not set: MY_TOKEN of hello, OTHER_KEY of hello"), "{}", doctor(""));
    let found = doctor("secrets_from: ssm\n");
    assert!(found.contains("2 in parameters below /demo/dev/, which the functions read") && !found.contains("not set"), "{found}");
    // An environment may set another place for its secrets.
    let mixed = project("secrets_from: ssm\n");
    let text = std::fs::read_to_string(mixed.path().join("stack.yaml")).unwrap().replace("dev: {}", "dev: { secrets_from: environment }");
    std::fs::write(mixed.path().join("stack.yaml"), text).unwrap();
    assert_eq!((mixed.run(&["up"]).status.code(), mixed.run(&["up", "--env", "prod"]).status.code()), (Some(3), Some(4)));
}

#[test]
fn secrets_count_among_the_4_kb_of_the_environment() {
    let stack =
        format!("{SMALL}functions:\n  hello: {{ source: hello, environment: {{ BIG: {} }}, secrets: [MY_TOKEN] }}\n", "x".repeat(2000));
    let run = |length: usize| {
        let project = Project::new(&stack).env("MY_TOKEN", &"t".repeat(length));
        std::fs::create_dir(project.path().join("hello")).unwrap();
        std::fs::write(project.path().join("hello/Cargo.toml"), "").unwrap();
        project.run(&["plan"])
    };
    // The room accounts for the key that `up` creates: 64 characters.
    let room = 4096 - 2000 - 64 - r#"{"BIG":"","ENVIRONMENT":"dev","LIVEINSIGHT_RELEASE_KEY":"","MY_TOKEN":""}"#.len();
    assert_eq!(run(room).status.code(), Some(4), "it fits, and credentials are asked for");
    let refused = run(room + 1);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("secrets included, take 4097 bytes as JSON in dev, Lambda allows 4096"), "{}", stderr(&refused));
}

#[test]
fn a_timeout_beyond_the_patience_of_the_api_gets_a_word() {
    let stack = |timeout: &str| {
        let function = format!("functions:\n  slow: {{ source: slow, route: GET /api/slow, timeout: {timeout} }}\n");
        let project = Project::new(&format!("{SMALL}{function}"));
        std::fs::create_dir(project.path().join("slow")).unwrap();
        std::fs::write(project.path().join("slow/Cargo.toml"), "").unwrap();
        stderr(&project.run(&["plan"]))
    };
    let words = "warning: stack.yaml:8:";
    assert!(!stack("30s").contains(words));
    let said = stack("31s");
    assert!(said.contains(words) && said.contains("the API answers 504 after 29 s"), "{said}");
}

#[test]
fn a_route_that_the_address_of_the_site_does_not_lead_to_gets_a_word() {
    let stack = |route: &str, site: &str| {
        let project = Project::new(&format!("{SMALL}functions:\n  hook: {{ source: hook, route: POST {route} }}\n{site}"));
        for (file, text) in [("hook/Cargo.toml", ""), ("pages/index.html", "<p>hello</p>")] {
            std::fs::create_dir_all(project.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(project.path().join(file), text).unwrap();
        }
        stderr(&project.run(&["plan"]))
    };
    let (words, site) = ("the site's address does not lead to `/hook`", "site: { source: pages }\n");
    let said = stack("/hook", site);
    assert!(said.contains("warning: stack.yaml:8:") && said.contains(words) && said.contains("`api_url` of `outputs`"), "{said}");
    assert!(!stack("/api/hook", site).contains("lead to"));
    assert!(!stack("/hook", "").contains("lead to"), "without a site there is one address only");
}
