//! The `Range` header field, read without knowing the representation (RFC 9110 section 14.1).

use http::{HeaderMap, header::RANGE};

/// The byte range of a request. Positions are **inclusive**. Numbers beyond `u64` are [`u64::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `first-` or `first-last`. `last` is never before `first`.
    Int {
        /// Position of the first byte wanted.
        first: u64,
        /// Position of the last byte wanted. `None` for everything from `first` on.
        last: Option<u64>,
    },
    /// `-length`: the last bytes.
    Suffix {
        /// The number of bytes.
        length: u64,
    },
}

impl RangeSpec {
    /// The range that a GET request specifies. `None` if there is no `Range` field, or one to be ignored: bad syntax,
    /// another unit, several fields, or several ranges. Such requests are answered with the whole representation.
    ///
    /// Several ranges would need `multipart/byteranges`. The RFC makes that optional, and no player requests it.
    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    //# A server that supports range requests MAY ignore or reject a Range
    //# header field that contains an invalid ranges-specifier
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(RANGE).iter();
        let field = fields.next()?;
        match fields.next() {
            Some(_) => None,
            None => Self::parse(field.to_str().ok()?),
        }
    }

    /// Reads one field value: `ranges-specifier = range-unit "=" OWS range-set`, the grammar with erratum 7306.
    fn parse(value: &str) -> Option<Self> {
        let (unit, set) = value.split_once('=')?;
        //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
        //# An origin server MUST ignore a Range header field that contains a
        //# range unit it does not understand.
        //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1
        //# All range unit names are case-insensitive
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        //= https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
        //# A recipient MUST parse and ignore a reasonable number of empty list
        //# elements
        let mut specs = set.split(',').map(trim_ows).filter(|spec| !spec.is_empty());
        let spec = specs.next()?;
        match specs.next() {
            Some(_) => None,
            None => Self::parse_one(spec),
        }
    }

    /// `range-spec = int-range / suffix-range`
    fn parse_one(spec: &str) -> Option<Self> {
        match spec.split_once('-')? {
            ("", length) => Numeral::parse(length).map(|length| Self::Suffix { length: length.value() }),
            (first, "") => Numeral::parse(first).map(|first| Self::Int {
                first: first.value(),
                last: None,
            }),
            (first, last) => {
                let (first, last) = (Numeral::parse(first)?, Numeral::parse(last)?);
                //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.1
                //# An int-range is invalid if the last-pos value is present and less
                //# than the first-pos.
                (first <= last).then(|| Self::Int {
                    first: first.value(),
                    last: Some(last.value()),
                })
            }
        }
    }
}

/// `1*DIGIT` without its leading zeros. Ordered as numbers are, even beyond `u64`: the longer one is greater, and numbers of
/// the same length compare digit by digit.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Numeral<'a> {
    len: usize,
    digits: &'a str,
}

impl<'a> Numeral<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = text.trim_start_matches('0');
        Some(Self {
            len: digits.len(),
            digits,
        })
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
    //# recipients MUST anticipate potentially large decimal numerals and
    //# prevent parsing errors due to integer conversion overflows.
    fn value(&self) -> u64 {
        match self.digits {
            "" => 0,
            // All characters are digits, so parsing fails only for numbers beyond u64. No object is that long.
            digits => digits.parse().unwrap_or(u64::MAX),
        }
    }
}

/// Optional whitespace around list elements (RFC 9110 section 5.6.3).
fn trim_ows(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(value: &str) -> Option<RangeSpec> {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        RangeSpec::from_headers(&headers)
    }

    fn int(first: u64, last: impl Into<Option<u64>>) -> Option<RangeSpec> {
        Some(RangeSpec::Int {
            first,
            last: last.into(),
        })
    }

    fn suffix(length: u64) -> Option<RangeSpec> {
        Some(RangeSpec::Suffix { length })
    }

    #[test]
    fn the_three_forms_are_read() {
        assert_eq!(parse("bytes=0-499"), int(0, 499));
        assert_eq!(parse("bytes=500-"), int(500, None));
        assert_eq!(parse("bytes=-500"), suffix(500));
        assert_eq!(parse("bytes=-0"), suffix(0));
        assert_eq!(parse("bytes=007-008"), int(7, 8));
        assert_eq!(parse("bytes=00-"), int(0, None));
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1
    //= type=test
    //# All range unit names are case-insensitive
    #[test]
    fn the_unit_is_case_insensitive() {
        assert_eq!(parse("Bytes=0-1"), int(0, 1));
        assert_eq!(parse("BYTES=0-1"), int(0, 1));
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    //= type=test
    //# An origin server MUST ignore a Range header field that contains a
    //# range unit it does not understand.
    #[test]
    fn other_units_are_ignored() {
        for value in ["items=0-1", "byte=0-1", "bytes =0-1", " =0-1", "=0-1", "0-1", "none"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    //= type=test
    //# A server that supports range requests MAY ignore or reject a Range
    //# header field that contains an invalid ranges-specifier
    #[test]
    fn bad_syntax_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=,",
            "bytes=1",
            "bytes=a-",
            "bytes=-a",
            "bytes=0-a",
            "bytes=0--1",
            "bytes=--1",
            "bytes=+0-1",
            "bytes=0-+1",
            "bytes=0 -1",
            "bytes=0- 1",
            "bytes=0x0-1",
            "bytes=0-1;",
            "bytes=1.0-2",
            "bytes=0-1-2",
            "bytes==0-1",
            "bytes=0\u{2013}1",
            "bytes=\u{0660}-\u{0661}",
        ] {
            assert_eq!(parse(value), None, "{value}");
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.1
    //= type=test
    //# An int-range is invalid if the last-pos value is present and less
    //# than the first-pos.
    #[test]
    fn a_reversed_range_is_ignored() {
        assert_eq!(parse("bytes=5-2"), None);
        assert_eq!(parse("bytes=10-9"), None);
        assert_eq!(parse("bytes=0010-9"), None);
        // Both are beyond u64, and one is still less than the other.
        assert_eq!(parse("bytes=99999999999999999999999-99999999999999999999998"), None);
        assert_eq!(parse("bytes=99999999999999999999999-0"), None);
        assert_eq!(parse("bytes=5-5"), int(5, 5));
        assert_eq!(parse("bytes=9-10"), int(9, 10));
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
    //= type=test
    //# recipients MUST anticipate potentially large decimal numerals and
    //# prevent parsing errors due to integer conversion overflows.
    #[test]
    fn numbers_beyond_u64_saturate() {
        assert_eq!(parse("bytes=0-99999999999999999999999"), int(0, u64::MAX));
        assert_eq!(parse("bytes=18446744073709551616-"), int(u64::MAX, None));
        assert_eq!(parse("bytes=18446744073709551615-"), int(u64::MAX, None));
        assert_eq!(parse("bytes=18446744073709551614-"), int(u64::MAX - 1, None));
        assert_eq!(parse("bytes=-99999999999999999999999"), suffix(u64::MAX));
        assert_eq!(parse(&format!("bytes=-{}1", "0".repeat(100))), suffix(1));
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
    //= type=test
    //# A recipient MUST parse and ignore a reasonable number of empty list
    //# elements
    #[test]
    fn empty_list_elements_and_whitespace_around_elements_are_ignored() {
        for value in ["bytes=0-1,", "bytes=,0-1", "bytes= 0-1", "bytes=\t,, 0-1 ,\t,"] {
            assert_eq!(parse(value), int(0, 1), "{value}");
        }
    }

    #[test]
    fn several_ranges_or_fields_are_ignored() {
        assert_eq!(parse("bytes=0-1,3-4"), None);
        assert_eq!(parse("bytes=0-1, -1"), None);
        assert_eq!(parse("bytes=0-1,x"), None);
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(RangeSpec::from_headers(&headers), None);
        assert_eq!(RangeSpec::from_headers(&HeaderMap::new()), None);
    }
}
