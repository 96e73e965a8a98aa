//! Stored recordings read whole, every frame verified.
//!
//! A recording that can't be read (its KMS key is disabled, S3 refuses it) doesn't stand in the way of the others: it is
//! set aside, looked at again when the others are done, and named in the end.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use sha2::{Digest, Sha256};
use sid::RecordingSid;
use vault::{NotAudio, Presence, ReadError};

use super::{
    Operator,
    command::Recordings,
    work::{Advance, Turn, WorkError},
};

/// Recordings between two looks at the clock. Of the longest (24 h of two channels are 2.8 GB) these may be too many for
/// an invocation: then it's one at a time.
const BATCH: u16 = 8;

/// Recordings read at once: of short ones most of the time is waiting for S3 and KMS.
const AT_ONCE: usize = 4;

/// How often what could not be read is looked at again, each time in a later invocation. What passes by itself has
/// passed then, or takes longer than anybody wants to wait.
const LOOKS: u32 = 2;

/// How many recordings the state names of a kind. Where there are more, something else is wrong; each has its log line.
const MOST_NAMED: usize = 1_000;

/// A reading that takes all of an invocation ends so long before it, so that it is taken for that.
const MARGIN: Duration = Duration::from_secs(1);

/// What is to be verified, where it goes on, and what was found so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verification {
    rest: Rest,
    /// Somebody asked for these recordings by name: none of them should be missing.
    #[serde(default)]
    is_listed: bool,
    counts: Counts,
    bad_recordings: Vec<Named>,
    #[serde(default)]
    unreadable_recordings: Vec<Named>,
    /// Not readable so far.
    #[serde(default)]
    set_aside: Vec<RecordingSid>,
    /// How often what was set aside has been looked at again.
    #[serde(default)]
    looks: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    verified: u64,
    /// Of plaintext, in what was verified.
    bytes: u64,
    /// Damaged, missing, in an archive class, or certainly no recording.
    bad: u64,
    /// Not read, so that nothing can be said of them.
    #[serde(default)]
    unreadable: u64,
    /// Deleted or erased before they were read.
    gone: u64,
}

/// What is left to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Rest {
    /// Everything that is stored after this one.
    After(Option<RecordingSid>),
    Listed(Vec<RecordingSid>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    recording_sid: RecordingSid,
    problem: String,
}

/// What became of one recording.
enum Verdict {
    Good { len: u64 },
    Bad(Named),
    Unreadable(Named),
    Gone,
}

/// Why a recording wasn't read whole.
enum Fault {
    Bad(ReadError),
    /// It verifies, and is none: stored by a release that didn't look at what came.
    NoRecording(NotAudio),
    Unreadable(String),
    Gone,
}

impl Verification {
    pub(super) fn new(recordings: Recordings) -> Self {
        Self {
            is_listed: matches!(recordings, Recordings::Listed(_)),
            rest: match recordings {
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

    /// The operation's name. A list has its own: half of a digest tells it from any other.
    pub(super) fn name(&self) -> String {
        let Rest::Listed(recordings) = &self.rest else {
            return "verify-all".to_owned();
        };
        let digest = recordings
            .iter()
            .fold(Sha256::new(), |digest, recording| {
                digest.chain_update(recording.as_str())
            })
            .finalize();
        format!("verify-{}", hex::encode(&digest[..16]))
    }

    /// Verifies one batch, of a single recording where a whole one was too much.
    pub(super) async fn advance(&self, operator: &Operator, turn: Turn) -> Result<Advance<Self>, WorkError> {
        let batch_len = if turn.carefully { 1 } else { BATCH };
        let (batch, rest) = self.rest.split(operator, batch_len).await?;
        let alone_until = turn
            .carefully
            .then(|| turn.ends.checked_sub(MARGIN).unwrap_or(turn.ends));
        let verdicts: Vec<_> = stream::iter(&batch)
            .map(|recording| self.verdict(operator, recording, alone_until))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut advanced = self.clone();
        for verdict in verdicts {
            advanced.count(verdict);
        }
        Ok(match rest {
            Some(rest) => Advance::More(Self { rest, ..advanced }),
            None => advanced.look_again(),
        })
    }

    /// Done, unless something was set aside.
    fn look_again(self) -> Advance<Self> {
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
            Verdict::Good { len } => {
                self.counts.verified += 1;
                self.counts.bytes += len;
            }
            Verdict::Bad(bad) => {
                self.counts.bad += 1;
                tell(&bad, "the stored recording does not verify");
                name(&mut self.bad_recordings, bad);
            }
            Verdict::Unreadable(Named { recording_sid, .. })
                if self.looks < LOOKS && self.set_aside.len() < MOST_NAMED =>
            {
                self.set_aside.push(recording_sid);
            }
            Verdict::Unreadable(unreadable) => {
                self.counts.unreadable += 1;
                tell(&unreadable, "the stored recording cannot be read");
                metrics::emit(&[("VerificationUnreadable", 1.0, Unit::Count)]);
                name(&mut self.unreadable_recordings, unreadable);
            }
            Verdict::Gone => self.counts.gone += 1,
        }
    }

    async fn verdict(&self, operator: &Operator, sid: &RecordingSid, until: Option<Instant>) -> Verdict {
        let reading = self.read(operator, sid);
        let read = match until {
            Some(until) => tokio::time::timeout_at(until.into(), reading).await,
            None => Ok(reading.await),
        };
        let named = |problem: String| Named {
            recording_sid: sid.clone(),
            problem,
        };
        match read {
            Ok(Ok(len)) => Verdict::Good { len },
            Ok(Err(Fault::Gone)) => Verdict::Gone,
            Ok(Err(Fault::Bad(error))) => {
                // In an archive class it may be whole.
                if !matches!(error, ReadError::Archived) {
                    metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
                }
                Verdict::Bad(named(error.to_string()))
            }
            Ok(Err(Fault::NoRecording(found))) => Verdict::Bad(named(format!("stored is {found}"))),
            Ok(Err(Fault::Unreadable(problem))) => Verdict::Unreadable(named(problem)),
            Err(_) => Verdict::Unreadable(named("not read within one invocation".to_owned())),
        }
    }

    /// The recording's length, once all of it has verified.
    async fn read(&self, operator: &Operator, recording: &RecordingSid) -> Result<u64, Fault> {
        let error = match operator.reader.verify(recording).await {
            Ok(verified) => {
                return match verified.verdict {
                    vault::Verdict::NotAudio(found) => Err(Fault::NoRecording(found)),
                    vault::Verdict::Audio(_) | vault::Verdict::Unknown => Ok(verified.plaintext_len),
                };
            }
            Err(error) => error,
        };
        match error {
            // What was found in the bucket may be gone from it by now, what somebody asks for shouldn't be.
            ReadError::NotFound if !self.is_listed => Err(Fault::Gone),
            ReadError::NotFound => match operator.catalog.presence(recording).await {
                Ok(Presence::Erased) => Err(Fault::Gone),
                Ok(_) => Err(Fault::Bad(error)),
                Err(error) => Err(Fault::Unreadable(error.to_string())),
            },
            ReadError::Damaged(_) | ReadError::Archived => Err(Fault::Bad(error)),
            _ => Err(Fault::Unreadable(error.to_string())),
        }
    }
}

impl Rest {
    /// The next batch, and what is left after it if there's anything.
    async fn split(&self, operator: &Operator, batch_len: u16) -> Result<(Vec<RecordingSid>, Option<Self>), WorkError> {
        match self {
            Self::After(after) => {
                let batch = operator.catalog.list(after.as_ref(), batch_len).await?;
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
}

fn name(names: &mut Vec<Named>, named: Named) {
    if names.len() < MOST_NAMED {
        names.push(named);
    }
}

fn tell(named: &Named, what: &'static str) {
    let Named { recording_sid, problem } = named;
    tracing::error!(recordingSid = %recording_sid, error = problem, "{what}");
}
