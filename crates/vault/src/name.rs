//! What a recording is called, and under which key it lies.
/// A Twilio RecordingSid as the vault uses it: `RE` and 32 hexadecimal digits (fixed width keeps every header of a deployment equally long).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordingId(String);
/// The Twilio account the recordings belong to: `AC` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);
/// Full ARN of a KMS key (`arn:aws:kms:…:key/…`); aliases and bare ids are refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyArn(String);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType { Wav, Mp3 }
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} is not of the form {form}")]
pub struct NameError { pub what: &'static str, pub form: &'static str }
impl RecordingId {
    pub fn parse(text: &str) -> Result<Self, NameError> { todo!() }
    pub fn as_str(&self) -> &str { &self.0 }
    /// `recordings/{RecordingSid}`
    pub fn object_key(&self) -> String { todo!() }
    /// `erased/{RecordingSid}`
    pub fn erasure_mark_key(&self) -> String { todo!() }
}
impl AccountId { pub fn parse(text: &str) -> Result<Self, NameError> { todo!() } pub fn as_str(&self) -> &str { &self.0 } }
impl KeyArn { pub fn parse(text: &str) -> Result<Self, NameError> { todo!() } pub fn as_str(&self) -> &str { &self.0 } }
impl ContentType {
    /// `audio/x-wav` or `audio/mpeg`
    pub const fn mime(self) -> &'static str { todo!() }
    /// `wav` or `mp3`: the encryption context's value and the file extension
    pub const fn as_str(self) -> &'static str { todo!() }
}
