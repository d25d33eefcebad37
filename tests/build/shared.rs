//! Similar names, crates with several programs, and several stacks and runs in one directory.

use std::collections::BTreeMap;
use std::path::Path;

use liveinsight::{
    build::{Builder, prebuilt},
    stack::{Crate, Package, Prebuilt},
};

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
    let named = |binary: &str| Crate { binary: Some(binary.to_owned()), ..source("many") };
    let sources: BTreeMap<String, Crate> =
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
async fn functions_of_one_crate_have_features_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, "many/Cargo.toml", &manifest("many", "[features]\ndefault = [\"usual\"]\nusual = []\nextra = []\n"));
    let text = "println!(\"{} {}\", cfg!(feature = \"usual\"), cfg!(feature = \"extra\"));";
    write(root, "many/src/main.rs", &format!("fn main() {{\n    {text}\n}}\n"));
    let with = |features: &[&str], default_features| {
        let features = features.iter().map(|&name| name.to_owned()).collect();
        Crate { features, default_features, ..source("many") }
    };
    let sources: BTreeMap<String, Crate> =
        [("all", with(&["extra"], true)), ("bare", with(&[], false)), ("plain", with(&[], true)), ("some", with(&["extra"], false))]
            .map(|(name, source)| (name.to_owned(), source))
            .into();
    let outputs = |packages: &BTreeMap<String, Package>| -> Vec<String> {
        packages.iter().map(|(name, package)| format!("{name}: {}", output(package).trim())).collect()
    };
    let expected = ["all: true true", "bare: false false", "plain: true false", "some: false true"];
    let packages = builder(root).build(&sources, None, HOST).await.unwrap();
    assert_eq!(outputs(&packages), expected);
    let kept = builder(root).cached(&sources, None, HOST).await.unwrap();
    assert_eq!(kept.into_iter().map(|(name, package)| (name, package.unwrap())).collect::<BTreeMap<_, _>>(), packages);

    // A change of the sources reaches each of them.
    write(root, "many/src/main.rs", &format!("fn main() {{\n    print!(\"new \");\n    {text}\n}}\n"));
    let packages = builder(root).build(&sources, None, HOST).await.unwrap();
    assert_eq!(outputs(&packages), expected.map(|line| line.replace(": ", ": new ")));

    let error = builder(root).build(&[("wrong".to_owned(), with(&["extre"], true))].into(), None, HOST).await.unwrap_err().to_string();
    assert!(error.contains("extre"), "{error}");
}

/// Returns the entries of a zip: name, mode, content.
fn entries(package: &Package) -> Vec<(String, String)> {
    let code = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
        [print(i.filename, oct(i.external_attr >> 16), z.read(i)[:9]) for i in z.infolist() if i.filename != 'bootstrap']";
    let output = std::process::Command::new("python3").args(["-c", code]).arg(&package.path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned())).unwrap()).collect()
}

#[tokio::test]
async fn included_files_are_packed_beside_the_program_and_a_change_of_one_makes_a_new_package() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, "page/Cargo.toml", &manifest("page", ""));
    write(root, "page/src/main.rs", &prints("page"));
    write(root, "page/templates/b.html", "b");
    write(root, "page/templates/deep/.hidden", "h");
    write(root, "page/tool.sh", "#!/bin/sh");
    std::fs::set_permissions(root.join("page/tool.sh"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let sources: BTreeMap<String, Crate> =
        [("page".to_owned(), Crate { include: ["templates".into(), "tool.sh".into()].into(), ..source("page") })].into();
    let first = builder(root).build(&sources, None, HOST).await.unwrap();
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, rest)| ((*name).to_owned(), (*rest).to_owned())).collect::<Vec<_>>();
    let expected =
        [("templates/b.html", "0o100644 b'b'"), ("templates/deep/.hidden", "0o100644 b'h'"), ("tool.sh", "0o100755 b'#!/bin/sh'")];
    assert_eq!(entries(&first["page"]), pairs(&expected));
    assert_eq!(output(&first["page"]), "page\n");
    assert_eq!(builder(root).cached(&sources, None, HOST).await.unwrap()["page"].as_ref(), Some(&first["page"]));

    for (name, text) in [("page/templates/b.html", "changed"), ("page/templates/c.html", "c")] {
        write(root, name, text);
        assert_eq!(builder(root).cached(&sources, None, HOST).await.unwrap()["page"], None, "{name}");
        let next = builder(root).build(&sources, None, HOST).await.unwrap();
        assert_ne!(next["page"].sha256, first["page"].sha256);
    }
    // What was there before is found again.
    write(root, "page/templates/b.html", "b");
    std::fs::remove_file(root.join("page/templates/c.html")).unwrap();
    assert_eq!(
        builder(root).cached(&sources, None, HOST).await.unwrap()["page"].as_ref().map(|package| &package.sha256),
        Some(&first["page"].sha256)
    );

    std::fs::remove_dir_all(root.join("page/templates")).unwrap();
    let error = builder(root).build(&sources, None, HOST).await.unwrap_err().to_string();
    assert!(error.contains("page/templates; correct `include`"), "{error}");
}

#[test]
fn a_package_of_others_is_checked_as_lambda_does() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let zip = |name: &str, entry: &str, megabytes: usize| {
        let code = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED).writestr(sys.argv[2], bytes(int(sys.argv[3]) << 20))";
        let arguments = [root.join(name).into_os_string(), entry.into(), megabytes.to_string().into()];
        assert!(std::process::Command::new("python3").args(["-c", code]).args(arguments).status().unwrap().success());
    };
    let take = |name: &str, runtime: &str| {
        let package = Prebuilt { path: name.into(), runtime: runtime.to_owned(), handler: "app.handler".to_owned() };
        prebuilt(root, "f", &package).map_err(|error| error.to_string())
    };
    zip("good.zip", "bootstrap", 1);
    let good = take("good.zip", "provided.al2023").unwrap();
    assert_eq!(std::fs::read(&good.path).unwrap(), std::fs::read(root.join("good.zip")).unwrap());
    zip("python.zip", "app.py", 1);
    take("python.zip", "python3.13").unwrap();
    let refused = |name: &str| take(name, "provided.al2023").unwrap_err();
    assert!(
        refused("python.zip").contains("it has no file `bootstrap` at its top, which provided.al2023 starts"),
        "{}",
        refused("python.zip")
    );
    zip("deep.zip", "x/bootstrap", 1);
    assert!(refused("deep.zip").contains("no file `bootstrap`"));
    zip("large.zip", "bootstrap", 251);
    assert!(refused("large.zip").contains("251 MB when unpacked, Lambda takes 250 MB"), "{}", refused("large.zip"));
    write(root, "text.zip", "text");
    assert!(refused("text.zip").contains("no zip that Lambda can read"), "{}", refused("text.zip"));
    std::fs::File::create(root.join("heavy.zip")).unwrap().set_len(51 << 20).unwrap();
    assert!(refused("heavy.zip").contains("it is 51 MB, Lambda takes 50 MB in a request"), "{}", refused("heavy.zip"));
    assert!(refused("none.zip").contains("cannot read"), "{}", refused("none.zip"));
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
