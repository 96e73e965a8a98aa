//! Recognizes the clients that request the rest of a shortened reply by themselves. Pure.
//!
//! A 206 may carry less than the requested range (RFC 9110, section 15.3.7). But most clients treat its end as the end
//! of the recording: WebKit, ffmpeg, mpv, `curl -C -`, `wget -c` and most HTTP libraries. Tests with real browsers show
//! that the media elements of Chromium and Firefox request the rest. Every other client gets all that it requests.
//!
//! `Sec-Fetch-Dest` alone does not distinguish them, because WebKit sends it too.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{USER_AGENT, VARY},
};

use crate::fetch_dest::FetchDest;

const SEC_CH_UA: HeaderName = HeaderName::from_static("sec-ch-ua");

/// The request headers that the length of a reply depends on, and the one that every answer depends on. One field names
/// them all, because a streamed reply's metadata has one value for each header.
const VARIES_BY: HeaderValue = HeaderValue::from_static("Origin, Sec-Fetch-Dest, Sec-CH-UA, User-Agent");

/// Whether the request is from a media element that requests the rest of a reply that ends early.
pub(crate) fn requests_the_rest(headers: &HeaderMap) -> bool {
    FetchDest::of(headers).is_some_and(FetchDest::is_media_element) && (is_chromium(headers) || is_firefox(headers))
}

/// Sets `Vary`, because the length of the reply depends on the client.
pub(crate) fn vary(response: &mut HeaderMap) {
    response.insert(VARY, VARIES_BY);
}

/// Every browser that is built on Chromium lists that brand in addition to its own. Other engines do not send the header.
/// Chrome on iOS does not either, because it is WebKit.
fn is_chromium(headers: &HeaderMap) -> bool {
    brands(text(headers, &SEC_CH_UA)).any(|brand| brand == "Chromium")
}

/// Firefox does not send `Sec-CH-UA`. Firefox on iOS is WebKit and calls itself `FxiOS`. Other engines that claim to be
/// Firefox also name their own engine.
fn is_firefox(headers: &HeaderMap) -> bool {
    let agent = text(headers, &USER_AGENT);
    let has = |product: &str| agent.split(' ').any(|word| word.starts_with(product));
    has("Gecko/") && has("Firefox/") && !has("AppleWebKit/") && !has("Goanna/")
}

/// The brands of a list such as `"Chromium";v="148", "Not;A=Brand";v="99"`. No brand holds a comma or a quote.
fn brands(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter_map(|item| {
        let (brand, _) = item.trim().strip_prefix('"')?.split_once("\";v=")?;
        Some(brand)
    })
}

/// A header's value. Empty if the header is absent or not text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
    const CHROME_BRANDS: &str = r#""Chromium";v="148", "Google Chrome";v="148", "Not/A)Brand";v="99""#;
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";

    const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

    fn headers(dest: &str, brands: &str, agent: &str) -> HeaderMap {
        [(SEC_FETCH_DEST, dest), (SEC_CH_UA, brands), (USER_AGENT, agent)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn media_elements_of_chromium_and_firefox_come_back() {
        for (brands, agent) in [
            (CHROME_BRANDS, CHROME),
            (r#""Not;A=Brand";v="8", "Chromium";v="156""#, CHROME),
            (
                r#""HeadlessChrome";v="148", "Not/A)Brand";v="99", "Chromium";v="148""#,
                CHROME,
            ),
            (
                r#""Microsoft Edge";v="148", "Chromium";v="148", "Not/A)Brand";v="99""#,
                CHROME,
            ),
            // The brands name the engine, whatever the user agent claims.
            (CHROME_BRANDS, SAFARI),
            ("", FIREFOX),
            (
                "",
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0",
            ),
            (
                "",
                "Mozilla/5.0 (Android 16; Mobile; rv:147.0) Gecko/147.0 Firefox/147.0",
            ),
        ] {
            for dest in ["audio", "video"] {
                assert!(
                    requests_the_rest(&headers(dest, brands, agent)),
                    "{dest}, {brands}, {agent}"
                );
            }
        }
    }

    #[test]
    fn other_engines_do_not_even_where_they_imitate_one() {
        for (brands, agent) in [
            ("", ""),
            ("", SAFARI),
            // WebKitGTK sends `Sec-Fetch-Dest` as Chromium does, and for some pages Chrome's User-Agent.
            (
                "",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
            ),
            ("", CHROME),
            // Chrome and Firefox on iOS.
            (
                "",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/148.0.7778.60 Mobile/15E148 Safari/604.1",
            ),
            (
                "",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/147.0 Mobile/15E148 Safari/605.1.15",
            ),
            (
                "",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Firefox/140.0 Gecko/20100101",
            ),
            // Pale Moon left Firefox years ago.
            (
                "",
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Goanna/6.7 Firefox/128.0 PaleMoon/33.5.0",
            ),
            (r#""Not Chromium";v="1", "NotChromium";v="2""#, SAFARI),
            (r#"Chromium"#, SAFARI),
            ("", "VLC/3.0.23 LibVLC/3.0.23"),
            ("", "Lavf/59.27.100"),
            ("", "curl/7.88.1"),
        ] {
            assert!(
                !requests_the_rest(&headers("audio", brands, agent)),
                "{brands}, {agent}"
            );
        }
    }

    #[test]
    fn clients_that_are_no_media_elements_do_not() {
        for (brands, agent) in [(CHROME_BRANDS, CHROME), ("", FIREFOX)] {
            for dest in ["", "empty", "document", "audioworklet", "track", "Audio"] {
                assert!(!requests_the_rest(&headers(dest, brands, agent)), "{dest}, {agent}");
            }
        }
    }
}
