//! The tail of log groups against the local AWS: more lines than one answer holds, many of them in one millisecond.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use liveinsight::{
    aws::{Aws, Connection, Place},
    logs::{Source, Tail},
};
use std::time::SystemTime;

const REGION: &str = "us-east-1";
const STREAMS: [&str; 2] = ["copy-1", "copy-2"];

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

async fn aws() -> Aws {
    let connection = Connection::endpoint(REGION, &test_support::endpoint(), "test", "test").await;
    let place = Place { limits: false, ..Place::aws("aws", REGION, "000000000000") };
    connection.aws(place, "logs/test".to_owned())
}

/// Writes lines `from..until`, seven of each stream in every millisecond.
async fn write(aws: &Aws, group: &str, began: i64, lines: std::ops::Range<i64>) {
    for stream in STREAMS {
        // The API takes at most 10,000 lines at once ("PutLogEvents" in the CloudWatch Logs API reference).
        for part in lines.clone().collect::<Vec<_>>().chunks(10_000) {
            let event =
                |line: &i64| InputLogEvent::builder().timestamp(began + line / 7).message(format!("{stream} {line}\n")).build().unwrap();
            let events = part.iter().map(event).collect();
            let request = aws.logs.put_log_events().log_group_name(group).log_stream_name(stream);
            request.set_log_events(Some(events)).send().await.unwrap();
        }
    }
}

fn expected(lines: std::ops::Range<i64>) -> Vec<String> {
    let mut texts: Vec<String> = lines.flat_map(|line| STREAMS.map(|stream| format!("{stream} {line}"))).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn no_line_is_missed_or_repeated_where_answers_end() {
    let aws = aws().await;
    let group = format!("/aws/lambda/tail-test-{:x}", now());
    let source = Source { name: "tail".to_owned(), group: group.clone() };
    let (began, mut tail) = (now() - 20_000, Tail::new(now() - 60_000));
    let round = tail.round(&aws, std::slice::from_ref(&source)).await.unwrap();
    assert_eq!((round.lines.len(), round.absent), (0, vec!["tail".to_owned()]));

    aws.logs.create_log_group().log_group_name(&group).send().await.unwrap();
    for stream in STREAMS {
        aws.logs.create_log_stream().log_group_name(&group).log_stream_name(stream).send().await.unwrap();
    }
    // The second range begins in the middle of a millisecond, and both are longer than an answer of 10,000 lines.
    for lines in [0..12_003, 12_003..19_000] {
        write(&aws, &group, began, lines.clone()).await;
        let round = tail.round(&aws, std::slice::from_ref(&source)).await.unwrap();
        assert!(round.lines.is_sorted_by_key(|line| line.at) && round.absent.is_empty());
        let mut texts: Vec<String> = round.lines.into_iter().map(|line| line.text).collect();
        texts.sort();
        assert!(texts == expected(lines.clone()), "{} lines instead of {}", texts.len(), expected(lines).len());
    }
    let round = tail.round(&aws, std::slice::from_ref(&source)).await.unwrap();
    assert!(round.lines.is_empty(), "nothing is new");
    aws.logs.delete_log_group().log_group_name(&group).send().await.unwrap();
}
