//! The progress of a reply, and the end of its audit trail. The body or the watch on its deadline writes the end, once.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use service::metrics::{self, Unit};
use vault::ReadError;

use super::fault::Fault;
use crate::audit::{Ending, Playback};

/// Clones share the progress.
#[derive(Clone, Debug)]
pub(super) struct Trail(Arc<Mutex<Progress>>);

#[derive(Debug)]
struct Progress {
    playback: Playback,
    /// Bytes of plaintext handed to the runtime.
    sent: u64,
    /// Bytes per second of the recording, if its header was among the bytes sent.
    bytes_per_second: Option<u32>,
    has_ended: bool,
}

impl Trail {
    pub(super) fn new(playback: Playback) -> Self {
        Self(Arc::new(Mutex::new(Progress {
            playback,
            sent: 0,
            bytes_per_second: None,
            has_ended: false,
        })))
    }

    /// Counts a chunk before it is handed over.
    pub(super) fn count(&self, chunk: &Bytes) -> Result<(), Fault> {
        let mut progress = self.progress();
        // usize has at most 64 bits on every target of Rust, so the length fits.
        let sent = progress.sent.saturating_add(chunk.len() as u64);
        let promised = progress.promised();
        if sent > promised {
            return Err(Fault::Long { promised });
        }
        if progress.playback.range.start == 0 && progress.sent == 0 {
            progress.bytes_per_second = audio::bytes_per_second(chunk);
        }
        progress.sent = sent;
        Ok(())
    }

    /// Checks that every promised byte was handed over.
    pub(super) fn check_whole(&self) -> Result<(), Fault> {
        let progress = self.progress();
        let (sent, promised) = (progress.sent, progress.promised());
        if sent < promised {
            return Err(Fault::Short { sent, promised });
        }
        Ok(())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.progress().has_ended
    }

    /// Writes the end of the audit trail. Returns whether this was the first end.
    pub(super) fn end(&self, ending: Ending) -> bool {
        let mut progress = self.progress();
        if progress.has_ended {
            return false;
        }
        progress.has_ended = true;
        progress
            .playback
            .report_end(progress.sent, progress.bytes_per_second, ending);
        metrics::emit(&[("BytesServed", progress.sent as f64, Unit::Bytes)]);
        true
    }

    pub(super) fn report(&self, fault: &Fault) {
        let Progress { playback, .. } = &*self.progress();
        tracing::error!(
            recordingSid = playback.recording.as_str(),
            requestId = playback.request_id,
            %fault,
            "playback cannot be continued, the process ends"
        );
        // CloudWatch counts the invocation as an error at its beginning. `PlaybackCrashes` subtracts this metric from those.
        metrics::emit_at(playback.began, &[("PlaybackAborted", 1.0, Unit::Count)]);
        if matches!(fault, Fault::Read(ReadError::Damaged(_))) {
            metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
        }
    }

    pub(super) fn report_out_of_time(&self) {
        let Progress { playback, .. } = &*self.progress();
        tracing::warn!(
            recordingSid = playback.recording.as_str(),
            requestId = playback.request_id,
            "the client has not accepted the reply within the function's timeout, the process ends"
        );
        metrics::emit_at(playback.began, &[("PlaybackOutOfTime", 1.0, Unit::Count)]);
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    const fn promised(&self) -> u64 {
        let Range { start, end } = self.playback.range;
        end - start
    }
}
