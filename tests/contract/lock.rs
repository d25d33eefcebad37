//! The stack's lock, in a real bucket: the run that gets it, its end, and the answers that may be lost meanwhile.

use super::{
    harness::{Bench, endpoint},
    proxy::{Fate, first, lose_each},
};
use aws_sdk_s3::primitives::ByteStream;
use liveinsight::{
    aws::Aws,
    engine::{DeleteOutcome, Resource},
    lock::{Held, LEASE, LOCK_KEY, Lease, Lock, LockOutcome},
    resources::{Bucket, BucketOutput, OWN_PREFIX},
};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// Shortest time that a clock of whole seconds can measure.
const SHORT: Duration = Duration::from_secs(1);

/// Content far larger than any lock.
static LARGE: [u8; 1 << 20] = [b' '; 1 << 20];

struct Vault {
    bench: Bench,
    bucket: String,
}

impl Vault {
    /// Creates a bucket like the stack's: old versions are kept.
    async fn new(test: &str) -> Self {
        let bench = Bench::new(test).await;
        let bucket = bench.name("lock");
        bench.aws.s3.create_bucket().bucket(&bucket).send().await.unwrap();
        let versioning = aws_sdk_s3::types::VersioningConfiguration::builder().status("Enabled".into()).build();
        bench.aws.s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send().await.unwrap();
        Self { bench, bucket }
    }

    fn lock<'a>(&'a self, who: &str, lease: Duration) -> Lock<'a> {
        self.through(&self.bench.aws, who, lease)
    }

    fn through<'a>(&self, aws: &'a Aws, who: &str, lease: Duration) -> Lock<'a> {
        Lock::new(aws, &self.bucket, "up", who, lease)
    }

    async fn holder(&self) -> Option<String> {
        let held = Lock::look(&self.bench.aws, &self.bucket).await.unwrap();
        held.map(|held| held.by.map_or_else(|| "nonsense".to_owned(), |by| by.holder))
    }

    async fn write(&self, bytes: &'static [u8]) {
        self.bench.aws.s3.put_object().bucket(&self.bucket).key(LOCK_KEY).body(ByteStream::from_static(bytes)).send().await.unwrap();
    }
}

async fn outcome<'a>(lock: &Lock<'a>, wait: bool) -> LockOutcome<'a> {
    lock.acquire(wait, false, async || false, |_| ()).await.unwrap()
}

async fn taken<'a>(lock: &Lock<'a>) -> Lease<'a> {
    match outcome(lock, false).await {
        LockOutcome::Acquired { lease: Some(lease), waited: false } => lease,
        LockOutcome::Acquired { .. } => panic!("there is a bucket, and nobody to wait for"),
        LockOutcome::Held(held) => panic!("{held:?} has it"),
    }
}

async fn refused(lock: &Lock<'_>) -> Held {
    match outcome(lock, false).await {
        LockOutcome::Held(held) => held,
        LockOutcome::Acquired { .. } => panic!("somebody else has it"),
    }
}

#[tokio::test]
async fn one_has_it_until_it_is_given_back() {
    assert!(LOCK_KEY.starts_with(OWN_PREFIX));
    let vault = Vault::new("lock-one").await;
    let (ada, bob) = (vault.lock("ada@desk", LEASE), vault.lock("bob@desk", LEASE));
    assert_eq!(vault.holder().await, None);
    let lease = taken(&ada).await;
    let held = refused(&bob).await;
    assert_eq!(held.by.as_ref().map(|by| (by.holder.as_str(), by.command.as_str())), Some(("ada@desk", "up")));
    assert!(held.left() > LEASE / 2 && held.left() <= LEASE, "{held:?}");
    let ((), calls) = vault.bench.calls(async { lease.release().await.unwrap() }).await;
    assert_eq!((calls.reads, calls.writes), (0, 1));
    assert_eq!(vault.holder().await, None);
    let (lease, calls) = vault.bench.calls(taken(&bob)).await;
    assert_eq!((calls.reads, calls.writes), (0, 1), "a free lock takes one call, even where an old version of it is kept");
    lease.release().await.unwrap();
}

#[tokio::test]
async fn of_many_that_want_it_one_gets_it() {
    let vault = Vault::new("lock-many").await;
    let locks: Vec<Lock<'_>> = (0..8).map(|who| vault.lock(&format!("{who}@desk"), LEASE)).collect();
    for _ in 0..5 {
        let turns = futures::future::join_all(locks.iter().map(|lock| outcome(lock, false))).await;
        let mut winners: Vec<Lease<'_>> =
            turns.into_iter().filter_map(|outcome| if let LockOutcome::Acquired { lease, .. } = outcome { lease } else { None }).collect();
        assert_eq!(winners.len(), 1);
        winners.pop().unwrap().release().await.unwrap();
    }
}

#[tokio::test]
async fn who_waits_is_told_for_whom_and_gets_it_next() {
    let vault = Vault::new("lock-wait").await;
    let (ada, bob) = (vault.lock("ada@desk", LEASE), vault.lock("bob@desk", LEASE));
    let lease = taken(&ada).await;
    let told = RefCell::new(Vec::new());
    let tell = |held: Option<&Held>| told.borrow_mut().push(held.map(|held| held.by.clone().unwrap().holder));
    let gives_back = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        lease.release().await.unwrap();
    };
    let (outcome, ()) = futures::join!(bob.acquire(true, false, async || false, tell), gives_back);
    assert!(matches!(outcome.unwrap(), LockOutcome::Acquired { lease: Some(_), waited: true }));
    assert_eq!(told.into_inner(), [Some("ada@desk".to_owned()), None]);
    assert_eq!(vault.holder().await.as_deref(), Some("bob@desk"));
}

#[tokio::test]
async fn it_is_kept_by_renewing_and_lost_without() {
    let vault = Vault::new("lock-lease").await;
    let (ada, bob) = (vault.lock("ada@desk", SHORT * 3), vault.lock("bob@desk", LEASE));
    let lease = taken(&ada).await;
    // Kept for longer than it lasts.
    assert!(tokio::time::timeout(SHORT * 5, lease.keep()).await.is_err());
    assert!(refused(&bob).await.by.is_some_and(|by| by.holder == "ada@desk"));
    // Its run is dead: the waiting run gets the lock.
    let LockOutcome::Acquired { lease: Some(stolen), waited: true } = outcome(&bob, true).await else { panic!("it had to be waited for") };
    assert_eq!(vault.holder().await.as_deref(), Some("bob@desk"));
    // The dead run comes back: it learns the new holder, and removes nothing.
    let other = tokio::time::timeout(SHORT * 5, lease.keep()).await.unwrap();
    assert_eq!(other.by.unwrap().holder, "bob@desk");
    lease.release().await.unwrap();
    assert_eq!(vault.holder().await.as_deref(), Some("bob@desk"));
    stolen.release().await.unwrap();
    assert_eq!(vault.holder().await, None);
}

#[tokio::test]
async fn one_that_somebody_removed_is_put_back_unless_another_run_has_it() {
    let vault = Vault::new("lock-removed").await;
    let remove = async || vault.bench.aws.s3.delete_object().bucket(&vault.bucket).key(LOCK_KEY).send().await.unwrap();
    let (ada, bob) = (vault.lock("ada@desk", SHORT * 3), vault.lock("bob@desk", LEASE));
    let lease = taken(&ada).await;
    remove().await;
    assert!(tokio::time::timeout(SHORT * 2, lease.keep()).await.is_err());
    assert_eq!(vault.holder().await.as_deref(), Some("ada@desk"));
    remove().await;
    let taken_over = taken(&bob).await;
    let other = tokio::time::timeout(SHORT * 5, lease.keep()).await.unwrap();
    assert_eq!(other.by.unwrap().holder, "bob@desk");
    taken_over.release().await.unwrap();
}

#[tokio::test]
async fn one_that_goes_with_its_bucket_is_let_go() {
    let vault = Vault::new("lock-bucket").await;
    let lease = taken(&vault.lock("ada@desk", SHORT)).await;
    let bucket = Bucket {
        name: vault.bucket.clone(),
        versioning: true,
        encryption: "AES256".into(),
        object_ownership: "BucketOwnerEnforced".into(),
        site: None,
        files: BTreeMap::new(),
        tags: vault.bench.tags(),
    };
    let output = BucketOutput { name: bucket.name(), arn: String::new() };
    assert_eq!(bucket.delete(&vault.bench.aws, &output).await.unwrap(), DeleteOutcome::Deleted);
    let (kept, calls) = vault.bench.calls(tokio::time::timeout(SHORT * 2, lease.keep())).await;
    assert!(kept.is_err());
    assert_eq!((calls.reads, calls.writes), (0, 0), "what is written to a bucket that is being emptied keeps it");
    lease.release().await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_not_taken_for_another_run() {
    let vault = Vault::new("lock-lost").await;
    // The answer is lost when the lock is taken, renewed, and released.
    let hostile = Bench::hostile("lock-lost-proxy", lose_each(|request| request.contains(LOCK_KEY) && !request.starts_with("GET"))).await;
    let ada = vault.through(&hostile.aws, "ada@desk", SHORT * 3);
    let lease = taken(&ada).await;
    assert_eq!(hostile.called("s3:PutObject"), 2);
    assert!(tokio::time::timeout(SHORT * 2, lease.keep()).await.is_err());
    assert_eq!(vault.holder().await.as_deref(), Some("ada@desk"));
    lease.release().await.unwrap();
    assert_eq!(hostile.called("s3:DeleteObject"), 2);
    assert_eq!(vault.holder().await, None);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_nonsense() {
    let vault = Vault::new("lock-cut").await;
    let bob = vault.lock("bob@desk", LEASE);
    let lease = taken(&bob).await;
    let hostile = Bench::hostile("lock-cut-proxy", first(2, Fate::Cut, |request| request.contains(LOCK_KEY))).await;
    let held = Lock::look(&hostile.aws, &vault.bucket).await.unwrap().unwrap();
    assert_eq!(held.by.map(|by| by.holder).as_deref(), Some("bob@desk"));
    assert_eq!(hostile.called("s3:GetObject"), 3);
    let always = Bench::hostile("lock-cut-always", |request: &str| if request.contains(LOCK_KEY) { Fate::Cut } else { Fate::Pass }).await;
    let error = Lock::look(&always.aws, &vault.bucket).await.unwrap_err().to_string();
    assert!(error.contains("broke off"), "{error}");
    lease.release().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_stalls_is_asked_for_again() {
    let vault = Vault::new("lock-stall").await;
    let lease = taken(&vault.lock("bob@desk", LEASE)).await;
    let hostile = Bench::hostile("lock-stall-proxy", first(1, Fate::Stall, |request| request.contains(LOCK_KEY))).await;
    let looked = tokio::time::timeout(LEASE * 5, Lock::look(&hostile.aws, &vault.bucket)).await;
    let held = looked.expect("a stall is to end").unwrap().unwrap();
    assert_eq!(held.by.map(|by| by.holder).as_deref(), Some("bob@desk"));
    assert_eq!(hostile.called("s3:GetObject"), 2);
    lease.release().await.unwrap();
}

#[tokio::test]
async fn nonsense_is_respected_until_it_is_old() {
    let vault = Vault::new("lock-nonsense").await;
    let ada = vault.lock("ada@desk", LEASE);
    for nonsense in [&b""[..], b"\xff\xfe", b"{\"nonce\": 1}", b"<html>", &LARGE] {
        vault.write(nonsense).await;
        let held = refused(&ada).await;
        assert_eq!(held.by, None, "{held:?}");
        assert!(held.left() <= LEASE, "{held:?}");
    }
    // A lock with an expired lease, whatever its other fields.
    vault.write(br#"{"nonce":"n","holder":"bob@desk","command":"down","lease_seconds":1,"taken_at":"2020-01-01T00:00:00Z"}"#).await;
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(vault.holder().await, None);
    taken(&ada).await.release().await.unwrap();
}

#[tokio::test]
async fn without_a_bucket_there_is_no_lock_unless_one_is_made() {
    let vault = Vault::new("lock-none").await;
    let nowhere = Lock::new(&vault.bench.aws, "liveinsight-no-such-bucket", "up", "ada@desk", LEASE);
    assert!(matches!(outcome(&nowhere, true).await, LockOutcome::Acquired { lease: None, waited: false }));

    let bucket = vault.bench.name("made");
    let made = Lock::new(&vault.bench.aws, &bucket, "up", "ada@desk", LEASE);
    let make = async || vault.bench.aws.s3.create_bucket().bucket(&bucket).send().await.is_ok();
    let outcome = made.acquire(true, true, make, |_| ()).await.unwrap();
    assert!(matches!(outcome, LockOutcome::Acquired { lease: Some(_), waited: false }));
}

#[tokio::test]
async fn expiry_is_told_by_the_services_clock() {
    // The object's own time of writing counts; a machine's wrong clock does not matter. The endpoint is asked without any of our code.
    let vault = Vault::new("lock-clock").await;
    taken(&vault.lock("ada@desk", LEASE)).await;
    let head = vault.bench.aws.s3.head_object().bucket(&vault.bucket).key(LOCK_KEY).send().await.unwrap();
    let held = Lock::look(&vault.bench.aws, &vault.bucket).await.unwrap().unwrap_or_else(|| panic!("nobody has it at {}", endpoint()));
    assert_eq!(Some(held.since), head.last_modified);
    assert_eq!(held.expires.secs(), held.since.secs() + 60);
}
