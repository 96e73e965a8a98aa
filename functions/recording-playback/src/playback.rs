//! Answers the holder of a link with a recording, or part of it.

use std::ops::Range;

use http::Response;
use service::metrics::{self, Unit};
use sid::RecordingSid;
use vault::{Expectation, PlaintextStream, ReadError};

use crate::{
    access::Admission,
    app::App,
    audit::Playback,
    body::Body,
    decide::{Decision, Facts, PlaybackRequest, Unservable},
    fetch_dest::FetchDest,
    ports::Recordings,
    refusal::Refusal,
    request::Request,
    respond,
};

/// Answers `GET` and `HEAD` of a recording.
pub(crate) async fn answer<R: Recordings, C>(
    app: &App<R, C>,
    request: &Request<'_>,
) -> Result<Response<Body>, Refusal> {
    let Admission { recording, link_id } = app
        .links
        .admit(request.path(), request.query(), request.now.as_secs())
        .await?;
    metrics::emit(&[("PlaybackRequests", 1.0, Unit::Count)]);
    let wanted = PlaybackRequest::new(request.method(), request.headers());
    let prepared = match prepare(app, &recording, &wanted).await {
        // The object was replaced between opening and reading. The new version is as good.
        Err(Refusal::Read(ReadError::Changed)) => prepare(app, &recording, &wanted).await,
        prepared => prepared,
    };
    let prepared = prepared.inspect_err(|refusal| report_refused(request, &recording, &link_id, refusal))?;
    let body = prepared.content.map_or_else(Body::empty, |(range, stream)| {
        let playback = Playback {
            request_id: request.request_id().to_owned(),
            began: request.now,
            link_id,
            recording: recording.clone(),
            fetch_dest: FetchDest::of(request.headers()),
            range,
        };
        playback.report_begin();
        let first_byte_ms = request.started.elapsed().as_secs_f64() * 1000.0;
        metrics::emit(&[("FirstByteMilliseconds", first_byte_ms, Unit::Milliseconds)]);
        Body::audio(stream, playback, request.deadline())
    });
    let download_as = (request.parameter("download").as_deref() == Some("1")).then_some(&recording);
    Ok(respond::recording(
        &prepared.decision,
        &prepared.facts,
        download_as,
        body,
    ))
}

/// Joins the refusal, which has a line of its own, to the link and its listener.
fn report_refused(request: &Request<'_>, recording: &RecordingSid, link_id: &str, refusal: &Refusal) {
    let (_, code) = refusal.status_and_code();
    tracing::info!(
        requestId = request.request_id(),
        linkId = link_id,
        recordingSid = recording.as_str(),
        code,
        "the link is valid, but the recording was not sent"
    );
}

/// Everything that must be known before a status is sent.
struct Prepared {
    facts: Facts,
    decision: Decision,
    /// The range to send, if any, and a stream of it whose first frame has verified.
    content: Option<(Range<u64>, PlaintextStream)>,
}

async fn prepare<R: Recordings, C>(
    app: &App<R, C>,
    id: &RecordingSid,
    wanted: &PlaybackRequest,
) -> Result<Prepared, Refusal> {
    let expectation = wanted.expectation(app.max_range_bytes);
    let mut decided = open_and_decide(app, id, wanted, expectation).await?;
    // An answer or a refusal without bytes must not come from a cached opening, because the recording may have been erased
    // since. Only a read sends a request to S3 in any case.
    if decided.content.is_none() && expectation != Expectation::Facts {
        decided = open_and_decide(app, id, wanted, Expectation::Facts).await?;
    }
    let decision = decided.decision?;
    let content = match decided.content {
        Some(range) => Some((range.clone(), app.recordings.read(&decided.recording, range).await?)),
        None => None,
    };
    Ok(Prepared {
        facts: decided.facts,
        decision,
        content,
    })
}

/// A decision with the recording and the facts that it was made from.
struct Decided<T> {
    recording: T,
    facts: Facts,
    decision: Result<Decision, Unservable>,
    content: Option<Range<u64>>,
}

async fn open_and_decide<R: Recordings, C>(
    app: &App<R, C>,
    id: &RecordingSid,
    wanted: &PlaybackRequest,
    expectation: Expectation,
) -> Result<Decided<R::Recording>, ReadError> {
    let recording = app.recordings.open(id, expectation).await?;
    let facts = R::facts(&recording)?;
    let decision = wanted.decide(&facts, app.max_range_bytes);
    let content = decision
        .as_ref()
        .ok()
        .and_then(|decision| wanted.content(decision, &facts));
    Ok(Decided {
        recording,
        facts,
        decision,
        content,
    })
}
