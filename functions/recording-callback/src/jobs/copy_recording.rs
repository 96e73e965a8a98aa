//! CopyRecording: copies the recording's media from Twilio into the vault.

use std::time::{Duration, Instant};

use futures_util::{TryStreamExt, future::BoxFuture};
use service::{
    metrics::{self, Unit},
    telemetry::AUDIT,
};
use sid::RecordingSid;
use time::OffsetDateTime;
use tokio::time::timeout_at;
use twilio::{
    callback::EncryptionDetails,
    client::ApiError,
    encrypted_media::{EncryptedMediaError, MediaEnvelope},
    media::MediaFormat,
};
use vault::{
    Commit, ContentType, Doubts, Facts, Incoming, Outcome, ReadError, Reader, Records, Reported, ServiceError, Source,
    SourceError, SourceReply, StoreError, Writer,
};

use super::retry::Try;
use crate::{
    job::CopyRecording,
    twilio_account::{TwilioAccount, TwilioAccountError},
};

mod encrypted_media;
mod formats;
mod record;
use self::encrypted_media::EncryptedMedia;
pub(crate) use self::{encrypted_media::MediaKeys, formats::Formats};

pub(crate) struct Copier {
    pub(crate) twilio: TwilioAccount,
    pub(crate) writer: Writer,
    pub(crate) records: Records,
    /// Reads a recording that is stored without a receipt.
    pub(crate) reader: Reader,
    pub(crate) formats: Formats,
    /// How often SQS delivers a message before it moves it to the dead-letter queue.
    pub(crate) max_receives: u32,
    /// For recordings that Twilio encrypted. Without it, they are not copied.
    pub(crate) media_keys: Option<MediaKeys>,
}

/// Why the recording is not in the vault yet, or not with its receipt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// The copy would be ciphertext, which cannot be played.
    #[error("Twilio encrypted the media with the account's public key, which this function cannot undo")]
    Encrypted,
    #[error(transparent)]
    Envelope(#[from] EncryptedMediaError),
    #[error("the recording's description at Twilio: {0}")]
    Description(#[from] TwilioAccountError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("stored without a receipt: {0}")]
    Receipt(#[from] ServiceError),
    #[error("stored without a receipt: the stored recording: {0}")]
    Reading(#[from] ReadError),
    #[error("stored without a receipt: deadline reached")]
    Deadline,
}

impl Copier {
    pub(crate) async fn run(&self, job: &CopyRecording, nth: Try, deadline: Instant) -> Result<(), CopyError> {
        let began = Instant::now();
        let is_last = match nth {
            Try::Nth(times) => times >= self.max_receives,
            Try::Only => true,
        };
        let opening = match &job.encryption_details {
            Some(details) => Some(self.opening(job, details).await?),
            None => None,
        };
        let expected = self.expected(job, nth, is_last).await?;
        let format = self.format(job, &expected);
        let media = RecordingMedia {
            copier: self,
            recording: &job.recording_sid,
            format,
        };
        let incoming = Incoming {
            content_type: content_type(format),
            attributes: facts(job, &expected).to_attributes(),
            reported: expected,
            doubts: if is_last { Doubts::Store } else { Doubts::Refuse },
        };
        let outcome = match opening {
            Some((keys, envelope)) => {
                let decrypted = EncryptedMedia::new(media, keys, envelope);
                self.writer
                    .store(&job.recording_sid, &incoming, &decrypted, deadline)
                    .await?
            }
            None => {
                self.writer
                    .store(&job.recording_sid, &incoming, &media, deadline)
                    .await?
            }
        };
        report(&job.recording_sid, &outcome, began.elapsed());
        let recording = self.record(job, &outcome);
        timeout_at(deadline.into(), recording)
            .await
            .unwrap_or(Err(CopyError::Deadline))
    }

    /// The callback's duration comes first, because it is the same in every attempt.
    fn format(&self, job: &CopyRecording, expected: &Reported) -> MediaFormat {
        match job.encryption_details {
            // Only the format that Twilio encrypted exists.
            Some(_) => self.formats.usual,
            None => self.formats.of(job.facts.duration_s.or(expected.duration_s)),
        }
    }

    /// The keys and the envelope that decrypt media which Twilio encrypted.
    async fn opening(
        &self,
        job: &CopyRecording,
        details: &EncryptionDetails,
    ) -> Result<(&MediaKeys, MediaEnvelope), CopyError> {
        let keys = self.media_keys.as_ref().ok_or(CopyError::Encrypted)?;
        let envelope = match MediaEnvelope::parse(details) {
            Ok(envelope) => envelope,
            Err(unreadable) => self.envelope_at_twilio(job, unreadable).await?,
        };
        Ok((keys, envelope))
    }

    /// The envelope from the recording's own description, if the callback's cannot be read. The recording counts as encrypted
    /// in any case, so that ciphertext is never stored as audio.
    async fn envelope_at_twilio(
        &self,
        job: &CopyRecording,
        unreadable: EncryptedMediaError,
    ) -> Result<MediaEnvelope, CopyError> {
        let resource = self.twilio.fetch_recording(&job.recording_sid).await?;
        let details = resource.encryption_details.ok_or(unreadable)?;
        Ok(MediaEnvelope::parse(&details)?)
    }

    /// The channels and the duration that the media should have. The callback's values are enough in the first attempt. Later
    /// attempts fetch the recording's current description from Twilio.
    async fn expected(&self, job: &CopyRecording, nth: Try, is_last: bool) -> Result<Reported, TwilioAccountError> {
        let then = Reported {
            channels: job.facts.channels,
            duration_s: job.facts.duration_s,
        };
        let is_first = matches!(nth, Try::Nth(0 | 1) | Try::Only);
        if is_first && then.channels.is_some() && then.duration_s.is_some() {
            return Ok(then);
        }
        match self.twilio.fetch_recording(&job.recording_sid).await {
            Ok(now) => Ok(Reported {
                channels: now.facts.channels.or(then.channels),
                duration_s: now.facts.duration_s.or(then.duration_s),
            }),
            Err(error) if is_last => {
                tracing::warn!(recordingSid = %job.recording_sid, %error, "compared with the callback alone");
                Ok(then)
            }
            Err(error) => Err(error),
        }
    }
}

impl CopyError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Encrypted | Self::Envelope(_) => false,
            Self::Description(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::Receipt(error) => error.is_retryable(),
            // A recording that is gone now was erased, which the next delivery finds.
            Self::Reading(error) => error.is_retryable() || matches!(error, ReadError::NotFound),
            Self::Deadline => true,
        }
    }
}

/// Writes the audit line and emits the metrics of a copy that is done.
fn report(recording: &RecordingSid, outcome: &Outcome, took: Duration) {
    let not_copied = |outcome| {
        tracing::info!(target: AUDIT, event = "copy", outcome, recordingSid = %recording, "not copied");
    };
    match outcome {
        Outcome::Stored(commit) => report_stored(recording, commit, took),
        Outcome::AlreadyStored => {
            not_copied("already_stored");
            metrics::emit(&[("CopyDuplicate", 1.0, Unit::Count)]);
        }
        Outcome::Erased => {
            not_copied("erased");
            metrics::emit(&[("CopyOfErased", 1.0, Unit::Count)]);
        }
        Outcome::Expired => {
            not_copied("expired");
            metrics::emit(&[("CopyOfExpired", 1.0, Unit::Count)]);
        }
    }
}

fn report_stored(recording: &RecordingSid, commit: &Commit, took: Duration) {
    let Commit {
        receipt,
        parts,
        suspicion,
    } = commit;
    tracing::info!(
        target: AUDIT,
        event = "copy",
        outcome = "stored",
        recordingSid = %recording,
        length = receipt.length,
        sha256 = receipt.sha256,
        versionId = receipt.version_id,
        parts,
        suspicion = suspicion.as_ref().map(tracing::field::display),
        "recording copied"
    );
    metrics::emit(&[
        ("Copied", 1.0, Unit::Count),
        ("BytesCopied", receipt.length as f64, Unit::Bytes),
        ("CopySeconds", took.as_secs_f64(), Unit::Seconds),
    ]);
    if let Some(suspicion) = suspicion {
        tracing::error!(recordingSid = %recording, %suspicion, "recording stored as suspect");
        metrics::emit(&[("CopiedSuspect", 1.0, Unit::Count)]);
    }
}

const fn content_type(format: MediaFormat) -> ContentType {
    match format {
        MediaFormat::Wav => ContentType::Wav,
        MediaFormat::Mp3 => ContentType::Mp3,
    }
}

/// The facts about the recording, which are stored with it. Twilio may have corrected those of the callback.
fn facts(job: &CopyRecording, reported: &Reported) -> Facts {
    let facts = job.facts.clone();
    let start_s = facts.start_time_ms.map(|ms| ms.div_euclid(1_000));
    Facts {
        call_sid: facts.call_sid,
        conference_sid: facts.conference_sid,
        task_sid: job.task_sid.clone(),
        reservation_sid: job.reservation_sid.clone(),
        start_time: start_s.and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok()),
        duration_s: reported.duration_s,
        channels: reported.channels,
        source: facts.source,
        track: facts.track,
    }
}

/// A recording at Twilio. Its URL is made from its SIDs. The URL in the callback is never fetched.
struct RecordingMedia<'a> {
    copier: &'a Copier,
    recording: &'a RecordingSid,
    format: MediaFormat,
}

impl Source for RecordingMedia<'_> {
    fn open<'a>(&'a self, from: u64, validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        Box::pin(async move {
            let twilio = &self.copier.twilio;
            let media = twilio.media(self.recording, self.format, from, validator).await?;
            Ok(SourceReply {
                start: media.start,
                total_len: media.total_len,
                validator: media.etag,
                body: Box::pin(media.body.map_err(media_error)),
            })
        })
    }
}

impl From<TwilioAccountError> for SourceError {
    fn from(error: TwilioAccountError) -> Self {
        match error {
            TwilioAccountError::Api(error) => media_error(error),
            TwilioAccountError::Secret(_) => Self {
                retryable: true,
                message: error.to_string(),
            },
        }
    }
}

fn media_error(error: ApiError) -> SourceError {
    SourceError {
        // Twilio answers 404 while it is still processing the recording.
        retryable: error.is_retryable() || matches!(error, ApiError::NotFound),
        message: format!("Twilio's media: {error}"),
    }
}

#[cfg(test)]
mod tests;
