//! Bytes in, a verdict out.

use bytes::Bytes;

use crate::{
    head::{HEAD_LEN, Look, look_at},
    mpeg::MpegFrames,
    verdict::{Format, NotAudio, Verdict},
    wav::WavHeader,
};

/// Takes a recording's bytes in order and says at the end what they are. It holds the first few hundred of them at most,
/// and of MPEG audio what waits for its thread.
#[derive(Debug)]
pub struct Recogniser {
    len: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Too little has come to say anything.
    Head(Vec<u8>),
    Wav(WavHeader),
    Mpeg(MpegFrames),
    NotAudio(NotAudio),
    Unknown,
}

impl Recogniser {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            len: 0,
            stage: Stage::Head(Vec::new()),
        }
    }

    /// The next bytes. Of MPEG audio this can wait for the thread that walks the frames, which takes microseconds.
    pub fn update(&mut self, bytes: &Bytes) {
        self.len += bytes.len() as u64;
        if let Stage::Head(head) = &mut self.stage {
            let taken = bytes.len().min(HEAD_LEN - head.len());
            head.extend_from_slice(&bytes[..taken]);
            if head.len() == HEAD_LEN {
                self.stage = Stage::after(std::mem::take(head));
                self.stage.feed(&bytes.slice(taken..));
            }
        } else {
            self.stage.feed(bytes);
        }
    }

    /// There is no more.
    #[must_use]
    pub fn finish(self) -> Verdict {
        let stage = match self.stage {
            Stage::Head(head) => Stage::after(head),
            stage => stage,
        };
        match stage {
            Stage::Wav(header) => header.verdict(self.len),
            Stage::Mpeg(frames) => frames.finish(self.len).map_or(Verdict::Unknown, Verdict::Audio),
            Stage::NotAudio(document) => Verdict::NotAudio(document),
            Stage::Head(_) | Stage::Unknown => Verdict::Unknown,
        }
    }
}

impl Default for Recogniser {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// What follows the head, which it has been fed with.
    fn after(head: Vec<u8>) -> Self {
        let mut stage = match look_at(&head) {
            Look::Audio(Format::Wav) => Self::Wav(WavHeader::new()),
            Look::Audio(Format::Mpeg) => Self::Mpeg(MpegFrames::new(&head)),
            Look::NotAudio(document) => Self::NotAudio(document),
            Look::Unknown => Self::Unknown,
        };
        stage.feed(&head.into());
        stage
    }

    fn feed(&mut self, bytes: &Bytes) {
        match self {
            Self::Wav(header) => header.update(bytes),
            Self::Mpeg(frames) => frames.update(bytes),
            Self::Head(_) | Self::NotAudio(_) | Self::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests;
