//! Verifies frames in place as they arrive from S3, and trims them to the requested bytes.

use std::{future::Future, ops::Range, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use esdk_message::{FrameIndex, PlaintextOffset};
use futures_util::stream::{self, Stream, StreamExt};

use super::{
    error::{Damage, ReadError},
    fetch::ObjectBody,
    open::OpenedRecording,
};

/// A source of sealed bytes.
pub(super) trait Chunks: Send {
    /// The next bytes. Never empty, and `None` at the end.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, ReadError>> + Send;
}

impl Chunks for ObjectBody {
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, ReadError>> + Send {
        Self::next_chunk(self)
    }
}

/// The frames that hold a range, one at a time.
///
/// Only the transport reads ahead of the consumer. If the consumer is slow, TCP holds S3 back, and only one frame and the chunk
/// after it are in memory. A drop cancels the read from S3.
#[derive(Debug)]
pub(super) struct Frames<B> {
    opened: Arc<OpenedRecording>,
    body: B,
    /// Bytes that have arrived and belong to the next frames.
    chunk: Bytes,
    frames: Range<FrameIndex>,
    wanted: Range<PlaintextOffset>,
}

impl<B: Chunks + 'static> Frames<B> {
    /// `body` begins with the first of `frames`, which are those that hold `wanted`.
    pub(super) fn new(
        opened: Arc<OpenedRecording>,
        body: B,
        frames: Range<FrameIndex>,
        wanted: Range<PlaintextOffset>,
    ) -> Self {
        Self {
            opened,
            body,
            chunk: Bytes::new(),
            frames,
            wanted,
        }
    }

    /// The wanted plaintext of the next frame, after its tag has verified. `None` after the last frame.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.frames.is_empty() {
            return Ok(None);
        }
        let frame = self.frames.start;
        self.frames.start = frame.next();
        let layout = &self.opened.layout;
        let (kind, held) = (layout.kind(frame), layout.plaintext_range(frame));
        let mut sealed = self.gather(frame).await?;
        let opened = self.opened.opener.open_frame(frame, kind, &mut sealed);
        opened.map_err(Damage::from)?;

        let mut plaintext = sealed.freeze();
        plaintext.advance(kind.plaintext_at());
        let within = |offset: u64| usize::try_from(offset - held.start.0).unwrap_or(usize::MAX);
        plaintext.truncate(within(self.wanted.end.min(held.end).0));
        plaintext.advance(within(self.wanted.start.max(held.start).0));
        Ok(Some(plaintext))
    }

    /// The rest of the frames. The stream ends after the first error.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, ReadError>> + Send {
        stream::unfold(Some(self), |frames| async move {
            let mut frames = frames?;
            match frames.next().await {
                Ok(plaintext) => plaintext.map(|plaintext| (Ok(plaintext), Some(frames))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .fuse()
    }

    /// The stored bytes of `frame` in a buffer of their own, in which they are decrypted and passed on.
    async fn gather(&mut self, frame: FrameIndex) -> Result<BytesMut, ReadError> {
        let stored = self.opened.layout.object_range(frame..frame.next());
        let len = usize::try_from(stored.end.0 - stored.start.0).unwrap_or(usize::MAX);
        let mut sealed = BytesMut::with_capacity(len);
        while sealed.len() < len {
            if self.chunk.is_empty() {
                let chunk = self.body.next_chunk().await?;
                self.chunk = chunk.ok_or_else(|| Damage::FrameTruncated { frame: frame.get() })?;
            }
            let take = self.chunk.len().min(len - sealed.len());
            sealed.extend_from_slice(&self.chunk.split_to(take));
        }
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use esdk_message::{
        DataKey, EncryptedDataKey, EncryptionContext, FrameLength, Layout, MessageId, Sealer, UnverifiedHeader,
    };
    use sid::RecordingSid;

    use super::*;
    use crate::{ContentType, read::fetch::Version};

    const FRAME: usize = 4_096;

    /// Returns the stored bytes in chunks, and counts them.
    struct Stored {
        chunks: Vec<Bytes>,
        delivered: Arc<AtomicUsize>,
    }

    impl Chunks for Stored {
        async fn next_chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
            if self.chunks.is_empty() {
                return Ok(None);
            }
            let chunk = self.chunks.remove(0);
            self.delivered.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok(Some(chunk))
        }
    }

    /// A recording of `plaintext`, and its frames as stored.
    fn recording(plaintext: &[u8]) -> (Arc<OpenedRecording>, Bytes) {
        let data_key = DataKey::from_slice(&[1; 32]).unwrap();
        let context = EncryptionContext::new([("a", "b")]).unwrap();
        let wrapped = EncryptedDataKey {
            provider_id: "p".into(),
            provider_info: "i".into(),
            ciphertext: vec![1],
        };
        let frame_length = FrameLength::new(FRAME as u32).unwrap();
        let sealer = Sealer::new(&data_key, MessageId::random(), frame_length, &context, &[wrapped]).unwrap();
        let object = Bytes::from(sealer.seal_message(plaintext).unwrap());
        let opener = UnverifiedHeader::parse(&object)
            .unwrap()
            .authenticate(&data_key)
            .unwrap();
        let layout = Layout::of_object(opener.header_len(), frame_length, object.len() as u64).unwrap();
        let stored = object.slice(opener.header_len() as usize..);
        let opened = OpenedRecording {
            recording: RecordingSid::parse(&format!("RE{:032x}", 1)).unwrap(),
            version: Version {
                etag: "\"e\"".into(),
                object_len: object.len() as u64,
                version_id: None,
                is_suspect: false,
            },
            content_type: ContentType::Wav,
            layout,
            opener,
        };
        (Arc::new(opened), stored)
    }

    fn frames(
        opened: &Arc<OpenedRecording>,
        stored: &Bytes,
        chunk: usize,
        wanted: Range<u64>,
    ) -> (Frames<Stored>, Arc<AtomicUsize>) {
        let wanted = PlaintextOffset(wanted.start)..PlaintextOffset(wanted.end);
        let touched = opened.layout.frames_of(wanted.clone()).unwrap();
        let from = touched.start.get() as usize * (FRAME + 32);
        let chunks = stored.slice(from..).chunks(chunk).map(Bytes::copy_from_slice).collect();
        let delivered = Arc::new(AtomicUsize::new(0));
        let body = Stored {
            chunks,
            delivered: delivered.clone(),
        };
        (Frames::new(opened.clone(), body, touched, wanted), delivered)
    }

    #[tokio::test]
    async fn a_slow_consumer_holds_back_the_source() {
        const CHUNK: usize = 1_000;
        let (opened, stored) = recording(&[7; 40 * FRAME]);
        let (frames, delivered) = frames(&opened, &stored, CHUNK, 0..40 * FRAME as u64);
        let mut stream = Box::pin(frames.into_stream());
        for consumed in 1..=40 {
            stream.next().await.unwrap().unwrap();
            let ahead = delivered
                .load(Ordering::Relaxed)
                .saturating_sub(consumed * (FRAME + 32));
            assert!(ahead < CHUNK, "{ahead} bytes ahead of frame {consumed}");
        }
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn chunks_of_any_size_make_the_same_frames() {
        let plaintext: Vec<u8> = (0..3 * FRAME + 17).map(|n| (n % 251) as u8).collect();
        let (opened, stored) = recording(&plaintext);
        for chunk in [1, 31, FRAME, FRAME + 32, FRAME + 33, stored.len()] {
            for range in [
                0..plaintext.len(),
                1..2,
                FRAME - 1..FRAME + 1,
                2 * FRAME..plaintext.len(),
            ] {
                let (frames, _) = frames(&opened, &stored, chunk, range.start as u64..range.end as u64);
                let seen: Vec<_> = frames.into_stream().map(Result::unwrap).collect().await;
                assert!(seen.concat() == plaintext[range.clone()], "{range:?} by {chunk}");
            }
        }
    }

    #[tokio::test]
    async fn the_stream_ends_with_its_first_error() {
        let (opened, stored) = recording(&[7; 4 * FRAME]);
        let mut damaged = stored.to_vec();
        damaged[2 * (FRAME + 32) + 100] ^= 1;
        for (stored, whole) in [(Bytes::from(damaged), 2), (stored.slice(..3 * (FRAME + 32) + 5), 3)] {
            let (frames, _) = frames(&opened, &stored, 500, 0..4 * FRAME as u64);
            let items: Vec<_> = frames.into_stream().collect().await;
            let (last, verified) = items.split_last().unwrap();
            assert!(matches!(last, Err(ReadError::Damaged(_))));
            assert_eq!(verified.iter().filter(|item| item.is_ok()).count(), whole);
            assert_eq!(verified.len(), whole);
        }
    }
}
