//! CopyRecording: the recording's media from Twilio into the vault.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use service::{
    metrics::{self, Unit},
    telemetry::AUDIT,
};
use sid::RecordingSid;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use twilio::{
    callback::EncryptionDetails,
    client::ApiError,
    encrypted_media::{EncryptedMediaError, MediaEnvelope},
    media::{Media, MediaFormat},
};
use vault::{
    Attributes, ContentType, Doubts, Incoming, Outcome, Receipt, Source, SourceError, SourceReply, StoreError, Told,
    Writer,
};

use super::retry::Try;
use crate::{
    job::CopyRecording,
    twilio_account::{TwilioAccount, TwilioAccountError},
};

mod encrypted_media;
mod formats;
use self::encrypted_media::EncryptedMedia;
pub(crate) use self::{encrypted_media::MediaKeys, formats::Formats};

pub(crate) struct Copier {
    pub(crate) originals: TwilioAccount,
    pub(crate) writer: Writer,
    pub(crate) formats: Formats,
    /// How often SQS brings a message before it takes it for dead.
    pub(crate) max_receives: u32,
    /// For recordings that Twilio encrypted; without it they aren't copied.
    pub(crate) media_keys: Option<MediaKeys>,
}

/// Why the recording isn't in the vault yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// What would be stored is ciphertext that nobody could play.
    #[error("Twilio encrypted the media with the account's public key, which this function cannot undo")]
    Encrypted,
    #[error(transparent)]
    Envelope(#[from] EncryptedMediaError),
    #[error("what Twilio says of the recording: {0}")]
    Told(#[from] TwilioAccountError),
    #[error(transparent)]
    Store(#[from] StoreError),
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
        let told = self.told(job, nth, is_last).await?;
        let format = self.format(job, &told);
        let media = RecordingMedia {
            copier: self,
            recording: &job.recording_sid,
            format,
        };
        let incoming = Incoming {
            content_type: content_type(format),
            attributes: attributes(job),
            told,
            doubts: if is_last { Doubts::Store } else { Doubts::Refuse },
        };
        let outcome = match opening {
            Some((keys, envelope)) => {
                let opened = EncryptedMedia::new(media, keys, envelope);
                self.writer
                    .store(&job.recording_sid, &incoming, &opened, deadline)
                    .await?
            }
            None => {
                self.writer
                    .store(&job.recording_sid, &incoming, &media, deadline)
                    .await?
            }
        };
        tell(&job.recording_sid, &outcome, began.elapsed());
        Ok(())
    }

    /// The callback's word on the duration comes first: it is the same at every try.
    fn format(&self, job: &CopyRecording, told: &Told) -> MediaFormat {
        match job.encryption_details {
            // There is only what Twilio encrypted.
            Some(_) => self.formats.usual,
            None => self.formats.of(job.duration_s.or(told.duration_s)),
        }
    }

    /// What it takes to open media that Twilio encrypted.
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

    /// What the recording itself says of its encryption, where the callback said it in a way that can't be read. That it
    /// is encrypted stands, whatever is found here: ciphertext isn't stored as if it were audio.
    async fn envelope_at_twilio(
        &self,
        job: &CopyRecording,
        unreadable: EncryptedMediaError,
    ) -> Result<MediaEnvelope, CopyError> {
        let resource = self.originals.fetch(&job.recording_sid).await?;
        let details = resource.encryption_details.ok_or(unreadable)?;
        Ok(MediaEnvelope::parse(&details)?)
    }

    /// What Twilio says of the recording. The callback's word will do as long as nothing has failed; then the recording's
    /// own description is asked for, which is what Twilio says now.
    async fn told(&self, job: &CopyRecording, nth: Try, is_last: bool) -> Result<Told, TwilioAccountError> {
        let then = Told {
            channels: job.channels,
            duration_s: job.duration_s,
        };
        let is_first = matches!(nth, Try::Nth(0 | 1) | Try::Only);
        if is_first && then.channels.is_some() && then.duration_s.is_some() {
            return Ok(then);
        }
        match self.originals.fetch(&job.recording_sid).await {
            Ok(now) => Ok(Told {
                channels: now.channels.or(then.channels),
                duration_s: now.duration_s.or(then.duration_s),
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
            Self::Told(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
        }
    }
}

/// The audit line and the metrics of a copy that needs no further try.
fn tell(recording: &RecordingSid, outcome: &Outcome, took: Duration) {
    let not_copied = |outcome| {
        tracing::info!(target: AUDIT, event = "copy", outcome, recordingSid = %recording, "not copied");
    };
    match outcome {
        Outcome::Stored(receipt) => tell_stored(recording, receipt, took),
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

fn tell_stored(recording: &RecordingSid, receipt: &Receipt, took: Duration) {
    tracing::info!(
        target: AUDIT,
        event = "copy",
        outcome = "stored",
        recordingSid = %recording,
        length = receipt.plaintext_len,
        sha256 = hex::encode(receipt.sha256),
        versionId = receipt.version_id,
        parts = receipt.parts,
        suspicion = receipt.suspicion.as_ref().map(tracing::field::display),
        "recording copied"
    );
    metrics::emit(&[
        ("Copied", 1.0, Unit::Count),
        ("BytesCopied", receipt.plaintext_len as f64, Unit::Bytes),
        ("CopySeconds", took.as_secs_f64(), Unit::Seconds),
    ]);
    if let Some(suspicion) = &receipt.suspicion {
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

/// What Twilio said of the recording.
fn attributes(job: &CopyRecording) -> Attributes {
    let start_time = job
        .start_time_ms
        .and_then(|ms| OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok())
        .and_then(|time| time.format(&Rfc3339).ok());
    [
        ("source", job.source.clone()),
        ("track", job.track.clone()),
        ("channels", job.channels.map(|channels| channels.to_string())),
        ("duration", job.duration_s.map(|seconds| seconds.to_string())),
        ("starttime", start_time),
        ("callsid", job.call_sid.as_ref().map(ToString::to_string)),
        ("conferencesid", job.conference_sid.as_ref().map(ToString::to_string)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// A recording at Twilio, by the URL that its SIDs make: the one in the callback is never fetched.
struct RecordingMedia<'a> {
    copier: &'a Copier,
    recording: &'a RecordingSid,
    format: MediaFormat,
}

impl RecordingMedia<'_> {
    async fn get(&self, from: u64, etag: Option<&str>) -> Result<Media, SourceError> {
        let TwilioAccount { twilio, api_key } = &self.copier.originals;
        let unusable = |error| SourceError {
            retryable: true,
            message: format!("Twilio's API key: {error}"),
        };
        let key = api_key.current().await.map_err(unusable)?;
        match twilio.media(&key, self.recording, self.format, from, etag).await {
            // The key may have been replaced since the secret was last read.
            Err(ApiError::Unauthorized) => {
                let key = api_key.refreshed().await.map_err(unusable)?;
                twilio.media(&key, self.recording, self.format, from, etag).await
            }
            answer => answer,
        }
        .map_err(source_error)
    }
}

impl Source for RecordingMedia<'_> {
    fn open<'a>(
        &'a self,
        from: u64,
        validator: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<SourceReply, SourceError>> + Send + 'a>> {
        Box::pin(async move {
            let media = self.get(from, validator).await?;
            Ok(SourceReply {
                start: media.start,
                total_len: media.total_len,
                validator: media.etag,
                body: Box::pin(media.body.map_err(source_error)),
            })
        })
    }
}

fn source_error(error: ApiError) -> SourceError {
    SourceError {
        // 404 is what Twilio answers while it's still processing the recording.
        retryable: error.is_retryable() || matches!(error, ApiError::NotFound),
        message: format!("Twilio's media: {error}"),
    }
}

#[cfg(test)]
mod tests;
