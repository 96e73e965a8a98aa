//! Recordings that are open, and when S3 last said that they are current.

use std::{sync::Arc, time::Duration};

use cache::{Cache, Clock, Place};
use sid::RecordingSid;

use super::{fetch::Version, open::Opened};

/// A function instance serves one listener at a time; a call center's supervisors come back to a few dozen recordings.
const MAX_ENTRIES: usize = 256;

/// How long a frame key may lie in memory without KMS being asked again, which is what makes a revoked permission or a
/// disabled key take effect.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// How long S3's word on which version is current is taken without asking again.
const MAX_UNCONFIRMED: Duration = Duration::from_secs(60);

/// Both by recording. Dropping an opened one wipes its frame key once the last handle on it is gone.
#[derive(Debug)]
pub(super) struct OpenRecordings {
    opened: Cache<RecordingSid, Arc<Opened>>,
    current: Cache<RecordingSid, Version>,
}

impl OpenRecordings {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            opened: Cache::new(MAX_ENTRIES, MAX_AGE, clock.clone()),
            current: Cache::new(MAX_ENTRIES, MAX_UNCONFIRMED, clock.clone()),
        }
    }

    /// The place of an opened recording: whoever finds it empty opens the recording, and the others wait.
    pub(super) async fn opened(&self, recording: &RecordingSid) -> Place<Arc<Opened>> {
        self.opened.place(recording).await
    }

    /// The place of S3's word on a recording. It is taken before S3 is asked, so that the word's age counts from there.
    pub(super) async fn current(&self, recording: &RecordingSid) -> Place<Version> {
        self.current.place(recording).await
    }

    /// Drops `opened`, but not another that has taken its place.
    pub(super) fn forget(&self, opened: &Arc<Opened>) {
        self.opened.forget(&opened.recording, |kept| Arc::ptr_eq(kept, opened));
    }
}
