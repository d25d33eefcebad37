//! Releases: their records, the handling of damaged records, and the removal of old versions.

use super::{
    harness::Bench,
    lambda::{Wish, declare},
};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_s3::primitives::ByteStream;
use liveinsight::{
    aws::Aws,
    engine::{Cloud, Graph},
    release::{self, Action, Author, Canary, Candidate, Objects, Record},
    resources::Serving,
    stack::LIVE_ALIAS,
};
use std::collections::BTreeMap;

const FUNCTION: &str = "collector";

/// A bucket and a function.
struct Stack {
    bench: Bench,
    bucket: String,
}

impl Stack {
    async fn new(test: &str) -> Self {
        let bench = Bench::new(test).await;
        let bucket = bench.name("site");
        bench.aws.s3.create_bucket().bucket(&bucket).send().await.unwrap();
        let versioning = aws_sdk_s3::types::VersioningConfiguration::builder().status("Enabled".into()).build();
        bench.aws.s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send().await.unwrap();
        Self { bench, bucket }
    }

    fn aws(&self) -> &Aws {
        &self.bench.aws
    }

    async fn put(&self, key: &str, text: &'static str) {
        let body = ByteStream::from_static(text.as_bytes());
        self.aws().s3.put_object().bucket(&self.bucket).key(key).body(body).send().await.unwrap();
    }

    /// Releases this code and this page, and records that; returns the release's number, if it is one.
    async fn release(&self, code: &'static str, page: &'static str) -> Option<u64> {
        let graph = self.declare(code);
        self.bench.up(&graph).await;
        self.put("site/index.html", page).await;
        release::write(self.aws(), &self.bucket, &graph, Action::Up, Author::default()).await.unwrap()
    }

    fn declare(&self, code: &'static str) -> Graph<Aws> {
        declare(&self.bench, &[FUNCTION], &Wish::saying(code))
    }

    async fn objects(&self) -> Objects {
        release::list(self.aws(), &self.bucket).await.unwrap().unwrap()
    }

    /// Reads the record of the newest release.
    async fn newest(&self) -> Record {
        let newest = self.objects().await.releases.pop().unwrap();
        release::read(self.aws(), &self.bucket, &newest).await.unwrap().record.unwrap()
    }

    async fn prune(&self, kept: usize) {
        let functions = BTreeMap::from([(FUNCTION.to_owned(), self.bench.name(FUNCTION))]);
        release::prune(self.aws(), &self.bucket, &functions, kept).await.unwrap();
    }

    /// Counts the versions of records, delete markers included, and those of the object that repeats the newest.
    async fn kept_of_records(&self) -> (usize, usize) {
        let all = self.aws().s3.list_object_versions().bucket(&self.bucket).prefix("site-releases/").send().await.unwrap();
        let keys = all.versions().iter().map(|version| version.key());
        let keys: Vec<&str> = keys.chain(all.delete_markers().iter().map(|marker| marker.key())).flatten().collect();
        let newest = keys.iter().filter(|key| key.ends_with("newest.json")).count();
        (keys.len() - newest, newest)
    }

    /// Returns the numbers of the releases, the function's versions, and the number of the page's versions.
    async fn there_is(&self) -> (Vec<u64>, Vec<String>, usize) {
        let objects = self.objects().await;
        let name = self.bench.name(FUNCTION);
        let versions = self.aws().lambda.list_versions_by_function().function_name(name).send().await.unwrap().versions.unwrap();
        let versions = versions.into_iter().filter_map(|version| version.version).filter(|version| version != "$LATEST").collect();
        (objects.releases.iter().map(|stored| stored.number).collect(), versions, objects.versions.len())
    }
}

#[tokio::test]
async fn what_is_live_is_recorded_once() {
    let stack = Stack::new("releases").await;
    assert_eq!(stack.release("one", "<p>one").await.unwrap(), 1);
    let graph = stack.declare("one");
    assert!(stack.bench.open(&graph).await.is_empty());
    assert!(release::is_recorded(stack.aws(), &stack.bucket, &graph).await.unwrap());
    assert!(stack.release("one", "<p>one").await.is_none(), "nothing is new");

    stack.put("site/index.html", "<p>two").await;
    stack.aws().refresh();
    assert!(!release::is_recorded(stack.aws(), &stack.bucket, &graph).await.unwrap());
    assert_eq!(stack.release("one", "<p>two").await.unwrap(), 2);
    let (objects, record) = (stack.objects().await, stack.newest().await);
    assert_eq!((record.action, record.changed.as_slice()), (Action::Up, ["site".to_owned()].as_slice()));
    assert_eq!(record.functions[FUNCTION].version, "1");
    assert_eq!(record.site, objects.site);
}

#[tokio::test]
async fn a_damaged_record_is_told_and_the_next_release_is_whole() {
    let stack = Stack::new("releases-damaged").await;
    stack.release("one", "<p>one").await.unwrap();
    let stored = stack.objects().await.releases.pop().unwrap();
    let key = format!("site-releases/{:06}-{}.json", stored.number, stored.digest);
    for nonsense in ["", "{", "<html>", r#"{"format":99}"#] {
        stack.put(&key, nonsense).await;
        assert_eq!(release::read(stack.aws(), &stack.bucket, &stored).await.unwrap().record, None, "{nonsense}");
    }
    stack.put("site-releases/notes.txt", "not a record").await;
    assert_eq!(stack.release("two", "<p>one").await.unwrap(), 2);
    assert_eq!(stack.newest().await.changed, [FUNCTION], "what was before is repeated elsewhere");

    let stored = stack.objects().await.releases.pop().unwrap();
    let key = format!("site-releases/{:06}-{}.json", stored.number, stored.digest);
    for key in [key.as_str(), "site-releases/newest.json"] {
        stack.put(key, "{").await;
    }
    assert_eq!(stack.release("three", "<p>one").await.unwrap(), 3);
    assert_eq!(stack.newest().await.changed, [FUNCTION, "site"], "what was before is not known");
}

#[tokio::test]
async fn what_no_release_within_reach_needs_is_let_go_of() {
    let stack = Stack::new("releases-old").await;
    for (code, page) in [("one", "<p>one"), ("two", "<p>two"), ("three", "<p>three"), ("four", "<p>four")] {
        stack.release(code, page).await.unwrap();
    }
    let all = (vec![1, 2, 3, 4], ["1", "2", "3", "4"].map(str::to_owned).to_vec(), 4);
    assert_eq!(stack.kept_of_records().await, (4, 4));
    assert_eq!(stack.there_is().await, all);
    stack.prune(4).await;
    assert_eq!(stack.there_is().await, all);
    stack.prune(2).await;
    assert_eq!(stack.there_is().await, (vec![3, 4], vec!["3".to_owned(), "4".to_owned()], 2));
    assert_eq!(stack.kept_of_records().await, (2, 1));
}

#[tokio::test]
async fn while_a_record_within_reach_is_damaged_nothing_goes() {
    let stack = Stack::new("releases-kept").await;
    for (code, page) in [("one", "<p>one"), ("two", "<p>two"), ("three", "<p>three")] {
        stack.release(code, page).await.unwrap();
    }
    let damaged = &stack.objects().await.releases[2];
    stack.put(&format!("site-releases/{:06}-{}.json", damaged.number, damaged.digest), "{").await;
    stack.prune(1).await;
    assert_eq!(stack.there_is().await.0, [1, 2, 3]);
}

#[tokio::test]
async fn a_canary_notices_whoever_moves_an_alias_meanwhile() {
    let stack = Stack::new("releases-canary").await;
    stack.release("one", "<p>one").await.unwrap();
    let function = stack.bench.name(FUNCTION);
    let code = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let lambda = &stack.aws().lambda;
    lambda.update_function_code().function_name(&function).zip_file(Blob::new(code.as_slice())).send().await.unwrap();

    let candidates = BTreeMap::from([(FUNCTION.to_owned(), Candidate { function: function.clone(), code_sha256: None })]);
    let mut canary = Canary::publish(stack.aws(), &candidates).await.unwrap();
    assert_eq!(canary.versions(), BTreeMap::from([(FUNCTION, "2")]));
    canary.shift(0.25).await.unwrap();
    assert!(canary.moved().await.unwrap().is_empty());
    let serving = Serving::read(stack.aws(), &function, LIVE_ALIAS).await.unwrap().unwrap();
    assert_eq!((serving.version.as_str(), &serving.shares), ("1", &BTreeMap::from([("2".to_owned(), 0.25)])));

    // The release is completed by hand.
    serving.point(stack.aws(), "2", "by hand").await.unwrap();
    assert_eq!(canary.moved().await.unwrap(), [FUNCTION]);
}
