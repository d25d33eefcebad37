//! Texts of XML elements, found by the path of the element.

use xmlparser::{ElementEnd, Token, Tokenizer};

/// Returns the texts of all elements with a path that ends in `path` (`["DistributionConfig", "Enabled"]`), as written.
pub(crate) fn texts<'a>(document: &'a str, path: &[&str]) -> Vec<&'a str> {
    let (mut open, mut found): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for token in Tokenizer::from(document).map_while(Result::ok) {
        match token {
            Token::ElementStart { local, .. } => open.push(local.as_str()),
            Token::ElementEnd { end: ElementEnd::Close(..) | ElementEnd::Empty, .. } => drop(open.pop()),
            Token::Text { text } if open.ends_with(path) => found.push(text.as_str()),
            _ => {}
        }
    }
    found
}

/// Returns the first of [`texts`].
pub(crate) fn text<'a>(document: &'a str, path: &[&str]) -> Option<&'a str> {
    texts(document, path).into_iter().next()
}

/// Returns the document with `change` applied to the text of every element at the end of `path`.
pub(crate) fn map_texts(document: &str, path: &[&str], change: impl Fn(&str) -> String) -> String {
    let mut result = String::with_capacity(document.len());
    let mut copied = 0;
    for text in texts(document, path) {
        // A token is a slice of the document.
        let begin = text.as_ptr() as usize - document.as_ptr() as usize;
        result.push_str(&document[copied..begin]);
        result.push_str(&change(text));
        copied = begin + text.len();
    }
    result.push_str(&document[copied..]);
    result
}

#[cfg(test)]
mod tests {
    use super::{map_texts, text, texts};

    const DOCUMENT: &str = "<?xml version=\"1.0\"?><D xmlns=\"x\"><S>InProgress</S><C><E>true</E><L><E>false</E></L><N/></C></D>";

    #[test]
    fn elements_are_found_by_the_end_of_their_path() {
        assert_eq!(text(DOCUMENT, &["C", "E"]), Some("true"));
        assert_eq!(texts(DOCUMENT, &["E"]), ["true", "false"]);
        assert_eq!(text(DOCUMENT, &["N"]), None);
        assert_eq!(map_texts(DOCUMENT, &["S"], |_| "Deployed".to_owned()), DOCUMENT.replace("InProgress", "Deployed"));
    }
}
