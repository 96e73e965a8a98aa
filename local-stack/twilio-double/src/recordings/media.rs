//! `GET` and `HEAD` of a recording's audio, streamed from disk, with single ranges (RFC 9110 sections 13.1.5 and 14).

use std::{io::SeekFrom, ops::Range};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, Take},
};

use super::{
    format::MediaFormat,
    store::{Recording, Recordings},
};
use crate::{problem::Problem, query::Query};

/// The size of one read from disk: large compared with the cost of a call, small compared with a socket's buffer.
const CHUNK_LEN: usize = 64 * 1024;

/// # Errors
/// 404 for a recording that is missing or deleted. 400 for more channels than it has, 501 for fewer (the double does
/// not mix).
pub(crate) async fn media(
    recordings: &Recordings,
    sid: &str,
    format: MediaFormat,
    method: &Method,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    query.only(&["RequestedChannels"])?;
    let Some((recording, mut file)) = recordings.open(sid, format).await? else {
        return Err(Problem::not_found());
    };
    if recording.deleted {
        return Err(Problem::not_found());
    }
    check_channels(query.first("RequestedChannels"), recording.audio.channels)?;

    let etag = etag(&recording);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // RFC 9110 section 14.2: Range is defined only for GET.
    let range = text(header::RANGE).filter(|_| *method == Method::GET);
    let (status, bytes) = match decide(range, text(header::IF_RANGE), &etag, recording.len) {
        Decision::Whole => (StatusCode::OK, 0..recording.len),
        Decision::Part(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Decision::Unsatisfiable => {
            let total = format!("bytes */{}", recording.len);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, total)]).into_response());
        }
    };

    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        file.seek(SeekFrom::Start(bytes.start)).await?;
        stream_of(file.take(bytes.end - bytes.start))
    };
    let mut response = (
        status,
        [
            (header::CONTENT_TYPE, format.content_type().to_owned()),
            (header::ETAG, etag),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
        ],
        body,
    )
        .into_response();
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = bytes.end - 1;
        let part = HeaderValue::try_from(format!("bytes {}-{last}/{}", bytes.start, recording.len));
        answered.insert(
            header::CONTENT_RANGE,
            part.expect("digits and punctuation are header characters"),
        );
    }
    Ok(response)
}

fn check_channels(requested: Option<&str>, present: u16) -> Result<(), Problem> {
    match (requested, present) {
        (None, _) | (Some("1"), 1) | (Some("2"), 2) => Ok(()),
        (Some("2"), _) => Err(Problem::invalid("the recording has no second channel")),
        (Some("1"), _) => {
            let status = StatusCode::NOT_IMPLEMENTED;
            Err(Problem {
                message: "the double does not mix channels".to_owned(),
                ..Problem::of(status)
            })
        }
        (Some(_), _) => Err(Problem::invalid("RequestedChannels must be 1 or 2")),
    }
}

/// A strong ETag: another file with the same name has another length or another time.
fn etag(recording: &Recording) -> String {
    format!(
        "\"{:x}-{:x}\"",
        recording.len,
        recording.modified.unix_timestamp_nanos()
    )
}

/// The bytes of the answer.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Whole,
    /// Half-open, never empty, within the file.
    Part(Range<u64>),
    Unsatisfiable,
}

fn decide(range: Option<&str>, if_range: Option<&str>, etag: &str, len: u64) -> Decision {
    let still_the_same = if_range.is_none_or(|validator| validator == etag);
    let Some(wanted) = range.filter(|_| still_the_same).and_then(parse) else {
        return Decision::Whole;
    };
    let bytes = match wanted {
        Wanted::From(first) => first..len,
        Wanted::Between(first, last) => first..len.min(last.saturating_add(1)),
        Wanted::Last(count) => len.saturating_sub(count)..len,
    };
    if bytes.is_empty() {
        Decision::Unsatisfiable
    } else {
        Decision::Part(bytes)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    From(u64),
    /// Both inclusive, first ≤ last.
    Between(u64, u64),
    Last(u64),
}

/// A single byte range. None for a header that must be ignored (another unit, several ranges, bad syntax).
fn parse(range: &str) -> Option<Wanted> {
    let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Wanted::Last(digits(last)?)),
        (false, true) => Some(Wanted::From(digits(first)?)),
        (false, false) => {
            let (first, last) = (digits(first)?, digits(last)?);
            (first <= last).then_some(Wanted::Between(first, last))
        }
    }
}

/// The parser of `u64` also accepts a plus sign.
fn digits(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn stream_of(file: Take<File>) -> Body {
    Body::from_stream(stream::try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_LEN);
        let read = file.read_buf(&mut chunk).await?;
        Ok::<Option<(Bytes, Take<File>)>, std::io::Error>((read > 0).then(|| (chunk.freeze(), file)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"a\"";

    #[test]
    fn ranges_are_decided_as_rfc_9110_says() {
        let cases = [
            ("bytes=0-", Decision::Part(0..10)),
            ("bytes=3-5", Decision::Part(3..6)),
            ("bytes=3-99", Decision::Part(3..10)),
            ("bytes=9-18446744073709551615", Decision::Part(9..10)),
            ("bytes=-4", Decision::Part(6..10)),
            ("bytes=-99", Decision::Part(0..10)),
            ("bytes=10-", Decision::Unsatisfiable),
            ("bytes=-0", Decision::Unsatisfiable),
            ("bytes=5-3", Decision::Whole),
            ("bytes=-", Decision::Whole),
            ("bytes=+1-2", Decision::Whole),
            ("bytes=0-1,3-4", Decision::Whole),
            ("items=0-1", Decision::Whole),
        ];
        for (range, decision) in cases {
            assert_eq!(decide(Some(range), None, ETAG, 10), decision, "{range}");
        }
        assert_eq!(decide(None, None, ETAG, 10), Decision::Whole);
        assert_eq!(decide(Some("bytes=0-"), None, ETAG, 0), Decision::Unsatisfiable);
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        assert_eq!(decide(Some("bytes=3-"), Some(ETAG), ETAG, 10), Decision::Part(3..10));
        for other in ["\"b\"", "W/\"a\"", "Fri, 14 Oct 2016 21:56:34 GMT"] {
            assert_eq!(
                decide(Some("bytes=3-"), Some(other), ETAG, 10),
                Decision::Whole,
                "{other}"
            );
        }
    }

    #[test]
    fn only_the_channels_that_are_there_are_served() {
        let status = |requested, present| check_channels(requested, present).map_err(|problem| problem.status.as_u16());
        assert_eq!(status(None, 2), Ok(()));
        assert_eq!(status(Some("1"), 1), Ok(()));
        assert_eq!(status(Some("2"), 2), Ok(()));
        assert_eq!(status(Some("2"), 1), Err(400));
        assert_eq!(status(Some("3"), 2), Err(400));
        assert_eq!(status(Some("1"), 2), Err(501));
    }
}
