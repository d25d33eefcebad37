//! The contract of every kind of resource, checked against a live AWS API. Created from nothing, then nothing to do. Each change, ours or from
//! outside, is detected and converged, then nothing to do. Removed, and removed again.
//!
//! All of it runs against the tests' local AWS, or the one that `LIVEINSIGHT_TEST_AWS` names.

mod api_gateway;
mod cloudwatch;
mod dynamodb;
mod harness;
mod iam;
mod lambda;
mod lists;
mod lock;
mod logs;
mod proxy;
mod recorded;
mod releases;
mod response_headers;
mod s3_cloudfront;
mod scale;
