//! The receipt of a stored recording: what was stored, when, and the SHA-256 of its plaintext.
//!
//! A receipt is JSON with a version. docs/FORMAT.md describes each field, and docs/receipt.schema.json is its JSON Schema. It
//! holds no name and no telephone number.

use serde::{Deserialize, Serialize};
use sid::{AccountSid, RecordingSid};
use time::OffsetDateTime;

use crate::{ContentType, Facts, ObjectKeys, Place, SuspicionKind};

/// Raised when the meaning of a field changes, or a field is removed. New fields do not raise it.
const VERSION: u32 = 1;

/// The receipt of a stored recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The recording.
    pub recording_sid: RecordingSid,
    /// The account that it is bound to.
    pub account_sid: AccountSid,
    /// What the source said about it.
    // Serde buffers the fields of a flattened struct when it reads one, and with serde_json's `arbitrary_precision`, numbers
    // cannot be read from that buffer. `parse` reads the facts apart.
    #[serde(flatten, skip_deserializing)]
    pub facts: Facts,
    /// The type that it is served with.
    pub media_type: ContentType,
    /// The length of the plaintext in bytes.
    pub length: u64,
    /// SHA-256 of the plaintext in hexadecimal.
    pub sha256: String,
    /// The key of the object in the bucket.
    pub object_key: String,
    /// The version of the object, if the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The ETag of the object, quoted as S3 returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The ARN of the KMS key that encrypted the data key.
    pub kms_key_arn: String,
    /// SHA-256 of the stored header in hexadecimal. No two messages have the same header.
    pub header_sha256: String,
    /// When it was copied, in whole seconds. In a receipt from reading, when S3 stored it.
    #[serde(with = "time::serde::rfc3339")]
    pub copied_at: OffsetDateTime,
    /// Where the length and the SHA-256 come from.
    pub recorded_from: RecordedFrom,
    /// The version of the software that wrote the receipt.
    pub software_version: String,
    /// Why it is suspect, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<SuspicionKind>,
}

/// Where the length and the SHA-256 of a receipt come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordedFrom {
    /// The bytes that the source sent, before they were encrypted.
    Copy,
    /// The stored recording, which was read and verified later.
    Reading,
}

/// Why the bytes are not a receipt that this version can read. The text does not repeat them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The bytes are not a receipt in JSON.
    #[error("the receipt is malformed")]
    Malformed,
    /// A later version of the software wrote it.
    #[error("the receipt has version {found}, but this version of the software supports version {VERSION}")]
    UnknownVersion {
        /// The receipt's version.
        found: u32,
    },
    /// It belongs to another recording than the one whose key it has.
    #[error("the receipt is that of another recording")]
    Foreign,
}

impl Receipt {
    /// The version of the software, for a new receipt.
    pub(crate) const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");

    /// The receipt as JSON.
    ///
    /// # Panics
    ///
    /// Never: text, integers and times up to the year 9999 serialize as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            version: u32,
            #[serde(flatten)]
            receipt: &'a Receipt,
        }
        serde_json::to_string(&Document {
            version: VERSION,
            receipt: self,
        })
        .expect("text, integers and times up to the year 9999 serialize as JSON")
    }

    /// Parses the receipt of `recording`. Unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`].
    pub fn parse(json: &[u8], recording: &RecordingSid) -> Result<Self, ReceiptError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = parse(json)?;
        if head.version != VERSION {
            return Err(ReceiptError::UnknownVersion { found: head.version });
        }
        let receipt = Self {
            facts: parse(json)?,
            ..parse::<Self>(json)?
        };
        if receipt.recording_sid != *recording || receipt.object_key != recording.object_key() {
            return Err(ReceiptError::Foreign);
        }
        let times = receipt.facts.start_time.iter().chain([&receipt.copied_at]);
        if times.into_iter().any(|time| !time.offset().is_utc()) {
            return Err(ReceiptError::Malformed);
        }
        Ok(receipt)
    }

    /// The places in the index at which the recording is found.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        Place::of(&self.facts, self.copied_at)
    }

    /// These places, and those at which another receipt of the same copy could have it ([`Place::possible`]).
    #[must_use]
    pub fn possible_places(&self) -> Vec<Place> {
        Place::possible(&self.facts, self.copied_at)
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ReceiptError> {
    serde_json::from_slice(json).map_err(|_| ReceiptError::Malformed)
}

#[cfg(test)]
mod tests {
    use sid::CallSid;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef";

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    fn recording() -> RecordingSid {
        RecordingSid::parse(&format!("RE{DIGITS}")).unwrap()
    }

    fn receipt() -> Receipt {
        Receipt {
            recording_sid: recording(),
            account_sid: AccountSid::parse(&format!("AC{DIGITS}")).unwrap(),
            facts: Facts {
                call_sid: CallSid::parse(&format!("CA{DIGITS}")).ok(),
                start_time: Some(at("2026-11-28T23:59:59Z")),
                duration_s: Some(300),
                channels: Some(2),
                ..Facts::default()
            },
            media_type: ContentType::Wav,
            length: u64::MAX,
            sha256: "00".repeat(32),
            object_key: format!("recordings/RE{DIGITS}"),
            version_id: Some("v1".to_owned()),
            etag: Some("\"e\"".to_owned()),
            kms_key_arn: "arn:aws:kms:us-east-1:111122223333:key/k".to_owned(),
            header_sha256: "11".repeat(32),
            copied_at: at("2026-11-29T00:05:00Z"),
            recorded_from: RecordedFrom::Copy,
            software_version: Receipt::SOFTWARE_VERSION.to_owned(),
            suspect: Some(SuspicionKind::Channels),
        }
    }

    #[test]
    fn a_receipt_comes_back_from_its_json() {
        let json = receipt().to_json();
        assert!(json.starts_with(r#"{"version":1,"recordingSid":"RE"#), "{json}");
        assert!(json.contains(r#""suspect":"channels""#), "{json}");
        assert!(json.contains(r#""mediaType":"audio/x-wav""#), "{json}");
        assert_eq!(Receipt::parse(json.as_bytes(), &recording()), Ok(receipt()));
        let longer = json.replacen('{', r#"{"later":{"a":[1]},"#, 1);
        assert_eq!(Receipt::parse(longer.as_bytes(), &recording()), Ok(receipt()));
    }

    #[test]
    fn other_json_is_not_a_receipt() {
        let json = receipt().to_json();
        let other = RecordingSid::parse("RE00000000000000000000000000000002").unwrap();
        assert_eq!(Receipt::parse(json.as_bytes(), &other), Err(ReceiptError::Foreign));
        for (text, error) in [
            (String::new(), ReceiptError::Malformed),
            ("{}".to_owned(), ReceiptError::Malformed),
            (r#"{"version":1}"#.to_owned(), ReceiptError::Malformed),
            (json.replace("audio/x-wav", "text/html"), ReceiptError::Malformed),
            (
                json.replace("\"version\":1", "\"version\":2"),
                ReceiptError::UnknownVersion { found: 2 },
            ),
        ] {
            assert_eq!(Receipt::parse(text.as_bytes(), &recording()), Err(error), "{text}");
        }
    }

    #[test]
    fn a_recording_is_found_on_the_day_on_which_it_began() {
        let mut receipt = receipt();
        let day = |receipt: &Receipt| receipt.places()[0].prefix();
        assert_eq!(day(&receipt), "index/day/2026/11/28/");
        receipt.facts.start_time = None;
        assert_eq!(day(&receipt), "index/day/2026/11/29/");
    }
}
