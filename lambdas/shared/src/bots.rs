//! Detects visitors that are programs: crawlers, headless browsers, monitors and fetchers of previews.
//!
//! The list is the product's own and short on purpose. A user agent with one of these words is no visitor, and a longer list
//! catches browsers by accident. HTTP libraries are not listed: a server may report its own events. Programs that pretend to be
//! a browser are not found here; the rate limit bounds what they can do.

/// Lower-case parts of a bot's user agent.
const WORDS: [&str; 32] = [
    // Part of nearly all crawlers' names: Googlebot, bingbot, Applebot, GPTBot, AhrefsBot, …
    "bot/",
    "bot;",
    "bot-",
    "bot)",
    "+http",
    "crawl",
    "spider",
    "slurp",
    // Fetchers for previews and feeds.
    "facebookexternalhit",
    "facebot",
    "whatsapp/",
    "embedly",
    "skypeuripreview",
    "google-inspectiontool",
    "feedfetcher",
    "mediapartners",
    // Browsers without a person in front of them.
    "headlesschrome",
    "phantomjs",
    "slimerjs",
    "puppeteer",
    "playwright",
    "selenium",
    "cypress/",
    "prerender",
    "lighthouse",
    "pagespeed",
    "gtmetrix",
    // Monitors.
    "pingdom",
    "uptime",
    "statuscake",
    "site24x7",
    "newrelicpinger",
];

/// Returns true if a user agent belongs to a machine. An empty one may belong to any client.
pub fn is_bot(user_agent: &str) -> bool {
    let user_agent = user_agent.to_ascii_lowercase();
    user_agent.trim_end().ends_with("bot") || WORDS.iter().any(|word| user_agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::is_bot;

    #[test]
    fn knows_programs_by_their_names() {
        for user_agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/156.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0 Safari/537.36",
            "facebookexternalhit/1.1",
            "Mozilla/5.0 (compatible; Yahoo! Slurp)",
            "Twitterbot",
            "Baiduspider+(+http://www.baidu.com/search/spider.htm)",
            "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36 Chrome-Lighthouse",
        ] {
            assert!(is_bot(user_agent), "{user_agent}");
        }
    }

    #[test]
    fn takes_people_for_people() {
        for user_agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1",
            // A phone's maker, and an app's own browser.
            "Mozilla/5.0 (Linux; Android 12; CUBOT X50) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/500.0]",
            "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
            "curl/8.14.1",
            "Amazon CloudFront",
            "",
        ] {
            assert!(!is_bot(user_agent), "{user_agent}");
        }
    }
}
