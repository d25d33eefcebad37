//! Names of S3 objects in answers. A name may contain any character, and XML 1.0 cannot carry control characters: an answer with one of them
//! cannot be parsed. So every list requests names in URL encoding (`encoding-type=url`), and [`object_name`] decodes them.
//!
//! Some endpoints honour that only for `ListObjectsV2`, and answer other lists with plain names. [`encode_names`] turns such an answer into the
//! one that S3 would have sent.

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream, retry::ErrorKind};
use percent_encoding::percent_decode_str;
use std::fmt::Write;

/// Part of a URL that requests a list of names in URL encoding.
const ENCODED: &str = "encoding-type=url";
/// Element of an answer that declares its names as encoded.
const DECLARED: &str = "<EncodingType>";
/// Elements that contain names, in the lists that this program requests (`S3 API reference`: "Encoding type used by Amazon S3").
const NAMED: &[&str] = &["Key", "Prefix", "Delimiter", "StartAfter", "KeyMarker", "NextKeyMarker"];

/// Decodes a name from a list that was requested with `encoding-type=url`. Space is a plus sign, as in forms.
pub fn object_name(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Returns whether XML cannot carry this name, so that S3 takes it only in a URL.
pub(super) fn is_beyond_xml(name: &str) -> bool {
    name.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// Connector that encodes the names in lists that contain plain ones.
#[derive(Debug)]
pub(super) struct ReadableLists(pub(super) SharedHttpConnector);

impl HttpConnector for ReadableLists {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_list = request.uri().split_once('?').is_some_and(|(_, query)| query.contains(ENCODED));
        let answer = self.0.call(request);
        if is_list { HttpConnectorFuture::new(async { readable(answer.await?).await }) } else { answer }
    }
}

async fn readable(mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let content = ByteStream::new(body).collect().await;
    // An answer that breaks off may arrive whole the next time.
    let content = content.map_err(|error| ConnectorError::other(error.into(), Some(ErrorKind::TransientError)))?.into_bytes();
    let encoded = std::str::from_utf8(&content).ok().and_then(encode_names);
    *answer.body_mut() = match encoded {
        Some(text) => {
            answer.headers_mut().insert("content-length", text.len().to_string());
            SdkBody::from(text)
        }
        None => SdkBody::from(content),
    };
    Ok(answer)
}

/// Encodes the names of a list; `None` if they are already encoded, or the text is no list.
fn encode_names(list: &str) -> Option<String> {
    if list.contains(DECLARED) || !list.contains("Result") {
        return None;
    }
    let mut out = String::with_capacity(list.len());
    let mut rest = list;
    while let Some((before, name, after)) = next_name(rest) {
        out.push_str(before);
        encode(&mut out, name);
        rest = after;
    }
    out.push_str(rest);
    // The end tag of the root element is the last one.
    out.insert_str(out.rfind("</")?, "<EncodingType>url</EncodingType>");
    Some(out)
}

/// Splits a text at the next name: the text before it with the tag, the name, and the rest.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let begin = from + text[from..].find('<')?;
        let end = begin + text[begin..].find('>')?;
        if NAMED.contains(&&text[begin + 1..end]) {
            let name = &text[end + 1..];
            let length = name.find("</")?;
            return Some((&text[..=end], &name[..length], &name[length..]));
        }
        from = end + 1;
    }
}

/// Encodes the characters that XML cannot carry or changes (a line end), and those that decoding would change. References to other characters
/// stay.
fn encode(out: &mut String, name: &str) {
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let (c, length) = reference(rest).unwrap_or((c, c.len_utf8()));
        if c.is_control() || matches!(c, '%' | '+' | '\u{fffe}' | '\u{ffff}') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
}

/// Returns the character of a numeric reference (`&#13;`, `&#xD;`) at the beginning of a text, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    let (number, _) = text.strip_prefix("&#")?.split_once(';')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    Some((char::from_u32(code.ok()?)?, number.len() + 3))
}

#[cfg(test)]
mod tests {
    use super::{encode_names, is_beyond_xml, object_name};

    #[test]
    fn names_are_decoded_as_s3_encodes_them() {
        // The first is the example of the S3 API reference; a space is sent as a plus sign, and a plus sign encoded.
        for (encoded, name) in [
            ("test_file%283%29.png", "test_file(3).png"),
            ("a+b%2Bc", "a b+c"),
            ("100%25.txt", "100%.txt"),
            ("%01%0A%0D", "\u{1}\n\r"),
            ("%C3%BC/%F0%9F%98%80", "ü/😀"),
        ] {
            assert_eq!(object_name(encoded), name);
        }
    }

    #[test]
    fn a_list_with_plain_names_becomes_one_with_encoded_names() {
        let list = "<ListVersionsResult><Prefix>site</Prefix><Version><Key>a\u{1}b\rc+d%41 &amp;&#x2;&#13;&#65;ü</Key><ETag>\"1+1\"</ETag></Version>\
                    <DeleteMarker><Key></Key></DeleteMarker></ListVersionsResult>";
        let encoded = encode_names(list).unwrap();
        let key = "a%01b%0Dc%2Bd%2541 &amp;%02%0D&#65;ü";
        assert_eq!(
            encoded,
            format!(
                "<ListVersionsResult><Prefix>site</Prefix><Version><Key>{key}</Key><ETag>\"1+1\"</ETag></Version>\
                 <DeleteMarker><Key></Key></DeleteMarker><EncodingType>url</EncodingType></ListVersionsResult>"
            )
        );
        assert_eq!(encode_names(&encoded), None, "it is encoded once");
        assert_eq!(encode_names("<Error><Code>NoSuchBucket</Code></Error>"), None);
    }

    #[test]
    fn control_characters_are_beyond_xml() {
        for name in ["a\u{0}", "\n", "\u{7f}", "\u{85}", "\u{ffff}"] {
            assert!(is_beyond_xml(name), "{name:?}");
        }
        for name in ["a b+c%.txt", "ü😀", "<&>\"'"] {
            assert!(!is_beyond_xml(name), "{name:?}");
        }
    }
}
