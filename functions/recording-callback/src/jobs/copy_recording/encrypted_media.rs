//! Media that Twilio encrypted with the customer's public key, as a source of plaintext.

use std::{future::Future, pin::Pin};

use aws_sdk_kms::{operation::decrypt::DecryptOutput, primitives::Blob, types::EncryptionAlgorithmSpec};
use futures_util::{StreamExt, stream};
use tokio::sync::OnceCell;
use twilio::encrypted_media::{EncryptedMediaError, MediaEnvelope, MediaKey, MediaOpener, TAG_LEN};
use vault::{KeyArn, ServiceError, Source, SourceBody, SourceError, SourceReply};
use zeroize::Zeroizing;

/// The RSA key in KMS whose public half Twilio has. Its private half never leaves KMS.
pub(crate) struct MediaKeys {
    kms: aws_sdk_kms::Client,
    key: KeyArn,
}

impl MediaKeys {
    pub(crate) const fn new(kms: aws_sdk_kms::Client, key: KeyArn) -> Self {
        Self { kms, key }
    }

    /// The data key of one recording. It takes `kms:Decrypt`.
    async fn unwrap(&self, envelope: &MediaEnvelope) -> Result<MediaKey, SourceError> {
        let answer = self
            .kms
            .decrypt()
            .key_id(self.key.as_str())
            .encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
            .ciphertext_blob(Blob::new(envelope.wrapped_key()))
            .send()
            .await
            .map_err(|error| refused(&ServiceError::new("Decrypt", &error)))?;
        self.accept(answer)
    }

    fn accept(&self, answer: DecryptOutput) -> Result<MediaKey, SourceError> {
        let (Some(used), Some(plaintext)) = (answer.key_id, answer.plaintext) else {
            return Err(SourceError {
                retryable: true,
                message: "the media's data key: KMS answered without one".to_owned(),
            });
        };
        let plaintext = Zeroizing::new(plaintext.into_inner());
        if used != self.key.as_str() {
            return Err(SourceError {
                retryable: false,
                message: "KMS unwrapped the media's data key under another key than was asked for".to_owned(),
            });
        }
        MediaKey::from_slice(&plaintext).map_err(unusable)
    }
}

/// What `sealed` gives, opened. It's read from its first byte whenever it's opened: where a download breaks off there's
/// nothing to go on from, because only its end says whether what came before it is genuine.
pub(super) struct EncryptedMedia<'a, S> {
    sealed: S,
    keys: &'a MediaKeys,
    envelope: MediaEnvelope,
    /// Unwrapped when the first byte is wanted: a recording that's stored already costs no call.
    key: OnceCell<MediaKey>,
}

impl<'a, S: Source> EncryptedMedia<'a, S> {
    pub(super) fn new(sealed: S, keys: &'a MediaKeys, envelope: MediaEnvelope) -> Self {
        Self {
            sealed,
            keys,
            envelope,
            key: OnceCell::new(),
        }
    }

    async fn open_whole(&self) -> Result<SourceReply, SourceError> {
        let key = self.key.get_or_try_init(|| self.keys.unwrap(&self.envelope)).await?;
        let sealed = self.sealed.open(0, None).await?;
        Ok(SourceReply {
            start: 0,
            total_len: sealed.total_len.map(plaintext_len).transpose()?.flatten(),
            validator: None,
            body: opened(self.envelope.open(key), sealed.body),
        })
    }
}

impl<S: Source> Source for EncryptedMedia<'_, S> {
    fn open<'a>(
        &'a self,
        _from: u64,
        _validator: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<SourceReply, SourceError>> + Send + 'a>> {
        Box::pin(self.open_whole())
    }
}

/// `None` for media without a byte: there's no last byte then that could wait for the tag.
fn plaintext_len(sealed_len: u64) -> Result<Option<u64>, SourceError> {
    let len = sealed_len.checked_sub(TAG_LEN as u64);
    let len = len.ok_or_else(|| unusable(EncryptedMediaError::TooShort))?;
    Ok((len > 0).then_some(len))
}

/// The plaintext as it comes, its last byte once the tag has verified; else an error in its place.
fn opened(opener: MediaOpener, sealed: SourceBody) -> SourceBody {
    let opening = stream::try_unfold(Some((opener, sealed)), |opening| async {
        let Some((mut opener, mut sealed)) = opening else {
            return Ok(None);
        };
        while let Some(chunk) = sealed.next().await {
            let plaintext = opener.update(&chunk?).map_err(unusable)?;
            if !plaintext.is_empty() {
                return Ok(Some((plaintext, Some((opener, sealed)))));
            }
        }
        let last = opener.finish().map_err(unusable)?;
        Ok(Some((last, None)))
    });
    Box::pin(opening)
}

fn refused(error: &ServiceError) -> SourceError {
    SourceError {
        retryable: error.is_retryable(),
        message: format!("the media's data key: {error}"),
    }
}

fn unusable(error: EncryptedMediaError) -> SourceError {
    SourceError {
        retryable: false,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
