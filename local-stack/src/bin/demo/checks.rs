//! What the demonstration sees, and what must be true of it.

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
        let asked = Instant::now();
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
                first_byte = asked.elapsed();
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            content_range,
            body,
            first_byte,
            whole: asked.elapsed(),
        })
    }
}

/// The object as S3 has it.
pub(crate) struct StoredObject {
    pub(crate) key: String,
    pub(crate) len: u64,
    pub(crate) version: Option<String>,
    pub(crate) encryption: Option<String>,
    pub(crate) first_bytes: Vec<u8>,
    /// In the clear at the head of the object.
    pub(crate) context: Vec<(String, String)>,
}

impl StoredObject {
    /// The object of a recording, if it's there already.
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
            "the object doesn't begin as a WAV file",
        )?;
        expect(
            self.len > recording_len as u64,
            "the object is longer than the recording, by its seals",
        )?;
        let named = self
            .context
            .iter()
            .any(|(name, value)| name == "recordingsid" && value == recording_sid);
        expect(named, "the encryption context names the recording")
    }
}

/// An error when something that must hold doesn't.
pub(crate) fn expect(holds: bool, what: &str) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(format!("it should be that {what}, and it isn't").into())
    }
}

/// An error that names the first byte in which two byte strings differ.
pub(crate) fn compare(got: &[u8], wanted: &[u8]) -> Result<(), Error> {
    match got.iter().zip(wanted).position(|(got, wanted)| got != wanted) {
        Some(at) => Err(format!("byte {at} differs from the original").into()),
        None if got.len() != wanted.len() => {
            Err(format!("{} bytes came instead of {}", got.len(), wanted.len()).into())
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
            (b"ab", b"abc", "2 bytes came instead of 3"),
            (b"abc", b"", "3 bytes came instead of 0"),
        ] {
            assert_eq!(compare(got, wanted).unwrap_err().to_string(), text);
        }
    }
}
