//! Tests of commands that need neither AWS nor built handlers: `graph` and `schema`.

use crate::harness::{Project, SMALL, stdout};

#[test]
fn a_graph_in_every_format() {
    let project = Project::new(SMALL);
    insta::assert_snapshot!("graph_text", project.show(&["graph"]));
    insta::assert_snapshot!("graph_mermaid", project.show(&["graph", "--format", "mermaid"]));
    insta::assert_snapshot!("graph_dot", project.show(&["graph", "--format", "dot", "--env", "prod"]));
}

#[test]
fn the_schema_is_json_and_the_one_in_docs() {
    let output = Project::empty().run(&["schema"]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept: serde_json::Value = serde_json::from_str(include_str!("../../docs/stack.schema.json")).unwrap();
    assert!(
        printed == kept,
        "docs/stack.schema.json is not what `liveinsight schema` prints; the tests of stack.yaml say how to make it again"
    );
}

#[test]
fn everything_listed_is_sorted() {
    let text = stdout(&Project::new(SMALL).run(&["graph"]));
    let ids: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with(' ')).collect();
    assert!(!ids.is_empty());
    assert!(ids.is_sorted(), "{ids:?}");
}
