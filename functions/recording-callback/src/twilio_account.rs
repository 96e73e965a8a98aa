//! Recordings as they are at Twilio, asked for with this function's API key.

use service::secrets::{Secret, SecretError};
use sid::RecordingSid;
use twilio::{
    client::{ApiError, Client, Credentials},
    recordings::{CreatedBetween, Deletion, PageToken, RecordingPage, RecordingResource},
};

/// The account's recordings at Twilio.
pub(crate) struct TwilioAccount {
    pub(crate) twilio: Client,
    pub(crate) api_key: Secret<Credentials>,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwilioAccountError {
    #[error("Twilio: {0}")]
    Api(#[from] ApiError),
    #[error("Twilio's API key: {0}")]
    Secret(#[from] SecretError),
}

impl TwilioAccount {
    pub(crate) async fn fetch(&self, recording: &RecordingSid) -> Result<RecordingResource, TwilioAccountError> {
        self.call(async |key| self.twilio.fetch_recording(key, recording).await)
            .await
    }

    pub(crate) async fn list(
        &self,
        created: &CreatedBetween,
        after: Option<&PageToken>,
        page_size: u16,
    ) -> Result<RecordingPage, TwilioAccountError> {
        self.call(async |key| self.twilio.list_recordings(key, created, after, page_size).await)
            .await
    }

    pub(crate) async fn delete(&self, recording: &RecordingSid) -> Result<Deletion, TwilioAccountError> {
        self.call(async |key| self.twilio.delete_recording(key, recording).await)
            .await
    }

    async fn call<T>(&self, call: impl AsyncFn(&Credentials) -> Result<T, ApiError>) -> Result<T, TwilioAccountError> {
        match call(&self.api_key.current().await?).await {
            // The key may have been replaced since the secret was last read.
            Err(ApiError::Unauthorized) => Ok(call(&self.api_key.refreshed().await?).await?),
            answer => Ok(answer?),
        }
    }
}

impl TwilioAccountError {
    /// Whether the same call may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.is_retryable(),
            Self::Secret(_) => true,
        }
    }
}
