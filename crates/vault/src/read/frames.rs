//! Frames as they arrive from S3, verified in place, trimmed to the bytes that were asked for.

use std::{future::Future, ops::Range, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use esdk_message::{FrameIndex, PlaintextOffset};
use futures_util::stream::{self, Stream, StreamExt};

use super::{ReadError, fetch::ObjectBody, open::Opened};

/// Where sealed bytes come from.
pub(super) trait Chunks: Send {
    /// The next bytes, never none; `None` at the end.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, ReadError>> + Send;
}

impl Chunks for ObjectBody {
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, ReadError>> + Send {
        Self::next_chunk(self)
    }
}

/// The frames that hold a range, one at a time.
///
/// Nothing runs ahead of the consumer but the transport: while it's slow, S3 is held back by TCP, and what is in memory
/// is one frame and the chunk after it. Dropping this drops the S3 read.
#[derive(Debug)]
pub(super) struct Frames<B> {
    opened: Arc<Opened>,
    body: B,
    /// Arrived, and belongs to the frames to come.
    chunk: Bytes,
    frames: Range<FrameIndex>,
    wanted: Range<PlaintextOffset>,
}

impl<B: Chunks + 'static> Frames<B> {
    /// `body` stands at the first of `frames`, which are those that hold `wanted`.
    pub(super) fn new(opened: Arc<Opened>, body: B, frames: Range<FrameIndex>, wanted: Range<PlaintextOffset>) -> Self {
        Self {
            opened,
            body,
            chunk: Bytes::new(),
            frames,
            wanted,
        }
    }

    /// The wanted plaintext of the next frame, once its tag has verified; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.frames.is_empty() {
            return Ok(None);
        }
        let frame = self.frames.start;
        self.frames.start = FrameIndex(frame.0 + 1);
        let layout = &self.opened.layout;
        let (kind, held) = (layout.kind(frame), layout.plaintext_range(frame));
        let mut sealed = self.gather(frame).await?;
        let opened = self.opened.opener.open_frame(frame, kind, &mut sealed);
        opened.map_err(|error| ReadError::Damaged(error.to_string()))?;

        let mut plaintext = sealed.freeze();
        plaintext.advance(kind.plaintext_at());
        let within = |offset: u64| usize::try_from(offset - held.start.0).unwrap_or(usize::MAX);
        plaintext.truncate(within(self.wanted.end.min(held.end).0));
        plaintext.advance(within(self.wanted.start.max(held.start).0));
        Ok(Some(plaintext))
    }

    /// The rest of the frames; it ends after the first error.
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

    /// The stored bytes of `frame`, in memory of their own: they're decrypted in place and handed on from there.
    async fn gather(&mut self, frame: FrameIndex) -> Result<BytesMut, ReadError> {
        let stored = self.opened.layout.object_range(frame..FrameIndex(frame.0 + 1));
        let len = usize::try_from(stored.end.0 - stored.start.0).unwrap_or(usize::MAX);
        let mut sealed = BytesMut::with_capacity(len);
        while sealed.len() < len {
            if self.chunk.is_empty() {
                let chunk = self.body.next_chunk().await?;
                self.chunk =
                    chunk.ok_or_else(|| ReadError::Damaged(format!("object ends within frame {}", frame.0)))?;
            }
            let take = self.chunk.len().min(len - sealed.len());
            sealed.extend_from_slice(&self.chunk.split_to(take));
        }
        Ok(sealed)
    }
}
