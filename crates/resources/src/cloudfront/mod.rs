//! Amazon CloudFront: the distribution of the site, its access to the bucket and the headers of its pages.

mod behavior;
mod config;
mod distribution;
mod headers_policies;
mod invalidation;
mod origin_access_control;
mod response_headers_policy;
mod security_headers;

pub use behavior::{Behavior, Forwarding, WRITERS_HEADERS};
pub use config::{ErrorPage, Origin, Protocol, Verify};
pub use distribution::{Distribution, DistributionOutput, count_distributions, list_distributions};
pub use headers_policies::HEADERS_TAG;
pub use origin_access_control::{OriginAccessControl, OriginAccessControlOutput};
pub use response_headers_policy::{ResponseHeadersPolicy, ResponseHeadersPolicyOutput};
pub use security_headers::{CONTENT_SECURITY_POLICY, security_header, security_header_value};
