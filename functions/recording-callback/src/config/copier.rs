//! Settings of the function that copies recordings.

use service::settings::{Settings, list};
use sid::AccountSid;
use twilio::media::MediaFormat;
use vault::{KeyArn, ReaderConfig, WriterConfig};

use super::text::text;
use crate::jobs::Formats;

#[derive(Debug)]
pub(crate) struct CopierConfig {
    pub(crate) vault: WriterConfig,
    pub(crate) formats: Formats,
    /// How often the copies queue delivers a message, from its redrive policy.
    pub(crate) max_receives: u32,
    /// The RSA keys under whose public halves Twilio encrypts recordings, or used to. Unset, such recordings are not copied.
    pub(crate) media_keys: Option<Vec<KeyArn>>,
    /// For the verification of stored recordings before their originals are deleted.
    pub(crate) verification: ReaderConfig,
}

/// The value that the template sets for its queue.
const MAX_RECEIVES: u32 = 5;

pub(super) fn copier(settings: &mut Settings, account: Option<&AccountSid>) -> Option<CopierConfig> {
    let bucket = settings.required("RECORDINGS_BUCKET", text);
    let kms_key = settings.required("KMS_KEY_ARN", KeyArn::parse);
    let formats = Formats {
        usual: settings
            .optional("MEDIA_FORMAT", media_format)
            .unwrap_or(MediaFormat::Wav),
        mp3_above_s: settings.optional("MP3_ABOVE_MINUTES", minutes_as_seconds),
    };
    let media_keys = settings.optional("TWILIO_ENCRYPTION_KEY_ARNS", |text| list(text, KeyArn::parse));
    let max_receives = settings
        .optional("COPIES_MAX_RECEIVES", max_receives)
        .unwrap_or(MAX_RECEIVES);
    // A deployment can always decrypt what it encrypts, whether or not there are older keys.
    let kms_decrypt_keys = settings
        .optional("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse))
        .or_else(|| Some(vec![kms_key.clone()?]));
    let vault = WriterConfig {
        bucket: bucket?,
        account: account?.clone(),
        kms_key: kms_key?,
    };
    Some(CopierConfig {
        verification: ReaderConfig {
            bucket: vault.bucket.clone(),
            account: vault.account.clone(),
            kms_keys: kms_decrypt_keys?,
        },
        vault,
        formats,
        max_receives,
        media_keys,
    })
}

fn media_format(text: &str) -> Result<MediaFormat, &'static str> {
    match text {
        "wav" => Ok(MediaFormat::Wav),
        "mp3" => Ok(MediaFormat::Mp3),
        _ => Err("must be wav or mp3"),
    }
}

/// A call lasts for at most a day ("Recordings resource", Twilio Docs).
fn minutes_as_seconds(text: &str) -> Result<u64, &'static str> {
    match text.parse::<u64>() {
        Ok(minutes @ 1..=1_440) => Ok(minutes * 60),
        _ => Err("must be a whole number of minutes from 1 to 1440"),
    }
}

fn max_receives(text: &str) -> Result<u32, &'static str> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or("must be a whole number of at least 1")
}
