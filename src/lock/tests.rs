//! Tests of a lock's content, without S3. The calls are tested against the local AWS in `tests/contract`.

use super::record::{Held, Record, time};
use aws_smithy_types::DateTime;
use std::time::Duration;

fn at(second: i64) -> DateTime {
    DateTime::from_secs(second)
}

#[test]
fn what_is_written_reads_back_the_same() {
    let record = Record { taken_at: Some(time(at(1_700_000_000))), renewals: 3, ..Record::new("up", "ada@desk", Duration::from_mins(1)) };
    assert_eq!(Record::parse(record.text().as_bytes()), Some(record.clone()));
    let fresh = Record { taken_at: None, ..record };
    assert_eq!(Record::parse(fresh.text().as_bytes()), Some(fresh));
}

#[test]
fn two_runs_never_have_the_same_nonce() {
    let nonce = || Record::new("up", "ada@desk", Duration::from_mins(1)).nonce;
    assert_ne!(nonce(), nonce());
}

#[test]
fn it_expires_by_the_clock_that_wrote_it() {
    let record = Record::new("up", "ada@desk", Duration::from_mins(1));
    let found = |now| Held::new(Some(&record), at(1000), at(now));
    assert_eq!((found(1001).has_expired(), found(1001).left()), (false, Duration::from_secs(59)));
    assert_eq!((found(1060).has_expired(), found(1060).left()), (true, Duration::ZERO));
    assert_eq!((found(1001).since, found(1001).expires), (at(1000), at(1060)));
}

#[test]
fn a_renewed_one_says_since_when_it_is_held() {
    let record = Record { taken_at: Some(time(at(500))), ..Record::new("down", "ada@desk", Duration::from_mins(1)) };
    let held = Held::new(Some(&record), at(1000), at(1001));
    assert_eq!((held.since, held.expires), (at(500), at(1060)));
}

#[test]
fn nonsense_counts_as_held_for_the_length_of_a_lease() {
    for nonsense in ["", "null", "[]", "\u{0}", "{", r#"{"nonce":"","holder":"","command":"","lease_seconds":60}"#] {
        assert_eq!(Record::parse(nonsense.as_bytes()), None, "{nonsense:?}");
    }
    for lease in ["-1", "0", "1e300", "3601", "null"] {
        let text = format!(r#"{{"nonce":"n","holder":"h","command":"up","lease_seconds":{lease}}}"#);
        assert_eq!(Record::parse(text.as_bytes()), None, "{text}");
    }
    let found = |now| Held::new(None, at(1000), at(now));
    assert_eq!((found(1059).has_expired(), found(1060).has_expired()), (false, true));
}

#[test]
fn what_others_wrote_cannot_command_a_terminal() {
    let text = r#"{"nonce":"n","holder":"\u001b[2Jhere\n","command":"up","lease_seconds":60,"taken_at":"yesterday"}"#;
    let record = Record::parse(text.as_bytes()).unwrap();
    assert_eq!(record.holder, " [2Jhere ");
    assert_eq!(Held::new(Some(&record), at(1000), at(1001)).since, at(1000));
    let long = text.replace("here", &"x".repeat(1000));
    assert_eq!(Record::parse(long.as_bytes()).unwrap().holder.chars().count(), 200);
}
