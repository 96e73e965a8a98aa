//! The recording status callback: a form, or the same names in the query of a GET.
//!
//! Source: Twilio, *Recordings* and *Voice recording encryption* (`twilio.com/docs/voice/api/recording`,
//! `…/voice/tutorials/voice-recording-encryption`).

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::sid::{AccountSid, CallSid, ConferenceSid, InvalidSid, RecordingSid};

/// What happened to the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingStatus {
    /// It started.
    InProgress,
    /// Its media can be fetched.
    Completed,
    /// There is none: too short, silent, or lost at Twilio.
    Absent,
    /// Twilio couldn't encrypt it with the customer's public key.
    Failed,
}

/// A recording status callback, its fields checked. Unknown parameters are ignored. Serialised into jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingCallback {
    /// The account it happened in, as the callback says it: the caller compares it with its own.
    pub account_sid: AccountSid,
    /// The recording.
    pub recording_sid: RecordingSid,
    /// What happened to it.
    pub status: RecordingStatus,
    /// The recorded leg; a conference's callback has none.
    pub call_sid: Option<CallSid>,
    /// The recorded conference; a call's callback has none.
    pub conference_sid: Option<ConferenceSid>,
    /// 1 or 2.
    pub channels: Option<u8>,
    /// Seconds, rounded by Twilio.
    pub duration_s: Option<u64>,
    /// Unix milliseconds
    pub start_time_ms: Option<i64>,
    /// How the recording was started: `DialVerb`, `Conference`, `OutboundAPI` …
    pub source: Option<String>,
    /// `inbound`, `outbound` or `both`.
    pub track: Option<String>,
    /// Why it's absent or failed (16101 too short, 16102 silent); Twilio's 0, for no error, is `None`.
    pub error_code: Option<u32>,
    /// Present where Twilio encrypted the recording with the customer's public key.
    pub encryption_details: Option<EncryptionDetails>,
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
pub fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Longest source or track; the longest documented one, `StartConferenceRecordingAPI`, has 27.
const MAX_LABEL_CHARS: usize = 64;

/// Longest `EncryptionDetails`: an RSA-4096 key wraps to 684 base64 characters, and names and SID take under 200.
const MAX_ENCRYPTION_DETAILS_BYTES: usize = 1024;

impl RecordingCallback {
    /// Takes the known parameters out of `pairs`. A blank one counts as missing.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, CallbackError> {
        let form = Form(pairs);
        Ok(Self {
            account_sid: form.required("AccountSid", sid(AccountSid::parse))?,
            recording_sid: form.required("RecordingSid", sid(RecordingSid::parse))?,
            status: form.required("RecordingStatus", status)?,
            call_sid: form.optional("CallSid", sid(CallSid::parse))?,
            conference_sid: form.optional("ConferenceSid", sid(ConferenceSid::parse))?,
            channels: form.optional("RecordingChannels", number)?,
            duration_s: form.optional("RecordingDuration", number)?,
            start_time_ms: form.optional("RecordingStartTime", unix_ms)?,
            source: form.optional("RecordingSource", label)?,
            track: form.optional("RecordingTrack", label)?,
            error_code: form.optional("ErrorCode", number)?.filter(|&code| code != 0),
            encryption_details: form.optional("EncryptionDetails", encryption_details)?,
        })
    }
}

struct Form<'a>(&'a [(String, String)]);

impl Form<'_> {
    fn required<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, CallbackError> {
        self.optional(name, parse)?.ok_or(CallbackError::Missing(name))
    }

    fn optional<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, CallbackError> {
        let mut values = self
            .0
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, value)| value.as_str());
        let Some(value) = values.next() else {
            return Ok(None);
        };
        // Which of two different values Twilio means can't be known.
        if values.any(|other| other != value) {
            return Err(CallbackError::Malformed(name));
        }
        if value.is_empty() {
            return Ok(None);
        }
        parse(value).map(Some).ok_or(CallbackError::Malformed(name))
    }
}

pub(crate) fn sid<T>(parse: impl Fn(&str) -> Result<T, InvalidSid>) -> impl Fn(&str) -> Option<T> {
    move |text| parse(text).ok()
}

fn status(text: &str) -> Option<RecordingStatus> {
    match text {
        "in-progress" => Some(RecordingStatus::InProgress),
        "completed" => Some(RecordingStatus::Completed),
        "absent" => Some(RecordingStatus::Absent),
        "failed" => Some(RecordingStatus::Failed),
        _ => None,
    }
}

pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

pub(crate) fn unix_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    time.unix_timestamp().checked_mul(1000)
}

/// Labels end up in object metadata, which is an HTTP header.
pub(crate) fn label(text: &str) -> Option<String> {
    let fits = text.len() <= MAX_LABEL_CHARS && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    fits.then(|| text.to_owned())
}

fn encryption_details(text: &str) -> Option<EncryptionDetails> {
    if text.len() > MAX_ENCRYPTION_DETAILS_BYTES {
        return None;
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const RECORDING: &str = "REb7190000000000000000000000000002";
    const CALL: &str = "CA59870000000000000000000000000003";
    const CONFERENCE: &str = "CF00000000000000000000000000000004";

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn minimal() -> Vec<(String, String)> {
        pairs(&[
            ("AccountSid", ACCOUNT),
            ("RecordingSid", RECORDING),
            ("RecordingStatus", "completed"),
        ])
    }

    fn with(name: &str, value: &str) -> Vec<(String, String)> {
        let mut form = minimal();
        form.retain(|(n, _)| n != name);
        form.push((name.to_owned(), value.to_owned()));
        form
    }

    #[test]
    fn the_documented_callback_of_an_encrypted_call_recording() {
        let cek = "A".repeat(344);
        let details =
            format!(r#"{{"type":"rsa-aes","public_key_sid":"CR1","encrypted_cek":"{cek}","iv":"7MiadYE7QDgVSRm9"}}"#);
        let url = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}");
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("RecordingSource", "OutboundAPI"),
                ("EncryptionDetails", &details),
                ("RecordingSid", RECORDING),
                ("RecordingUrl", &url),
                ("RecordingStatus", "completed"),
                ("RecordingChannels", "1"),
                ("ErrorCode", "0"),
                ("CallSid", CALL),
                ("RecordingStartTime", "Tue, 28 May 2019 02:18:02 +0000"),
                ("AccountSid", ACCOUNT),
                ("RecordingDuration", "5"),
                ("RecordingTrack", "both"),
            ])
            .finish();
        let callback = RecordingCallback::from_pairs(&form_pairs(body.as_bytes())).unwrap();
        assert_eq!(
            callback,
            RecordingCallback {
                account_sid: AccountSid::parse(ACCOUNT).unwrap(),
                recording_sid: RecordingSid::parse(RECORDING).unwrap(),
                status: RecordingStatus::Completed,
                call_sid: Some(CallSid::parse(CALL).unwrap()),
                conference_sid: None,
                channels: Some(1),
                duration_s: Some(5),
                // date -u -d '2019-05-28 02:18:02' +%s
                start_time_ms: Some(1_559_009_882_000),
                source: Some("OutboundAPI".to_owned()),
                track: Some("both".to_owned()),
                error_code: None,
                encryption_details: Some(EncryptionDetails {
                    public_key_sid: "CR1".to_owned(),
                    encrypted_cek: cek,
                    iv: "7MiadYE7QDgVSRm9".to_owned(),
                }),
            }
        );
        let job = serde_json::to_value(&callback).unwrap();
        assert_eq!(job["startTimeMs"], 1_559_009_882_000_i64);
        assert_eq!(serde_json::from_value::<RecordingCallback>(job).unwrap(), callback);
    }

    #[test]
    fn a_conference_recording_that_is_absent() {
        let mut form = with("RecordingStatus", "absent");
        form.extend(pairs(&[
            ("ConferenceSid", CONFERENCE),
            ("CallSid", ""),
            ("ErrorCode", "16101"),
        ]));
        let callback = RecordingCallback::from_pairs(&form).unwrap();
        assert_eq!(callback.status, RecordingStatus::Absent);
        assert_eq!(callback.conference_sid.unwrap().as_str(), CONFERENCE);
        assert_eq!(callback.call_sid, None);
        assert_eq!(callback.error_code, Some(16101));
    }

    #[test]
    fn encryption_details_under_every_published_set_of_names() {
        for (key, cek, iv) in [
            ("public_key_sid", "encrypted_cek", "iv"),
            ("encryption_public_key_sid", "encryption_cek", "iv"),
            ("encryption_public_key_sid", "encryption_cek", "encryption_iv"),
        ] {
            for kind in ["", r#""type":"rsa-aes","#] {
                let json = format!(r#"{{{kind}"{key}":"k","{cek}":"c","{iv}":"i"}}"#);
                let details = encryption_details(&json).unwrap();
                assert_eq!(
                    (&*details.public_key_sid, &*details.encrypted_cek, &*details.iv),
                    ("k", "c", "i")
                );
            }
        }
    }

    #[test]
    fn each_malformed_parameter_is_named_without_its_value() {
        let too_long = "x".repeat(MAX_LABEL_CHARS + 1);
        let huge = format!(r#"{{"public_key_sid":"{}"}}"#, "x".repeat(MAX_ENCRYPTION_DETAILS_BYTES));
        for (name, value) in [
            ("AccountSid", RECORDING),
            ("RecordingSid", "RE1"),
            ("RecordingStatus", "Completed"),
            ("RecordingStatus", "paused"),
            ("CallSid", CONFERENCE),
            ("ConferenceSid", "CF'"),
            ("RecordingChannels", "256"),
            ("RecordingChannels", "two"),
            ("RecordingDuration", "-1"),
            ("RecordingDuration", "18446744073709551616"),
            ("RecordingStartTime", "2019-05-28T02:18:02Z"),
            ("RecordingSource", &too_long),
            ("RecordingTrack", "both\r\n"),
            ("ErrorCode", "none"),
            ("EncryptionDetails", "{}"),
            ("EncryptionDetails", &huge),
        ] {
            let error = RecordingCallback::from_pairs(&with(name, value)).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is malformed"));
        }
    }

    #[test]
    fn each_required_parameter_is_missed_by_name() {
        for name in ["AccountSid", "RecordingSid", "RecordingStatus"] {
            let mut form = minimal();
            form.retain(|(n, _)| n != name);
            let missing = |form: &[(String, String)]| RecordingCallback::from_pairs(form).unwrap_err().to_string();
            assert_eq!(missing(&form), format!("{name} is missing"));
            assert_eq!(missing(&with(name, "")), format!("{name} is missing"));
        }
    }

    #[test]
    fn a_known_name_may_repeat_with_the_same_value_only() {
        let mut form = minimal();
        form.push(("RecordingSid".to_owned(), RECORDING.to_owned()));
        assert!(RecordingCallback::from_pairs(&form).is_ok());
        for other in ["", "REffffffffffffffffffffffffffffffff"] {
            let mut form = minimal();
            form.push(("RecordingSid".to_owned(), other.to_owned()));
            assert_eq!(
                RecordingCallback::from_pairs(&form),
                Err(CallbackError::Malformed("RecordingSid"))
            );
        }
    }

    #[test]
    fn form_pairs_keep_blanks_order_and_repeats() {
        assert_eq!(
            form_pairs(b"b=2&a=&b=1&&c&b=2&d=%2B1+%C3%A9&=x"),
            pairs(&[
                ("b", "2"),
                ("a", ""),
                ("b", "1"),
                ("c", ""),
                ("b", "2"),
                ("d", "+1 \u{e9}"),
                ("", "x")
            ])
        );
        assert_eq!(form_pairs(b""), []);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(form in proptest::collection::vec((
            proptest::sample::select(vec![
                "AccountSid", "RecordingSid", "RecordingStatus", "RecordingStartTime", "EncryptionDetails",
            ]),
            "\\PC{0,40}",
        ), 0..8)) {
            let form: Vec<_> = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let _ = RecordingCallback::from_pairs(&form);
        }

        #[test]
        fn unknown_parameters_change_nothing(name in "[a-z.]{1,12}", value in "\\PC{0,40}") {
            let mut form = minimal();
            form.push((name, value));
            prop_assert_eq!(RecordingCallback::from_pairs(&form), RecordingCallback::from_pairs(&minimal()));
        }
    }
}
