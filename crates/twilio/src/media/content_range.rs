//! `Content-Range` of a 206 (RFC 9110 section 14.4).

use http::{HeaderMap, header};
use http_content_range::{ContentRange as Parsed, ContentRangeBytes, ContentRangeUnbound};

/// `bytes first-last/total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// First byte of the response, counted from 0.
    pub(super) first: u64,
    /// Length of the whole representation in bytes. `None` if the server sends `*`.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// The range of a single-part 206. `None` if the header is missing or invalid.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(header::CONTENT_RANGE)?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        //= https://www.rfc-editor.org/rfc/rfc9110#section-14.4
        //# A Content-Range field value is invalid if it contains a range-resp
        //# that has a last-pos value less than its first-pos value, or a
        //# complete-length value less than or equal to its last-pos value.
        // The library compares the unit with "bytes" as it is, but names of units are case-insensitive. It also skips white
        // space that the grammar does not have.
        let text = text.to_ascii_lowercase();
        if text.strip_prefix("bytes ")?.contains(char::is_whitespace) {
            return None;
        }
        let (first, total) = match Parsed::parse(&text)? {
            Parsed::Bytes(ContentRangeBytes {
                first_byte,
                complete_length,
                ..
            }) => (first_byte, Some(complete_length)),
            Parsed::UnboundBytes(ContentRangeUnbound { first_byte, .. }) => (first_byte, None),
            Parsed::Unsatisfied(_) => return None,
        };
        Some(Self { first, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.4
    //= type=test
    //# A Content-Range field value is invalid if it contains a range-resp
    //# that has a last-pos value less than its first-pos value, or a
    //# complete-length value less than or equal to its last-pos value.
    #[test]
    fn every_small_range_is_valid_exactly_when_it_lies_within_the_total() {
        for first in 0..6_u64 {
            for last in 0..6_u64 {
                let open = ContentRange::parse(&format!("bytes {first}-{last}/*"));
                let expected = (first <= last).then_some(ContentRange { first, total: None });
                assert_eq!(open, expected);
                for total in 0..7_u64 {
                    let closed = ContentRange::parse(&format!("bytes {first}-{last}/{total}"));
                    let expected = (first..total).contains(&last).then_some(ContentRange {
                        first,
                        total: Some(total),
                    });
                    assert_eq!(closed, expected, "{first}-{last}/{total}");
                }
            }
        }
    }

    #[test]
    fn other_forms_are_invalid() {
        for text in [
            "",
            "bytes",
            "bytes */10",
            "bytes 0-/10",
            "bytes -1/10",
            "bytes 0-1",
            "bytes 0-1/",
            "bytes +0-1/2",
            "bytes 0-1/2/3",
            "bytes  0-1/2",
            "bytes 0-1/2 ",
            "bytes 0 -1/2",
            "bytes0-1/2 ",
            "bytes=0-1/2",
            "items 0-1/2",
            "bytes 0-18446744073709551616/*",
        ] {
            assert_eq!(ContentRange::parse(text), None, "{text:?}");
        }
        let range = Some(ContentRange {
            first: 3,
            total: Some(5),
        });
        assert_eq!(ContentRange::parse("BYTES 3-4/5"), range);
    }
}
