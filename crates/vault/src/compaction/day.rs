//! Which days there are: those in the index, and those that have a file.

use std::collections::BTreeMap;

use sid::RecordingSid;
use time::{Date, Month};

use super::{Compactor, PAGE};
use crate::{
    DayEntry, ServiceError, catalog_file_key,
    listing::list,
    object_keys::{CATALOG_PREFIX, day_of_catalog_file_key},
};

/// Days in order, each with the recordings that the index has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// The days. A day without recordings has a file that must go.
    pub days: BTreeMap<Date, Vec<RecordingSid>>,
    /// The day to continue after. `None` at the end of the index.
    pub next: Option<Date>,
}

/// How many days are listed together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At most this many days that are in the index.
    pub days: usize,
    /// No further day once there are this many recordings. The first day is always listed whole.
    pub recordings: usize,
}

impl Compactor {
    /// Returns the first days after `after` that are in the index or have a file.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn days(&self, after: Option<Date>, limits: Limits) -> Result<Days, ServiceError> {
        let mut listed = self.indexed(after, limits).await?;
        for day in self.files(after, listed.next).await? {
            listed.days.entry(day).or_default();
        }
        Ok(listed)
    }

    async fn indexed(&self, after: Option<Date>, limits: Limits) -> Result<Days, ServiceError> {
        let mut days: BTreeMap<Date, Vec<RecordingSid>> = BTreeMap::new();
        let Some(first) = after.map_or_else(|| Some(earliest()), Date::next_day) else {
            return Ok(Days { days, next: None });
        };
        let (mut last, mut total): (Option<DayEntry>, usize) = (None, 0);
        let is_end = loop {
            let page = self.records.days(first, Date::MAX, last.as_ref(), PAGE).await?;
            let is_end = page.len() < usize::from(PAGE);
            last = page.last().cloned().or(last);
            total += page.len();
            for DayEntry { day, recording } in page {
                days.entry(day).or_default().push(recording);
            }
            if is_end || days.len() > limits.days || (days.len() > 1 && total >= limits.recordings) {
                break is_end;
            }
        };
        // Before the end, the last day may have more recordings than were listed.
        let whole = if is_end { days.len() } else { days.len() - 1 };
        if is_end && whole <= limits.days {
            return Ok(Days { days, next: None });
        }
        if let Some(further) = days.keys().nth(whole.min(limits.days)).copied() {
            days.split_off(&further);
        }
        let next = days.last_key_value().map(|(day, _)| *day);
        Ok(Days { days, next })
    }

    /// The days after `after` up to `last` that have a file. Without `last`, all of them.
    async fn files(&self, mut after: Option<Date>, last: Option<Date>) -> Result<Vec<Date>, ServiceError> {
        let mut files = Vec::new();
        loop {
            let start = after.map(catalog_file_key);
            let page = list(&self.bucket, CATALOG_PREFIX, start, PAGE, day_of_catalog_file_key).await?;
            let is_last = page.len() < usize::from(PAGE);
            after = page.last().copied();
            files.extend(page.into_iter().filter(|day| last.is_none_or(|last| *day <= last)));
            if is_last || after >= last.or(Some(Date::MAX)) {
                return Ok(files);
            }
        }
    }
}

/// The first day of the year 0. No key has an earlier one.
fn earliest() -> Date {
    Date::from_calendar_date(0, Month::January, 1).expect("the year 0 has a first of January")
}
