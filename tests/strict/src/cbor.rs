//! The part of CBOR that CloudWatch's protocol needs here: reading a text from a map, dropping an entry, writing an error.

use minicbor::{Decoder, Encoder, data::Type};

/// Returns a text of the outermost map.
pub(crate) fn text(body: &[u8], key: &str) -> Option<String> {
    let value = entries(body)?.into_iter().find(|(name, _)| name == key)?.1;
    Decoder::new(value).str().ok().map(str::to_owned)
}

/// Returns a whole number of the outermost map.
pub(crate) fn number(body: &[u8], key: &str) -> Option<u64> {
    let value = entries(body)?.into_iter().find(|(name, _)| name == key)?.1;
    Decoder::new(value).u64().ok()
}

/// Returns the texts of a list in the outermost map.
pub(crate) fn texts(body: &[u8], key: &str) -> Vec<String> {
    let value = entries(body).and_then(|entries| entries.into_iter().find(|(name, _)| name == key));
    let Some((_, value)) = value else { return Vec::new() };
    let mut decoder = Decoder::new(value);
    decoder.array_iter::<String>().map(|texts| texts.map_while(Result::ok).collect()).unwrap_or_default()
}

/// Returns whether the outermost map has this key.
pub(crate) fn has(body: &[u8], key: &str) -> bool {
    entries(body).is_some_and(|entries| entries.iter().any(|(name, _)| name == key))
}

/// Returns the outermost map without this key; `None` if it is not a map with texts as keys.
pub(crate) fn without(body: &[u8], key: &str) -> Option<Vec<u8>> {
    let entries = entries(body)?;
    let kept: Vec<_> = entries.into_iter().filter(|(name, _)| name != key).collect();
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes).map(kept.len() as u64).ok()?;
    for (name, value) in kept {
        Encoder::new(&mut bytes).str(&name).ok()?;
        bytes.extend_from_slice(value);
    }
    Some(bytes)
}

/// Encodes an error of the protocol: a map of `__type` and `message`.
pub(crate) fn error(code: &str, message: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    let written = (|| encoder.map(2)?.str("__type")?.str(code)?.str("message")?.str(message).map(drop))();
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    bytes
}

/// Returns the entries of the outermost map, with encoded values.
fn entries(body: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut decoder = Decoder::new(body);
    let count = decoder.map().ok()?;
    let mut entries = Vec::new();
    while count.is_none_or(|count| (entries.len() as u64) < count) && decoder.datatype().ok()? != Type::Break {
        let name = decoder.str().ok()?.to_owned();
        let begin = decoder.position();
        decoder.skip().ok()?;
        entries.push((name, &body[begin..decoder.position()]));
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::{error, has, text, without};
    use minicbor::Encoder;

    #[test]
    fn an_entry_is_left_out_and_the_others_stay() {
        let mut indefinite = Vec::new();
        let mut encoder = Encoder::new(&mut indefinite);
        encoder.begin_map().unwrap().str("Tags").unwrap().array(1).unwrap().u8(1).unwrap();
        encoder.str("AlarmName").unwrap().str("a").unwrap().end().unwrap();
        let stripped = without(&indefinite, "Tags").unwrap();
        assert!(has(&indefinite, "Tags") && !has(&stripped, "Tags"));
        assert_eq!(text(&stripped, "AlarmName").as_deref(), Some("a"));
        assert_eq!(without(b"\x01", "Tags"), None);
    }

    #[test]
    fn an_error_names_its_code() {
        assert_eq!(text(&error("Throttling", "Rate exceeded"), "__type").as_deref(), Some("Throttling"));
    }
}
