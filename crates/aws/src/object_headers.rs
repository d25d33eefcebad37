//! Headers that S3 stores with an object and returns with it.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Headers of a file of the site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// Value of `Content-Type`.
    pub content_type: String,
    /// Value of `Cache-Control`.
    pub cache_control: String,
    /// Other headers that S3 stores and returns, and the object's storage class. None are declared, so the engine removes any that it finds.
    #[serde(flatten)]
    pub other: BTreeMap<String, String>,
}

impl Headers {
    /// Creates the headers of a file as declared.
    pub fn new(content_type: impl Into<String>, cache_control: impl Into<String>) -> Self {
        Self { content_type: content_type.into(), cache_control: cache_control.into(), other: BTreeMap::new() }
    }

    /// Reads the headers from an answer of S3.
    pub fn read(answer: &HeadObjectOutput) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let other = [
            ("content_encoding", answer.content_encoding()),
            ("content_disposition", answer.content_disposition()),
            ("content_language", answer.content_language()),
            ("expires", answer.expires_string()),
            ("website_redirect_location", answer.website_redirect_location()),
            // Listed only if it differs from the class that every object is written with. Visitors cannot read an archived object.
            ("storage_class", answer.storage_class().map(|class| class.as_str()).filter(|class| *class != "STANDARD")),
        ];
        let other = other.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let metadata = answer.metadata().into_iter().flatten().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone()));
        Self {
            content_type: text(answer.content_type()),
            cache_control: text(answer.cache_control()),
            other: other.chain(metadata).collect(),
        }
    }
}

/// Headers of an object of the site, with the version that they belong to.
#[derive(Debug, Clone)]
pub struct Known {
    /// MD5 of the object's content, hexadecimal.
    pub md5: String,
    /// Time of the object's last write in milliseconds since 1970; `None` if this run wrote it.
    pub at: Option<i64>,
    /// Id of the object's version, if it is known.
    pub version: Option<String>,
    /// Headers of the object.
    pub headers: Headers,
}
