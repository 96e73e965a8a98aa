//! The audit trail: who was given a link, and which bytes of which recording were played by it.
//!
//! Lines have the target `audit`, by which the log group's query finds them, and are joined by `linkId`. They hold no
//! token, signature or query string.

use std::{ops::Range, time::Duration};

use service::telemetry::AUDIT;
use sid::{RecordingSid, WorkerSid};
use twilio::flex_token::Listener;

use crate::fetch_dest::FetchDest;

/// Writes the line of one decision of `/media-url`: `outcome` is `granted` or an error code.
pub(crate) fn media_url(
    request_id: &str,
    listener: Option<&Listener>,
    recording: Option<&RecordingSid>,
    link_id: Option<&str>,
    fetch_dest: Option<FetchDest>,
    outcome: &str,
) {
    tracing::info!(
        target: AUDIT,
        event = "media_url",
        outcome,
        identity = listener.and_then(|listener| listener.identity.as_deref()),
        workerSid = listener.and_then(|listener| listener.worker_sid.as_ref()).map(WorkerSid::as_str),
        recordingSid = recording.map(RecordingSid::as_str),
        linkId = link_id,
        secFetchDest = fetch_dest.map(FetchDest::as_str),
        requestId = request_id,
        "link asked for"
    );
}

/// One reply with audio; it has a line before the first byte and one at the end.
#[derive(Clone, Debug)]
pub(crate) struct Playback {
    pub(crate) request_id: String,
    /// When the invocation began, since the Unix epoch.
    pub(crate) began: Duration,
    pub(crate) link_id: String,
    pub(crate) recording: RecordingSid,
    /// What the client does with the bytes, by its own word.
    pub(crate) fetch_dest: Option<FetchDest>,
    /// Plaintext positions, half-open; the lines have them inclusive as `Content-Range` does.
    pub(crate) range: Range<u64>,
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every byte was handed over.
    Complete,
    /// The client went away first.
    Abandoned,
    /// It couldn't be continued, see the error line before.
    Broken,
    /// The function's timeout was near, see the warning after.
    OutOfTime,
}

impl Playback {
    /// Before the first byte.
    pub(crate) fn begins(&self) {
        tracing::info!(
            target: AUDIT,
            event = "playback_begin",
            linkId = self.link_id,
            recordingSid = self.recording.as_str(),
            firstByte = self.range.start,
            lastByte = self.range.end.saturating_sub(1),
            secFetchDest = self.fetch_dest.map(FetchDest::as_str),
            requestId = self.request_id,
            "playback begins"
        );
    }

    /// After the last byte; `sent` were handed to the runtime. What a second takes is told by replies that begin with the
    /// recording's first byte: its header is there.
    pub(crate) fn ends(&self, sent: u64, bytes_per_second: Option<u32>, ending: Ending) {
        tracing::info!(
            target: AUDIT,
            event = "playback_end",
            outcome = ending.as_str(),
            linkId = self.link_id,
            recordingSid = self.recording.as_str(),
            firstByte = self.range.start,
            bytesSent = sent,
            bytesPerSecond = bytes_per_second,
            secFetchDest = self.fetch_dest.map(FetchDest::as_str),
            requestId = self.request_id,
            "playback ends"
        );
    }
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Abandoned => "abandoned",
            Self::Broken => "broken",
            Self::OutOfTime => "out_of_time",
        }
    }
}
