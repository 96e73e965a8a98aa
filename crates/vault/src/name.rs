//! What a recording is called, and under which key it lies.
//!
//! Every name is parsed once, at the edge, and has a fixed width from then on (but for the ARN): the header of every
//! recording of a deployment is equally long, so that a reader can ask for frames before it has read the header.

use std::fmt;

use audio::Format;

/// A SID is two capital letters and 128 bits in hexadecimal (Twilio's API description: `^RE[0-9a-fA-F]{32}$`).
const SID_HEX_DIGITS: usize = 32;

/// What the keys of all recordings begin with.
pub(crate) const OBJECTS_PREFIX: &str = "recordings/";

/// What the keys of all marks of pending deletions begin with.
pub(crate) const PENDING_DELETIONS_PREFIX: &str = "deletions/";

/// A Twilio RecordingSid as the vault uses it: `RE` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordingId(String);

impl RecordingId {
    /// Takes `text` as a recording's name.
    ///
    /// # Errors
    ///
    /// [`NameError`] when it isn't of the form above. The digits' case is kept: a SID is what Twilio wrote.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        parse_sid(text, "RE").map(Self).ok_or(NameError {
            what: "recording id",
            form: "RE and 32 hexadecimal digits",
        })
    }

    /// The RecordingSid.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the recording lies: `recordings/{RecordingSid}`.
    #[must_use]
    pub fn object_key(&self) -> String {
        format!("{OBJECTS_PREFIX}{self}")
    }

    /// The recording that lies under `key`; `None` where it's another kind of object's.
    pub(crate) fn of_object_key(key: &str) -> Option<Self> {
        Self::parse(key.strip_prefix(OBJECTS_PREFIX)?).ok()
    }

    /// Where the mark lies that says it was erased and must not be copied again: `erased/{RecordingSid}`.
    #[must_use]
    pub fn erasure_mark_key(&self) -> String {
        format!("erased/{self}")
    }

    /// Where the mark lies that its original is to be deleted some day: `deletions/{RecordingSid}`.
    #[must_use]
    pub fn pending_deletion_key(&self) -> String {
        format!("{PENDING_DELETIONS_PREFIX}{self}")
    }

    /// Where the notice lies that its original is about to be deleted: `deleting/{RecordingSid}`.
    #[must_use]
    pub fn deletion_notice_key(&self) -> String {
        format!("deleting/{self}")
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The Twilio account the recordings belong to: `AC` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// Takes `text` as an account's name.
    ///
    /// # Errors
    ///
    /// [`NameError`] when it isn't of the form above.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        parse_sid(text, "AC").map(Self).ok_or(NameError {
            what: "account id",
            form: "AC and 32 hexadecimal digits",
        })
    }

    /// The AccountSid.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Full ARN of a KMS key (`arn:aws:kms:{region}:{account}:key/{id}`, any partition).
///
/// Aliases and bare ids are refused: what is written into a message, and compared when it is read, is the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyArn(String);

impl KeyArn {
    /// Takes `text` as the full ARN of a KMS key.
    ///
    /// # Errors
    ///
    /// [`NameError`] when it isn't of the form above.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_key_arn(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError {
                what: "KMS key",
                form: "arn:{partition}:kms:{region}:{account}:key/{id}",
            })
        }
    }

    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two are different replicas of one multi-Region key: each decrypts what the other has encrypted. They
    /// differ in the Region alone (KMS Developer Guide, "Multi-Region keys in AWS KMS").
    pub(crate) fn is_related_to(&self, other: &Self) -> bool {
        let parts = |key: &'_ Self| {
            let mut fields: Vec<String> = key.0.split(':').map(str::to_owned).collect();
            // A parsed ARN has its Region there.
            let region = std::mem::take(&mut fields[3]);
            (region, fields)
        };
        let ((region, rest), (other_region, other_rest)) = (parts(self), parts(other));
        region != other_region && rest == other_rest && rest[5].starts_with("key/mrk-")
    }
}

/// The two media types that Twilio serves a recording in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// RIFF/WAVE, PCM or G.711.
    Wav,
    /// MPEG audio.
    Mp3,
}

impl From<Format> for ContentType {
    fn from(format: Format) -> Self {
        match format {
            Format::Wav => Self::Wav,
            Format::Mpeg => Self::Mp3,
        }
    }
}

impl ContentType {
    /// Takes the encryption context's value back: `wav` or `mp3`, nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Wav, Self::Mp3]
            .into_iter()
            .find(|content_type| content_type.as_str() == text)
    }

    /// The media type as HTTP names it, in the form that Twilio uses: `audio/x-wav` or `audio/mpeg`.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Wav => "audio/x-wav",
            Self::Mp3 => "audio/mpeg",
        }
    }

    /// `wav` or `mp3`: the encryption context's value (both are three characters) and the file extension.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }
}

/// A name that doesn't have its form. The name itself isn't repeated: it came from outside.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} is not of the form {form}")]
pub struct NameError {
    /// What was to be named.
    pub what: &'static str,
    /// The form it must have.
    pub form: &'static str,
}

fn parse_sid(text: &str, prefix: &str) -> Option<String> {
    let digits = text.strip_prefix(prefix)?;
    let well_formed = digits.len() == SID_HEX_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed.then(|| text.to_owned())
}

/// Partitions and regions are letters, digits and dashes, accounts are 12 digits, key ids are UUIDs or `mrk-` and
/// hexadecimal digits (AWS service authorization reference, "Resource types defined by AWS KMS").
fn is_key_arn(text: &str) -> bool {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let fields: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "kms", region, account, resource] = fields[..] else {
        return false;
    };
    word(partition)
        && word(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && resource.strip_prefix("key/").is_some_and(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_recording_lies_under_its_sid() {
        let id = RecordingId::parse(&format!("RE{DIGITS}")).unwrap();
        assert_eq!(id.object_key(), format!("recordings/RE{DIGITS}"));
        assert_eq!(id.erasure_mark_key(), format!("erased/RE{DIGITS}"));
        assert_eq!(RecordingId::of_object_key(&id.object_key()), Some(id.clone()));
        for other in [id.erasure_mark_key(), id.to_string(), format!("{}/1", id.object_key())] {
            assert_eq!(RecordingId::of_object_key(&other), None, "{other}");
        }
    }

    #[test]
    fn sids_of_another_kind_or_width_are_refused() {
        for text in [
            String::new(),
            DIGITS.to_owned(),
            format!("CA{DIGITS}"),
            format!("re{DIGITS}"),
            format!("RE{DIGITS}0"),
            format!("RE{}", &DIGITS[1..]),
            format!("RE{}g", &DIGITS[1..]),
            format!("RE{}/", &DIGITS[1..]),
            format!("RE{}é", &DIGITS[2..]),
            format!(" RE{DIGITS}"),
        ] {
            assert!(RecordingId::parse(&text).is_err(), "{text:?}");
        }
        let capitals = format!("RE{}", DIGITS.to_uppercase());
        assert_eq!(RecordingId::parse(&capitals).unwrap().as_str(), capitals);
        assert!(AccountId::parse(&format!("AC{DIGITS}")).is_ok());
        assert!(AccountId::parse(&format!("RE{DIGITS}")).is_err());
    }

    #[test]
    fn full_key_arns_of_any_partition_are_taken() {
        for text in [
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws-cn:kms:cn-north-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            assert_eq!(KeyArn::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn aliases_bare_ids_and_foreign_arns_are_refused() {
        for text in [
            "",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/recordings",
            "arn:aws:kms:us-east-1:111122223333:alias/recordings",
            "arn:aws:kms:us-east-1:111122223333:key/",
            "arn:aws:kms:us-east-1:11112222333:key/1234abcd",
            "arn:aws:kms::111122223333:key/1234abcd",
            "arn:aws:s3:us-east-1:111122223333:key/1234abcd",
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd:extra",
        ] {
            assert!(KeyArn::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn content_types_come_back_from_the_encryption_context() {
        for content_type in [ContentType::Wav, ContentType::Mp3] {
            assert_eq!(ContentType::parse(content_type.as_str()), Some(content_type));
        }
        assert_eq!(ContentType::parse("WAV"), None);
        assert_eq!(ContentType::parse("audio/x-wav"), None);
    }
}
