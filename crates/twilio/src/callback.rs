use crate::sid::{AccountSid, CallSid, ConferenceSid, RecordingSid};
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingStatus { InProgress, Completed, Absent, Failed }
/// A recording status callback, its fields checked. Unknown parameters are ignored. Serialised into jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingCallback {
    pub account_sid: AccountSid,
    pub recording_sid: RecordingSid,
    pub status: RecordingStatus,
    pub call_sid: Option<CallSid>,
    pub conference_sid: Option<ConferenceSid>,
    pub channels: Option<u8>,
    pub duration_s: Option<u64>,
    /// Unix milliseconds
    pub start_time_ms: Option<i64>,
    pub source: Option<String>,
    pub track: Option<String>,
    pub error_code: Option<u32>,
    /// Present where Twilio encrypted the recording with the customer's public key.
    pub encryption_details: Option<EncryptionDetails>,
}
/// Field names differ by place (facts 6): parsed tolerantly.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EncryptionDetails { pub public_key_sid: String, pub encrypted_cek: String, pub iv: String }
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError { #[error("{0} is missing")] Missing(&'static str), #[error("{0} is malformed")] Malformed(&'static str) }
/// Decodes `application/x-www-form-urlencoded` (blank values kept, order and repeats kept).
pub fn form_pairs(body: &[u8]) -> Vec<(String, String)> { todo!() }
impl RecordingCallback { pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, CallbackError> { todo!() } }
