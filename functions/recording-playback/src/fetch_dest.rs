//! How a browser uses the answer, from `Sec-Fetch-Dest` (Fetch Metadata Request Headers, section 2.1). Pure.
//!
//! Scripts in a browser cannot set the header, but any other client can. So only known values are passed on.

use http::HeaderMap;

const SEC_FETCH_DEST: &str = "sec-fetch-dest";

/// The destinations that browsers send for a recording's link, and one value for all others.
const KNOWN: [&str; 5] = ["audio", "video", "empty", "document", "iframe"];
const OTHER: &str = "other";

/// A destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FetchDest(&'static str);

impl FetchDest {
    /// `None` if the header is absent: the client is not a browser, or is an old one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(SEC_FETCH_DEST)?.as_bytes();
        let known = KNOWN.into_iter().find(|word| word.as_bytes() == value);
        Some(Self(known.unwrap_or(OTHER)))
    }

    /// Whether the answer is for an `<audio>` or `<video>` element. The Player's `fetch` for its waveform is not.
    pub(crate) fn is_media_element(self) -> bool {
        matches!(self.0, "audio" | "video")
    }

    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_known_words_are_repeated() {
        for (value, word) in [
            ("audio", "audio"),
            ("video", "video"),
            ("empty", "empty"),
            ("document", "document"),
            ("iframe", "iframe"),
            ("", "other"),
            ("Audio", "other"),
            ("audio, empty", "other"),
            ("audioworklet", "other"),
            ("canary", "other"),
            ("caf\u{e9}", "other"),
        ] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(SEC_FETCH_DEST),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )]);
            let dest = FetchDest::of(&headers).unwrap();
            assert_eq!(dest.as_str(), word, "{value}");
            assert_eq!(dest.is_media_element(), matches!(value, "audio" | "video"), "{value}");
        }
        assert_eq!(FetchDest::of(&HeaderMap::new()), None);
    }
}
