//! The open recordings, and when S3 last confirmed that they are current.

use std::{sync::Arc, time::Duration};

use cache::{Cache, Clock, Place};
use sid::RecordingSid;

use super::{
    fetch::Version,
    open::{FoundRecording, OpenedRecording},
};

/// A function instance serves one listener at a time, and the supervisors of a call center return to a few dozen recordings.
const MAX_ENTRIES: usize = 256;

/// How long a frame key may stay in memory before KMS decrypts the data key again. A revoked permission or a disabled
/// key takes effect after this time.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// How long S3's last confirmation of the current version is used.
const MAX_UNCONFIRMED: Duration = Duration::from_secs(60);

/// Caches by recording. The frame key of an opened recording is wiped when its last handle is dropped.
#[derive(Debug)]
pub(super) struct OpenRecordings {
    opened: Cache<RecordingSid, Arc<OpenedRecording>>,
    found: Cache<RecordingSid, Found>,
    current: Cache<RecordingSid, Version>,
}

/// What [`Reader::find`](super::Reader::find) knows about a recording that is not open.
#[derive(Debug)]
pub(super) enum Found {
    /// It is there. Its header must be read again.
    Exists,
    /// It is there with this header.
    Header(Box<FoundRecording>),
}

impl OpenRecordings {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            opened: Cache::new(MAX_ENTRIES, MAX_AGE, clock.clone()),
            found: Cache::new(MAX_ENTRIES, MAX_UNCONFIRMED, clock.clone()),
            current: Cache::new(MAX_ENTRIES, MAX_UNCONFIRMED, clock.clone()),
        }
    }

    /// The place of an opened recording. The first caller that finds it empty opens the recording, and the others wait.
    pub(super) async fn opened(&self, recording: &RecordingSid) -> Place<Arc<OpenedRecording>> {
        self.opened.place(recording).await
    }

    /// The place of a recording that was found and is not open yet. Take it after the place of the opened recording.
    pub(super) async fn found(&self, recording: &RecordingSid) -> Place<Found> {
        self.found.place(recording).await
    }

    /// The place of the confirmed version of a recording. Take it before the request to S3, because its age counts from then.
    pub(super) async fn current(&self, recording: &RecordingSid) -> Place<Version> {
        self.current.place(recording).await
    }

    /// Drops `opened`, but not another recording that has replaced it.
    pub(super) fn forget(&self, opened: &Arc<OpenedRecording>) {
        self.opened.forget(&opened.recording, |kept| Arc::ptr_eq(kept, opened));
    }
}
