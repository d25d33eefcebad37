//! New account that AWS does not serve yet.

use super::desk::{Desk, ended};
use strict_aws::{Config, Faults};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_aws_has_not_verified_is_told_so_and_lacks_no_permission() {
    let desk = Desk::new(Config::default()).await;
    desk.strict.set_faults(Faults::Unverified);
    // `up` makes the table and the bucket, so its exit code means: some resources failed, the rest is done.
    let said = ended(&desk.run(&["up"]), 5);
    for part in ["Your account must be verified", "no permission is missing", "Account verification"] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert!(!said.contains("need the permission"), "{said}");
    let tries = desk.strict.log().iter().filter(|entry| entry.operation == "cloudfront:CreateOriginAccessControl").count();
    assert_eq!(tries, 1, "a retry changes nothing");

    let doctor = desk.run(&["doctor"]);
    let findings = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(findings.contains("CloudFront can refuse a new account until AWS has verified it"), "{findings}");

    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["up"]), 0);
    let findings = String::from_utf8_lossy(&desk.run(&["doctor"]).stdout).into_owned();
    assert!(findings.contains("CloudFront   serves this account (1 distributions)"), "{findings}");
    ended(&desk.run(&["down"]), 0);
}
