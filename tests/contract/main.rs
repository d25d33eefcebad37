//! The contract of every kind of resource, kept against a live AWS API: made from nothing, then nothing to do; each change, ours or
//! from outside, is seen and made good, then nothing to do; removed, and removed again.
//!
//! `LIVEINSIGHT_TEST_AWS` names the endpoint: a local AWS that these tests may fill and empty. They never skip.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

mod api_gateway;
mod harness;
mod proxy;
mod s3_cloudfront;
