//! Headers that S3 keeps with an object and answers with.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Headers of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: String,
    /// `Cache-Control`.
    pub cache_control: String,
    /// Other headers that S3 keeps and answers with, and where it keeps the object. None are declared: what is found here goes.
    #[serde(flatten)]
    pub other: BTreeMap<String, String>,
}

impl Headers {
    /// Headers of a file as they are declared.
    pub fn new(content_type: impl Into<String>, cache_control: impl Into<String>) -> Self {
        Self { content_type: content_type.into(), cache_control: cache_control.into(), other: BTreeMap::new() }
    }

    /// Headers as S3 answers them.
    pub fn read(answer: &HeadObjectOutput) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let other = [
            ("content_encoding", answer.content_encoding()),
            ("content_disposition", answer.content_disposition()),
            ("content_language", answer.content_language()),
            ("expires", answer.expires_string()),
            ("website_redirect_location", answer.website_redirect_location()),
            // Named only if it is another than the one that every object is written with; of an archived one, visitors see nothing.
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

/// Headers of an object of the site.
#[derive(Debug, Clone)]
pub struct Known {
    /// MD5 of its content, hexadecimal.
    pub md5: String,
    /// Moment of its last write in milliseconds since 1970; `None` if this run wrote it.
    pub at: Option<i64>,
    /// Id of its version, if that is known.
    pub version: Option<String>,
    /// The headers.
    pub headers: Headers,
}
