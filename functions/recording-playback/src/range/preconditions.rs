//! Entity tags and the preconditions that compare them (RFC 9110 sections 8.8.3 and 13).

use http::{
    HeaderMap, HeaderValue, Method,
    header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE},
};

/// The preconditions of a request.
///
/// Recordings have no modification date, so conditions on dates are ignored:
//= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
//# A recipient MUST ignore the If-Modified-Since header field if
//# the resource does not have a modification date available.
//= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.4
//# A recipient MUST ignore the If-Unmodified-Since header field if the
//# resource does not have a modification date available.
#[derive(Clone, Debug)]
pub struct Preconditions {
    if_match: Option<TagList>,
    if_none_match: Option<TagList>,
}

/// The result of the preconditions for a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Continue with the request.
    Proceed,
    /// The client has the representation already: 304.
    NotModified,
    /// The client requested another one: 412.
    Failed,
}

impl Preconditions {
    /// Reads `If-Match` and `If-None-Match`.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            if_match: TagList::from_headers(headers, &IF_MATCH),
            if_none_match: TagList::from_headers(headers, &IF_NONE_MATCH),
        }
    }

    /// Whether the request has no preconditions.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Evaluates the preconditions of a GET or HEAD of the representation with this strong entity tag, in the order of
    /// section 13.2.2. Its steps 2 and 4 are about dates, and step 5 is [`IfRange`].
    pub fn check(&self, etag: &HeaderValue) -> Outcome {
        // Step 1.
        //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
        //# An origin server MUST use the strong comparison function when
        //# comparing entity tags for If-Match
        if let Some(list) = &self.if_match
            && !list.matches(etag, Comparison::Strong)
        {
            return Outcome::Failed;
        }
        // Step 3.
        //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
        //# A recipient MUST use the weak comparison function when comparing
        //# entity tags for If-None-Match
        if let Some(list) = &self.if_none_match
            && list.matches(etag, Comparison::Weak)
        {
            return Outcome::NotModified;
        }
        Outcome::Proceed
    }
}

/// The `If-Range` precondition of a GET request with a `Range`.
#[derive(Clone, Debug)]
pub struct IfRange(HeaderValue);

impl IfRange {
    /// Reads `If-Range`. `None` if the request has none, or if it must be ignored.
    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
    //# A server MUST ignore an If-Range header field received in a request
    //# that does not contain a Range header field.
    pub fn from_request(method: &Method, headers: &HeaderMap) -> Option<Self> {
        let applies = method == Method::GET && headers.contains_key(http::header::RANGE);
        applies.then(|| headers.get(IF_RANGE).cloned().map(Self)).flatten()
    }

    /// Whether the range applies to the representation with this strong entity tag. A weak tag never matches, because it does
    /// not promise equal bytes. A date never matches, because recordings have none.
    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
    //# If the entity-tag validator provided exactly matches the ETag field value for the
    //# selected representation using the strong comparison function
    pub fn holds(&self, etag: &HeaderValue) -> bool {
        self.0 == etag
    }
}

/// `"*" / #entity-tag`
#[derive(Clone, Debug)]
enum TagList {
    Any,
    Tags(Vec<Tag>),
}

#[derive(Clone, Debug)]
struct Tag {
    is_weak: bool,
    /// The tag with its quotes.
    opaque: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

impl TagList {
    /// Several fields of this name make one list. In a malformed field, the tags before the fault count.
    fn from_headers(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let fields: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        match fields.as_slice() {
            [] => None,
            [b"*"] => Some(Self::Any),
            fields => Some(Self::Tags(fields.iter().flat_map(|field| Tags(field)).collect())),
        }
    }

    fn matches(&self, etag: &HeaderValue, comparison: Comparison) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags
                .iter()
                .filter(|tag| comparison == Comparison::Weak || !tag.is_weak)
                .any(|tag| tag.opaque == etag.as_bytes()),
        }
    }
}

/// The entity tags of a field value (`[ "W/" ] DQUOTE *etagc DQUOTE`, RFC 9110 section 8.8.3), one after the other.
/// Tags may contain commas, so the list cannot be split at commas.
struct Tags<'a>(&'a [u8]);

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        let start = self.0.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let text = self.0.get(start..)?;
        let (is_weak, text) = match text.strip_prefix(b"W/") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let inner = text.strip_prefix(b"\"")?;
        let (opaque, rest) = text.split_at_checked(inner.iter().position(|&byte| byte == b'"')? + 2)?;
        self.0 = rest;
        Some(Tag {
            is_weak,
            opaque: opaque.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::header::RANGE;

    use super::*;

    const ETAG: HeaderValue = HeaderValue::from_static("\"one\"");

    fn check(fields: &[(HeaderName, &str)]) -> Outcome {
        Preconditions::from_headers(&headers(fields)).check(&ETAG)
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn without_preconditions_a_request_goes_on() {
        assert!(Preconditions::from_headers(&HeaderMap::new()).is_empty());
        assert_eq!(check(&[]), Outcome::Proceed);
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
    //= type=test
    //# An origin server MUST use the strong comparison function when
    //# comparing entity tags for If-Match
    #[test]
    fn if_match_compares_strongly() {
        for value in ["\"one\"", "*", "\"two\", \"one\"", "\"a,b\",\"one\"", ",, \"one\" ,"] {
            assert_eq!(check(&[(IF_MATCH, value)]), Outcome::Proceed, "{value}");
        }
        for value in [
            "\"two\"",
            "W/\"one\"",
            "one",
            "\"one",
            "",
            "\"on\"",
            "\"two\" *",
            "\"ONE\"",
        ] {
            assert_eq!(check(&[(IF_MATCH, value)]), Outcome::Failed, "{value}");
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
    //= type=test
    //# A recipient MUST use the weak comparison function when comparing
    //# entity tags for If-None-Match
    #[test]
    fn if_none_match_compares_weakly() {
        for value in [
            "\"one\"",
            "W/\"one\"",
            "*",
            "\"two\", W/\"one\"",
            "W/\"a,b\",\"one\"",
            "\"\",\"one\"",
        ] {
            assert_eq!(check(&[(IF_NONE_MATCH, value)]), Outcome::NotModified, "{value}");
        }
        for value in ["\"two\"", "one", "w/\"one\"", "\"one", "", "W/"] {
            assert_eq!(check(&[(IF_NONE_MATCH, value)]), Outcome::Proceed, "{value}");
        }
    }

    #[test]
    fn several_fields_are_one_list() {
        let fields = [(IF_MATCH, "\"two\""), (IF_MATCH, "\"one\"")];
        assert_eq!(check(&fields), Outcome::Proceed);
    }

    #[test]
    fn if_match_comes_first() {
        let both = |matching| [(IF_MATCH, matching), (IF_NONE_MATCH, "\"one\"")];
        assert_eq!(check(&both("\"one\"")), Outcome::NotModified);
        assert_eq!(check(&both("\"two\"")), Outcome::Failed);
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
    //= type=test
    //# A recipient MUST ignore the If-Modified-Since header field if
    //# the resource does not have a modification date available.
    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.4
    //= type=test
    //# A recipient MUST ignore the If-Unmodified-Since header field if the
    //# resource does not have a modification date available.
    #[test]
    fn conditions_on_dates_are_ignored() {
        for name in [http::header::IF_MODIFIED_SINCE, http::header::IF_UNMODIFIED_SINCE] {
            for date in ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 2100 23:59:59 GMT"] {
                assert_eq!(check(&[(name.clone(), date)]), Outcome::Proceed, "{name}: {date}");
            }
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
    //= type=test
    //# If the entity-tag validator provided exactly matches the ETag field value for the
    //# selected representation using the strong comparison function
    #[test]
    fn if_range_compares_strongly() {
        let holds = |value: &str| {
            let headers = headers(&[(RANGE, "bytes=0-"), (IF_RANGE, value)]);
            IfRange::from_request(&Method::GET, &headers).unwrap().holds(&ETAG)
        };
        assert!(holds("\"one\""));
        for value in [
            "\"two\"",
            "W/\"one\"",
            "*",
            "\"one\", \"two\"",
            "",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            assert!(!holds(value), "{value}");
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
    //= type=test
    //# A server MUST ignore an If-Range header field received in a request
    //# that does not contain a Range header field.
    #[test]
    fn if_range_without_a_range_is_ignored() {
        let alone = headers(&[(IF_RANGE, "\"two\"")]);
        assert!(IfRange::from_request(&Method::GET, &alone).is_none());
        let both = headers(&[(RANGE, "bytes=0-"), (IF_RANGE, "\"two\"")]);
        assert!(IfRange::from_request(&Method::HEAD, &both).is_none());
        assert!(IfRange::from_request(&Method::GET, &both).is_some());
    }
}
