//! Similar names, crates with several programs, and several stacks and runs in one directory.

use std::collections::BTreeMap;
use std::path::Path;

use liveinsight::build::{Builder, Source};

use super::{HOST, output, source};

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n{rest}")
}

fn prints(text: &str) -> String {
    format!("fn main() {{\n    println!(\"{text}\");\n}}\n")
}

fn builder(root: &Path) -> Builder {
    Builder::new(root, |_| ())
}

#[tokio::test]
async fn a_crate_may_be_named_like_its_dependency() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, "amb/Cargo.toml", &manifest("amb", "[dependencies]\nother = { package = \"amb\", path = \"../dependency\" }\n"));
    write(root, "amb/src/main.rs", "fn main() {\n    println!(\"{}\", other::LABEL);\n}\n");
    write(root, "dependency/Cargo.toml", &manifest("amb", "").replace("0.1.0", "0.2.0"));
    write(root, "dependency/src/lib.rs", "pub const LABEL: &str = \"of the dependency\";\n");
    // The dependency has a program of the same name, too.
    write(root, "dependency/src/main.rs", &prints("wrong"));
    let packages = builder(root).build(&[("hello".to_owned(), source("amb"))].into(), None, HOST).await.unwrap();
    assert_eq!(output(&packages["hello"]), "of the dependency\n");
}

#[tokio::test]
async fn functions_share_a_crate_with_several_programs() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, "many/Cargo.toml", &manifest("many", ""));
    for name in ["api", "worker", "nightly"] {
        write(root, &format!("many/src/bin/{name}.rs"), &prints(name));
    }
    // A function's program has the name of another program of `many`.
    write(root, "other/Cargo.toml", &manifest("other", "[[bin]]\nname = \"nightly\"\npath = \"src/main.rs\"\n"));
    write(root, "other/src/main.rs", &prints("of other"));
    let named = |binary: &str| Source { binary: Some(binary.to_owned()), ..source("many") };
    let sources: BTreeMap<String, Source> =
        [("api", source("many")), ("worker", source("many")), ("cleaner", named("nightly")), ("other", source("other"))]
            .map(|(name, source)| (name.to_owned(), source))
            .into();
    let packages = builder(root).build(&sources, None, HOST).await.unwrap();
    let outputs: Vec<String> = packages.iter().map(|(name, package)| format!("{name}: {}", output(package).trim())).collect();
    assert_eq!(outputs, ["api: api", "cleaner: nightly", "other: of other", "worker: worker"]);

    let error = builder(root).build(&[("unclear".to_owned(), source("many"))].into(), None, HOST).await.unwrap_err().to_string();
    assert!(error.contains("several binaries (api, nightly, worker)") && error.contains("`binary: api`"), "{error}");
    let error = builder(root).build(&[("wrong".to_owned(), named("wroker"))].into(), None, HOST).await.unwrap_err().to_string();
    assert!(error.contains("no binary `wroker`, it has api, nightly, worker"), "{error}");
}

#[tokio::test]
async fn stacks_of_one_directory_build_at_once_what_they_call_alike() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for name in ["one", "two"] {
        write(root, &format!("{name}/Cargo.toml"), &manifest(name, ""));
        write(root, &format!("{name}/src/main.rs"), &prints(name));
    }
    let stacks = ["one", "two"].map(|name| [("api".to_owned(), source(name))].into());
    let (first, second) = (builder(root), builder(root));
    let (one, two) = tokio::join!(first.build(&stacks[0], None, HOST), second.build(&stacks[1], None, HOST));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!([&one, &two].map(|packages| output(&packages["api"])), ["one\n", "two\n"]);
    // Each stack finds its own build again, and a later build of another stack does not change it.
    write(root, "two/src/main.rs", &prints("changed"));
    let changed = second.build(&stacks[1], None, HOST).await.unwrap();
    assert_eq!(output(&changed["api"]), "changed\n");
    assert_eq!(first.cached(&stacks[0], None, HOST).await.unwrap()["api"], Some(one["api"].clone()));
    // A run can still upload its earlier build.
    assert_eq!(output(&two["api"]), "two\n");
}

#[test]
fn a_program_is_packed_as_it_was_built_although_others_build_with_other_features() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let label = "pub const LABEL: &str = if cfg!(feature = \"loud\") { \"loud\" } else { \"quiet\" };\n";
    write(root, "Cargo.toml", "[workspace]\nmembers = [\"app\", \"loud\", \"label\"]\nresolver = \"3\"\n");
    let member = |name: &str, rest: &str| manifest(name, rest).replace("[workspace]\n", "");
    write(root, "label/Cargo.toml", &member("label", "[features]\nloud = []\n"));
    write(root, "label/src/lib.rs", label);
    write(root, "app/Cargo.toml", &member("app", "[dependencies]\nlabel = { path = \"../label\" }\n"));
    write(root, "app/src/main.rs", "fn main() {\n    println!(\"{}\", label::LABEL);\n}\n");
    write(root, "loud/Cargo.toml", &member("loud", "[dependencies]\nlabel = { path = \"../label\", features = [\"loud\"] }\n"));
    write(root, "loud/src/main.rs", &prints("loud"));
    // Builds of the whole workspace, as an editor runs them. They enable the feature for `app`, too, and write the same file.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                let built = std::process::Command::new("cargo").args(["build", "--workspace", "--quiet"]).current_dir(root).status();
                assert!(built.unwrap().success());
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sources = [("app".to_owned(), source("app"))].into();
        for number in 0..3 {
            write(root, "app/src/main.rs", &format!("fn main() {{\n    println!(\"{number} {{}}\", label::LABEL);\n}}\n"));
            let packages = runtime.block_on(builder(root).build(&sources, None, HOST)).unwrap();
            assert_eq!(output(&packages["app"]), format!("{number} quiet\n"));
        }
    });
}
