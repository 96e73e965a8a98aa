//! The audit trail. It records who received a link, and which bytes of which recording were played with it.
//!
//! Audit lines have the target `audit`, which the log group's saved query selects. `linkId` joins them. They contain no
//! token, signature or query string.

use std::{ops::Range, time::Duration};

use service::telemetry::AUDIT;
use sid::{RecordingSid, WorkerSid};
use twilio::flex_token::Listener;

use crate::fetch_dest::FetchDest;

/// Writes the line of one decision of `/media-url`. `outcome` is `granted` or an error code.
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
        "link requested"
    );
}

/// One reply with audio. It has a line before the first byte and one at the end.
#[derive(Clone, Debug)]
pub(crate) struct Playback {
    pub(crate) request_id: String,
    /// When the invocation began, since the Unix epoch.
    pub(crate) began: Duration,
    pub(crate) link_id: String,
    pub(crate) recording: RecordingSid,
    /// How the client uses the bytes, by its own account.
    pub(crate) fetch_dest: Option<FetchDest>,
    /// Plaintext positions, half-open. The lines have inclusive positions, as `Content-Range` does.
    pub(crate) range: Range<u64>,
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every byte was handed over.
    Complete,
    /// The client disconnected first.
    Abandoned,
    /// The reply could not be continued. The error line before says why.
    Broken,
    /// The function's timeout was near. A warning follows.
    OutOfTime,
}

impl Playback {
    /// Before the first byte.
    pub(crate) fn report_begin(&self) {
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

    /// After the last byte. `sent` bytes were handed to the runtime. Only replies from the recording's first byte have
    /// `bytes_per_second`, because it is in the header.
    pub(crate) fn report_end(&self, sent: u64, bytes_per_second: Option<u32>, ending: Ending) {
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
