//! Site bucket after changes by another client, and pages with names that are hard to encode.

use super::desk::{Desk, ended};
use aws_sdk_s3::{primitives::ByteStream, types::StorageClass};
use liveinsight::aws::Aws;
use serde_json::{Value, json};
use std::{fs, time::Duration};
use strict_aws::{Config, Faults, Windows};

/// Object names that S3 accepts; XML cannot carry the first ones.
const NAMES: &[&str] = &[
    "bell\u{7}.txt",
    "nul\u{1}\u{1f}",
    "new\nline",
    "cr\rlf\r\n",
    "del\u{7f}",
    "a+b c%41.txt",
    "ü 😀/ñ",
    "<&>\"'",
    " leading",
    "slash//two",
];

fn write(desk: &Desk, name: &str, content: &str) {
    let path = desk.directory.path().join("pages").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

async fn put(aws: &Aws, bucket: &str, key: &str) {
    aws.s3.put_object().bucket(bucket).key(key).body(ByteStream::from_static(b"x")).send().await.unwrap();
}

/// Returns the paths of the bucket's fields in a plan.
fn planned(desk: &Desk) -> Vec<String> {
    let output = desk.run(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", ended(&output, 0)));
    let bucket = plan["changes"].as_array().unwrap().iter().find(|change| change["id"] == "s3.bucket/static");
    let fields = bucket.map(|bucket| bucket["fields"].as_array().unwrap().clone()).unwrap_or_default();
    fields.iter().map(|field| field["path"].as_str().unwrap().to_owned()).collect()
}

/// Returns the number of calls of an operation since the log was emptied.
fn calls(desk: &Desk, operation: &str) -> usize {
    desk.strict.log().iter().filter(|entry| entry.operation == operation).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_any_name_are_planned_and_removed() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    let (aws, bucket) = desk.aws_behind().await;
    for name in NAMES {
        put(&aws, &bucket, &format!("site/{name}")).await;
        put(&aws, &bucket, &format!("elsewhere/{name}")).await;
        put(&aws, &bucket, &format!("elsewhere/{name}")).await;
    }
    aws.s3.delete_object().bucket(&bucket).key("elsewhere/nul\u{1}\u{1f}").send().await.unwrap();
    // The response names the key in XML, so the client cannot parse it.
    aws.s3.create_multipart_upload().bucket(&bucket).key("site/unfinished\u{2}").send().await.unwrap_err();

    let paths = planned(&desk);
    assert_eq!(paths.len(), NAMES.len(), "{paths:?}");
    assert!(paths.contains(&"site.bell\\u{7}.txt".to_owned()) && paths.contains(&"site.a+b c%41.txt".to_owned()), "{paths:?}");
    assert!(!paths.iter().any(|path| path.contains(char::is_control)), "{paths:?}");
    let status = ended(&desk.run(&["status"]), 0);
    assert!(!status.contains('\u{7}'), "{status:?}");
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    assert_eq!(planned(&desk), Vec::<String>::new());
    ended(&desk.run(&["down", "--yes"]), 0);
    assert!(aws.s3.head_bucket().bucket(&bucket).send().await.is_err(), "the bucket is gone with all that was in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_changed_by_hand_are_seen_and_made_good_with_one_question() {
    let desk = Desk::new(Config::default()).await;
    for number in 0..20 {
        write(&desk, &format!("page{number}.html"), "<p>page</p>");
    }
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    let asked = (calls(&desk, "s3:HeadObject"), calls(&desk, "s3:GetObject"), calls(&desk, "s3:PutObject"));
    assert_eq!(asked, (0, 0, 0), "an unchanged run asks for no file");

    let (aws, bucket) = desk.aws_behind().await;
    let overwrite = aws.s3.put_object().bucket(&bucket).key("site/index.html").body(ByteStream::from_static(b"<p>hello</p>"));
    let overwrite = overwrite.content_type("binary/octet-stream").cache_control("public, max-age=31536000");
    overwrite.content_encoding("gzip").metadata("by", "hand").send().await.unwrap();
    desk.strict.set_faults(Faults::None);
    let expected = ["cache_control", "content_encoding", "content_type", "x-amz-meta-by"].map(|field| format!("files.index.html.{field}"));
    assert_eq!(planned(&desk), expected);
    assert_eq!(calls(&desk, "s3:HeadObject"), 1, "of 21 files, one was written by somebody else");
    let text = ended(&desk.run(&["plan"]), 0);
    assert!(text.contains(r#"files.index.html.content_type: "binary/octet-stream" → "text/html; charset=utf-8""#), "{text}");
    assert!(text.contains("changed from outside"), "{text}");

    ended(&desk.run(&["up", "--no-smoke"]), 0);
    let live = aws.s3.head_object().bucket(&bucket).key("site/index.html").send().await.unwrap();
    assert_eq!((live.content_type(), live.cache_control()), (Some("text/html; charset=utf-8"), Some("no-cache")));
    assert_eq!((live.content_encoding(), live.metadata().map_or(0, |all| all.len())), (None, 0));
    let distribution = &aws.cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap().items.unwrap()[0].id;
    let invalidations = aws.cloudfront.list_invalidations().distribution_id(distribution).send().await.unwrap();
    assert_eq!(invalidations.invalidation_list.unwrap().quantity, 1, "caches may have it with the wrong headers");

    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    assert_eq!(desk.strict.log().iter().filter(|entry| entry.write || entry.operation == "s3:HeadObject").count(), 0);

    // Moved to a storage class from which no visitor gets it.
    let archive = aws.s3.put_object().bucket(&bucket).key("site/index.html").body(ByteStream::from_static(b"<p>hello</p>"));
    let archive = archive.content_type("text/html; charset=utf-8").cache_control("no-cache").storage_class(StorageClass::Glacier);
    archive.send().await.unwrap();
    assert_eq!(planned(&desk), ["files.index.html.storage_class"]);
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    let live = aws.s3.head_object().bucket(&bucket).key("site/index.html").send().await.unwrap();
    assert_ne!(live.storage_class(), Some(&StorageClass::Glacier));

    // The same content with the same headers, written by another client: one request, and nothing to do.
    let again = aws.s3.put_object().bucket(&bucket).key("site/index.html").body(ByteStream::from_static(b"<p>hello</p>"));
    again.content_type("text/html; charset=utf-8").cache_control("no-cache").send().await.unwrap();
    assert_eq!(planned(&desk), Vec::<String>::new());
    // The program ignores a record that it cannot parse, and writes it anew.
    put(&aws, &bucket, "site-releases/written.json").await;
    assert_eq!(planned(&desk), Vec::<String>::new());
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    assert_eq!(desk.strict.log().iter().filter(|entry| entry.write || entry.operation == "s3:HeadObject").count(), 0);
    ended(&desk.run(&["down", "--yes"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_are_told_of_pages_whose_names_cloudfront_does_not_take() {
    let windows = Windows { distribution_deploying: Duration::ZERO, ..Windows::aws(1000.0) };
    let desk = Desk::new(Config { windows: Some(windows), ..Config::default() }).await;
    let names = ["runtime~main.js", "logo@2x.png", "test[1].html", "a b ü.txt", "50%.txt", "c++.html"];
    for name in names {
        write(&desk, name, "1");
    }
    ended(&desk.run(&["up", "--no-smoke"]), 0);
    for name in names {
        write(&desk, name, "2");
    }
    let text = ended(&desk.run(&["up", "--no-smoke"]), 0);
    assert!(!text.contains("caches were not invalidated"), "{text}");
    let (aws, _) = desk.aws_behind().await;
    let distribution = &aws.cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap().items.unwrap()[0].id;
    let list = aws.cloudfront.list_invalidations().distribution_id(distribution).send().await.unwrap();
    let id = &list.invalidation_list.unwrap().items.unwrap()[0].id;
    let one = aws.cloudfront.get_invalidation().distribution_id(distribution).id(id).send().await.unwrap();
    let paths = one.invalidation.unwrap().invalidation_batch.unwrap().paths.unwrap().items.unwrap();
    assert_eq!(paths, ["/50%25.txt", "/a%20b%20%C3%BC.txt", "/c*", "/logo*", "/runtime*", "/test%5B1%5D.html"]);
    ended(&desk.run(&["down", "--yes"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_left_out_by_name_or_refused_before_anything_is_made() {
    let desk = Desk::new(Config::default()).await;
    write(&desk, ".git/config", "");
    write(&desk, "index.html~", "");
    let text = ended(&desk.run(&["plan"]), 0);
    assert!(text.contains("left out of the site: .git/ (hidden), index.html~ (an editor's backup)"), "{text}");
    let plan: Value = serde_json::from_slice(&desk.run(&["plan", "--format", "json"]).stdout).unwrap();
    let expected = json!([{"path": ".git/", "why": "hidden"}, {"path": "index.html~", "why": "an editor's backup"}]);
    assert_eq!(plan["left_out"], expected);

    write(&desk, "bell\u{7}.txt", "");
    desk.strict.set_faults(Faults::None);
    let text = ended(&desk.run(&["up"]), 1);
    assert!(text.contains(r#""bell\u{7}.txt" (a control character)"#) && text.contains("rename"), "{text}");
    assert_eq!(desk.strict.log().iter().filter(|entry| entry.write).count(), 0);
}
