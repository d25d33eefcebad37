//! Removes text that looks like a secret or a person from paths and parameters: tokens and mail addresses.
//!
//! A link to reset a password, an invitation or a shared document carries its key in the path. Stored, it would be in the
//! tables for a day and on the dashboard. Ordinary parts of a page's address stay: words, numbers, dates, names of files,
//! letters of any language.

/// Placeholder for a segment that looks like a token.
pub const TOKEN: &str = "(token)";
/// Placeholder for a segment that contains a mail address.
pub const MAIL: &str = "(mail)";
/// Minimum length of a run of hexadecimal digits that counts as a token: half of an MD5. Ordinary numbers are shorter, bank
/// card numbers are not.
const SHORTEST_HEX: usize = 16;
/// Minimum length of a mixture of letters and digits that counts as a token: 20 characters of base 62 are 119 bits. Identifiers
/// of videos have 11.
const SHORTEST_MIXTURE: usize = 20;

/// Replaces the segments of a path that look like a token or a mail address; all others are unchanged.
pub fn path(path: &str) -> String {
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Replaces the value of a query parameter, `name=value`, by the same rules.
pub fn parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, value)) => format!("{name}={}", path(value)),
        None => parameter.to_owned(),
    }
}

fn part(text: &str) -> &str {
    if is_mail(text) {
        MAIL
    } else if is_token(text) {
        TOKEN
    } else {
        text
    }
}

/// Returns true for a name, an at sign and a domain that ends in letters. `/@name` and `/package@1.2.3` are none.
fn is_mail(text: &str) -> bool {
    let text = text.replace("%40", "@");
    text.match_indices('@').any(|(at, _)| {
        let has_name = text[..at].ends_with(|character: char| character.is_alphanumeric() || "_-+.".contains(character));
        let is_domain = |character: char| character.is_alphanumeric() || ".-".contains(character);
        let domain = text[at + 1..].split(|character| !is_domain(character)).next().unwrap_or_default().trim_end_matches('.');
        let end = domain.rsplit_once('.').map_or("", |(_, end)| end);
        has_name && end.chars().count() >= 2 && end.chars().all(char::is_alphabetic)
    })
}

fn is_token(text: &str) -> bool {
    is_jwt(text) || is_uuid(text) || runs(text).any(|run| run.len() >= SHORTEST_HEX && is_hex(run)) || is_mixture(text)
}

/// Returns true for three parts, of which the first begins like a JSON object in base 64.
fn is_jwt(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| text[at..].split('.').filter(|part| part.len() >= 4).count() >= 3)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split(|character: char| !character.is_ascii_hexdigit()).collect();
    parts.windows(5).any(|five| five.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns runs of adjacent letters and digits. An escape such as `%ED` is a character of another alphabet, not part of a run.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split('%').enumerate().flat_map(|(index, piece)| {
        let encoded = if index > 0 && piece.len() >= 2 && piece.is_char_boundary(2) && is_hex(&piece[..2]) { 2 } else { 0 };
        piece[encoded..].split(|character: char| !character.is_ascii_alphanumeric()).filter(|run| !run.is_empty())
    })
}

/// Returns true if letters and digits alternate as often as in random text: in every fourth place. A capital at the beginning
/// of a word is no change, so `MyGreatProduct2026` changes three times in 18 places.
fn is_mixture(text: &str) -> bool {
    let (mut length, mut changes) = (0, 0);
    for run in runs(text) {
        length += run.len();
        let kinds: Vec<Kind> = run.bytes().map(Kind::of).collect();
        for (index, pair) in kinds.windows(2).enumerate() {
            let begins_word = pair == [Kind::Upper, Kind::Lower] && (index == 0 || kinds[index - 1] == Kind::Lower);
            changes += usize::from(pair[0] != pair[1] && !begins_word);
        }
    }
    length >= SHORTEST_MIXTURE && changes * 4 >= length
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            b'A'..=b'Z' => Self::Upper,
            b'0'..=b'9' => Self::Digit,
            _ => Self::Lower,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_and_mail_addresses_are_taken_out() {
        for (address, kept) in [
            ("/reset/4f3a9c8b7d6e5f4a3b2c1d0e9f8a7b6c", "/reset/(token)"),
            ("/orders/550e8400-e29b-41d4-a716-446655440000/edit", "/orders/(token)/edit"),
            ("/orders/550E8400-E29B-41D4-A716-446655440000.pdf", "/orders/(token)"),
            ("/in/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "/in/(token)"),
            ("/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit", "/d/(token)/edit"),
            ("/join/k3j9x0f7a2m8q1z5b6n4", "/join/(token)"),
            ("/join/AbC-dEf0_GhI1-jKl2_MnO3-pQr4x", "/join/(token)"),
            ("/a;jsessionid=0A1B2C3D4E5F60718293A4B5C6D7E8F9/b", "/(token)/b"),
            ("/card/4111111111111111", "/card/(token)"),
            ("/users/me@shop.example/orders", "/users/(mail)/orders"),
            ("/users/first.last+tag%40shop.example", "/users/(mail)"),
            ("/users/이름@shop.example", "/users/(mail)"),
        ] {
            assert_eq!(path(address), kept);
            assert_eq!(path(kept), kept, "what is kept stays");
        }
        assert_eq!(parameter("utm_source=me@shop.example"), "utm_source=(mail)");
        assert_eq!(parameter("ref=4f3a9c8b7d6e5f4a"), "ref=(token)");
        assert_eq!(parameter("utm_campaign=spring-sale_2026"), "utm_campaign=spring-sale_2026");
        assert_eq!(parameter("ref"), "ref");
    }

    #[test]
    fn ordinary_addresses_stay() {
        for address in [
            "/",
            "//",
            "/products/category-3/item-17",
            "/2026/11/24/what-we-learned-from-1000000-events-in-24-hours",
            "/How-To-Use-Rust-In-2026-Second-Edition",
            "/MyGreatProductName2026Edition",
            "/watch/dQw4w9WgXcQ",
            "/iphone-15-pro-max-256gb-blue-titanium",
            "/@name/a-post-of-mine",
            "/@scope/name@1.2.3/index.js",
            "/assets/main.4f3a9c8b.js",
            "/app/#/cart",
            "/%ED%95%9C%EA%B5%AD%EC%96%B4/%EC%A0%9C%ED%92%88-123",
            "/한국어/제품",
            "/tel/+821012345678",
            "/t/1795381800000",
            "/v1.2.3/api/GetObjectTorrent",
            "/wiki/Internationalization_and_localization",
            "/Donaudampfschifffahrtsgesellschaft",
            "/(other)",
            "/a@b",
        ] {
            assert_eq!(path(address), address);
        }
    }

    proptest! {
        /// Words of any alphabet, numbers and dates, joined as in real addresses, with or without a file extension.
        #[test]
        fn ordinary_paths_stay_unchanged(
            address in "(/([A-Z]?[a-z]{1,12}|[가-힣]{1,8}|[0-9]{1,10}|20[0-9]{2}-[01][0-9]-[0-3][0-9])([-_.]([A-Z]?[a-z]{1,12}|[0-9]{1,6})){0,6}(\\.(html|php|pdf))?){0,5}/?"
        ) {
            prop_assert_eq!(path(&address), address);
        }

        #[test]
        fn encoded_letters_stay_unchanged(text in "[가-힣ぁ-んа-яäöüß]{1,30}") {
            let encoded: String = text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
            prop_assert_eq!(path(&encoded), encoded);
        }

        #[test]
        fn random_keys_never_stay(bytes in prop::collection::vec(any::<u8>(), 16..40), word in "[a-z]{1,8}") {
            let hex: String = bytes.iter().fold(String::new(), |all, byte| format!("{all}{byte:02x}"));
            prop_assert_eq!(path(&format!("/{word}/{hex}")), format!("/{word}/(token)"));
        }

        #[test]
        fn never_panics_and_is_done_at_once(text in "\\PC{0,80}") {
            let once = path(&text);
            prop_assert_eq!(path(&once), once.clone());
        }
    }
}
