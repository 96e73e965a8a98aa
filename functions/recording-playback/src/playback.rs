//! A recording, or part of it, to the holder of a link.

use http::Response;
use service::metrics::{self, Unit};
use vault::{Expectation, PlaintextStream, ReadError, RecordingId};

use crate::{
    access::Admission,
    app::App,
    audit::Playback,
    body::Body,
    decide::{Decision, Facts, PlaybackRequest},
    handle::Call,
    ports::{LinkKeys, Recordings},
    refusal::Refusal,
    respond,
};

/// Answers `GET` and `HEAD` of a recording.
pub(crate) async fn answer<R: Recordings, C, K: LinkKeys>(
    app: &App<R, C, K>,
    call: &Call<'_>,
) -> Result<Response<Body>, Refusal> {
    let Admission { recording, link_id } = app.links.admit(call.query(), call.now.as_secs()).await?;
    metrics::emit(&[("PlaybackRequests", 1.0, Unit::Count)]);
    let asked = PlaybackRequest::new(call.request.method(), call.request.headers());
    let Prepared {
        facts,
        decision,
        stream,
    } = match prepare(app, &recording, &asked).await {
        // Replaced between opening and reading: the new version is as good.
        Err(ReadError::Changed) => prepare(app, &recording, &asked).await,
        prepared => prepared,
    }?;
    let body = match (stream, asked.content(&decision, &facts)) {
        (Some(stream), Some(range)) => {
            let playback = Playback {
                request_id: call.request_id.to_owned(),
                link_id,
                recording: recording.clone(),
                range,
            };
            playback.begins();
            let first_byte_ms = call.started.elapsed().as_secs_f64() * 1000.0;
            metrics::emit(&[("FirstByteMilliseconds", first_byte_ms, Unit::Milliseconds)]);
            Body::audio(stream, playback)
        }
        _ => Body::empty(),
    };
    let download_as = (call.parameter("download").as_deref() == Some("1")).then_some(&recording);
    respond::recording(&decision, &facts, download_as, body)
}

/// All that has to be known before a status may go out.
struct Prepared {
    facts: Facts,
    decision: Decision,
    /// Begins with a frame that has verified.
    stream: Option<PlaintextStream>,
}

async fn prepare<R: Recordings, C, K>(
    app: &App<R, C, K>,
    id: &RecordingId,
    asked: &PlaybackRequest,
) -> Result<Prepared, ReadError> {
    let expectation = asked.expectation(app.max_range_bytes);
    let mut recording = app.recordings.open(id, expectation).await?;
    let mut facts = R::facts(&recording)?;
    let mut decision = asked.decide(&facts, app.max_range_bytes);
    // An answer from facts alone must not come from a cached opening that S3 wasn't asked about: the recording may have
    // been erased since. A read finds that out by itself.
    if asked.content(&decision, &facts).is_none() && !matches!(expectation, Expectation::Facts) {
        recording = app.recordings.open(id, Expectation::Facts).await?;
        facts = R::facts(&recording)?;
        decision = asked.decide(&facts, app.max_range_bytes);
    }
    let stream = match asked.content(&decision, &facts) {
        Some(range) => Some(app.recordings.read(&recording, range).await?),
        None => None,
    };
    Ok(Prepared {
        facts,
        decision,
        stream,
    })
}
