//! The observations of the demonstration and their checks.

use std::time::{Duration, Instant};

use aws_sdk_s3::operation::get_object::GetObjectError;
use esdk_message::UnverifiedHeader;
use local_stack::{Stack, values};

use crate::Error;

/// An answer of the playback function.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_range: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) first_byte: Duration,
    pub(crate) whole: Duration,
}

impl Reply {
    pub(crate) async fn fetch(link: &str, range: Option<&str>) -> Result<Self, Error> {
        let mut request = reqwest::Client::new().get(link);
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        let sent = Instant::now();
        let mut response = request.send().await?;
        let content_range = response
            .headers()
            .get("content-range")
            .and_then(|value| value.to_str().ok());
        let content_range = content_range.map(str::to_owned);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut first_byte = Duration::ZERO;
        while let Some(chunk) = response.chunk().await? {
            if body.is_empty() {
                first_byte = sent.elapsed();
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            content_range,
            body,
            first_byte,
            whole: sent.elapsed(),
        })
    }
}

/// The object in S3.
pub(crate) struct StoredObject {
    pub(crate) key: String,
    pub(crate) len: u64,
    pub(crate) version: Option<String>,
    pub(crate) encryption: Option<String>,
    pub(crate) first_bytes: Vec<u8>,
    /// The encryption context, in cleartext at the head of the object.
    pub(crate) context: Vec<(String, String)>,
}

impl StoredObject {
    /// The object of a recording, if it exists.
    pub(crate) async fn look(stack: &Stack, recording_sid: &str) -> Result<Option<Self>, Error> {
        let key = format!("recordings/{recording_sid}");
        let s3 = stack.s3();
        let object = match s3.get_object().bucket(values::BUCKET).key(&key).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let version = object.version_id.clone();
        let encryption = object
            .server_side_encryption
            .as_ref()
            .map(|kind| kind.as_str().to_owned());
        let bytes = object.body.collect().await?.into_bytes();
        let header = UnverifiedHeader::parse(&bytes)?;
        let context = header.encryption_context().iter();
        Ok(Some(Self {
            key,
            len: bytes.len() as u64,
            version,
            encryption,
            first_bytes: bytes.iter().copied().take(16).collect(),
            context: context
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }))
    }

    pub(crate) fn check(&self, recording_sid: &str, recording_len: usize) -> Result<(), Error> {
        expect(
            !self.first_bytes.starts_with(b"RIFF"),
            "the object does not begin like a WAV file",
        )?;
        expect(
            self.len > recording_len as u64,
            "the object is longer than the recording",
        )?;
        let named = self
            .context
            .iter()
            .any(|(name, value)| name == "recordingsid" && value == recording_sid);
        expect(named, "the encryption context contains the recording")
    }
}

/// An error if a condition does not hold.
pub(crate) fn expect(holds: bool, what: &str) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(format!("check failed: {what}").into())
    }
}

/// An error with the position of the first difference between two byte strings.
pub(crate) fn compare(got: &[u8], wanted: &[u8]) -> Result<(), Error> {
    match got.iter().zip(wanted).position(|(got, wanted)| got != wanted) {
        Some(at) => Err(format!("byte {at} differs from the original").into()),
        None if got.len() != wanted.len() => {
            Err(format!("received {} bytes instead of {}", got.len(), wanted.len()).into())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_difference_is_an_error() {
        compare(b"abc", b"abc").unwrap();
        for (got, wanted, text) in [
            (&b"abc"[..], &b"abx"[..], "byte 2 differs from the original"),
            (b"ab", b"abc", "received 2 bytes instead of 3"),
            (b"abc", b"", "received 3 bytes instead of 0"),
        ] {
            assert_eq!(compare(got, wanted).unwrap_err().to_string(), text);
        }
    }
}
