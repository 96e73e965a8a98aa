//! The keys of a recording's objects in the bucket.

use sid::RecordingSid;
use time::{Date, format_description::well_known::Iso8601};

/// The prefix of the keys of all recordings.
pub(crate) const OBJECTS_PREFIX: &str = "recordings/";

/// The prefix of the keys of all marks of pending deletions.
pub(crate) const PENDING_DELETIONS_PREFIX: &str = "deletions/";

/// The prefix of the keys of all receipts.
pub(crate) const RECEIPTS_PREFIX: &str = "receipts/";

/// The end of the keys of all receipts.
const RECEIPTS_SUFFIX: &str = ".json";

/// The prefix of the keys of all erasure marks.
pub(crate) const ERASURE_MARKS_PREFIX: &str = "erased/";

/// The prefix of the keys of all files of the catalog. Engines read the day from the key ("Hive partitioning").
pub(crate) const CATALOG_PREFIX: &str = "catalog/day=";

/// The end of the keys of all files of the catalog.
const CATALOG_SUFFIX: &str = "/receipts.jsonl";

/// The key of the catalog's file of one day: `catalog/day=2026-11-28/receipts.jsonl`.
#[must_use]
pub fn catalog_file_key(day: Date) -> String {
    format!("{CATALOG_PREFIX}{day}{CATALOG_SUFFIX}")
}

/// The keys of the objects that belong to one recording.
pub trait ObjectKeys {
    /// The key of the recording: `recordings/{RecordingSid}`.
    fn object_key(&self) -> String;

    /// The key of the erasure mark. The mark means that the recording must not be copied again:
    /// `erased/{RecordingSid}`.
    fn erasure_mark_key(&self) -> String;

    /// The key of the mark that the original is to be deleted later: `deletions/{RecordingSid}`.
    fn pending_deletion_key(&self) -> String;

    /// The key of the notice that the original is about to be deleted: `deleting/{RecordingSid}`.
    fn deletion_notice_key(&self) -> String;

    /// The key of the mark that the original is deleted: `deleted-originals/{RecordingSid}`.
    fn deleted_original_key(&self) -> String;

    /// The key of the receipt: `receipts/{RecordingSid}.json`.
    fn receipt_key(&self) -> String;
}

impl ObjectKeys for RecordingSid {
    fn object_key(&self) -> String {
        format!("{OBJECTS_PREFIX}{self}")
    }

    fn erasure_mark_key(&self) -> String {
        format!("{ERASURE_MARKS_PREFIX}{self}")
    }

    fn pending_deletion_key(&self) -> String {
        format!("{PENDING_DELETIONS_PREFIX}{self}")
    }

    fn deletion_notice_key(&self) -> String {
        format!("deleting/{self}")
    }

    fn deleted_original_key(&self) -> String {
        format!("deleted-originals/{self}")
    }

    fn receipt_key(&self) -> String {
        format!("{RECEIPTS_PREFIX}{self}{RECEIPTS_SUFFIX}")
    }
}

/// The recording that is stored under `key`. `None` for the key of another kind of object.
pub(crate) fn recording_of_object_key(key: &str) -> Option<RecordingSid> {
    RecordingSid::parse(key.strip_prefix(OBJECTS_PREFIX)?).ok()
}

/// The recording whose receipt is stored under `key`. `None` for the key of another kind of object.
pub(crate) fn recording_of_receipt_key(key: &str) -> Option<RecordingSid> {
    let sid = key.strip_prefix(RECEIPTS_PREFIX)?.strip_suffix(RECEIPTS_SUFFIX)?;
    RecordingSid::parse(sid).ok()
}

/// The recording whose erasure mark is stored under `key`. `None` for the key of another kind of object.
pub(crate) fn recording_of_mark_key(key: &str) -> Option<RecordingSid> {
    RecordingSid::parse(key.strip_prefix(ERASURE_MARKS_PREFIX)?).ok()
}

/// The day whose file of the catalog is stored under `key`. `None` for the key of another kind of object.
pub(crate) fn day_of_catalog_file_key(key: &str) -> Option<Date> {
    let day = key.strip_prefix(CATALOG_PREFIX)?.strip_suffix(CATALOG_SUFFIX)?;
    Date::parse(day, &Iso8601::DATE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_recording_lies_under_its_sid() {
        let recording = RecordingSid::parse(&format!("RE{DIGITS}")).unwrap();
        assert_eq!(recording.object_key(), format!("recordings/RE{DIGITS}"));
        assert_eq!(recording.erasure_mark_key(), format!("erased/RE{DIGITS}"));
        assert_eq!(
            recording_of_object_key(&recording.object_key()),
            Some(recording.clone())
        );
        for other in [
            recording.erasure_mark_key(),
            recording.to_string(),
            format!("{}/1", recording.object_key()),
        ] {
            assert_eq!(recording_of_object_key(&other), None, "{other}");
        }
    }

    #[test]
    fn a_receipt_lies_under_its_recordings_sid() {
        let recording = RecordingSid::parse(&format!("RE{DIGITS}")).unwrap();
        assert_eq!(recording.receipt_key(), format!("receipts/RE{DIGITS}.json"));
        assert_eq!(recording_of_receipt_key(&recording.receipt_key()), Some(recording));
        for other in ["receipts/RE1.json", "receipts/x", &format!("receipts/RE{DIGITS}")] {
            assert_eq!(recording_of_receipt_key(other), None, "{other}");
        }
    }

    #[test]
    fn a_mark_names_its_recording() {
        let recording = RecordingSid::parse(&format!("RE{DIGITS}")).unwrap();
        assert_eq!(recording_of_mark_key(&recording.erasure_mark_key()), Some(recording));
        assert_eq!(recording_of_mark_key("erased/x"), None);
    }

    #[test]
    fn a_day_has_one_file_in_the_catalog() {
        let day = Date::from_calendar_date(2026, time::Month::January, 2).unwrap();
        let key = catalog_file_key(day);
        assert_eq!(key, "catalog/day=2026-01-02/receipts.jsonl");
        assert_eq!(day_of_catalog_file_key(&key), Some(day));
        for other in [
            "catalog/day=x/receipts.jsonl",
            "catalog/day=2026-01-02/x",
            "catalog/receipts.jsonl",
        ] {
            assert_eq!(day_of_catalog_file_key(other), None, "{other}");
        }
    }
}
