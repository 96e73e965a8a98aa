//! The interfaces to the services that playback uses.

use std::{future::Future, ops::Range};

use http::HeaderValue;
use service::secrets::SecretError;
use sid::RecordingSid;
use twilio::flex_token::{FlexToken, Listener, TokenError};
use vault::{Damage, Expectation, PlaintextStream, ReadError};

use crate::decide::Facts;

/// The stored recordings.
pub trait Recordings: Send + Sync {
    /// An opened recording. Its key is unwrapped, and its header and length are authenticated.
    type Recording: Send + Sync;

    /// Checks that a recording is there, before it is opened.
    fn find(&self, id: &RecordingSid) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// Opens a recording. `expectation` is what will be read, so that it is fetched at the same time.
    fn open(
        &self,
        id: &RecordingSid,
        expectation: Expectation,
    ) -> impl Future<Output = Result<Self::Recording, ReadError>> + Send;

    /// The facts about an opened recording that an HTTP answer needs.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] if a fact is not valid.
    fn facts(recording: &Self::Recording) -> Result<Facts, ReadError>;

    /// Plaintext of `range`, half-open and within the recording. Returns once its first frame has verified.
    fn read(
        &self,
        recording: &Self::Recording,
        range: Range<u64>,
    ) -> impl Future<Output = Result<PlaintextStream, ReadError>> + Send;
}

/// Validates Flex tokens.
pub trait TokenCheck: Send + Sync {
    /// Has the issuer validate the token, and returns its listener.
    ///
    /// # Errors
    /// [`CheckError`] if the token is not valid, or if the issuer cannot be reached.
    fn check(&self, token: &FlexToken) -> impl Future<Output = Result<Listener, CheckError>> + Send;
}

/// Why a token was not validated.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The token is not valid, or Twilio did not answer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The account's credential for the call is not available.
    #[error("the account's credential: {0}")]
    Credential(#[from] SecretError),
}

impl Recordings for vault::Reader {
    type Recording = vault::Recording;

    async fn find(&self, id: &RecordingSid) -> Result<(), ReadError> {
        Self::find(self, id).await
    }

    async fn open(&self, id: &RecordingSid, expectation: Expectation) -> Result<Self::Recording, ReadError> {
        Self::open(self, id, expectation).await
    }

    fn facts(recording: &Self::Recording) -> Result<Facts, ReadError> {
        Ok(Facts {
            len: recording.len(),
            etag: HeaderValue::from_str(recording.etag()).map_err(|_| Damage::EntityTag)?,
            content_type: recording.content_type(),
        })
    }

    async fn read(&self, recording: &Self::Recording, range: Range<u64>) -> Result<PlaintextStream, ReadError> {
        Self::read(self, recording, range).await
    }
}
