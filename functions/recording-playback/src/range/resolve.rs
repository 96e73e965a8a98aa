//! Fits a range to a representation's length (RFC 9110 section 14.1.2).

use std::ops::Range;

use super::RangeSpec;

/// The result of a range for a representation of a known length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// These bytes, half-open, never empty and never past the end.
    Part(Range<u64>),
    /// The whole of an empty representation. It is satisfiable, but no `Content-Range` can express it.
    Whole,
    /// None of the bytes exist.
    Unsatisfiable,
}

impl RangeSpec {
    /// Fits the range to a representation of `len` bytes.
    #[must_use]
    pub fn resolve(self, len: u64) -> Resolved {
        match self {
            //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
            //# If the last-pos value is absent, or if the value is
            //# greater than or equal to the current length of the representation
            //# data, the byte range is interpreted as the remainder of the
            //# representation
            Self::Int { first, last } if first < len => {
                Resolved::Part(first..last.map_or(len, |last| len.min(last.saturating_add(1))))
            }
            Self::Int { .. } | Self::Suffix { length: 0 } => Resolved::Unsatisfiable,
            //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
            //# A server that supports range requests MAY ignore a Range header field
            //# when the selected representation has no content
            Self::Suffix { .. } if len == 0 => Resolved::Whole,
            //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
            //# If the selected representation is shorter than the specified
            //# suffix-length, the entire representation is used.
            Self::Suffix { length } => Resolved::Part(len.saturating_sub(length)..len),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::RANGE};
    use proptest::{prelude::*, test_runner::Config};

    use super::*;

    fn resolve(value: &str, len: u64) -> Option<Resolved> {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(value).unwrap());
        RangeSpec::from_headers(&headers).map(|spec| spec.resolve(len))
    }

    /// Cases that published parsers handle incorrectly.
    #[test]
    fn the_measured_cases() {
        use Resolved::{Part, Unsatisfiable};
        for (value, len, expected) in [
            ("bytes=0-", 10, Some(Part(0..10))),
            ("bytes=-20", 10, Some(Part(0..10))),
            ("bytes=5-2", 10, None),
            ("bytes=10-", 10, Some(Unsatisfiable)),
            ("bytes=00-05", 10, Some(Part(0..6))),
            ("Bytes=0-1", 10, Some(Part(0..2))),
            ("bytes=0-99999999999999999999999", 10, Some(Part(0..10))),
            ("bytes=0-", 0, Some(Unsatisfiable)),
            ("bytes=-0", 10, Some(Unsatisfiable)),
            ("bytes=-", 10, None),
            ("items=0-1", 10, None),
        ] {
            assert_eq!(resolve(value, len), expected, "{value} of {len}");
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
    //= type=test
    //# If the last-pos value is absent, or if the value is
    //# greater than or equal to the current length of the representation
    //# data, the byte range is interpreted as the remainder of the
    //# representation
    #[test]
    fn a_range_past_the_end_is_the_remainder() {
        for value in ["bytes=4-", "bytes=4-9", "bytes=4-10", "bytes=4-18446744073709551615"] {
            assert_eq!(resolve(value, 10), Some(Resolved::Part(4..10)), "{value}");
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
    //= type=test
    //# If the selected representation is shorter than the specified
    //# suffix-length, the entire representation is used.
    #[test]
    fn a_suffix_longer_than_the_representation_is_all_of_it() {
        assert_eq!(resolve("bytes=-11", 10), Some(Resolved::Part(0..10)));
        assert_eq!(resolve("bytes=-18446744073709551616", 10), Some(Resolved::Part(0..10)));
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    //= type=test
    //# A server that supports range requests MAY ignore a Range header field
    //# when the selected representation has no content
    #[test]
    fn a_suffix_of_nothing_is_the_whole_of_it() {
        assert_eq!(resolve("bytes=-1", 0), Some(Resolved::Whole));
        assert_eq!(resolve("bytes=-0", 0), Some(Resolved::Unsatisfiable));
    }

    /// The naive model: the positions of a representation that a range names. `None` if the header is ignored.
    fn model(first: Option<u128>, last: Option<u128>, len: u64) -> Option<Resolved> {
        let is_named = |at: &u64| match (first, last) {
            (Some(first), last) => first <= (*at).into() && last.is_none_or(|last| u128::from(*at) <= last),
            (None, last) => last.is_some_and(|length| u128::from(len - at) <= length),
        };
        match (first, last) {
            (None, None) => return None,
            (Some(first), Some(last)) if last < first => return None,
            (None, Some(1..)) if len == 0 => return Some(Resolved::Whole),
            _ => {}
        }
        Some(match ((0..len).find(is_named), (0..len).rfind(is_named)) {
            (Some(first), Some(last)) => Resolved::Part(first..last + 1),
            _ => Resolved::Unsatisfiable,
        })
    }

    fn field(first: Option<u128>, last: Option<u128>) -> String {
        let text = |number: Option<u128>| number.map_or_else(String::new, |number| number.to_string());
        format!("bytes={}-{}", text(first), text(last))
    }

    #[test]
    fn every_small_range_of_every_small_length_is_what_the_model_says() {
        let numbers = || std::iter::once(None).chain((0..=12).map(Some));
        let mut cases = 0;
        for len in 0..=12 {
            for first in numbers() {
                for last in numbers() {
                    let field = field(first, last);
                    assert_eq!(resolve(&field, len), model(first, last, len), "{field} of {len}");
                    cases += 1;
                }
            }
        }
        assert_eq!(cases, 13 * 14 * 14);
    }

    /// Numbers around the representation's length and around the end of `u64`, where the arithmetic may overflow.
    fn number() -> impl Strategy<Value = Option<u128>> {
        prop_oneof![
            1 => Just(None),
            4 => (0_u128..140).prop_map(Some),
            1 => (u128::from(u64::MAX) - 2..=u128::from(u64::MAX) + 2).prop_map(Some),
            1 => any::<u128>().prop_map(Some),
        ]
    }

    proptest! {
        #![proptest_config(Config::with_cases(100_000))]

        #[test]
        fn any_range_of_any_length_is_what_the_model_says(first in number(), last in number(), len in 0_u64..130) {
            prop_assert_eq!(resolve(&field(first, last), len), model(first, last, len));
        }
    }

    proptest! {
        #[test]
        fn no_header_is_answered_with_bytes_that_do_not_exist(
            value in "(bytes=)?[0-9a-z=, -]{0,24}", len in prop_oneof![0_u64..9, any::<u64>()],
        ) {
            if let Some(Resolved::Part(part)) = resolve(&value, len) {
                prop_assert!(part.start < part.end && part.end <= len);
            }
        }
    }
}
