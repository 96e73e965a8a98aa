//! The recording status callback: a form, or the same names in the query of a GET.
//!
//! Source: Twilio, *Recordings* and *Voice recording encryption* (`twilio.com/docs/voice/api/recording`,
//! `…/voice/tutorials/voice-recording-encryption`).

use serde::{Deserialize, Serialize};
use sid::{AccountSid, CallSid, ConferenceSid, InvalidSid, RecordingSid};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::recording_facts::RecordingFacts;

/// What happened to the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingStatus {
    /// It started.
    InProgress,
    /// Its media can be fetched.
    Completed,
    /// There is none: too short, silent, or lost at Twilio.
    Absent,
    /// Twilio couldn't encrypt it with the customer's public key.
    Failed,
    /// Something that Twilio didn't document when this was written.
    Unknown,
}

/// A recording status callback, its parameters checked. Unknown parameters are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingCallback {
    /// The account it happened in, as the callback says it: the caller compares it with its own.
    pub account_sid: AccountSid,
    /// The recording.
    pub recording_sid: RecordingSid,
    /// What happened to it.
    pub status: RecordingStatus,
    /// The recording's facts, as the callback reports them.
    pub facts: RecordingFacts,
    /// Why it's absent or failed (16101 too short, 16102 silent); Twilio's 0, for no error, is `None`.
    pub error_code: Option<u32>,
    /// Present where Twilio encrypted the recording with the customer's public key, [empty](EncryptionDetails::unreadable)
    /// where how it did so can't be read.
    pub encryption_details: Option<EncryptionDetails>,
    /// The names of the optional parameters that can't be read. They count as absent.
    pub unreadable: Vec<&'static str>,
}

/// How to open a recording that Twilio encrypted. Twilio names the fields differently in callbacks and in its API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionDetails {
    /// `CR…`: the public key at Twilio.
    #[serde(alias = "encryption_public_key_sid")]
    pub public_key_sid: String,
    /// Standard base64 of the data key, wrapped by RSAES-OAEP with SHA-256.
    #[serde(alias = "encryption_cek")]
    pub encrypted_cek: String,
    /// Standard base64 of AES-GCM's 12 bytes.
    #[serde(alias = "encryption_iv")]
    pub iv: String,
}

/// Which parameter is wrong; never what it holds.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// Not there, or blank.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Not of the shape that Twilio documents, or given twice with different values.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// Decodes `application/x-www-form-urlencoded` (blank values kept, order and repeats kept).
#[must_use]
pub fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Longest source or track; the longest documented one, `StartConferenceRecordingAPI`, has 27.
const MAX_LABEL_CHARS: usize = 64;

/// Longest `EncryptionDetails`: an RSA-4096 key wraps to 684 base64 characters, and names and SID take under 200.
const MAX_ENCRYPTION_DETAILS_BYTES: usize = 1024;

const ENCRYPTION_DETAILS: &str = "EncryptionDetails";

impl RecordingCallback {
    /// Takes the known parameters out of `pairs`. A blank one counts as missing. What can't be done without is refused;
    /// an optional parameter that can't be read counts as absent, and its name is noted in [`Self::unreadable`].
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
    /// The details of a recording that Twilio encrypted in a way that can't be read here. Taken for absent, its ciphertext
    /// would pass for audio.
    #[must_use]
    pub const fn unreadable() -> Self {
        Self {
            public_key_sid: String::new(),
            encrypted_cek: String::new(),
            iv: String::new(),
        }
    }
}

/// Parameters of a form or a query, read by name. Notes which optional ones couldn't be read.
#[derive(Debug)]
pub struct Parameters<'a> {
    pairs: &'a [(String, String)],
    unreadable: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    /// Parameters of these pairs.
    #[must_use]
    pub const fn new(pairs: &'a [(String, String)]) -> Self {
        Self {
            pairs,
            unreadable: Vec::new(),
        }
    }

    /// What `parse` makes of the parameter. One that is blank or given twice with different values is no reason to
    /// refuse the others: it counts as absent, as one does that `parse` can't read, but the latter two are noted.
    pub fn optional<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut values = self.values(name).filter(|value| !value.is_empty());
        let value = values.next()?;
        // Which of two different values Twilio means can't be known.
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

/// `FromStr` alone would take a plus sign as well.
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

/// A call lasts for a day at most; what doesn't fit into 32 bits is none.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    number(text).map(u64::from)
}

pub(crate) fn unix_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    time.unix_timestamp().checked_mul(1000)
}

/// Labels end up in object metadata, which is an HTTP header: white space at their ends would be lost there.
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
