//! The recording status callback. Its parameters come as a form, or in the query of a GET.
//!
//! Source: Twilio, *Recordings* and *Voice recording encryption* (`twilio.com/docs/voice/api/recording`,
//! `…/voice/tutorials/voice-recording-encryption`).

use serde::{Deserialize, Serialize};
use sid::{AccountSid, CallSid, ConferenceSid, InvalidSid, RecordingSid};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::recording_facts::RecordingFacts;

/// The status of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingStatus {
    /// The recording has started.
    InProgress,
    /// The media can be fetched.
    Completed,
    /// There is no recording. It was too short or silent, or Twilio lost it.
    Absent,
    /// Twilio could not encrypt the recording with the customer's public key.
    Failed,
    /// A status that Twilio had not documented when this was written.
    Unknown,
}

/// A recording status callback with checked parameters. Unknown parameters are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingCallback {
    /// The account that the callback names. The caller must compare it with its own.
    pub account_sid: AccountSid,
    /// The recording.
    pub recording_sid: RecordingSid,
    /// What happened to it.
    pub status: RecordingStatus,
    /// The recording's facts, as the callback reports them.
    pub facts: RecordingFacts,
    /// Why the recording is absent or failed (16101 too short, 16102 silent). `None` if Twilio sends 0, which means no
    /// error.
    pub error_code: Option<u32>,
    /// Present if Twilio encrypted the recording with the customer's public key. [Empty](EncryptionDetails::unreadable)
    /// if the details can't be read.
    pub encryption_details: Option<EncryptionDetails>,
    /// The names of the optional parameters that can't be read. They count as absent.
    pub unreadable: Vec<&'static str>,
}

/// The data for decrypting a recording that Twilio encrypted. The names of the fields differ between callbacks and the
/// API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionDetails {
    /// The public key at Twilio (`CR…`).
    #[serde(alias = "encryption_public_key_sid")]
    pub public_key_sid: String,
    /// The data key, wrapped by RSAES-OAEP with SHA-256, in standard base64.
    #[serde(alias = "encryption_cek")]
    pub encrypted_cek: String,
    /// The 12 bytes of AES-GCM's IV, in standard base64.
    #[serde(alias = "encryption_iv")]
    pub iv: String,
}

/// Which parameter is wrong. The error never holds its value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// The parameter is missing or blank.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The parameter doesn't have the documented form, or the form has it twice with different values.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// Decodes `application/x-www-form-urlencoded`. Blank values, the order and repeated names are kept.
#[must_use]
pub fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// The longest source or track, in characters. The longest documented one, `StartConferenceRecordingAPI`, has 27.
const MAX_LABEL_CHARS: usize = 64;

/// The longest `EncryptionDetails`. An RSA-4096 key wraps the data key to 684 base64 characters. The names and the SID
/// need less than 200.
const MAX_ENCRYPTION_DETAILS_BYTES: usize = 1024;

const ENCRYPTION_DETAILS: &str = "EncryptionDetails";

impl RecordingCallback {
    /// Reads the known parameters from `pairs`. A blank parameter counts as missing. An optional parameter that can't
    /// be read counts as absent, and its name is added to [`Self::unreadable`].
    ///
    /// # Errors
    /// [`CallbackError`] if a required parameter is missing or malformed.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, CallbackError> {
        let mut form = Parameters::new(pairs);
        Ok(Self {
            account_sid: form.required("AccountSid", sid(AccountSid::parse))?,
            recording_sid: form.required("RecordingSid", sid(RecordingSid::parse))?,
            status: form.required("RecordingStatus", |text| Some(status(text)))?,
            facts: RecordingFacts {
                call_sid: form.optional("CallSid", sid(CallSid::parse)),
                conference_sid: form.optional("ConferenceSid", sid(ConferenceSid::parse)),
                channels: form.optional("RecordingChannels", channels),
                duration_s: form.optional("RecordingDuration", seconds),
                start_time_ms: form.optional("RecordingStartTime", unix_ms),
                source: form.optional("RecordingSource", label),
                track: form.optional("RecordingTrack", label),
            },
            error_code: form.optional("ErrorCode", number).filter(|&code| code != 0),
            encryption_details: form.encryption_details(),
            unreadable: form.unreadable,
        })
    }
}

impl EncryptionDetails {
    /// The details of an encrypted recording, if they can't be read. If they counted as absent, the ciphertext would be
    /// stored as audio.
    #[must_use]
    pub const fn unreadable() -> Self {
        Self {
            public_key_sid: String::new(),
            encrypted_cek: String::new(),
            iv: String::new(),
        }
    }
}

/// Parameters of a form or a query, read by name. It records which optional ones couldn't be read.
#[derive(Debug)]
pub struct Parameters<'a> {
    pairs: &'a [(String, String)],
    unreadable: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    /// Reads from these pairs of name and value.
    #[must_use]
    pub const fn new(pairs: &'a [(String, String)]) -> Self {
        Self {
            pairs,
            unreadable: Vec::new(),
        }
    }

    /// Parses an optional parameter. A blank one counts as absent. A parameter that `parse` can't read, or that appears
    /// twice with different values, also counts as absent, and its name is recorded. The other parameters stay usable.
    pub fn optional<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut values = self.values(name).filter(|value| !value.is_empty());
        let value = values.next()?;
        // It is unknown which of two different values is right.
        let read = if values.all(|other| other == value) {
            parse(value)
        } else {
            None
        };
        if read.is_none() {
            self.unreadable.push(name);
        }
        read
    }

    /// The names of the optional parameters that couldn't be read so far.
    #[must_use]
    pub fn into_unreadable(self) -> Vec<&'static str> {
        self.unreadable
    }

    fn required<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, CallbackError> {
        let mut values = self.values(name);
        let value = values.next().ok_or(CallbackError::Missing(name))?;
        if values.any(|other| other != value) {
            return Err(CallbackError::Malformed(name));
        }
        if value.is_empty() {
            return Err(CallbackError::Missing(name));
        }
        parse(value).ok_or(CallbackError::Malformed(name))
    }

    fn encryption_details(&mut self) -> Option<EncryptionDetails> {
        let says_something = self.values(ENCRYPTION_DETAILS).any(|value| {
            let value = value.trim();
            !matches!(value, "" | "null" | "{}")
        });
        let read = self.optional(ENCRYPTION_DETAILS, encryption_details);
        read.or_else(|| says_something.then(EncryptionDetails::unreadable))
    }

    fn values(&self, name: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
        let named = self.pairs.iter().filter(move |(n, _)| n == name);
        named.map(|(_, value)| value.as_str())
    }
}

pub(crate) fn sid<T>(parse: impl Fn(&str) -> Result<T, InvalidSid>) -> impl Fn(&str) -> Option<T> {
    move |text| parse(text).ok()
}

fn status(text: &str) -> RecordingStatus {
    match text {
        "in-progress" => RecordingStatus::InProgress,
        "completed" => RecordingStatus::Completed,
        "absent" => RecordingStatus::Absent,
        "failed" => RecordingStatus::Failed,
        _ => RecordingStatus::Unknown,
    }
}

/// `FromStr` alone would accept a plus sign.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Twilio records one channel or two.
pub(crate) fn channels(text: &str) -> Option<u8> {
    match text {
        "1" => Some(1),
        "2" => Some(2),
        _ => None,
    }
}

/// A call lasts a day at most, so a number that doesn't fit into 32 bits is not a duration.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    number(text).map(u64::from)
}

pub(crate) fn unix_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    time.unix_timestamp().checked_mul(1000)
}

/// Labels are stored as object metadata, which is an HTTP header. White space at their ends would be lost there.
pub(crate) fn label(text: &str) -> Option<String> {
    let fits = text.len() <= MAX_LABEL_CHARS && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    (fits && text.trim() == text).then(|| text.to_owned())
}

fn encryption_details(text: &str) -> Option<EncryptionDetails> {
    if text.len() > MAX_ENCRYPTION_DETAILS_BYTES {
        return None;
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests;
