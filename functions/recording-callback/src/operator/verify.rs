//! Reads stored recordings whole and verifies every frame. Each is compared with its receipt, and a missing receipt is written.
//!
//! If only receipts are wanted, recordings that have one are not read.
//!
//! A recording that cannot be read (its KMS key is disabled, or S3 refuses it) does not block the others. It is set aside,
//! tried again when the others are done, and named in the result.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use sha2::{Digest, Sha256};
use sid::RecordingSid;
use vault::{NotAudio, Presence, ReadError, Receipt, ReceiptError, RecordError};

use super::{
    clients::Clients,
    command::{Recordings, Verify},
    piece::{Advance, Turn, WorkError},
};
use crate::receipts::{self, ReceiptFault, Recorded};

/// The number of recordings in one piece. For the longest (24 h of two channels are 2.8 GB), that may be too many for one
/// invocation. Then a piece is one recording.
const BATCH: u16 = 8;

/// The number of recordings read concurrently. For short ones, most of the time is spent waiting for S3 and KMS.
const CONCURRENCY: usize = 4;

/// The number of recordings whose receipts are looked for at once, until a batch without one is found.
const LOOKED_FOR: u16 = 200;

/// The number of receipts that are looked for concurrently.
const LOOKS_AT_ONCE: usize = 16;

/// How often a recording that could not be read is tried again, each time in a later invocation. A temporary fault has
/// passed by then, or lasts too long to wait for.
const LOOKS: u32 = 2;

/// The most recordings that the cursor names of each kind. Each one has a log line too.
const MOST_NAMED: usize = 1_000;

/// How long before the invocation's end a single recording's reading is cancelled, so that the result can say so.
const MARGIN: Duration = Duration::from_secs(1);

/// The recordings that are left, and what was found so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifyRun {
    rest: Rest,
    /// Whether the event named these recordings. Then none of them may be missing.
    #[serde(default)]
    is_listed: bool,
    /// Whether only recordings without a receipt are read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    receipts_only: bool,
    counts: Counts,
    bad_recordings: Vec<Named>,
    #[serde(default)]
    unreadable_recordings: Vec<Named>,
    /// Recordings that could not be read so far.
    #[serde(default)]
    set_aside: Vec<RecordingSid>,
    /// How often the recordings that were set aside have been tried again.
    #[serde(default)]
    looks: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    verified: u64,
    /// Bytes of plaintext in the verified recordings.
    bytes: u64,
    /// Recordings that are damaged, missing, in an archive class, or not audio.
    bad: u64,
    /// Recordings that could not be read, so that their state is unknown.
    #[serde(default)]
    unreadable: u64,
    /// Recordings that were deleted or erased before they were read.
    gone: u64,
    /// Receipts that were missing and are written.
    #[serde(default)]
    receipts: u64,
}

/// The recordings that are left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Rest {
    /// All stored recordings after this one.
    After(Option<RecordingSid>),
    Listed(Vec<RecordingSid>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    recording_sid: RecordingSid,
    problem: String,
}

/// The result for one recording.
enum Verdict {
    Good(Good),
    Bad(Named),
    Unreadable(Named),
    Gone,
}

/// A recording that verifies and has a receipt.
struct Good {
    len: u64,
    is_receipt_new: bool,
}

/// Why a recording does not count as verified.
enum Fault {
    Bad(ReadError),
    /// Its frames verify, but its receipt says something else, or is not one.
    BadReceipt(ReceiptFault),
    /// Its frames verify, but it is not audio. A release that did not check the media stored it.
    NotAudio(NotAudio),
    Unreadable(String),
    Gone,
}

impl VerifyRun {
    pub(super) fn new(request: Verify) -> Self {
        Self {
            receipts_only: request.receipts,
            is_listed: matches!(request.recordings, Recordings::Listed(_)),
            rest: match request.recordings {
                Recordings::All => Rest::After(None),
                Recordings::Listed(recordings) => Rest::Listed(recordings),
            },
            counts: Counts::default(),
            bad_recordings: Vec::new(),
            unreadable_recordings: Vec::new(),
            set_aside: Vec::new(),
            looks: 0,
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// The operation's name. Half of a digest identifies a list.
    pub(super) fn name(&self) -> String {
        let work = if self.receipts_only { "receipts" } else { "verify" };
        let Rest::Listed(recordings) = &self.rest else {
            return format!("{work}-all");
        };
        let digest = recordings
            .iter()
            .fold(Sha256::new(), |digest, recording| {
                digest.chain_update(recording.as_str())
            })
            .finalize();
        format!("{work}-{}", hex::encode(&digest[..16]))
    }

    /// Verifies one batch, or a single recording if a whole batch was too much.
    pub(super) async fn advance(&self, clients: &Clients, turn: Turn) -> Result<Advance<Self>, WorkError> {
        let batch_len = if turn.after_failure { 1 } else { BATCH };
        let (batch, rest) = if self.receipts_only {
            self.rest.split_without_receipt(clients, batch_len).await?
        } else {
            self.rest.split(clients, batch_len).await?
        };
        let alone_until = turn
            .after_failure
            .then(|| turn.ends.checked_sub(MARGIN).unwrap_or(turn.ends));
        let verdicts: Vec<_> = stream::iter(&batch)
            .map(|recording| self.verdict(clients, recording, alone_until))
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let mut advanced = self.clone();
        for verdict in verdicts {
            advanced.count(verdict);
        }
        Ok(match rest {
            Some(rest) => Advance::More(Self { rest, ..advanced }),
            None => advanced.retry_set_aside(),
        })
    }

    /// The work is done, unless recordings were set aside.
    fn retry_set_aside(self) -> Advance<Self> {
        if self.set_aside.is_empty() {
            return Advance::Done(self);
        }
        Advance::Later(Self {
            rest: Rest::Listed(self.set_aside),
            set_aside: Vec::new(),
            looks: self.looks + 1,
            ..self
        })
    }

    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Good(good) => {
                self.counts.verified += 1;
                self.counts.bytes += good.len;
                self.counts.receipts += u64::from(good.is_receipt_new);
            }
            Verdict::Bad(bad) => {
                self.counts.bad += 1;
                report(&bad, "the stored recording does not verify");
                name(&mut self.bad_recordings, bad);
            }
            Verdict::Unreadable(Named { recording_sid, .. })
                if self.looks < LOOKS && self.set_aside.len() < MOST_NAMED =>
            {
                self.set_aside.push(recording_sid);
            }
            Verdict::Unreadable(unreadable) => {
                self.counts.unreadable += 1;
                report(&unreadable, "the stored recording cannot be read");
                metrics::emit(&[("VerificationUnreadable", 1.0, Unit::Count)]);
                name(&mut self.unreadable_recordings, unreadable);
            }
            Verdict::Gone => self.counts.gone += 1,
        }
    }

    async fn verdict(&self, clients: &Clients, sid: &RecordingSid, until: Option<Instant>) -> Verdict {
        let reading = self.read(clients, sid);
        let read = match until {
            Some(until) => tokio::time::timeout_at(until.into(), reading).await,
            None => Ok(reading.await),
        };
        let named = |problem: String| Named {
            recording_sid: sid.clone(),
            problem,
        };
        match read {
            Ok(Ok(good)) => Verdict::Good(good),
            Ok(Err(Fault::Gone)) => Verdict::Gone,
            Ok(Err(Fault::Bad(error))) => {
                // A recording in an archive class may be intact.
                if !matches!(error, ReadError::Archived) {
                    metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
                }
                Verdict::Bad(named(error.to_string()))
            }
            Ok(Err(Fault::BadReceipt(fault))) => {
                metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
                Verdict::Bad(named(fault.to_string()))
            }
            Ok(Err(Fault::NotAudio(found))) => Verdict::Bad(named(format!("the stored recording is {found}"))),
            Ok(Err(Fault::Unreadable(problem))) => Verdict::Unreadable(named(problem)),
            Err(_) => Verdict::Unreadable(named("not read within one invocation".to_owned())),
        }
    }

    /// Reads the recording until all of it has verified, and then its receipt.
    async fn read(&self, clients: &Clients, recording: &RecordingSid) -> Result<Good, Fault> {
        let error = match clients.reader.verify(recording).await {
            Ok(verified) => {
                return match verified.verdict {
                    vault::Verdict::NotAudio(found) => Err(Fault::NotAudio(found)),
                    vault::Verdict::Audio(_) | vault::Verdict::Unknown => confirm(clients, &verified.receipt).await,
                };
            }
            Err(error) => error,
        };
        match error {
            // A recording that a listing found may be gone by now, but one that the event names may not.
            ReadError::NotFound if !self.is_listed => Err(Fault::Gone),
            ReadError::NotFound => match clients.catalog.presence(recording).await {
                Ok(Presence::Erased) => Err(Fault::Gone),
                Ok(_) => Err(Fault::Bad(error)),
                Err(error) => Err(Fault::Unreadable(error.to_string())),
            },
            ReadError::Damaged(_) | ReadError::Archived => Err(Fault::Bad(error)),
            _ => Err(Fault::Unreadable(error.to_string())),
        }
    }
}

/// Compares what was read with the receipt, and writes a missing one.
async fn confirm(clients: &Clients, read: &Receipt) -> Result<Good, Fault> {
    match receipts::confirm(&clients.records, read).await {
        Ok(Recorded::Erased) => Err(Fault::Gone),
        Ok(recorded) => Ok(Good {
            len: read.length,
            is_receipt_new: recorded == Recorded::Written,
        }),
        Err(fault) => Err(match fault {
            ReceiptFault::Unreadable(RecordError::Receipt(ReceiptError::UnknownVersion { .. })) => {
                Fault::Unreadable(fault.to_string())
            }
            ReceiptFault::Differs(_) | ReceiptFault::Unreadable(RecordError::Receipt(_)) => Fault::BadReceipt(fault),
            ReceiptFault::Unreadable(_) | ReceiptFault::NotWritten(_) => Fault::Unreadable(fault.to_string()),
        }),
    }
}

impl Rest {
    /// The next batch, and the rest after it, if any.
    async fn split(&self, clients: &Clients, batch_len: u16) -> Result<(Vec<RecordingSid>, Option<Self>), WorkError> {
        match self {
            Self::After(after) => {
                let batch = clients.catalog.list(after.as_ref(), batch_len).await?;
                let rest = match batch.last() {
                    Some(last) if batch.len() == usize::from(batch_len) => Some(Self::After(Some(last.clone()))),
                    _ => None,
                };
                Ok((batch, rest))
            }
            Self::Listed(recordings) => {
                let (batch, rest) = recordings.split_at(recordings.len().min(usize::from(batch_len)));
                let rest = (!rest.is_empty()).then(|| Self::Listed(rest.to_vec()));
                Ok((batch.to_vec(), rest))
            }
        }
    }

    /// The next batch of recordings that have no receipt, and the rest after it, if any. The batch may be shorter, or empty.
    async fn split_without_receipt(
        &self,
        clients: &Clients,
        batch_len: u16,
    ) -> Result<(Vec<RecordingSid>, Option<Self>), WorkError> {
        let (page, rest) = self.split(clients, LOOKED_FOR).await?;
        let mut looks = stream::iter(page.iter().enumerate())
            .map(async |(at, recording)| Ok::<_, WorkError>((at, clients.records.exists(recording).await?)))
            .buffered(LOOKS_AT_ONCE);
        let mut batch = Vec::new();
        while let Some((at, has_receipt)) = looks.try_next().await? {
            if has_receipt {
                continue;
            }
            if batch.len() == usize::from(batch_len) {
                // The next piece looks for this one's receipt again.
                return Ok((batch, Some(self.beginning_at(at, &page))));
            }
            batch.push(page[at].clone());
        }
        drop(looks);
        Ok((batch, rest))
    }

    /// The rest that begins with the recording at this position of the page, which is not its first.
    fn beginning_at(&self, at: usize, page: &[RecordingSid]) -> Self {
        match self {
            Self::After(_) => Self::After(Some(page[at - 1].clone())),
            Self::Listed(recordings) => Self::Listed(recordings[at..].to_vec()),
        }
    }
}

fn name(names: &mut Vec<Named>, named: Named) {
    if names.len() < MOST_NAMED {
        names.push(named);
    }
}

fn report(named: &Named, what: &'static str) {
    let Named { recording_sid, problem } = named;
    tracing::error!(recordingSid = %recording_sid, error = problem, "{what}");
}
