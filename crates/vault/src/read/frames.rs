//! Verifies frames in place as they arrive from S3, and trims them to the requested bytes.

use std::{future::Future, ops::Range, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use esdk_message::{FrameIndex, FrameKind, PlaintextOffset, TAG_LEN};
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

/// Most plaintext that is passed on in one piece: the frames in the largest chunk of the HTTP client, 408 KiB. Each piece costs
/// a turn through the channels of two HTTP clients, and a write to a socket.
const MAX_RUN: usize = 448 * 1024;

/// The longest fields before a frame's ciphertext.
const MAX_FIELDS: usize = FrameKind::Final.plaintext_at();

/// The frames that hold a range, in runs: the next frame, and those after it that have arrived by then. A run never waits
/// for more than one frame.
///
/// Only the transport reads ahead of the consumer. If the consumer is slow, TCP holds S3 back, and only one run and the chunk
/// after it are in memory. A drop cancels the read from S3.
#[derive(Debug)]
pub(super) struct Frames<B> {
    opened: Arc<OpenedRecording>,
    body: B,
    /// Bytes that have arrived and belong to the next frames.
    chunk: Bytes,
    frames: Range<FrameIndex>,
    wanted: Range<PlaintextOffset>,
    /// The failure of the frame after the last run.
    failure: Option<ReadError>,
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
            failure: None,
        }
    }

    /// The wanted plaintext of the next run, after the tag of each of its frames has verified. `None` after the last frame.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.frames.is_empty() {
            return Ok(None);
        }
        let held_from = self.opened.layout.plaintext_range(self.frames.start).start;
        let mut run = BytesMut::with_capacity(self.chunk.len().min(MAX_RUN).max(self.plaintext_len()));
        self.open_next(&mut run).await?;
        while self.has_arrived() && run.len() + self.plaintext_len() <= MAX_RUN {
            if let Err(failure) = self.open_next(&mut run).await {
                self.failure = Some(failure);
                break;
            }
        }
        let mut plaintext = run.freeze();
        let within = |offset: u64| usize::try_from(offset - held_from.0).unwrap_or(usize::MAX);
        plaintext.truncate(within(self.wanted.end.0));
        plaintext.advance(within(self.wanted.start.max(held_from).0));
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

    /// Bytes of plaintext in the next frame.
    fn plaintext_len(&self) -> usize {
        let held = self.opened.layout.plaintext_range(self.frames.start);
        usize::try_from(held.end.0 - held.start.0).unwrap_or(usize::MAX)
    }

    /// Whether the whole next frame is in memory.
    fn has_arrived(&self) -> bool {
        let kind = self.opened.layout.kind(self.frames.start);
        !self.frames.is_empty() && self.chunk.len() >= self.plaintext_len() + kind.overhead()
    }

    /// Appends the plaintext of the next frame to `run`, which a failure leaves unchanged.
    async fn open_next(&mut self, run: &mut BytesMut) -> Result<(), ReadError> {
        let (frame, at, len) = (self.frames.start, run.len(), self.plaintext_len());
        self.frames.start = frame.next();
        let opened = self.append(frame, len, run).await;
        if opened.is_err() {
            run.truncate(at);
        }
        opened
    }

    async fn append(&mut self, frame: FrameIndex, len: usize, run: &mut BytesMut) -> Result<(), ReadError> {
        let (at, kind) = (run.len(), self.opened.layout.kind(frame));
        let (mut fields, mut tag) = ([0; MAX_FIELDS], [0; TAG_LEN]);
        let fields = &mut fields[..kind.plaintext_at()];
        self.gather(frame, &mut *fields, kind.plaintext_at()).await?;
        self.gather(frame, &mut *run, len).await?;
        self.gather(frame, &mut tag[..], TAG_LEN).await?;
        let opened = self.opened.opener.open_parts(frame, kind, fields, &mut run[at..], &tag);
        Ok(opened.map_err(Damage::from)?)
    }

    /// Copies the next `len` stored bytes, which are part of `frame`.
    async fn gather(&mut self, frame: FrameIndex, mut into: impl BufMut, len: usize) -> Result<(), ReadError> {
        let mut left = len;
        while left > 0 {
            if self.chunk.is_empty() {
                let chunk = self.body.next_chunk().await?;
                self.chunk = chunk.ok_or_else(|| Damage::FrameTruncated { frame: frame.get() })?;
            }
            let arrived = self.chunk.split_to(self.chunk.len().min(left));
            left -= arrived.len();
            into.put_slice(&arrived);
        }
        Ok(())
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
    use crate::{
        ContentType, Metadata,
        read::{
            fetch::{Description, Version},
            open::Origin,
        },
    };

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
                description: Arc::new(Description {
                    metadata: Metadata::new(),
                    stored_at: None,
                }),
            },
            origin: Origin {
                header_sha256: [0; 32],
                kms_key_arn: String::new(),
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
    async fn frames_that_have_arrived_are_passed_on_together() {
        let plaintext = vec![7; 150 * FRAME];
        let (opened, stored) = recording(&plaintext);
        let lens = async |chunk| {
            let (frames, _) = frames(&opened, &stored, chunk, 0..plaintext.len() as u64);
            let runs = frames.into_stream().map(|run| run.unwrap().len() / FRAME);
            runs.collect::<Vec<_>>().await
        };
        assert_eq!(lens(stored.len()).await, [MAX_RUN / FRAME, 150 - MAX_RUN / FRAME]);
        // Half a frame is left of the first chunk, and the second one completes it.
        assert_eq!(lens(5 * (FRAME + 32) / 2).await[..3], [2, 3, 2]);
        assert_eq!(lens(FRAME).await, [1; 150]);
    }

    #[tokio::test]
    async fn the_stream_ends_with_its_first_error() {
        let (opened, stored) = recording(&[7; 4 * FRAME]);
        let mut damaged = stored.to_vec();
        damaged[2 * (FRAME + 32) + 100] ^= 1;
        for (stored, whole) in [(Bytes::from(damaged), 2), (stored.slice(..3 * (FRAME + 32) + 5), 3)] {
            for chunk in [500, FRAME, 3 * FRAME, stored.len()] {
                let (frames, _) = frames(&opened, &stored, chunk, 0..4 * FRAME as u64);
                let items: Vec<_> = frames.into_stream().collect().await;
                let (last, verified) = items.split_last().unwrap();
                assert!(matches!(last, Err(ReadError::Damaged(_))));
                let verified: Vec<_> = verified.iter().map(|run| run.as_ref().unwrap()).collect();
                let len: usize = verified.iter().map(|run| run.len()).sum();
                assert_eq!(len, whole * FRAME, "by {chunk}");
                assert!(verified.iter().all(|run| run.iter().all(|byte| *byte == 7)));
            }
        }
    }
}
