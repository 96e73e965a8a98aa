//! Recognition of a whole recording while its bytes pass.

use bytes::Bytes;

use crate::{
    head::{HEAD_LEN, Look, look_at},
    mpeg::MpegFrames,
    verdict::{Format, NotAudio, Verdict},
    wav::WavHeader,
};

/// Takes a recording's bytes in order and returns a verdict at the end. It holds at most the first few hundred bytes,
/// and the pieces of MPEG audio that wait for its thread.
#[derive(Debug)]
pub struct Recognizer {
    len: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Fewer bytes have arrived than are needed to choose a format.
    Head(Vec<u8>),
    Wav(WavHeader),
    Mpeg(MpegFrames),
    NotAudio(NotAudio),
    Unknown,
}

impl Recognizer {
    /// A recognizer that has received no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            len: 0,
            stage: Stage::Head(Vec::new()),
        }
    }

    /// Takes the next bytes. With MPEG audio, this can wait for the thread that reads the frames, which takes
    /// microseconds.
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

    /// Ends the recording and returns the verdict.
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

impl Default for Recognizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// The stage after the head. It has already taken the head's bytes.
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
