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

fn get(fields: &[(HeaderName, &str)], len: u64) -> Decision {
    request(Method::GET, fields).decide(&facts(len), MAX)
}

fn head(fields: &[(HeaderName, &str)], len: u64) -> Decision {
    request(Method::HEAD, fields).decide(&facts(len), MAX)
}

#[test]
fn a_get_without_a_range_is_owed_the_whole() {
    assert_eq!(get(&[], 100), Decision::Whole);
    assert_eq!(get(&[], 0), Decision::Whole);
    assert_eq!(get(&[(RANGE, "items=0-1")], 100), Decision::Whole);
    assert_eq!(get(&[(RANGE, "bytes=0-1,4-5")], 100), Decision::Whole);
    assert_eq!(get(&[(RANGE, "bytes=-1")], 0), Decision::Whole);
}

#[test]
fn a_whole_that_lambda_would_cut_has_to_be_asked_for_in_ranges() {
    assert_eq!(get(&[], WHOLE_REPLY_LIMIT), Decision::Whole);
    assert_eq!(get(&[], WHOLE_REPLY_LIMIT + 1), Decision::RangeRequired);
    assert_eq!(
        get(&[(RANGE, "bytes=x")], WHOLE_REPLY_LIMIT + 1),
        Decision::RangeRequired
    );
    assert_eq!(head(&[], WHOLE_REPLY_LIMIT + 1), Decision::Whole);
    assert_eq!(
        get(&[(RANGE, "bytes=0-9")], WHOLE_REPLY_LIMIT + 1),
        Decision::Partial(0..10)
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
        assert_eq!(head(&[(RANGE, range)], 100), Decision::Whole, "{range}");
    }
}

#[test]
fn ranges_are_answered() {
    for (range, decision) in [
        ("bytes=0-", Decision::Partial(0..100)),
        ("bytes=10-19", Decision::Partial(10..20)),
        ("bytes=-5", Decision::Partial(95..100)),
        ("bytes=99-", Decision::Partial(99..100)),
        ("bytes=100-", Decision::Unsatisfiable),
        ("bytes=-0", Decision::Unsatisfiable),
    ] {
        assert_eq!(get(&[(RANGE, range)], 100), decision, "{range}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7
//= type=test
//# a server might want to send only a subset of the data requested for reasons of its own
#[test]
fn a_long_range_is_shortened_to_whole_frames() {
    for (range, part) in [
        ("bytes=0-", 0..MAX),
        ("bytes=0-131071", 0..MAX),
        ("bytes=0-131072", 0..MAX),
        ("bytes=1-", 1..MAX),
        ("bytes=65536-", FRAME_LEN..3 * FRAME_LEN),
        ("bytes=65535-", 65_535..2 * FRAME_LEN),
        ("bytes=-327679", 1..MAX),
        // As long as may be: nothing is left out, so nothing is rounded.
        ("bytes=1-131072", 1..131_073),
    ] {
        assert_eq!(
            get(&[(RANGE, range)], 5 * FRAME_LEN),
            Decision::Partial(part),
            "{range}"
        );
    }
}

#[test]
fn where_no_frame_ends_in_reach_the_limit_alone_holds() {
    let request = request(Method::GET, &[(RANGE, "bytes=10-")]);
    assert_eq!(request.decide(&facts(1000), 100), Decision::Partial(10..110));
}

#[test]
fn preconditions_are_answered() {
    for (name, value, decision) in [
        (IF_NONE_MATCH, ETAG, Decision::NotModified),
        (IF_NONE_MATCH, "*", Decision::NotModified),
        (IF_NONE_MATCH, "\"two\"", Decision::Whole),
        (IF_MATCH, ETAG, Decision::Whole),
        (IF_MATCH, "\"two\"", Decision::PreconditionFailed),
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
        assert_eq!(with(IF_NONE_MATCH, ETAG), Decision::NotModified, "{range}");
        assert_eq!(with(IF_MATCH, "\"two\""), Decision::PreconditionFailed, "{range}");
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
        assert_eq!(get(&[(name, value)], WHOLE_REPLY_LIMIT + 1), Decision::RangeRequired);
    }
    // With a range the answer would have been a 206.
    let ranged = [(RANGE, "bytes=0-"), (IF_NONE_MATCH, ETAG)];
    assert_eq!(get(&ranged, WHOLE_REPLY_LIMIT + 1), Decision::NotModified);
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
//= type=test
//# A recipient of an If-Range header field MUST ignore the Range header
//# field if the If-Range condition evaluates to false.
#[test]
fn a_range_of_another_version_is_ignored() {
    let with = |if_range, len| get(&[(RANGE, "bytes=0-1"), (IF_RANGE, if_range)], len);
    assert_eq!(with(ETAG, 100), Decision::Partial(0..2));
    for other in ["\"two\"", "W/\"one\"", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        assert_eq!(with(other, 100), Decision::Whole, "{other}");
        assert_eq!(with(other, WHOLE_REPLY_LIMIT + 1), Decision::RangeRequired, "{other}");
    }
    // Nor is it unsatisfiable then.
    assert_eq!(
        get(&[(RANGE, "bytes=100-"), (IF_RANGE, "\"two\"")], 100),
        Decision::Whole
    );
}

#[test]
fn only_replies_to_get_have_content() {
    let content = |method, decision| request(method, &[]).content(&decision, &facts(100));
    assert_eq!(content(Method::GET, Decision::Whole), Some(0..100));
    assert_eq!(content(Method::GET, Decision::Partial(3..5)), Some(3..5));
    assert_eq!(content(Method::HEAD, Decision::Whole), None);
    for decision in [
        Decision::NotModified,
        Decision::RangeRequired,
        Decision::PreconditionFailed,
        Decision::Unsatisfiable,
    ] {
        assert_eq!(content(Method::GET, decision), None);
    }
    assert_eq!(request(Method::GET, &[]).content(&Decision::Whole, &facts(0)), None);
}

#[test]
fn what_will_be_read_is_said_before() {
    let expect = |method, fields: &[(HeaderName, &str)]| match request(method, fields).expectation(MAX) {
        Expectation::Facts => "facts".to_owned(),
        Expectation::Bytes { offset, len } => format!("{len} from {offset}"),
        Expectation::Tail { len } => format!("last {len}"),
    };
    for (range, expected) in [
        ("bytes=0-", "131072 from 0"),
        ("bytes=5-9", "5 from 5"),
        // Where the reply ends, at a frame's end or the recording's, isn't known yet.
        ("bytes=5-", "131072 from 5"),
        ("bytes=5-999999", "131072 from 5"),
        ("bytes=-5", "last 5"),
        ("bytes=-131072", "last 131072"),
        ("bytes=-131073", "facts"),
        ("bytes=-0", "facts"),
        ("bytes=99999999999999999999-", "facts"),
        ("bytes=x", "190000000 from 0"),
    ] {
        assert_eq!(expect(Method::GET, &[(RANGE, range)]), expected, "{range}");
        assert_eq!(expect(Method::HEAD, &[(RANGE, range)]), "facts", "{range}");
    }
    assert_eq!(expect(Method::GET, &[]), "190000000 from 0");
    assert_eq!(
        expect(Method::GET, &[(RANGE, "bytes=0-"), (IF_NONE_MATCH, ETAG)]),
        "facts"
    );
}

/// Where a shortened reply would end isn't where this one does: with the recording, a byte into the next frame.
#[test]
fn regression_the_last_byte_of_a_recording_is_announced() {
    let request = request(Method::GET, &[(RANGE, "bytes=20000-151100")]);
    let facts = facts(131_073);
    assert_eq!(request.decide(&facts, MAX), Decision::Partial(20_000..131_073));
    let announced = Expectation::Bytes {
        offset: 20_000,
        len: MAX,
    };
    assert_eq!(request.expectation(MAX), announced);
}

proptest! {
    #![proptest_config(Config::with_cases(20_000))]

    #[test]
    fn a_206_is_the_beginning_of_what_was_asked_and_no_longer_than_allowed(
        first in 0_u64..400_000, more in 0_u64..400_000, len in 1_u64..400_000, max in 1_u64..200_000,
    ) {
        let last = first + more;
        let request = request(Method::GET, &[(RANGE, &format!("bytes={first}-{last}"))]);
        match request.decide(&facts(len), max) {
            Decision::Partial(part) => {
                prop_assert_eq!(part.start, first);
                prop_assert!(part.start < part.end && part.end <= len.min(last + 1));
                prop_assert!(part.end - part.start <= max);
                let is_all = part.end == len.min(last + 1);
                let ends_a_frame = part.end % FRAME_LEN == 0;
                prop_assert!(is_all || ends_a_frame || part.end - part.start == max);
            }
            decision => prop_assert!(decision == Decision::Unsatisfiable && first >= len),
        }
    }

    #[test]
    fn what_was_announced_covers_what_is_read(value in "bytes=[0-9]{0,6}-[0-9]{0,6}", len in 1_u64..1_000_000) {
        let request = request(Method::GET, &[(RANGE, &value)]);
        let facts = facts(len);
        let content = request.content(&request.decide(&facts, MAX), &facts);
        if let Some(content) = content.filter(|content| content.end - content.start <= MAX) {
            match request.expectation(MAX) {
                Expectation::Bytes { offset, len } => {
                    prop_assert!(offset <= content.start && content.end <= offset + len);
                }
                Expectation::Tail { len: tail } => prop_assert!(len.saturating_sub(tail) <= content.start),
                Expectation::Facts => prop_assert!(value.starts_with("bytes=-")),
            }
        }
    }
}
