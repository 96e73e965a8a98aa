//! The catalog: one file of JSON lines for each day, with the receipt of every recording of the day.
//!
//! A file is disposable, because it is written again from the index and the receipts. Its metadata has the number of its lines
//! and a digest of their RecordingSids, which tell whether it is right.
//!
//! A compaction may cross an erasure. The erasure writes its mark first, and removes the file of the day after that. The
//! compaction looks for marks after it has written the file. If the mark is there, the compaction writes the file again. If not,
//! the mark comes later, and so does the removal of the file. A compaction that is killed in between leaves a file that the next
//! one finds wrong.

mod day;
mod file;
mod replaced;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use sid::RecordingSid;
use time::Date;

pub use self::day::{Days, Limits};
use self::{
    file::{Summary, file_body},
    replaced::remove_replaced,
};
use crate::{
    Bucket, DayEntry, NewObject, RecordError, Records, ServiceError, catalog_file_key,
    head::{head, proof},
    listing::list,
    object_keys::{ERASURE_MARKS_PREFIX, recording_of_mark_key},
    versions::{self, Removed},
};

/// The number of receipts that are read concurrently. At 20 ms each, 50,000 take half a minute.
const CONCURRENCY: usize = 32;

/// How often a file is written while erasures cross it. One erasure in a row of many crosses each time.
const TRIES: u32 = 8;

/// A list request returns at most this many keys.
const PAGE: u16 = 1_000;

/// Writes the files of the catalog. It needs `s3:GetObject` on `receipts/*` and `catalog/*`, `s3:PutObject` and
/// `s3:DeleteObjectVersion` on `catalog/*`, `s3:ListBucket` and `s3:ListBucketVersions`. To hide versions that Object Lock keeps,
/// it also needs `s3:DeleteObject`, `s3:GetObjectVersion`, `s3:GetObjectRetention` and `s3:GetObjectLegalHold` on `catalog/*`.
#[derive(Clone, Debug)]
pub struct Compactor {
    bucket: Bucket,
    records: Records,
}

/// The recordings that have an erasure mark.
#[derive(Clone, Debug, Default)]
pub struct Marks(BTreeSet<RecordingSid>);

/// What was done about one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// What became of its file.
    pub file: DayFile,
    /// The number of lines of the file.
    pub recordings: u64,
    /// The number of recordings in the index that are not erased and have no receipt.
    pub without_receipt: u64,
    /// The recordings whose receipt cannot be parsed.
    pub unreadable: Vec<RecordingSid>,
}

/// What became of the file of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayFile {
    /// It was written.
    Written,
    /// It was right already, or there was none and none is needed.
    Unchanged,
    /// It was removed, because the day has no recordings.
    Removed,
    /// It was removed, because one erasure after the other crossed its writing. The next compaction writes it.
    Deferred,
}

/// The lines of a file: receipts as JSON.
type Lines = BTreeMap<RecordingSid, String>;

impl Compactor {
    /// Returns the compactor of `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self {
            records: Records::new(bucket.clone()),
            bucket,
        }
    }

    /// Returns all recordings that have an erasure mark.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn marks(&self) -> Result<Marks, ServiceError> {
        let mut marks = Marks::default();
        loop {
            let after = marks.0.last().map(|last| format!("{ERASURE_MARKS_PREFIX}{last}"));
            let page = list(&self.bucket, ERASURE_MARKS_PREFIX, after, PAGE, recording_of_mark_key).await?;
            let is_last = page.len() < usize::from(PAGE);
            marks.0.extend(page);
            if is_last {
                return Ok(marks);
            }
        }
    }

    /// Writes the file of `day` if it is missing or wrong. It is right if its lines are the receipts of the `entries` without
    /// the marked ones. Both may have been listed some time before.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached. The file may be missing or wrong then.
    pub async fn compact(
        &self,
        day: Date,
        mut entries: Vec<RecordingSid>,
        marks: &Marks,
    ) -> Result<Compacted, ServiceError> {
        entries.retain(|recording| !marks.0.contains(recording));
        let file = head(&self.bucket, &catalog_file_key(day)).await?;
        let summary = file.as_ref().map(Summary::of_object);
        let compacted = |file, recordings| Compacted {
            file,
            recordings,
            without_receipt: 0,
            unreadable: Vec::new(),
        };
        if entries.is_empty() && summary.is_none() {
            return Ok(compacted(DayFile::Unchanged, 0));
        }
        if !entries.is_empty() && summary == Some(Some(Summary::of(entries.iter()))) {
            return Ok(compacted(DayFile::Unchanged, entries.len() as u64));
        }
        let (lines, unreadable) = self.read(&entries).await?;
        let without_receipt = (entries.len() - lines.len() - unreadable.len()) as u64;
        // If a receipt is missing or unreadable, the file may be as right as it can be.
        let (file, recordings) = if lines.is_empty() || summary != Some(Some(Summary::of(lines.keys()))) {
            self.replace(day, lines, summary.is_some()).await?
        } else {
            (DayFile::Unchanged, lines.len() as u64)
        };
        Ok(Compacted {
            file,
            recordings,
            without_receipt,
            unreadable,
        })
    }

    /// Reads the receipts. Returns them with the recordings whose receipt cannot be parsed.
    async fn read(&self, recordings: &[RecordingSid]) -> Result<(Lines, Vec<RecordingSid>), ServiceError> {
        let mut receipts = stream::iter(recordings.to_vec())
            .map(|recording| async move {
                match self.records.read(&recording).await {
                    Ok(receipt) => Ok((recording, Ok(receipt))),
                    Err(RecordError::Service(error)) => Err(error),
                    Err(error) => Ok((recording, Err(error))),
                }
            })
            .buffer_unordered(CONCURRENCY);
        let (mut lines, mut unreadable) = (Lines::new(), Vec::new());
        while let Some((recording, receipt)) = receipts.try_next().await? {
            match receipt {
                Ok(Some(receipt)) => drop(lines.insert(recording, receipt.to_json())),
                Ok(None) => {}
                Err(_) => unreadable.push(recording),
            }
        }
        unreadable.sort();
        Ok((lines, unreadable))
    }

    /// Writes the file until no erasure has crossed it. Returns the number of its lines.
    async fn replace(&self, day: Date, mut lines: Lines, mut exists: bool) -> Result<(DayFile, u64), ServiceError> {
        let key = catalog_file_key(day);
        for _ in 0..TRIES {
            if lines.is_empty() {
                if !exists {
                    return Ok((DayFile::Unchanged, 0));
                }
                self.remove(&key).await?;
                return Ok((DayFile::Removed, 0));
            }
            self.put(&key, &lines).await?;
            exists = true;
            let written = lines.len();
            let listed: BTreeSet<_> = self.entries(day).await?.into_iter().collect();
            let marks = self.marks().await?;
            lines.retain(|recording, _| listed.contains(recording) && !marks.0.contains(recording));
            if lines.len() == written {
                remove_replaced(&self.bucket, &key).await?;
                return Ok((DayFile::Written, written as u64));
            }
        }
        self.remove(&key).await?;
        Ok((DayFile::Deferred, 0))
    }

    async fn put(&self, key: &str, lines: &Lines) -> Result<(), ServiceError> {
        let object = NewObject {
            body: file_body(lines.values()),
            content_type: Some("application/x-ndjson"),
            metadata: Some(Summary::of(lines.keys()).to_metadata()),
            ..NewObject::default()
        };
        let put = self.bucket.put_object(key, object).await?;
        proof("PutObject", put.e_tag).map(drop)
    }

    /// Removes the file permanently. A delete marker hides what Object Lock keeps.
    async fn remove(&self, key: &str) -> Result<(), ServiceError> {
        let mut removed = Removed::default();
        loop {
            let before = removed.clone();
            versions::remove(&self.bucket, key, &mut removed).await?;
            if removed == before {
                break;
            }
        }
        if removed.held.is_empty() {
            return Ok(());
        }
        versions::hide(&self.bucket, key).await
    }

    /// Returns the recordings in the index of `day`.
    async fn entries(&self, day: Date) -> Result<Vec<RecordingSid>, ServiceError> {
        let mut entries: Vec<DayEntry> = Vec::new();
        loop {
            let page = self.records.days(day, day, entries.last(), PAGE).await?;
            let is_last = page.len() < usize::from(PAGE);
            entries.extend(page);
            if is_last {
                return Ok(entries.into_iter().map(|entry| entry.recording).collect());
            }
        }
    }
}
