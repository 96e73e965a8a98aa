//! Erases listed recordings, in pieces.
//!
//! A piece first looks at its recordings and notes in the cursor what is stored. The next piece erases them. So the report is
//! right even if the process is killed meanwhile. A recording that cannot be erased does not block the others. It is set aside,
//! tried again when the others are done, and named in the report.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use service::telemetry::AUDIT;
use sha2::{Digest, Sha256};
use sid::RecordingSid;

use super::{
    clients::Clients,
    command::{Erase, EraseList},
    erase::{Erased, Original, erase},
    piece::{Advance, Turn, WorkError},
};

/// The number of recordings in one piece. One takes a second or two, of which most is spent waiting for S3 and Twilio.
const BATCH: usize = 20;

const CONCURRENCY: usize = 4;

/// How often a recording that could not be erased is tried again, each time in a later invocation.
const LOOKS: u32 = 2;

/// How long before the end of a piece an erasure is cancelled, so that the report can say so.
const MARGIN: Duration = Duration::from_secs(1);

/// The recordings that are left, and the report so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EraseListRun {
    /// The operation's name.
    name: String,
    keep_original: bool,
    listed: u64,
    /// Not looked at yet, or set aside before.
    rest: Vec<Item>,
    /// Looked at. The next piece erases them.
    batch: Vec<Item>,
    /// Recordings that could not be erased so far.
    set_aside: Vec<Item>,
    /// How often the recordings that were set aside have been tried again.
    looks: u32,
    counts: Counts,
    /// The report, in the order of the erasures.
    recordings: Vec<Reported>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    recording_sid: RecordingSid,
    /// What was here before this run erased it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Found {
    Stored,
    Absent,
    ErasedBefore,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Recordings that were stored and are now removed.
    erased: u64,
    /// Recordings that were not stored. They are marked and do not come any more.
    absent: u64,
    /// Recordings that had been erased before.
    erased_before: u64,
    /// Recordings with a version that Object Lock keeps.
    locked: u64,
    /// Recordings that are not erased, or not everywhere.
    failed: u64,
    originals_deleted: u64,
    originals_already_gone: u64,
    originals_kept: u64,
    originals_under_way: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reported {
    recording_sid: RecordingSid,
    result: Outcome,
    /// The versions that Object Lock keeps. They cannot be played any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    held: Vec<String>,
    /// Unset for a recording that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original: Option<Original>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Erased,
    Absent,
    ErasedBefore,
    Locked,
    Failed,
}

impl EraseListRun {
    pub(super) fn new(request: &EraseList) -> Self {
        let items = request.recordings.iter().map(|recording| Item {
            recording_sid: recording.clone(),
            found: None,
        });
        let rest: Vec<_> = items.collect();
        Self {
            name: name(request),
            keep_original: request.keep_original,
            listed: rest.len() as u64,
            rest,
            batch: Vec::new(),
            set_aside: Vec::new(),
            looks: 0,
            counts: Counts::default(),
            recordings: Vec::new(),
        }
    }

    /// The operation's name. Half of a digest identifies the list.
    pub(super) fn name(&self) -> String {
        self.name.clone()
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Looks at one batch, or erases the batch that was looked at.
    pub(super) async fn advance(&self, clients: &Clients, turn: Turn) -> Result<Advance<Self>, WorkError> {
        if self.is_new() {
            self.report_begun();
        }
        let mut advanced = self.clone();
        if self.batch.is_empty() {
            let batch: Vec<_> = advanced.rest.drain(..BATCH.min(self.rest.len())).collect();
            let looked = stream::iter(batch)
                .map(|item| look(clients, item))
                .buffered(CONCURRENCY);
            for (item, problem) in looked.collect::<Vec<_>>().await {
                match problem {
                    None => advanced.batch.push(item),
                    Some(problem) => advanced.set_aside(item, problem),
                }
            }
        } else {
            let ends = turn.ends.checked_sub(MARGIN).unwrap_or(turn.ends);
            let erasures = stream::iter(std::mem::take(&mut advanced.batch))
                .map(|item| self.erase(clients, item, ends))
                .buffered(CONCURRENCY);
            for (item, erased) in erasures.collect::<Vec<_>>().await {
                match erased {
                    Ok(erased) => advanced.report_erased(item, erased),
                    Err(problem) => advanced.set_aside(item, problem),
                }
            }
        }
        Ok(if advanced.rest.is_empty() && advanced.batch.is_empty() {
            advanced.retry_set_aside()
        } else {
            Advance::More(advanced)
        })
    }

    fn is_new(&self) -> bool {
        self.rest.len() as u64 == self.listed && self.looks == 0
    }

    /// The work is done, unless recordings were set aside.
    fn retry_set_aside(self) -> Advance<Self> {
        if self.set_aside.is_empty() {
            self.report_ended();
            return Advance::Done(self);
        }
        Advance::Later(Self {
            rest: self.set_aside,
            set_aside: Vec::new(),
            looks: self.looks + 1,
            ..self
        })
    }

    async fn erase(&self, clients: &Clients, item: Item, ends: Instant) -> (Item, Result<Erased, String>) {
        let request = Erase {
            recording_sid: item.recording_sid.clone(),
            keep_original: self.keep_original,
        };
        let erased = erase(clients, &request, Some(&self.name), ends).await;
        (item, erased.map_err(|error| error.to_string()))
    }

    fn set_aside(&mut self, item: Item, problem: String) {
        if self.looks < LOOKS {
            self.set_aside.push(item);
            return;
        }
        self.counts.failed += 1;
        self.recordings.push(Reported {
            recording_sid: item.recording_sid,
            result: Outcome::Failed,
            held: Vec::new(),
            original: None,
            problem: Some(problem),
        });
    }

    fn report_erased(&mut self, item: Item, erased: Erased) {
        let result = match item.found {
            _ if !erased.held.is_empty() => Outcome::Locked,
            Some(Found::Stored) => Outcome::Erased,
            // A copy landed meanwhile.
            _ if erased.versions > 0 => Outcome::Erased,
            Some(Found::ErasedBefore) => Outcome::ErasedBefore,
            Some(Found::Absent) | None => Outcome::Absent,
        };
        let counts = &mut self.counts;
        *match result {
            Outcome::Erased => &mut counts.erased,
            Outcome::Absent => &mut counts.absent,
            Outcome::ErasedBefore => &mut counts.erased_before,
            Outcome::Locked => &mut counts.locked,
            Outcome::Failed => &mut counts.failed,
        } += 1;
        *match erased.original {
            Original::Deleted => &mut counts.originals_deleted,
            Original::AlreadyGone => &mut counts.originals_already_gone,
            Original::Kept => &mut counts.originals_kept,
            Original::DeletionUnderWay => &mut counts.originals_under_way,
        } += 1;
        self.recordings.push(Reported {
            recording_sid: item.recording_sid,
            result,
            held: erased.held,
            original: Some(erased.original),
            problem: None,
        });
    }

    fn report_begun(&self) {
        tracing::info!(
            target: AUDIT,
            event = "erase_list",
            outcome = "begun",
            operation = self.name,
            recordings = self.listed,
            keepOriginal = self.keep_original,
            "erasure of a list begun"
        );
    }

    fn report_ended(&self) {
        let counts = self.counts;
        tracing::info!(
            target: AUDIT,
            event = "erase_list",
            outcome = "ended",
            operation = self.name,
            recordings = self.listed,
            erased = counts.erased,
            absent = counts.absent,
            erasedBefore = counts.erased_before,
            locked = counts.locked,
            failed = counts.failed,
            "erasure of a list ended"
        );
    }
}

/// The item with what is stored of it, or the problem.
async fn look(clients: &Clients, item: Item) -> (Item, Option<String>) {
    if item.found.is_some() {
        return (item, None);
    }
    match clients.eraser.find(&item.recording_sid).await {
        Ok(traces) => {
            let found = match (traces.versions.is_empty(), traces.is_marked) {
                (false, _) => Found::Stored,
                (true, true) => Found::ErasedBefore,
                (true, false) => Found::Absent,
            };
            let found = Some(found);
            (Item { found, ..item }, None)
        }
        Err(error) => (item, Some(format!("the stored recording: {error}"))),
    }
}

fn name(request: &EraseList) -> String {
    let digest = Sha256::new().chain_update(if request.keep_original { "keepOriginal" } else { "" });
    let digest = request
        .recordings
        .iter()
        .fold(digest, |digest, recording| digest.chain_update(recording.as_str()))
        .finalize();
    format!("erase-{}", hex::encode(&digest[..16]))
}
