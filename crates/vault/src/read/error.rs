//! Why a recording cannot be read.

use esdk_message::{FrameError, HeaderError, LayoutError};

use crate::{context::ContextError, kms::DecryptError, service_error::ServiceError};

/// Why a recording cannot be read, or a stream of it cannot be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such recording, or it was deleted.
    #[error("no such recording")]
    NotFound,
    /// The object must be restored before it can be read.
    #[error("the object is in an archive class")]
    Archived,
    /// The object is no longer the one that was opened. Open it again to get the new one.
    #[error("the object was replaced while it was read")]
    Changed,
    /// The object is damaged or forged. Not a byte of the damaged part is released.
    #[error("damaged: {0}")]
    Damaged(#[from] Damage),
    /// S3 or KMS cannot be reached, throttles, or refuses for a reason that an operator may remove.
    #[error("unavailable: {0}")]
    Unavailable(#[from] Outage),
    /// KMS refuses every key that may decrypt the data key. The access was denied, or the key was deleted. Only an operator can
    /// change this.
    #[error("KMS refuses the data key: {0}")]
    KeyRefused(#[source] ServiceError),
    /// The caller requested bytes that the recording does not have.
    #[error("bytes {start}..{end} are not within the recording's {len} bytes")]
    OutOfBounds {
        /// First byte of the range.
        start: u64,
        /// One past the last byte of the range.
        end: u64,
        /// The recording's length in bytes.
        len: u64,
    },
}

impl ReadError {
    /// Whether a later attempt may succeed. It must open the recording again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed | Self::Unavailable(_) => true,
            Self::NotFound | Self::Archived | Self::Damaged(_) | Self::KeyRefused(_) | Self::OutOfBounds { .. } => {
                false
            }
        }
    }
}

/// The fault of a stored object that is not the recording that was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The object has no bytes.
    #[error("the object is empty")]
    Empty,
    /// The object ends within its header.
    #[error("the object ends within its header")]
    HeaderTruncated,
    /// The header was refused, or the data key does not fit it.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The encryption context is not the context of the requested recording.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// No accepted KMS key encrypts one of the header's data keys.
    #[error("no accepted KMS key encrypts the data key")]
    NoAcceptedKey,
    /// KMS says that the encrypted data key was changed or belongs to another key, or it used another key than requested.
    #[error(transparent)]
    DataKey(DecryptError),
    /// No message has the length of the object.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The object's length contradicts the authenticated length of the recording.
    #[error("an object of {object_len} bytes cannot hold a recording of {plaintext_len} bytes")]
    Length {
        /// The object's length in bytes.
        object_len: u64,
        /// The recording's length in bytes, from the encryption context.
        plaintext_len: u64,
    },
    /// The object ends within a frame.
    #[error("the object ends within frame {frame}")]
    FrameTruncated {
        /// The frame, counted from 0.
        frame: u32,
    },
    /// A frame was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The object's entity tag cannot be sent as an HTTP header.
    #[error("the entity tag is not a valid header value")]
    EntityTag,
}

/// A reason for which S3 or KMS does not deliver a recording at present.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Outage {
    /// S3 refused the request, or could not be reached.
    #[error(transparent)]
    S3(#[from] ServiceError),
    /// KMS refused the request, could not be reached, or did not answer with a key.
    #[error(transparent)]
    Kms(#[from] DecryptError),
    /// The reply does not say which bytes it holds.
    #[error("GetObject: a reply without a usable Content-Range")]
    NoContentRange,
    /// The reply holds other bytes than requested.
    #[error("GetObject: a reply with other bytes than requested")]
    OtherBytes,
    /// The reply does not identify the version of the object.
    #[error("GetObject: a reply without a strong ETag")]
    NoEntityTag,
    /// S3 answered 416 for bytes that the object has.
    #[error("GetObject: 416 within the object")]
    RangeRefused,
    /// The connection broke off too often without a byte in between.
    #[error("GetObject: the body broke off {breaks} times at byte {at}")]
    Interrupted {
        /// Number of breaks.
        breaks: u32,
        /// Offset in the object.
        at: u64,
    },
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::{error::SdkError, operation::get_object::GetObjectError};

    use super::*;

    fn refused() -> ServiceError {
        ServiceError::new::<GetObjectError>("GetObject", &SdkError::construction_failure("x"))
    }

    #[test]
    fn only_a_replaced_object_and_an_outage_are_retryable() {
        for error in [
            ReadError::Changed,
            Outage::S3(refused()).into(),
            Outage::Kms(DecryptError::NoPlaintext).into(),
            Outage::Kms(DecryptError::Service(refused())).into(),
            Outage::NoContentRange.into(),
            Outage::OtherBytes.into(),
            Outage::NoEntityTag.into(),
            Outage::RangeRefused.into(),
            Outage::Interrupted { breaks: 4, at: 7 }.into(),
        ] {
            assert!(error.is_retryable(), "{error}");
        }
        for error in [
            ReadError::NotFound,
            ReadError::Archived,
            ReadError::KeyRefused(refused()),
            ReadError::OutOfBounds {
                start: 0,
                end: 2,
                len: 1,
            },
        ] {
            assert!(!error.is_retryable(), "{error}");
        }
    }

    #[test]
    fn no_damage_is_retryable() {
        for damage in [
            Damage::Empty,
            Damage::HeaderTruncated,
            HeaderError::Tag { offset: 0 }.into(),
            ContextError::Surplus.into(),
            Damage::NoAcceptedKey,
            Damage::DataKey(DecryptError::OtherKey),
            LayoutError::ObjectLength { object_len: 1 }.into(),
            Damage::Length {
                object_len: 2,
                plaintext_len: 1,
            },
            Damage::FrameTruncated { frame: 0 },
            FrameError::Tag { frame: 0 }.into(),
            Damage::EntityTag,
        ] {
            let error = ReadError::from(damage);
            assert!(!error.is_retryable(), "{error}");
            assert!(error.to_string().starts_with("damaged: "), "{error}");
        }
    }
}
