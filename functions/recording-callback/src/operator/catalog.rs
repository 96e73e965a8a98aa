//! Writes the files of the catalog that are missing or out of date, day by day.

use serde::{Deserialize, Serialize};
use vault::{Compacted, DayFile, Limits};

use super::{
    clients::Clients,
    day::Day,
    piece::{Advance, Turn, WorkError},
};

/// The days of one piece. To write 31 files takes some ten seconds besides their receipts. A day with more recordings is a
/// piece of its own: 50,000 receipts take half a minute and 60 MB.
const PIECE: Limits = Limits {
    days: 31,
    recordings: 20_000,
};

/// The days of a piece after one that failed.
const SMALLEST: Limits = Limits { days: 1, recordings: 1 };

/// The day to continue after, and the counts so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CatalogRun {
    /// The day on which the run began.
    began: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Day>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Days that were checked.
    days: u64,
    /// Lines of their files.
    recordings: u64,
    /// Files that were written.
    written: u64,
    /// Files that were right.
    unchanged: u64,
    /// Files of days that have no recordings any more.
    removed: u64,
    /// Files that were removed because erasures kept crossing them. The next run writes them.
    deferred: u64,
    /// Recordings in the index that have no receipt.
    without_receipt: u64,
    /// Recordings whose receipt cannot be parsed.
    unreadable: u64,
}

impl CatalogRun {
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            began: Day::of_unix_ms(now_ms),
            after: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn name(&self) -> String {
        format!("catalog-{}", self.began)
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Compares the files of some days with the index, and writes those that differ.
    pub(super) async fn advance(&self, clients: &Clients, turn: Turn) -> Result<Advance<Self>, WorkError> {
        let limits = if turn.after_failure { SMALLEST } else { PIECE };
        let after = self.after.map(|Day(day)| day);
        let listed = clients.compactor.days(after, limits).await?;
        let marks = clients.compactor.marks().await?;
        let mut counts = self.counts;
        for (day, entries) in listed.days {
            let compacted = clients.compactor.compact(day, entries, &marks).await?;
            report(Day(day), &compacted);
            counts.add(&compacted);
        }
        let advanced = Self {
            after: listed.next.map(Day),
            counts,
            ..*self
        };
        Ok(match advanced.after {
            Some(_) => Advance::More(advanced),
            None => Advance::Done(advanced),
        })
    }
}

impl Counts {
    fn add(&mut self, compacted: &Compacted) {
        self.days += 1;
        self.recordings += compacted.recordings;
        self.without_receipt += compacted.without_receipt;
        self.unreadable += compacted.unreadable.len() as u64;
        *match compacted.file {
            DayFile::Written => &mut self.written,
            DayFile::Unchanged => &mut self.unchanged,
            DayFile::Removed => &mut self.removed,
            DayFile::Deferred => &mut self.deferred,
        } += 1;
    }
}

fn report(day: Day, compacted: &Compacted) {
    let Compacted { file, recordings, .. } = compacted;
    if *file != DayFile::Unchanged {
        tracing::info!(%day, ?file, recordings, "the day's file of the catalog");
    }
    for recording in &compacted.unreadable {
        tracing::error!(recordingSid = %recording, "the receipt cannot be read, and its recording is not in the catalog");
    }
}
