//! The contents of a file, and the metadata that tells whether they are right.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use bytes::Bytes;
use sid::RecordingSid;

use crate::Metadata;

/// The names of the metadata.
const RECORDINGS: &str = "recordings";
const DIGEST: &str = "sids-sha256";

/// Which recordings a file has, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    recordings: usize,
    /// SHA-256 of the RecordingSids in order, each with a newline, in hexadecimal.
    digest: String,
}

impl Summary {
    /// The summary of recordings in the order of their SIDs.
    pub(super) fn of<'a>(recordings: impl IntoIterator<Item = &'a RecordingSid>) -> Self {
        let (mut count, mut digest) = (0, Context::new(&SHA256));
        for recording in recordings {
            count += 1;
            digest.update(recording.as_str().as_bytes());
            digest.update(b"\n");
        }
        Self {
            recordings: count,
            digest: hex::encode(digest.finish()),
        }
    }

    /// The summary in an object's metadata. `None` if it has none, or if something else wrote the object.
    pub(super) fn of_object(object: &HeadObjectOutput) -> Option<Self> {
        let metadata = object.metadata()?;
        Some(Self {
            recordings: metadata.get(RECORDINGS)?.parse().ok()?,
            digest: metadata.get(DIGEST)?.clone(),
        })
    }

    pub(super) fn to_metadata(&self) -> Metadata {
        HashMap::from([
            (RECORDINGS.to_owned(), self.recordings.to_string()),
            (DIGEST.to_owned(), self.digest.clone()),
        ])
    }
}

/// The lines of a file, each with a newline.
pub(super) fn file_body<'a>(lines: impl Iterator<Item = &'a String> + Clone) -> Bytes {
    let len = lines.clone().map(|line| line.len() + 1).sum();
    let mut body = Vec::with_capacity(len);
    for line in lines {
        body.extend_from_slice(line.as_bytes());
        body.push(b'\n');
    }
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(number: u32) -> RecordingSid {
        RecordingSid::parse(&format!("RE{number:032x}")).unwrap()
    }

    #[test]
    fn a_summary_comes_back_from_an_objects_metadata() {
        let summary = Summary::of(&[recording(1), recording(2)]);
        let object = HeadObjectOutput::builder().set_metadata(Some(summary.to_metadata()));
        assert_eq!(Summary::of_object(&object.build()), Some(summary));
        assert_eq!(Summary::of_object(&HeadObjectOutput::builder().build()), None);
        let other = HashMap::from([("recordings".to_owned(), "x".to_owned())]);
        let object = HeadObjectOutput::builder().set_metadata(Some(other));
        assert_eq!(Summary::of_object(&object.build()), None);
    }

    #[test]
    fn other_recordings_have_another_summary() {
        let one = Summary::of(&[recording(1), recording(2)]);
        for other in [vec![], vec![recording(1)], vec![recording(1), recording(3)]] {
            assert_ne!(Summary::of(&other), one);
        }
    }

    #[test]
    fn each_line_ends_with_a_newline() {
        let lines = ["{}".to_owned(), "{\"a\":1}".to_owned()];
        assert_eq!(file_body(lines.iter()), "{}\n{\"a\":1}\n");
        assert_eq!(file_body([].iter()), "");
    }
}
