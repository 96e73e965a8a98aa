//! Any bytes as a `Range` field. The result must equal that of a simple parser, and must not exceed the representation.

#![no_main]

use http::{HeaderMap, HeaderValue, header::RANGE};
use libfuzzer_sys::fuzz_target;
use recording_playback::range::{RangeSpec, Resolved};

/// The representation's length, a line feed, the field.
fn input(text: &str) -> Option<(u64, HeaderValue)> {
    let (len, field) = text.split_once('\n')?;
    Some((len.parse().ok()?, HeaderValue::from_str(field).ok()?))
}

fuzz_target!(|text: &str| {
    let Some((len, field)) = input(text) else {
        return;
    };
    let spec = read(field.clone());
    if let Some(plain) = field.to_str().ok().and_then(plain) {
        assert_eq!(spec, Some(plain));
    }
    let Some(spec) = spec else {
        return;
    };
    let (written, expected) = match spec {
        RangeSpec::Int { first, last } => {
            let last_of_all = len.wrapping_sub(1);
            let part = (first < len).then(|| first..=last.map_or(last_of_all, |last| last.min(last_of_all)));
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            (format!("bytes={first}-{last}"), part)
        }
        RangeSpec::Suffix { length } => {
            let part = (length > 0 && len > 0).then(|| len - length.min(len)..=len - 1);
            (format!("bytes=-{length}"), part)
        }
    };
    assert_eq!(read(HeaderValue::from_str(&written).unwrap()), Some(spec));
    match spec.resolve(len) {
        Resolved::Part(part) => {
            assert!(part.start < part.end && part.end <= len);
            assert_eq!(Some(part.start..=part.end - 1), expected);
        }
        Resolved::Whole => assert!(len == 0 && expected.is_none()),
        Resolved::Unsatisfiable => assert!(expected.is_none()),
    }
});

fn read(field: HeaderValue) -> Option<RangeSpec> {
    RangeSpec::from_headers(&HeaderMap::from_iter([(RANGE, field)]))
}

/// The range of a field in the form that players send.
fn plain(field: &str) -> Option<RangeSpec> {
    let (first, last) = field.strip_prefix("bytes=")?.split_once('-')?;
    // `u64::from_str` also accepts a sign.
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())?
    };
    match (first, last) {
        ("", length) => number(length).map(|length| RangeSpec::Suffix { length }),
        (first, "") => number(first).map(|first| RangeSpec::Int { first, last: None }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(RangeSpec::Int {
                first,
                last: Some(last),
            })
        }
    }
}
