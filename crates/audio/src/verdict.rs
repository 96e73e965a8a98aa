//! What the bytes of a recording can turn out to be.

use std::time::Duration;

/// A family of audio formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RIFF/WAVE and its 64-bit forms RF64 and BW64, with samples of any coding.
    Wav,
    /// An MPEG audio elementary stream, as in MP3 files, with or without an ID3 tag before it.
    Mpeg,
}

/// Audio whose structure was read from its first byte to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Its format.
    pub format: Format,
    /// The number of channels, 1 for mono.
    pub channels: u16,
    /// How long the received bytes play.
    pub duration: Duration,
}

/// Why bytes are certainly not a recording, or not a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAudio {
    /// No bytes.
    #[error("nothing")]
    Nothing,
    /// HTML or XML.
    #[error("a page of HTML or XML")]
    Markup,
    /// A JSON object or array.
    #[error("a JSON document")]
    Json,
    /// A WAV whose header claims more bytes than there are.
    #[error("a WAV that claims {claimed} bytes of {received}")]
    Cut {
        /// The least number of bytes that the header claims.
        claimed: u64,
        /// The number of bytes that were received.
        received: u64,
    },
}

/// What all the bytes together are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Audio.
    Audio(Audio),
    /// Certainly not the recording.
    NotAudio(NotAudio),
    /// Nothing that this crate knows. It may still be audio.
    Unknown,
}
