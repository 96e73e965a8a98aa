//! Rebuilds the index: writes the entries that it lacks, and removes those that it should not have.
//!
//! Copies and erasures go on meanwhile. A copy writes its entries before its receipt, so an entry without a receipt may be that of
//! a copy that has not finished. Such an entry stays until it is older than any copy can be. A second copy may find the old entry
//! and count on it. So after an entry was removed, the receipt is looked for again, and the copy looks for the entry after it has
//! written the receipt: one of them notices, and writes the entry again. An erasure writes its mark first. So the mark is looked
//! for after entries were written, and they are taken back if it is there.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use sid::RecordingSid;
use vault::{Entry, EntryMarker, Receipt, RecordError, Removal};

use super::{
    clients::Clients,
    piece::{Advance, WorkError},
};

/// The number of receipts in one piece.
const PAGE: u16 = 500;

/// The number of recordings processed concurrently.
const CONCURRENCY: usize = 64;

/// A run keeps at most this many names of recordings.
const MOST_NAMED: usize = 1_000;

/// No copy takes longer: Lambda stops a function after 15 minutes.
const LONGEST_COPY: Duration = Duration::from_secs(60 * 60);

/// What is left to do, and the counts so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexRun {
    rest: Rest,
    counts: Counts,
    /// The first recordings that have a receipt although they have the mark of an erasure. Erasing them again removes the rest.
    #[serde(default)]
    unfinished_erasures: Vec<RecordingSid>,
}

/// What is left to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Rest {
    /// The receipts after this one, and then all entries.
    Receipts(Option<RecordingSid>),
    /// The entries after this one.
    Entries(Option<EntryMarker>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    receipts: u64,
    /// Entries that were written.
    written: u64,
    /// Receipts of recordings whose erasure has not ended. Their missing entries were not written.
    #[serde(alias = "erased")]
    unfinished_erasures: u64,
    /// Receipts that cannot be read. Their entries were left as they were.
    unreadable: u64,
    /// Versions of entries that were looked at.
    entries: u64,
    /// Versions of entries that were removed.
    removed: u64,
    /// Versions without a receipt that may belong to a copy under way.
    recent: u64,
    /// Versions that Object Lock keeps.
    held: u64,
}

/// What is done about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// The entry may get its receipt yet.
    Wait,
    Remove,
}

impl IndexRun {
    pub(super) fn new() -> Self {
        Self {
            rest: Rest::Receipts(None),
            counts: Counts::default(),
            unfinished_erasures: Vec::new(),
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn name(&self) -> String {
        "index-rebuild".to_owned()
    }

    /// Processes one page of receipts or of entries.
    pub(super) async fn advance(&self, clients: &Clients) -> Result<Advance<Self>, WorkError> {
        match &self.rest {
            Rest::Receipts(after) => self.complete(clients, after.as_ref()).await.map(Advance::More),
            Rest::Entries(after) => self.clean(clients, after.as_ref()).await,
        }
    }

    /// Writes the missing entries of a page of receipts.
    async fn complete(&self, clients: &Clients, after: Option<&RecordingSid>) -> Result<Self, WorkError> {
        let page = clients.records.list(after, PAGE).await?;
        let last = page.last().filter(|_| page.len() == usize::from(PAGE)).cloned();
        let completed: Vec<_> = stream::iter(page)
            .map(async |recording| Ok::<_, WorkError>((complete(clients, &recording).await?, recording)))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let rest = last.map_or(Rest::Entries(None), |last| Rest::Receipts(Some(last)));
        let mut advanced = Self { rest, ..self.clone() };
        for (counts, recording) in completed {
            if counts.unfinished_erasures > 0 && advanced.unfinished_erasures.len() < MOST_NAMED {
                advanced.unfinished_erasures.push(recording);
            }
            advanced.counts = advanced.counts.plus(counts);
        }
        Ok(advanced)
    }

    /// Removes the wrong entries of a page.
    async fn clean(&self, clients: &Clients, after: Option<&EntryMarker>) -> Result<Advance<Self>, WorkError> {
        let page = clients.records.all_entries(after).await?;
        let counts = stream::iter(page.entries)
            .map(|entry| clean(clients, entry))
            .buffer_unordered(CONCURRENCY)
            .try_fold(self.counts, |sum, counts| std::future::ready(Ok(sum.plus(counts))))
            .await?;
        let rest = Rest::Entries(page.next.clone());
        let advanced = Self {
            rest,
            counts,
            unfinished_erasures: self.unfinished_erasures.clone(),
        };
        Ok(match page.next {
            Some(_) => Advance::More(advanced),
            None => Advance::Done(advanced),
        })
    }
}

/// Writes the missing entries of one receipt.
async fn complete(clients: &Clients, recording: &RecordingSid) -> Result<Counts, WorkError> {
    let counts = Counts {
        receipts: 1,
        ..Counts::default()
    };
    let receipt = match readable(clients, recording).await? {
        Some(Ok(receipt)) => receipt,
        Some(Err(Unreadable)) => {
            let is_erased = clients.catalog.is_erased(recording).await?;
            return Ok(Counts {
                unreadable: 1,
                unfinished_erasures: u64::from(is_erased),
                ..counts
            });
        }
        // It was erased after the page was listed.
        None => return Ok(Counts::default()),
    };
    let unfinished = Counts {
        unfinished_erasures: 1,
        ..counts
    };
    let (missing, is_erased) = tokio::try_join!(
        clients.records.missing_entries(&receipt),
        clients.catalog.is_erased(recording)
    )?;
    if is_erased {
        tracing::warn!(recordingSid = %recording, "the erasure has not ended: erase the recording again");
        return Ok(unfinished);
    }
    if missing.is_empty() {
        return Ok(counts);
    }
    clients.records.write_entries(recording, &missing).await?;
    if clients.catalog.is_erased(recording).await? {
        // Only what was written here, because the erasure may not have ended.
        clients.records.take_back_entries(recording, &missing).await?;
        return Ok(counts);
    }
    Ok(Counts {
        written: missing.len() as u64,
        ..counts
    })
}

/// Removes one version of an entry if it is wrong.
async fn clean(clients: &Clients, entry: Entry) -> Result<Counts, WorkError> {
    let counts = Counts {
        entries: 1,
        ..Counts::default()
    };
    let (receipt, is_erased) = tokio::try_join!(readable(clients, &entry.recording), async {
        Ok(clients.catalog.is_erased(&entry.recording).await?)
    })?;
    let receipt = match receipt {
        Some(Err(Unreadable)) => return Ok(counts),
        Some(Ok(receipt)) => Some(receipt),
        _ => None,
    };
    let is_named = receipt.is_some_and(|receipt| receipt.places().contains(&entry.place));
    match verdict(is_named, is_erased, entry.written_at, SystemTime::now()) {
        Verdict::Keep => Ok(counts),
        Verdict::Wait => Ok(Counts { recent: 1, ..counts }),
        Verdict::Remove => {
            let removal = clients.records.remove_entry(&entry).await?;
            if !is_erased {
                // A copy may have counted on the entry.
                complete(clients, &entry.recording).await?;
            }
            Ok(match removal {
                Removal::Removed => Counts { removed: 1, ..counts },
                Removal::Held => Counts { held: 1, ..counts },
            })
        }
    }
}

/// `is_named`: the recording has a receipt, and the entry is at one of its places. That of an erased recording leads to an
/// erasure that has not ended.
fn verdict(is_named: bool, is_erased: bool, written_at: Option<SystemTime>, now: SystemTime) -> Verdict {
    if is_named {
        return Verdict::Keep;
    }
    if is_erased {
        return Verdict::Remove;
    }
    let age = now.duration_since(written_at.unwrap_or(now));
    if age.is_ok_and(|age| age > LONGEST_COPY) {
        Verdict::Remove
    } else {
        Verdict::Wait
    }
}

/// A receipt that this version cannot read.
struct Unreadable;

async fn readable(
    clients: &Clients,
    recording: &RecordingSid,
) -> Result<Option<Result<Receipt, Unreadable>>, WorkError> {
    match clients.records.read(recording).await {
        Ok(receipt) => Ok(receipt.map(Ok)),
        Err(RecordError::Service(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(recordingSid = %recording, %error, "the receipt cannot be read");
            Ok(Some(Err(Unreadable)))
        }
    }
}

impl Counts {
    const fn plus(self, other: Self) -> Self {
        Self {
            receipts: self.receipts + other.receipts,
            written: self.written + other.written,
            unfinished_erasures: self.unfinished_erasures + other.unfinished_erasures,
            unreadable: self.unreadable + other.unreadable,
            entries: self.entries + other.entries,
            removed: self.removed + other.removed,
            recent: self.recent + other.recent,
            held: self.held + other.held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settled_entries_that_no_receipt_names_are_removed() {
        use Verdict::*;
        let now = SystemTime::now();
        let (old, settled) = (now - LONGEST_COPY - Duration::from_secs(1), now - LONGEST_COPY);
        // S3's clock may be ahead.
        let ahead = now + Duration::from_secs(5);
        for (is_named, is_erased, written_at, expected) in [
            (true, false, Some(old), Keep),
            (true, false, None, Keep),
            (true, true, Some(now), Keep),
            (false, true, None, Remove),
            (false, false, Some(old), Remove),
            (false, false, Some(settled), Wait),
            (false, false, Some(ahead), Wait),
            (false, false, None, Wait),
        ] {
            assert_eq!(
                verdict(is_named, is_erased, written_at, now),
                expected,
                "{is_named} {is_erased} {written_at:?}"
            );
        }
    }
}
