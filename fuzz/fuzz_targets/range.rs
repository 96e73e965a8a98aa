//! Any bytes as a `Range` field: read as a reader of plain ranges reads it, and never past the representation's end.

#![no_main]

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderValue, header::RANGE};
use libfuzzer_sys::fuzz_target;
use recording_playback::range::{RangeSpec, Resolved};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    len: u64,
    field: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Ok(field) = HeaderValue::from_bytes(input.field) else {
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
            let last_of_all = input.len.wrapping_sub(1);
            let part = (first < input.len).then(|| first..=last.map_or(last_of_all, |last| last.min(last_of_all)));
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            (format!("bytes={first}-{last}"), part)
        }
        RangeSpec::Suffix { length } => {
            let part = (length > 0 && input.len > 0).then(|| input.len - length.min(input.len)..=input.len - 1);
            (format!("bytes=-{length}"), part)
        }
    };
    assert_eq!(read(HeaderValue::from_str(&written).unwrap()), Some(spec));
    match spec.resolve(input.len) {
        Resolved::Part(part) => {
            assert!(part.start < part.end && part.end <= input.len);
            assert_eq!(Some(part.start..=part.end - 1), expected);
        }
        Resolved::Whole => assert!(input.len == 0 && expected.is_none()),
        Resolved::Unsatisfiable => assert!(expected.is_none()),
    }
});

fn read(field: HeaderValue) -> Option<RangeSpec> {
    RangeSpec::from_headers(&HeaderMap::from_iter([(RANGE, field)]))
}

/// The range of a field in the form that players send.
fn plain(field: &str) -> Option<RangeSpec> {
    let (first, last) = field.strip_prefix("bytes=")?.split_once('-')?;
    // `u64::from_str` takes a sign too.
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
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
