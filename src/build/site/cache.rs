//! Cache lifetime of each file of a site, decided by its name.
//!
//! A name with a digest of the content never needs revalidation. Taking another name for such a digest shows an old file for a
//! year; missing a digest costs a request every five minutes. So only names that can hardly be anything else count as digests.

/// Header for a name that changes with the content and never needs revalidation.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Header for pages: browsers revalidate each time (and get 304), so that a release shows at once.
pub(super) const PAGE: &str = "no-cache";

/// Header for all other files, which may be up to five minutes old.
pub(super) const SHORT: &str = "public, max-age=300";

/// Lengths of hexadecimal digests that build tools write: Vite to 4, Parcel, webpack with `[contenthash:8]` (8), webpack (10, 20), Django
/// (12), Angular, Next.js and Trunk (16), Gatsby (20), MD5 (32), SHA-1 (40), SHA-256 (64), SHA-384 (96), SHA-512 (128).
const HEXADECIMAL: &[usize] = &[8, 10, 12, 16, 20, 24, 32, 40, 64, 96, 128];
/// Maximum length at which a hexadecimal digest could also be a date or a word.
const SHORT_HEXADECIMAL: usize = 12;
/// Lengths of base64url digests: Vite, Rollup, Astro, `SvelteKit` and Nuxt (8), MD5 (22), SHA-1 (27), SHA-256 (43).
const BASE_64: &[usize] = &[8, 22, 27, 43];
/// Length of esbuild's and Angular's digests, in base 32.
const BASE_32: usize = 8;
/// Suffixes that tools put between a digest and the extension: `app.3f2a91bc.js.map`, `app-3f2a91bc_bg.wasm`,
/// `main.3f2a91bc.chunk.css`.
const ENDINGS: &[&str] = &[".min", ".js", ".mjs", ".css", ".chunk", ".bundle", ".iframe", ".module", ".LICENSE", "_bg", ".p", "-s"];
/// Words that mix cases and digits in product names and versions: `iPhone6S`, `v2Final3`, `a4Paper2`, `macOS14b`.
const WORDS: &[&str] = &[
    "air", "alpha", "app", "beta", "book", "copy", "dim", "draft", "fi", "final", "hd", "mac", "max", "new", "old", "os", "pad", "page",
    "paper", "part", "phone", "photo", "pod", "pro", "rev", "scan", "uhd", "ver", "win",
];
/// Prefixes of names that cameras and scanners assign.
const CAMERAS: &[&str] = &["DOC", "DSC", "DSCF", "IMG", "MVI", "PIC", "PXL", "SCAN", "VID"];
/// Directories into which build tools write files with short digests of every kind.
const BUILT: &[&str] = &[
    "_app",
    "_astro",
    "_next",
    "_nuxt",
    "assets",
    "build",
    "bundles",
    "chunks",
    "dist",
    "fonts",
    "immutable",
    "js",
    "css",
    "media",
    "static",
];
/// Extensions for which a short digest counts in any other directory.
const CODE: &[&str] = &["css", "eot", "js", "json", "map", "mjs", "otf", "svg", "ttf", "wasm", "woff", "woff2"];
/// Month names as dates spell them.
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Returns the header `Cache-Control` for a file.
pub(super) fn cache_control(key: &str) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let extension = extension.to_ascii_lowercase();
    let is_built = || CODE.contains(&&*extension) || key.split('/').rev().skip(1).any(|directory| BUILT.contains(&directory));
    match &*extension {
        "html" | "htm" | "xhtml" | "xht" => PAGE,
        _ if has_digest(stem, is_built()) => IMMUTABLE,
        _ => SHORT,
    }
}

/// Returns true if a name without its extension is a content digest or ends in one: `app.3f2a91bc`, `index-DiwrgT4a`. Eight
/// characters that are not hexadecimal count only in the output of a build tool.
fn has_digest(stem: &str, is_built: bool) -> bool {
    let mut stem = stem;
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
        stem = shorter;
    }
    let (before, last) = stem.rsplit_once(['.', '-']).unwrap_or(("", stem));
    // A digest in base64url may hold a hyphen itself.
    let in_base_64 = BASE_64.iter().filter_map(|length| stem.split_at_checked(stem.len().checked_sub(*length)?));
    let mut in_base_64 = in_base_64.filter(|(before, _)| before.is_empty() || before.ends_with(['.', '-']));
    (is_hexadecimal(last) && !is_uuid(before, last))
        || is_built && is_base_32(last)
        || in_base_64.any(|(_, digest)| (is_built || digest.len() > BASE_32) && is_base_64(digest))
}

fn is_hexadecimal(text: &str) -> bool {
    let units = units(text);
    let is_mixed = has_digit(text) && text.contains(|c: char| c.is_ascii_lowercase());
    // `cafe2024`, `facade01` and `240131ab` are words and dates with a suffix.
    let is_no_word = units.len() >= 3 && units.iter().all(|unit| unit.len() < text.len() / 2 + 2 && !is_word(unit, 5));
    let is_random = (text.len() > SHORT_HEXADECIMAL || is_no_word)
        && !is_date(text)
        && !units.iter().any(|unit| is_moment(unit, text.len()))
        && !is_plain_uuid(text);
    HEXADECIMAL.contains(&text.len()) && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) && is_mixed && is_random
}

fn is_base_32(text: &str) -> bool {
    let units = units(text);
    text.len() == BASE_32
        && text.chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7'))
        && has_digit(text)
        && units.len() >= 3
        // `VOLUME2B`, `TRACK2A7`, `PART2OF3`
        && units.iter().all(|unit| (!is_word(unit, 4) || units.len() >= 5) && *unit != "OF")
        && units.first().is_none_or(|first| !CAMERAS.contains(first))
        && !is_date(text)
}

fn is_base_64(text: &str) -> bool {
    let pieces: Vec<Vec<&str>> = text.split(['-', '_']).map(units).collect();
    let units: Vec<&str> = pieces.iter().flatten().copied().collect();
    let has_size = text.as_bytes().windows(3).any(|three| three[0].is_ascii_digit() && three[1] == b'x' && three[2].is_ascii_digit());
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && text.contains(|c: char| c.is_ascii_uppercase())
        && text.contains(|c: char| c.is_ascii_lowercase())
        // Letters and digits alternate more than in words and numbers: `Page2Of3` has no single letter.
        && (units.len() >= 6 || (units.len() >= 4 && has_digit(text)))
        && units.iter().any(|unit| unit.len() == 1 && !has_digit(unit))
        && pieces.len() <= 3
        && pieces.iter().any(|piece| piece.len() >= 3)
        && !has_size
        && !is_date(text)
        && units.iter().all(|unit| !WORDS.contains(&&*unit.to_ascii_lowercase()))
        // `10h30mAM`
        && !units.windows(4).any(|four| has_digit(four[0]) && four[1] == "h" && has_digit(four[2]) && four[3] == "m")
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

/// Splits a name into numbers, words and capitals: `DiwrgT4a` into `Diwrg`, `T`, `4`, `a`.
fn units(text: &str) -> Vec<&str> {
    let kind = |c: char| if c.is_ascii_digit() { 0 } else { 1 + u8::from(c.is_ascii_uppercase()) };
    let mut units = Vec::new();
    if !text.is_ascii() {
        return units;
    }
    let mut begin = 0;
    for (at, pair) in text.as_bytes().windows(2).enumerate() {
        let (one, other) = (char::from(pair[0]), char::from(pair[1]));
        let begins_word = at == begin && kind(one) == 2 && kind(other) == 1;
        if kind(one) != kind(other) && !begins_word {
            units.push(&text[begin..=at]);
            begin = at + 1;
        }
    }
    if begin < text.len() {
        units.push(&text[begin..]);
    }
    units
}

/// Returns true if the letters can be a word: at least `length` of them, with a vowel.
fn is_word(unit: &str, length: usize) -> bool {
    unit.len() >= length && unit.to_ascii_lowercase().contains(['a', 'e', 'i', 'o', 'u'])
}

/// Returns true if digits among `length` characters are a day or a moment: `20240131`, `20240131235959`, seconds or
/// milliseconds since 1970, or `240131`, which long digests contain by chance.
fn is_moment(digits: &str, length: usize) -> bool {
    let within = |at: usize, range: std::ops::RangeInclusive<u32>| {
        digits.get(at..at + 2).and_then(|two| two.parse().ok()).is_some_and(|number| range.contains(&number))
    };
    if !digits.bytes().all(|c| c.is_ascii_digit()) {
        return false;
    }
    let is_day = digits.len() >= 8 && within(0, 19..=20) && within(4, 1..=12) && within(6, 1..=31);
    let is_short_day = digits.len() == 6 && length <= SHORT_HEXADECIMAL && within(2, 1..=12) && within(4, 1..=31);
    is_day || is_short_day || matches!(digits.len(), 10 | 13) && digits.starts_with('1')
}

/// Returns true for a UUID without hyphens, of a version based on time or randomness (RFC 9562).
fn is_plain_uuid(text: &str) -> bool {
    text.len() == 32 && matches!(text.as_bytes()[12], b'1' | b'4' | b'7') && matches!(text.as_bytes()[16], b'8' | b'9' | b'a' | b'b')
}

/// Returns true if the text contains a year or a month: `2024dec1`, `31Dec24B`, `Q32024`.
fn is_date(text: &str) -> bool {
    let begins = |unit: &str| unit.starts_with("19") || unit.starts_with("20");
    let is_year =
        |unit: &str| unit.len() == 4 && begins(unit) || unit.len() == 5 && matches!(unit.as_bytes()[0], b'1'..=b'4') && begins(&unit[1..]);
    let text = text.to_ascii_lowercase();
    let has_month = |month: &&str| {
        text.match_indices(*month).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + month.len()..].chars().next());
            before.into_iter().chain(after).any(|c| c.is_ascii_digit())
        })
    };
    units(&text).into_iter().any(is_year) || MONTHS.iter().any(has_month)
}

/// Returns true for the end of a UUID, which identifies an object and is no digest of its content.
fn is_uuid(before: &str, last: &str) -> bool {
    let lengths: Vec<usize> = before.rsplit('-').take(4).map(str::len).collect();
    last.len() == 12 && matches!(lengths[..], [4, 4, 4, first] if first >= 8)
}

#[cfg(test)]
mod tests {
    use super::{IMMUTABLE, PAGE, SHORT, cache_control, units};

    #[test]
    fn names_with_a_digest_are_immutable() {
        for key in [
            // Shipped with this program.
            "liveinsight-0.1.0.14abd3511b25.js",
            // webpack, Create React App, Storybook
            "static/js/main.3f2a91bc.js",
            "static/js/main.3f2a91bc.js.map",
            "static/js/main.3f2a91bc.js.LICENSE.txt",
            "static/css/main.e6c13ad2.chunk.css",
            "static/media/logo.6ce24c58023cc2f8fd88.svg",
            "runtime~main.0b5a1c3d.iframe.bundle.js",
            "app.9a71b0c3f4.js",
            // Vite 2 to 4 and Rollup 3
            "assets/index.3f2a91bc.js",
            "assets/index-5d3b8e0f.css",
            // Vite 5 and later, Rollup 4
            "assets/index-DiwrgT4a.js",
            "assets/vendor-C_2mVn3-.js",
            "assets/index-Bx9Z-kQ1.css",
            // Astro, SvelteKit, Nuxt
            "_astro/index.BzD3kq9T.css",
            "_app/immutable/chunks/CV0xabK2.js",
            "_nuxt/D8fk2Qa1.js",
            // Parcel
            "index.7f3a0c1e.css",
            // esbuild, Angular 17 and later
            "chunk-NXQ2SQM7.js",
            "main-7XZ4K5FQ.js",
            // Angular 12 to 16
            "main.9f5bba6cf01a2e3d.js",
            // Next.js
            "_next/static/chunks/main-app-0e7bd8a9c1f24d63.js",
            "_next/static/css/3d2f1a0b9c8d7e6f.css",
            "_next/static/media/a34f9d1faa5f3315-s.p.woff2",
            // Gatsby, Docusaurus
            "component---src-pages-index-js-8e9f2c4b7d1a0e3f5c6b.js",
            "assets/js/17896441.d1a0f2c8.js",
            // Trunk
            "app-3f2a91bc4d5e6f70.js",
            "app-3f2a91bc4d5e6f70_bg.wasm",
            // Django, Rails, Phoenix, Hugo
            "base.27e20196a850.css",
            "application-5d41402abc4b2a76b9719d911017c592.css",
            "app-1a2b3c4d.js",
            "style.min.2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.css",
        ] {
            assert_eq!(cache_control(key), IMMUTABLE, "{key}");
        }
    }

    #[test]
    fn dates_words_and_numbers_are_no_digests() {
        for key in [
            "app.js",
            "jquery-3.7.1.min.js",
            "service-worker.js",
            "my-component.css",
            "page-UserProfile.js",
            "a.component.js",
            // Dates
            "logo-20240131b.png",
            "prices-2024dec01.csv",
            "menu-01feb2025.pdf",
            "report-20260131.pdf",
            "report-2024dec1.pdf",
            "menu-1feb2025.pdf",
            "menu-dec12024.pdf",
            "menu-12dec24a.pdf",
            "logo-ab240131.png",
            "logo-a240131b.png",
            "scan-20240131ab.png",
            "scan-2024013112ab.png",
            "plan-31Dec24B.pdf",
            "plan-Jan2024a.pdf",
            "plan-2024Q3v2.pdf",
            "log-20240131T120000.txt",
            "log-1706659200000.txt",
            "scan-20240131120000ab.png",
            "report-20241231235959ab.pdf",
            "report-202412312359aa01.pdf",
            "a-20240131deadbeef.png",
            "x-24dec31235959ab0.pdf",
            "backup-1706659200abcdef.zip",
            "scan-ab240131cd.png",
            "scan-abc240131def.png",
            "assets/sales-Q32024v2.xlsx",
            "assets/talk-10h30mAM.mp3",
            // Words
            "photo-iPhone6S.jpg",
            "assets/photo-iPhone6S.jpg",
            "assets/guide-eBook2Go.pdf",
            "assets/x-iPad2Air.png",
            "assets/screenshot-macOS14b.png",
            "assets/x-WiFi6eV2.png",
            "assets/report-v2Final3.pdf",
            "assets/x-v10Beta2.zip",
            "assets/form-RevA2New.pdf",
            "assets/x-a4Paper2.pdf",
            "assets/photo-DSC2345A.jpg",
            "assets/photo-IMG3456B.jpg",
            "song-facade01.mp3",
            "menu-cafe2024.pdf",
            "cover-decade2b.png",
            "x-deadbeef.js",
            "icon-Retina2X.png",
            "icon-Html5App.svg",
            "scan-Page2Of3.png",
            "scan-PART2OF3.png",
            "book-VOLUME2B.pdf",
            "photo-IMG2024A.jpg",
            "photo-DSC23456.jpg",
            "hero-Dim3x4Cm.jpg",
            "sheet-Rev_2_Ab.pdf",
            "guide-to-a-b-c.txt",
            "page-MainView.js",
            // Numbers
            "part-12345678.bin",
            "call-0123456789.wav",
            // Names of things
            "user-123e4567-e89b-12d3-a456-42661417400a.png",
            "123e4567e89b42d3a45642661417400a.png",
            "letter-DiwrgT4a.pdf",
        ] {
            assert_eq!(cache_control(key), SHORT, "{key}");
        }
    }

    #[test]
    fn pages_are_asked_for_every_time() {
        for key in ["index.html", "about.3f2a91bc.html", "old.htm", "page.3f2a91bc.HTML", "About.Htm", "x.3f2a91bc.xhtml"] {
            assert_eq!(cache_control(key), PAGE, "{key}");
        }
    }

    #[test]
    fn names_fall_into_words_capitals_and_numbers() {
        assert_eq!(units("DiwrgT4a"), ["Diwrg", "T", "4", "a"]);
        assert_eq!(units("Page2Of3"), ["Page", "2", "Of", "3"]);
        assert_eq!(units("IMG2024A"), ["IMG", "2024", "A"]);
        assert_eq!(units(""), Vec::<&str>::new());
    }
}
