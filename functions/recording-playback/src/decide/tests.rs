use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use proptest::{prelude::*, test_runner::Config};

use super::*;

const ETAG: &str = "\"one\"";
const MAX: u64 = 2 * FRAME_LEN;

fn facts(len: u64) -> Facts {
    Facts {
        len,
        etag: HeaderValue::from_static(ETAG),
        content_type: ContentType::Wav,
    }
}

fn request(method: Method, fields: &[(HeaderName, &str)]) -> PlaybackRequest {
    let headers = fields
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect();
    PlaybackRequest::new(&method, &headers)
}

fn get(fields: &[(HeaderName, &str)], len: u64) -> Result<Decision, Unservable> {
    request(Method::GET, fields).decide(&facts(len), MAX)
}

/// A range requested by the `<audio>` element of a browser that requests the rest by itself.
fn audio_element(range: &str) -> PlaybackRequest {
    let fields = [
        (RANGE, range),
        (HeaderName::from_static("sec-fetch-dest"), "audio"),
        (HeaderName::from_static("sec-ch-ua"), r#""Chromium";v="148""#),
    ];
    request(Method::GET, &fields)
}

fn head(fields: &[(HeaderName, &str)], len: u64) -> Result<Decision, Unservable> {
    request(Method::HEAD, fields).decide(&facts(len), MAX)
}

#[test]
fn a_get_without_a_range_is_owed_the_whole() {
    assert_eq!(get(&[], 100), Ok(Decision::Whole));
    assert_eq!(get(&[], 0), Ok(Decision::Whole));
    assert_eq!(get(&[(RANGE, "items=0-1")], 100), Ok(Decision::Whole));
    assert_eq!(get(&[(RANGE, "bytes=0-1,4-5")], 100), Ok(Decision::Whole));
    assert_eq!(get(&[(RANGE, "bytes=-1")], 0), Ok(Decision::Whole));
}

#[test]
fn a_recording_that_lambda_would_cut_must_be_requested_in_ranges() {
    assert_eq!(get(&[], REPLY_LIMIT), Ok(Decision::Whole));
    assert_eq!(get(&[], REPLY_LIMIT + 1), Err(Unservable::RangeRequired));
    assert_eq!(
        get(&[(RANGE, "bytes=x")], REPLY_LIMIT + 1),
        Err(Unservable::RangeRequired)
    );
    assert_eq!(head(&[], REPLY_LIMIT + 1), Ok(Decision::Whole));
    assert_eq!(
        get(&[(RANGE, "bytes=0-9")], REPLY_LIMIT + 1),
        Ok(Decision::Partial(0..10))
    );
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
//= type=test
//# A server MUST ignore a Range header field received with a request
//# method that is unrecognized or for which range handling is not
//# defined.
#[test]
fn a_range_is_only_for_get() {
    for range in ["bytes=0-1", "bytes=100-", "bytes=-1"] {
        assert_eq!(head(&[(RANGE, range)], 100), Ok(Decision::Whole), "{range}");
    }
}

#[test]
fn ranges_are_answered() {
    for (range, decision) in [
        ("bytes=0-", Ok(Decision::Partial(0..100))),
        ("bytes=10-19", Ok(Decision::Partial(10..20))),
        ("bytes=-5", Ok(Decision::Partial(95..100))),
        ("bytes=99-", Ok(Decision::Partial(99..100))),
        ("bytes=100-", Err(Unservable::Unsatisfiable { len: 100 })),
        ("bytes=-0", Err(Unservable::Unsatisfiable { len: 100 })),
    ] {
        assert_eq!(get(&[(RANGE, range)], 100), decision, "{range}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7
//= type=test
//# a server might want to send only a subset of the data requested for reasons of its own
#[test]
fn an_open_range_of_a_browser_that_comes_back_is_shortened_to_whole_frames() {
    for (range, part) in [
        ("bytes=0-", 0..MAX),
        ("bytes=1-", 1..MAX),
        ("bytes=65536-", FRAME_LEN..3 * FRAME_LEN),
        ("bytes=65535-", 65_535..2 * FRAME_LEN),
        // The rest is exactly as long as the limit, so the end is not rounded.
        ("bytes=196608-", 3 * FRAME_LEN..5 * FRAME_LEN),
        ("bytes=327679-", 327_679..5 * FRAME_LEN),
    ] {
        let decision = audio_element(range).decide(&facts(5 * FRAME_LEN), MAX);
        assert_eq!(decision, Ok(Decision::Partial(part)), "{range}");
    }
}

#[test]
fn every_other_range_is_answered_in_full() {
    for (range, part) in [
        ("bytes=0-131072", 0..131_073),
        ("bytes=1-327679", 1..5 * FRAME_LEN),
        ("bytes=-327679", 1..5 * FRAME_LEN),
    ] {
        let decision = audio_element(range).decide(&facts(5 * FRAME_LEN), MAX);
        assert_eq!(decision, Ok(Decision::Partial(part)), "{range} of a browser");
    }
    for range in ["bytes=0-", "bytes=0-327679", "bytes=-327680", "bytes=-999999"] {
        let decision = get(&[(RANGE, range)], 5 * FRAME_LEN);
        assert_eq!(decision, Ok(Decision::Partial(0..5 * FRAME_LEN)), "{range}");
    }
}

/// Lambda would cut off a longer reply.
#[test]
fn a_range_longer_than_a_reply_is_answered_with_the_first_190_mb() {
    const LEN: u64 = 2 * REPLY_LIMIT;
    let frames = REPLY_LIMIT / FRAME_LEN * FRAME_LEN;
    for (range, part) in [
        ("bytes=0-", 0..frames),
        ("bytes=0-379999999", 0..frames),
        ("bytes=-379999999", 1..frames),
        ("bytes=0-189999999", 0..REPLY_LIMIT),
        ("bytes=190000000-", REPLY_LIMIT..LEN),
    ] {
        assert_eq!(get(&[(RANGE, range)], LEN), Ok(Decision::Partial(part)), "{range}");
    }
}

#[test]
fn without_a_frame_end_in_reach_only_the_limit_holds() {
    let decision = audio_element("bytes=10-").decide(&facts(1000), 100);
    assert_eq!(decision, Ok(Decision::Partial(10..110)));
}

#[test]
fn preconditions_are_answered() {
    for (name, value, decision) in [
        (IF_NONE_MATCH, ETAG, Ok(Decision::NotModified)),
        (IF_NONE_MATCH, "*", Ok(Decision::NotModified)),
        (IF_NONE_MATCH, "\"two\"", Ok(Decision::Whole)),
        (IF_MATCH, ETAG, Ok(Decision::Whole)),
        (IF_MATCH, "\"two\"", Err(Unservable::PreconditionFailed)),
    ] {
        assert_eq!(get(&[(name.clone(), value)], 100), decision, "{name}: {value}");
        assert_eq!(head(&[(name.clone(), value)], 100), decision, "{name}: {value}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
//= type=test
//# The Range header field is evaluated after evaluating the precondition
//# header fields defined in Section 13.1, and only if the result in
//# absence of the Range header field would be a 200 (OK) response.
#[test]
fn preconditions_come_before_the_range() {
    for range in ["bytes=0-1", "bytes=100-", "bytes=5-2"] {
        let with = |name, value| get(&[(RANGE, range), (name, value)], 100);
        assert_eq!(with(IF_NONE_MATCH, ETAG), Ok(Decision::NotModified), "{range}");
        assert_eq!(
            with(IF_MATCH, "\"two\""),
            Err(Unservable::PreconditionFailed),
            "{range}"
        );
    }
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-13.2.1
//= type=test
//# A server MUST ignore all received preconditions if its response to the
//# same request without those conditions, prior to processing the request
//# content, would have been a status code other than a 2xx (Successful) or
//# 412 (Precondition Failed).
#[test]
fn preconditions_do_not_hide_that_a_range_is_required() {
    for (name, value) in [(IF_NONE_MATCH, ETAG), (IF_MATCH, "\"two\"")] {
        assert_eq!(get(&[(name, value)], REPLY_LIMIT + 1), Err(Unservable::RangeRequired));
    }
    // With a range the answer would have been a 206.
    let ranged = [(RANGE, "bytes=0-"), (IF_NONE_MATCH, ETAG)];
    assert_eq!(get(&ranged, REPLY_LIMIT + 1), Ok(Decision::NotModified));
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
//= type=test
//# A recipient of an If-Range header field MUST ignore the Range header
//# field if the If-Range condition evaluates to false.
#[test]
fn a_range_of_another_version_is_ignored() {
    let with = |if_range, len| get(&[(RANGE, "bytes=0-1"), (IF_RANGE, if_range)], len);
    assert_eq!(with(ETAG, 100), Ok(Decision::Partial(0..2)));
    for other in ["\"two\"", "W/\"one\"", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        assert_eq!(with(other, 100), Ok(Decision::Whole), "{other}");
        assert_eq!(with(other, REPLY_LIMIT + 1), Err(Unservable::RangeRequired), "{other}");
    }
    // An ignored range is not unsatisfiable either.
    assert_eq!(
        get(&[(RANGE, "bytes=100-"), (IF_RANGE, "\"two\"")], 100),
        Ok(Decision::Whole)
    );
}

#[test]
fn only_replies_to_get_have_content() {
    let content = |method, decision| request(method, &[]).content(&decision, &facts(100));
    assert_eq!(content(Method::GET, Decision::Whole), Some(0..100));
    assert_eq!(content(Method::GET, Decision::Partial(3..5)), Some(3..5));
    assert_eq!(content(Method::HEAD, Decision::Whole), None);
    assert_eq!(content(Method::GET, Decision::NotModified), None);
    assert_eq!(request(Method::GET, &[]).content(&Decision::Whole, &facts(0)), None);
}

fn announced(request: &PlaybackRequest) -> String {
    match request.expectation(MAX) {
        Expectation::Facts => "facts".to_owned(),
        Expectation::Bytes { offset, len } => format!("{len} from {offset}"),
        Expectation::Tail { len } => format!("last {len}"),
    }
}

#[test]
fn the_bytes_to_be_read_are_announced_before() {
    let expect = |method, fields: &[(HeaderName, &str)]| announced(&request(method, fields));
    for (range, expected) in [
        ("bytes=0-", "190000000 from 0"),
        ("bytes=5-9", "5 from 5"),
        // It is not known yet whether the reply ends at the recording's end or before.
        ("bytes=5-", "190000000 from 5"),
        ("bytes=5-999999", "999995 from 5"),
        ("bytes=5-999999999", "190000000 from 5"),
        ("bytes=-5", "last 5"),
        ("bytes=-190000000", "last 190000000"),
        ("bytes=-190000001", "facts"),
        ("bytes=-0", "facts"),
        ("bytes=99999999999999999999-", "facts"),
        ("bytes=x", "190000000 from 0"),
    ] {
        assert_eq!(expect(Method::GET, &[(RANGE, range)]), expected, "{range}");
        assert_eq!(expect(Method::HEAD, &[(RANGE, range)]), "facts", "{range}");
    }
    for (range, expected) in [
        ("bytes=0-", "131072 from 0"),
        ("bytes=5-", "131072 from 5"),
        ("bytes=5-999999", "999995 from 5"),
        ("bytes=-999999", "last 999999"),
    ] {
        assert_eq!(announced(&audio_element(range)), expected, "{range} of a browser");
    }
    assert_eq!(expect(Method::GET, &[]), "190000000 from 0");
    assert_eq!(
        expect(Method::GET, &[(RANGE, "bytes=0-"), (IF_NONE_MATCH, ETAG)]),
        "facts"
    );
}

/// This reply ends with the recording, a byte into the next frame, and not where a shortened reply would end.
#[test]
fn regression_the_last_byte_of_a_recording_is_announced() {
    let request = audio_element("bytes=20000-");
    let facts = facts(131_073);
    assert_eq!(request.decide(&facts, MAX), Ok(Decision::Partial(20_000..131_073)));
    assert_eq!(announced(&request), "131072 from 20000");
}

proptest! {
    #![proptest_config(Config::with_cases(20_000))]

    #[test]
    fn a_206_is_the_beginning_of_the_requested_range_and_shortened_only_where_allowed(
        first in 0_u64..400_000, last in prop::option::of(0_u64..400_000), len in 1_u64..400_000, max in 1_u64..200_000,
        requests_the_rest: bool,
    ) {
        let last = last.map(|more| first + more);
        let range = format!("bytes={first}-{}", last.map_or_else(String::new, |last| last.to_string()));
        let request = if requests_the_rest { audio_element(&range) } else { request(Method::GET, &[(RANGE, &range)]) };
        match request.decide(&facts(len), max) {
            Ok(Decision::Partial(part)) => {
                let requested = first..last.map_or(len, |last| len.min(last + 1));
                prop_assert_eq!(part.start, requested.start);
                prop_assert!(part.start < part.end && part.end <= requested.end);
                if requests_the_rest && last.is_none() {
                    let sent = part.end - part.start;
                    prop_assert!(sent <= max);
                    prop_assert!(part.end == requested.end || part.end % FRAME_LEN == 0 || sent == max);
                } else {
                    prop_assert_eq!(part, requested);
                }
            }
            decision => {
                prop_assert_eq!(decision, Err(Unservable::Unsatisfiable { len }));
                prop_assert!(first >= len);
            }
        }
    }

    #[test]
    fn the_announced_bytes_cover_those_that_are_read(
        value in "bytes=[0-9]{0,6}-[0-9]{0,6}", len in 1_u64..1_000_000, requests_the_rest: bool,
    ) {
        let request = if requests_the_rest { audio_element(&value) } else { request(Method::GET, &[(RANGE, &value)]) };
        let facts = facts(len);
        let decision = request.decide(&facts, MAX);
        if let Some(content) = decision.ok().and_then(|decision| request.content(&decision, &facts)) {
            match request.expectation(MAX) {
                Expectation::Bytes { offset, len } => {
                    prop_assert!(offset <= content.start && content.end <= offset + len);
                }
                Expectation::Tail { len: tail } => prop_assert!(len.saturating_sub(tail) <= content.start),
                Expectation::Facts => prop_assert!(false, "{} has content", value),
            }
        }
    }
}
