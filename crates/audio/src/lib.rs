//! What the bytes of a recording are, told while they pass: WAV or MPEG audio with its channels and duration, certainly
//! no recording, or unknown. No network, no AWS, and nothing is decoded.
//!
//! A source can answer a request for audio with a page of HTML, an error document, half a file or nothing, all under a
//! status of 200. What is stored and, above all, which original is deleted must not depend on the status alone.
//!
//! - [`Recogniser`] takes the bytes in pieces of any size and gives a [`Verdict`]. The pieces do not change it.
//! - [`look_at`] judges the first bytes alone, before anything is spent on the rest.
//! - [`bytes_per_second`] says how much of the stream a second of sound takes.
//! - [`Told`] is what the source said of the recording elsewhere; [`Told::compare`] says how the bytes differ from it.

mod head;
mod mpeg;
mod rate;
mod recogniser;
mod told;
mod wav;

use std::time::Duration;

pub use self::{
    head::{HEAD_LEN, Look, look_at},
    rate::bytes_per_second,
    recogniser::Recogniser,
    told::{Difference, Told},
};

/// A family of audio formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RIFF/WAVE, its 64-bit forms RF64 and BW64 included, whatever the coding of the samples.
    Wav,
    /// An MPEG audio elementary stream, as MP3 files are, with or without ID3 before it.
    Mpeg,
}

/// Audio whose structure was read from its first byte to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audio {
    /// What it is.
    pub format: Format,
    /// 1 for mono.
    pub channels: u16,
    /// How long what is there plays.
    pub duration: Duration,
}

/// Why bytes are certainly not a recording, or not the whole of one.
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
    /// A WAV whose header claims more than there is.
    #[error("a WAV that claims {claimed} bytes of {received}")]
    Cut {
        /// The bytes that there are at least by its own account.
        claimed: u64,
        /// The bytes that there are.
        received: u64,
    },
}

/// What the bytes are, once all of them have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Audio.
    Audio(Audio),
    /// Certainly not the recording.
    NotAudio(NotAudio),
    /// Nothing that is known here. It may be audio all the same.
    Unknown,
}
