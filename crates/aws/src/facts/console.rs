//! Addresses of AWS's console.
//!
//! AWS does not guarantee these addresses: they are those that the console itself shows in 2026. A page that has moved is one click from there.

use crate::Target;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

impl Target {
    /// Returns the address of a page of a regional service.
    pub fn console(&self, service: &str, page: &str) -> String {
        format!("{}/{service}/home?region={}#{page}", self.console_host(&self.region), self.region)
    }

    /// Returns the address of a page of a service without regions.
    pub fn global_console(&self, service: &str, page: &str) -> String {
        format!("{}/{service}/home#{page}", self.console_host(&self.global_region))
    }

    /// Returns the host of a region's console, with its scheme.
    pub fn console_host(&self, region: &str) -> String {
        match self.partition.as_str() {
            "aws-cn" => format!("https://{region}.console.amazonaws.cn"),
            "aws-us-gov" => format!("https://{region}.console.amazonaws-us-gov.com"),
            _ => format!("https://{region}.console.aws.amazon.com"),
        }
    }
}

/// Characters that are encoded within an address ("RFC 3986", unreserved characters).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns a name encoded for use in an address.
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}
