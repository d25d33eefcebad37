//! Amazon CloudFront: the distribution of the site and its access to the bucket.

mod behavior;
mod config;
mod distribution;
mod invalidation;
mod origin_access_control;

pub use behavior::{Behavior, Forwarding};
pub use config::{ErrorPage, Origin, Protocol, Verify};
pub use distribution::{Distribution, DistributionOutput, count_distributions, list_distributions};
pub use origin_access_control::{OriginAccessControl, OriginAccessControlOutput};
