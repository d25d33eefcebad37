//! Class of device, by the browser's user agent.
//!
//! Deliberately coarse: browser families and versions come with the full product, and a finer guess is wrong more often.

/// Returns `desktop`, `mobile`, `tablet`, or `unknown` without a user agent.
pub fn device_class(user_agent: &str) -> &'static str {
    let has = |part: &str| user_agent.contains(part);
    if user_agent.trim().is_empty() {
        "unknown"
    // Android tablets are the Android devices without `Mobile` in their user agent (Chrome's user agent reference).
    } else if has("iPad") || has("Tablet") || (has("Android") && !has("Mobile")) {
        "tablet"
    } else if has("Mobi") || has("iPhone") || has("iPod") {
        "mobile"
    } else if has("Windows") || has("Macintosh") || has("X11") || has("CrOS") || has("Linux") {
        "desktop"
    } else {
        "unknown"
    }
}

#[cfg(test)]
mod tests {
    use super::device_class;

    #[test]
    fn tells_the_classes_apart() {
        let cases = [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "desktop"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15", "desktop"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1", "mobile"),
            ("Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/156.0 Mobile Safari/537.36", "mobile"),
            ("Mozilla/5.0 (Linux; Android 16; SM-X710) Chrome/156.0 Safari/537.36", "tablet"),
            ("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) Version/12.1 Mobile/15E148 Safari/604.1", "tablet"),
            ("curl/8.14.1", "unknown"),
            (" ", "unknown"),
        ];
        for (user_agent, class) in cases {
            assert_eq!(device_class(user_agent), class, "{user_agent}");
        }
    }
}
