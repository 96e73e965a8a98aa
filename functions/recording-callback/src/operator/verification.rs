//! Stored recordings read whole, every frame verified.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use twilio::sid::RecordingSid;
use vault::{Presence, ReadError, RecordingId};

use super::{
    Operator,
    command::Verify,
    work::{Advance, WorkError},
};

/// Recordings between two looks at the clock. Of the longest (24 h of two channels are 2.8 GB) these may be too many for
/// an invocation: then it's one at a time.
const BATCH: u16 = 8;

/// Recordings read at once: of short ones most of the time is waiting for S3 and KMS.
const AT_ONCE: usize = 4;

/// How many bad recordings the state names. Where there are more, something else is wrong; each has its log line.
const MOST_NAMED: usize = 1_000;

/// What is to be verified, where it goes on, and what was found so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verification {
    rest: Rest,
    counts: Counts,
    bad_recordings: Vec<Bad>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    verified: u64,
    /// Of plaintext, in what was verified.
    bytes: u64,
    /// Damaged, missing, or in an archive class.
    bad: u64,
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
struct Bad {
    recording_sid: RecordingSid,
    problem: String,
}

/// What became of one recording.
enum Verdict {
    Good { len: u64 },
    Bad(Bad),
    Gone,
}

impl Verification {
    pub(super) fn new(request: Verify) -> Self {
        Self {
            rest: match request {
                Verify::All => Rest::After(None),
                Verify::Listed(recordings) => Rest::Listed(recordings),
            },
            counts: Counts::default(),
            bad_recordings: Vec::new(),
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// The operation's name: a list has its own for each run.
    pub(super) fn name(&self, run: i64) -> String {
        match self.rest {
            Rest::After(_) => "verify-all".to_owned(),
            Rest::Listed(_) => format!("verify-{run}"),
        }
    }

    /// Verifies one batch, of a single recording where a whole one was too much.
    pub(super) async fn advance(&self, operator: &Operator, carefully: bool) -> Result<Advance<Self>, WorkError> {
        let batch_len = if carefully { 1 } else { BATCH };
        let (batch, rest) = self.rest.split(operator, batch_len).await?;
        let is_listed = matches!(self.rest, Rest::Listed(_));
        let verdicts: Vec<_> = stream::iter(&batch)
            .map(|recording| verdict(operator, recording, is_listed))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut advanced = self.clone();
        for verdict in verdicts {
            advanced.count(verdict);
        }
        Ok(match rest {
            Some(rest) => Advance::More(Self { rest, ..advanced }),
            None => Advance::Done(advanced),
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
                if self.bad_recordings.len() < MOST_NAMED {
                    self.bad_recordings.push(bad);
                }
            }
            Verdict::Gone => self.counts.gone += 1,
        }
    }
}

impl Rest {
    /// The next batch, and what is left after it if there's anything.
    async fn split(&self, operator: &Operator, batch_len: u16) -> Result<(Vec<RecordingSid>, Option<Self>), WorkError> {
        match self {
            Self::After(after) => {
                let after = after.as_ref().map(|sid| RecordingId::parse(sid.as_str())).transpose()?;
                let listed = operator.catalog.list(after.as_ref(), batch_len).await?;
                let batch: Vec<_> = listed
                    .iter()
                    .filter_map(|recording| RecordingSid::parse(recording.as_str()).ok())
                    .collect();
                let rest = match batch.last() {
                    Some(last) if listed.len() == usize::from(batch_len) => Some(Self::After(Some(last.clone()))),
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

async fn verdict(operator: &Operator, sid: &RecordingSid, is_listed: bool) -> Result<Verdict, WorkError> {
    let recording = RecordingId::parse(sid.as_str())?;
    let error = match operator.reader.verify(&recording).await {
        Ok(verified) => {
            return Ok(Verdict::Good {
                len: verified.plaintext_len,
            });
        }
        Err(error) => error,
    };
    let fails = match &error {
        // What was found in the bucket may be gone from it by now, what somebody asks for shouldn't be.
        ReadError::NotFound if !is_listed || operator.catalog.presence(&recording).await? == Presence::Erased => {
            return Ok(Verdict::Gone);
        }
        ReadError::NotFound | ReadError::Damaged(_) => 1.0,
        ReadError::Archived => 0.0,
        _ => return Err(error.into()),
    };
    tracing::error!(recordingSid = %sid, %error, "the stored recording does not verify");
    metrics::emit(&[("VerificationFailures", fails, Unit::Count)]);
    Ok(Verdict::Bad(Bad {
        recording_sid: sid.clone(),
        problem: error.to_string(),
    }))
}
