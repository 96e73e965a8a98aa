//! The keys of a recording's objects in the bucket.

use sid::RecordingSid;

/// The prefix of the keys of all recordings.
pub(crate) const OBJECTS_PREFIX: &str = "recordings/";

/// The prefix of the keys of all marks of pending deletions.
pub(crate) const PENDING_DELETIONS_PREFIX: &str = "deletions/";

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
}

impl ObjectKeys for RecordingSid {
    fn object_key(&self) -> String {
        format!("{OBJECTS_PREFIX}{self}")
    }

    fn erasure_mark_key(&self) -> String {
        format!("erased/{self}")
    }

    fn pending_deletion_key(&self) -> String {
        format!("{PENDING_DELETIONS_PREFIX}{self}")
    }

    fn deletion_notice_key(&self) -> String {
        format!("deleting/{self}")
    }
}

/// The recording that is stored under `key`. `None` for the key of another kind of object.
pub(crate) fn recording_of_object_key(key: &str) -> Option<RecordingSid> {
    RecordingSid::parse(key.strip_prefix(OBJECTS_PREFIX)?).ok()
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
}
