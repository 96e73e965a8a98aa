//! The header of a WAV.
//!
//! A recording that was cut before it reached Twilio's media server arrives with a correct Content-Length and a header
//! that claims more bytes. If it were stored as a whole recording, the original could be deleted.

use std::time::Duration;

use crate::verdict::{Audio, Format, NotAudio, Verdict};

/// Reads the chunk headers of a RIFF/WAVE stream as its bytes pass.
///
/// Shape (Multimedia Programming Interface and Data Specifications 1.0, "RIFF"): `RIFF`, size, `WAVE`, then chunks of
/// a four-byte id, a little-endian `u32` size, that number of bytes, and a padding byte if the size is odd. `RF64` and `BW64`
/// have a chunk `ds64` in front, with the sizes that 32 bits cannot hold (EBU Tech 3306).
#[derive(Debug)]
pub(crate) struct WavHeader {
    /// The number of bytes so far.
    at: u64,
    seeking: Seeking,
    /// The bytes so far of the field that is being read.
    field: Vec<u8>,
    /// Set after the format chunk has passed.
    wave_format: Option<WaveFormat>,
    /// The data chunk's 64-bit size, if the stream has one.
    long_data_size: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct WaveFormat {
    channels: u16,
    bytes_per_second: u32,
}

#[derive(Clone, Copy, Debug)]
enum Seeking {
    /// The first 12 bytes, which have been checked before.
    Riff,
    /// The 8 bytes of a chunk header that starts at this byte.
    Chunk(u64),
    /// The fields of the format chunk whose body starts at this byte.
    Format { body: u64, size: u32 },
    /// The data chunk's size, in the `ds64` chunk whose body starts at this byte.
    LongSize { body: u64, size: u32 },
    /// Nothing more. The data chunk's body starts at this byte and claims this size.
    Done { start: u64, claimed: Option<u64> },
}

const RIFF_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 8;

/// The format chunk's first fields (`WAVEFORMAT`, with which `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE` begin): two bytes of
/// format tag, two of channels, four of samples a second, four of bytes a second.
const FORMAT_LEN: usize = 12;

/// In the `ds64` chunk's body: eight bytes of the whole file's size, then eight of the data chunk's.
const LONG_SIZE_AT: u64 = 8;
const LONG_SIZE_LEN: usize = 8;
const LONG_SIZE_END: u32 = LONG_SIZE_AT as u32 + LONG_SIZE_LEN as u32;

/// The sizes of the data chunk that are left by writers that can't seek back, exactly or minus the length of their
/// header. They are the largest signed and unsigned numbers (FFmpeg, GStreamer), 7FFFF000 (SoX, eSpeak), 80000000
/// (arecord), and 2,000,000,000.
///
/// A telephone recording that was cut and really claimed such a size would have to last 18 hours, and its duration
/// would show the cut.
const PLACEHOLDERS: [u32; 3] = [2_000_000_000, 1 << 31, u32::MAX];

/// The largest distance of a size from its placeholder. 7FFFF000 is so far below 80000000, and no writer's header is
/// longer.
const PLACEHOLDER_SPAN: u32 = 4096;

impl WavHeader {
    pub(crate) fn new() -> Self {
        Self {
            at: 0,
            seeking: Seeking::Riff,
            field: Vec::new(),
            wave_format: None,
            long_data_size: None,
        }
    }

    /// The next bytes of the stream.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (start, len) = match self.seeking {
                Seeking::Riff => (0, RIFF_LEN),
                Seeking::Chunk(start) => (start, CHUNK_HEADER_LEN),
                Seeking::Format { body, .. } => (body, FORMAT_LEN),
                Seeking::LongSize { body, .. } => (body + LONG_SIZE_AT, LONG_SIZE_LEN),
                Seeking::Done { .. } => return,
            };
            let skipped = start.saturating_sub(self.at).min(bytes.len() as u64) as usize;
            let read = (bytes.len() - skipped).min(len - self.field.len());
            self.field.extend_from_slice(&bytes[skipped..skipped + read]);
            self.at += (skipped + read) as u64;
            bytes = &bytes[skipped + read..];
            if self.field.len() == len {
                self.seeking = self.interpret();
                self.field.clear();
            }
        }
    }

    /// The verdict on a stream of `len` bytes in all.
    pub(crate) fn verdict(&self, len: u64) -> Verdict {
        let claimed = self.claimed_len();
        if claimed > len {
            return Verdict::NotAudio(NotAudio::Cut { claimed, received: len });
        }
        self.audio(len).map_or(Verdict::Unknown, Verdict::Audio)
    }

    /// The byte rate in the format chunk, after that chunk has passed.
    pub(crate) fn bytes_per_second(&self) -> Option<u32> {
        self.wave_format.map(|format| format.bytes_per_second)
    }

    /// The least length of the stream that its header claims. Before the data chunk, it is the length that a stream
    /// with a data chunk would have.
    fn claimed_len(&self) -> u64 {
        match self.seeking {
            Seeking::Riff => (RIFF_LEN + CHUNK_HEADER_LEN) as u64,
            Seeking::Chunk(start) => start + CHUNK_HEADER_LEN as u64,
            Seeking::Format { body, size } | Seeking::LongSize { body, size } => body + u64::from(size),
            Seeking::Done { start, claimed } => start.saturating_add(claimed.unwrap_or(0)),
        }
    }

    /// The audio in a stream of `len` bytes. Its duration is that of the received part of the data chunk at the format
    /// chunk's byte rate.
    fn audio(&self, len: u64) -> Option<Audio> {
        let Seeking::Done { start, claimed } = self.seeking else {
            return None;
        };
        let WaveFormat {
            channels,
            bytes_per_second: rate,
        } = self
            .wave_format
            .filter(|format| format.channels > 0 && format.bytes_per_second > 0)?;
        let bytes = claimed.unwrap_or_else(|| len.saturating_sub(start));
        let (seconds, rest) = (bytes / u64::from(rate), bytes % u64::from(rate));
        Some(Audio {
            format: Format::Wav,
            channels,
            duration: Duration::from_secs(seconds) + Duration::from_secs(rest) / rate,
        })
    }

    fn interpret(&mut self) -> Seeking {
        match (self.seeking, &self.field[..]) {
            (Seeking::Chunk(_), &[a, b, c, d, s0, s1, s2, s3]) => {
                let size = u32::from_le_bytes([s0, s1, s2, s3]);
                match &[a, b, c, d] {
                    b"data" => Seeking::Done {
                        start: self.at,
                        claimed: self.claim(size),
                    },
                    b"fmt " if size >= FORMAT_LEN as u32 => Seeking::Format { body: self.at, size },
                    b"ds64" if size >= LONG_SIZE_END => Seeking::LongSize { body: self.at, size },
                    _ => next_chunk(self.at, size),
                }
            }
            (Seeking::Format { body, size }, &[_, _, c0, c1, _, _, _, _, b0, b1, b2, b3]) => {
                self.wave_format = Some(WaveFormat {
                    channels: u16::from_le_bytes([c0, c1]),
                    bytes_per_second: u32::from_le_bytes([b0, b1, b2, b3]),
                });
                next_chunk(body, size)
            }
            (Seeking::LongSize { body, size }, &[b0, b1, b2, b3, b4, b5, b6, b7]) => {
                let long = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
                // A writer that can't seek back leaves 0 as the size.
                self.long_data_size = Some(long).filter(|size| *size != 0 && *size != u64::MAX);
                next_chunk(body, size)
            }
            // The first 12 bytes are correct, and no other field has this length.
            _ => Seeking::Chunk(self.at),
        }
    }

    /// The size that the data chunk claims. `None` if the size is a placeholder for an unknown size.
    fn claim(&self, size: u32) -> Option<u64> {
        if size == u32::MAX && self.long_data_size.is_some() {
            return self.long_data_size;
        }
        let is_placeholder = PLACEHOLDERS
            .iter()
            .any(|placeholder| size.abs_diff(*placeholder) <= PLACEHOLDER_SPAN);
        (size > 0 && !is_placeholder).then_some(u64::from(size))
    }
}

/// The offset of the chunk after the one whose body starts at `body`.
fn next_chunk(body: u64, size: u32) -> Seeking {
    Seeking::Chunk(body + u64::from(size) + u64::from(size % 2))
}

#[cfg(test)]
mod tests;
