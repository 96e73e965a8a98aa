//! Decrypts media that Twilio encrypted with the customer's public key.

use futures_util::{StreamExt, future::BoxFuture, stream};
use sid::PublicKeySid;
use tokio::sync::OnceCell;
use twilio::encrypted_media::{EncryptedMediaError, MediaEnvelope, MediaKey, MediaOpener, TAG_LEN};
use vault::{DecryptError, KeyArn, Source, SourceBody, SourceError, SourceReply, decrypt_rsa};

/// The RSA keys in KMS whose public halves Twilio has or had. The private halves never leave KMS.
pub(crate) struct MediaKeys {
    kms: aws_sdk_kms::Client,
    /// In the order in which they are tried.
    keys: Vec<KeyArn>,
}

/// Why a key does not unwrap a recording's data key.
#[derive(Debug, thiserror::Error)]
enum UnwrapError {
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
    #[error(transparent)]
    Unusable(#[from] EncryptedMediaError),
}

impl UnwrapError {
    /// Whether the same key may unwrap the data key later.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Decrypt(error) => error.is_retryable(),
            Self::Unusable(_) => false,
        }
    }
}

impl MediaKeys {
    pub(crate) const fn new(kms: aws_sdk_kms::Client, keys: Vec<KeyArn>) -> Self {
        Self { kms, keys }
    }

    /// Unwraps the data key of one recording. This needs `kms:Decrypt`.
    ///
    /// Twilio names its public key by a SID, which KMS does not know, so each key is tried. RSAES-OAEP fails under a wrong
    /// key. A key that is disabled or denied must not prevent the others from being tried.
    async fn unwrap(&self, envelope: &MediaEnvelope) -> Result<MediaKey, SourceError> {
        let mut refusals = Vec::new();
        for key in &self.keys {
            match self.unwrap_under(key, envelope).await {
                Ok(media_key) => return Ok(media_key),
                Err(error) => refusals.push((key, error)),
            }
        }
        Err(no_key(envelope, &refusals))
    }

    async fn unwrap_under(&self, key: &KeyArn, envelope: &MediaEnvelope) -> Result<MediaKey, UnwrapError> {
        let plaintext = decrypt_rsa(&self.kms, key, envelope.wrapped_key()).await?;
        Ok(MediaKey::from_slice(&plaintext)?)
    }
}

/// The plaintext of `sealed`. Every opening reads from the first byte: a download that breaks off cannot be continued,
/// because only its end shows whether the bytes before it are authentic.
pub(super) struct EncryptedMedia<'a, S> {
    sealed: S,
    keys: &'a MediaKeys,
    envelope: MediaEnvelope,
    /// Unwrapped when the first byte is read, so that a recording that is already stored costs no call.
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
    fn open<'a>(&'a self, _from: u64, _validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        Box::pin(self.open_whole())
    }
}

/// `None` for media without a byte, because then there is no last byte that could be held back until the tag verifies.
fn plaintext_len(sealed_len: u64) -> Result<Option<u64>, SourceError> {
    let len = sealed_len.checked_sub(TAG_LEN as u64);
    let len = len.ok_or_else(|| unusable(EncryptedMediaError::TooShort))?;
    Ok((len > 0).then_some(len))
}

/// The plaintext as it arrives. The last byte is held back until the tag has verified. If it does not verify, an error takes
/// its place.
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

/// The error is retryable if one key's error is, because the key that was throttled may be the right one.
fn no_key(envelope: &MediaEnvelope, refusals: &[(&KeyArn, UnwrapError)]) -> SourceError {
    let public_key = envelope
        .public_key()
        .map_or("a key without a SID", PublicKeySid::as_str);
    let reasons: Vec<_> = refusals
        .iter()
        .map(|(key, error)| format!("{}: {error}", key.as_str()))
        .collect();
    SourceError {
        retryable: refusals.iter().any(|(_, error)| error.is_retryable()),
        message: format!(
            "no configured RSA key gives the media's data key, which Twilio wrapped under {public_key}: {}",
            reasons.join("; ")
        ),
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
