//! The account at Twilio, called with this function's API key.

use service::secrets::{Secret, SecretError, retry_refused};
use sid::{CallSid, ConferenceSid, RecordingSid, TaskSid, WorkspaceSid};
use twilio::{
    client::{ApiError, Client, Credentials},
    media::{Media, MediaFormat},
    recordings::{CreatedBetween, Deletion, PageToken, RecordedIn, RecordingPage, RecordingResource},
    taskrouter::Task,
};

/// The calls that this function makes. If Twilio refuses the key, the secret is read again once.
pub(crate) struct TwilioAccount {
    twilio: Client,
    api_key: Secret<Credentials>,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwilioAccountError {
    #[error("Twilio: {0}")]
    Api(#[from] ApiError),
    #[error("Twilio's API key: {0}")]
    Secret(#[from] SecretError),
}

impl TwilioAccount {
    pub(crate) const fn new(twilio: Client, api_key: Secret<Credentials>) -> Self {
        Self { twilio, api_key }
    }

    pub(crate) async fn fetch_recording(
        &self,
        recording: &RecordingSid,
    ) -> Result<RecordingResource, TwilioAccountError> {
        self.call(|key| async move { self.twilio.fetch_recording(&key, recording).await })
            .await
    }

    /// Whether Twilio has the recording. Its metadata outlives the media: the status is then `deleted` or `absent`
    /// (Recordings resource, Twilio docs).
    pub(crate) async fn has_original(&self, recording: &RecordingSid) -> Result<bool, TwilioAccountError> {
        match self.fetch_recording(recording).await {
            Ok(found) => Ok(!matches!(found.status.as_deref(), Some("deleted" | "absent"))),
            Err(TwilioAccountError::Api(ApiError::NotFound)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn list_recordings(
        &self,
        created: &CreatedBetween,
        after: Option<&PageToken>,
        page_size: u16,
    ) -> Result<RecordingPage, TwilioAccountError> {
        self.call(|key| async move { self.twilio.list_recordings(&key, created, after, page_size).await })
            .await
    }

    pub(crate) async fn list_recordings_in(
        &self,
        origin: &RecordedIn,
        after: Option<&PageToken>,
        page_size: u16,
    ) -> Result<RecordingPage, TwilioAccountError> {
        self.call(|key| async move { self.twilio.list_recordings_in(&key, origin, after, page_size).await })
            .await
    }

    pub(crate) async fn delete_recording(&self, recording: &RecordingSid) -> Result<Deletion, TwilioAccountError> {
        self.call(|key| async move { self.twilio.delete_recording(&key, recording).await })
            .await
    }

    /// The recording's media from the byte `from` on, of the version `etag` if given.
    pub(crate) async fn media(
        &self,
        recording: &RecordingSid,
        format: MediaFormat,
        from: u64,
        etag: Option<&str>,
    ) -> Result<Media, TwilioAccountError> {
        self.call(|key| async move { self.twilio.media(&key, recording, format, from, etag).await })
            .await
    }

    /// The newest task whose attributes name the call or the conference.
    pub(crate) async fn find_task(
        &self,
        workspace: &WorkspaceSid,
        call: Option<&CallSid>,
        conference: Option<&ConferenceSid>,
    ) -> Result<Option<TaskSid>, TwilioAccountError> {
        self.call(|key| async move { self.twilio.find_task(&key, workspace, call, conference).await })
            .await
    }

    pub(crate) async fn fetch_task(
        &self,
        workspace: &WorkspaceSid,
        task: &TaskSid,
    ) -> Result<Task, TwilioAccountError> {
        self.call(|key| async move { self.twilio.fetch_task(&key, workspace, task).await })
            .await
    }

    /// Updates the attributes of the task's version `etag`. Returns the attributes in Twilio's answer.
    pub(crate) async fn update_task_attributes(
        &self,
        workspace: &WorkspaceSid,
        task: &TaskSid,
        attributes: &str,
        etag: &str,
    ) -> Result<Option<String>, TwilioAccountError> {
        self.call(|key| async move {
            let twilio = &self.twilio;
            twilio
                .update_task_attributes(&key, workspace, task, attributes, etag)
                .await
        })
        .await
    }

    async fn call<A, F>(&self, call: impl FnMut(Credentials) -> F) -> Result<A, TwilioAccountError>
    where
        F: Future<Output = Result<A, ApiError>>,
    {
        let is_refused = |error: &ApiError| matches!(error, ApiError::Unauthorized);
        Ok(retry_refused(&self.api_key, is_refused, call).await??)
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
