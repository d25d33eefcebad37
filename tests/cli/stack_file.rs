//! Mistakes in stack.yaml as the user meets them. All of them are tested where they are checked; here it is about the way out.

use crate::harness::{Project, SMALL, stderr, stdout};

#[test]
fn a_mistake_is_shown_on_its_line_and_ends_with_3() {
    let project = Project::new(&SMALL.replace("partition_key", "partition_kye"));
    insta::assert_snapshot!("misspelt_key", project.show(&["graph"]));
    // Found before anything is connected to: there are no credentials here.
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
    // Where tests are run, a directory above may hold a stack.yaml; a temporary one does not.
    assert_eq!(missing.status.code(), Some(3), "{}", stderr(&missing));
    assert!(stderr(&missing).contains("no stack.yaml here or in any directory above"));
}

#[test]
fn it_is_found_from_a_directory_below() {
    let project = Project::new(SMALL);
    let here = project.run(&["graph"]);
    let below = project.run_in("some/where", &["graph"]);
    assert_eq!(stdout(&here), stdout(&below));
    assert!(stdout(&here).contains("demo-notes-dev"));
}
