//! The stored recordings, as S3 shows them to a client without the data key: the ciphertext, and the header with the
//! encryption context.

use aws_sdk_s3::{operation::get_object::GetObjectOutput, types::Object};
use bytes::Bytes;
use esdk_message::UnverifiedHeader;
use futures_util::{StreamExt, TryStreamExt, stream};
use loopback::Error;
use serde::Serialize;

use crate::values;

/// In us-east-1, a recording's header has 504 to 521 bytes. One with four data keys has less than 2 KiB.
const HEADER_RANGE: &str = "bytes=0-4095";

/// The number of objects that are read in parallel.
const AT_A_TIME: usize = 8;

/// A stored recording.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredRecording {
    sid: String,
    /// The address for links, as in the task's attributes.
    url_provider: String,
    /// When it was stored, in seconds since the Unix epoch.
    stored_at_s: i64,
    stored_bytes: i64,
    /// Facts from Twilio.
    duration_s: Option<u32>,
    channels: Option<u8>,
    /// The bucket's own encryption, in addition to the message's.
    bucket_encryption: Option<String>,
    /// None if the object does not begin like a recording.
    message: Option<Message>,
}

/// The values in the message's header. They are not authenticated, because that requires the data key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    content_type: Option<String>,
    plaintext_bytes: Option<u64>,
    key: Option<String>,
}

/// All of them, the most recently stored first.
pub(super) async fn list(s3: &aws_sdk_s3::Client, playback_base: &str) -> Result<Vec<StoredRecording>, Error> {
    let listed = s3
        .list_objects_v2()
        .bucket(values::BUCKET)
        .prefix("recordings/")
        .send()
        .await?;
    let mut recordings: Vec<_> = stream::iter(listed.contents.unwrap_or_default())
        .map(|object| look(s3, playback_base, object))
        .buffered(AT_A_TIME)
        .try_collect()
        .await?;
    recordings.sort_by_key(|recording| std::cmp::Reverse(recording.stored_at_s));
    Ok(recordings)
}

async fn look(s3: &aws_sdk_s3::Client, playback_base: &str, object: Object) -> Result<StoredRecording, Error> {
    let key = object.key.unwrap_or_default();
    let sid = key.trim_start_matches("recordings/").to_owned();
    let head = s3
        .get_object()
        .bucket(values::BUCKET)
        .key(&key)
        .range(HEADER_RANGE)
        .send()
        .await?;
    let said = |name: &str| head.metadata()?.get(name).cloned();
    Ok(StoredRecording {
        url_provider: format!("{playback_base}/media-url?recordingSid={sid}"),
        sid,
        stored_at_s: object.last_modified.map_or(0, |time| time.secs()),
        stored_bytes: object.size.unwrap_or_default(),
        duration_s: said("duration").and_then(|text| text.parse().ok()),
        channels: said("channels").and_then(|text| text.parse().ok()),
        bucket_encryption: bucket_encryption(&head),
        message: message(&head.body.collect().await?.into_bytes()),
    })
}

fn bucket_encryption(head: &GetObjectOutput) -> Option<String> {
    Some(head.server_side_encryption()?.as_str().to_owned())
}

fn message(prefix: &Bytes) -> Option<Message> {
    let header = UnverifiedHeader::parse(prefix).ok()?;
    let said = |name: &str| {
        let mut pairs = header.encryption_context().iter();
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    Some(Message {
        content_type: said("contenttype"),
        plaintext_bytes: said("plaintextlength").and_then(|text| text.parse().ok()),
        key: header
            .encrypted_data_keys()
            .first()
            .map(|key| key.provider_info.clone()),
    })
}
