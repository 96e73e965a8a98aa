//! Recognition of a recording by its bytes, while they pass: WAV or MPEG audio with its channels and duration, bytes that
//! are certainly not a recording, or unknown bytes. No network, no AWS, and nothing is decoded.
//!
//! A source can answer a request for audio with a page of HTML, an error document, half a file or nothing, all under a
//! status of 200. The status alone must not decide what is stored and, above all, which original is deleted.
//!
//! - [`Recognizer`] takes the bytes in pieces of any size and returns a [`Verdict`]. The verdict doesn't depend on the sizes.
//! - [`look_at`] judges the first bytes alone, before anything is spent on the rest.
//! - [`bytes_per_second`] returns how many bytes of the stream a second of sound takes.
//! - [`Reported`] holds the facts that the source reports about the recording. [`Reported::compare`] compares the audio with
//!   them.

mod head;
mod mpeg;
mod rate;
mod recognizer;
mod reported;
mod verdict;
mod wav;

pub use self::{
    head::{HEAD_LEN, Look, look_at},
    rate::bytes_per_second,
    recognizer::Recognizer,
    reported::{Difference, Reported},
    verdict::{Audio, Format, NotAudio, Verdict},
};
