//! What a WAV says of its own length. No I/O.
//!
//! A recording that was cut before it reached Twilio's media server arrives with a right Content-Length and a header
//! that claims more. Storing it as if it were whole would let the original be deleted.

use std::time::Duration;

/// Reads the chunk headers of a RIFF/WAVE stream as its bytes pass.
///
/// Shape (Multimedia Programming Interface and Data Specifications 1.0, "RIFF"): `RIFF`, size, `WAVE`, then chunks of
/// a four-byte id, a little-endian `u32` size, so many bytes, and a padding byte where the size is odd.
#[derive(Debug)]
pub(crate) struct WavHeader {
    /// Bytes seen so far.
    at: u64,
    seeking: Seeking,
    /// What is being read, as far as it has come.
    field: Vec<u8>,
    /// Bytes of audio a second, once the format chunk has passed.
    byte_rate: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Seeking {
    /// The first 12 bytes.
    Riff,
    /// The 8 bytes of a chunk header that starts at this byte.
    Chunk(u64),
    /// The byte rate, in the format chunk whose body starts at this byte.
    ByteRate { body: u64, size: u32 },
    /// Nothing more; where the data chunk's body starts, and the size that it claims.
    Done(Option<(u64, Option<u32>)>),
}

const RIFF_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 8;
/// In the format chunk's body (`WAVEFORMAT`): two bytes of format tag, two of channels, four of samples a second, and then
/// four of bytes a second.
const BYTE_RATE_AT: u32 = 8;
const BYTE_RATE_LEN: usize = 4;
const BYTE_RATE_END: u32 = BYTE_RATE_AT + BYTE_RATE_LEN as u32;

impl WavHeader {
    pub(crate) fn new() -> Self {
        Self {
            at: 0,
            seeking: Seeking::Riff,
            field: Vec::new(),
            byte_rate: None,
        }
    }

    /// The next bytes of the stream.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (start, len) = match self.seeking {
                Seeking::Riff => (0, RIFF_LEN),
                Seeking::Chunk(start) => (start, CHUNK_HEADER_LEN),
                Seeking::ByteRate { body, .. } => (body + u64::from(BYTE_RATE_AT), BYTE_RATE_LEN),
                Seeking::Done(_) => return,
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

    /// The byte after the last one that the data chunk claims. `None` where nothing is claimed: no WAV, no data chunk
    /// yet, or a size of 0 or 0xFFFFFFFF, as writers leave it that can't seek back.
    pub(crate) fn claimed_end(&self) -> Option<u64> {
        match self.seeking {
            Seeking::Done(Some((start, Some(size)))) => Some(start + u64::from(size)),
            _ => None,
        }
    }

    /// How long the audio plays in a stream of `len` bytes: what is there of the data chunk, at the format chunk's byte
    /// rate. `None` where there's no data chunk, or no usable byte rate before it.
    pub(crate) fn duration(&self, len: u64) -> Option<Duration> {
        let Seeking::Done(Some((start, _))) = self.seeking else {
            return None;
        };
        let end = self.claimed_end().map_or(len, |end| end.min(len));
        let bytes = end.saturating_sub(start);
        let rate = self.byte_rate.filter(|rate| *rate > 0)?;
        let (seconds, rest) = (bytes / u64::from(rate), bytes % u64::from(rate));
        Some(Duration::from_secs(seconds) + Duration::from_secs(rest) / rate)
    }

    fn interpret(&mut self) -> Seeking {
        match (self.seeking, &self.field[..]) {
            (Seeking::Riff, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E']) => Seeking::Chunk(self.at),
            (Seeking::Chunk(_), &[a, b, c, d, s0, s1, s2, s3]) => {
                let size = u32::from_le_bytes([s0, s1, s2, s3]);
                match (&[a, b, c, d], size) {
                    (b"data", 0 | u32::MAX) => Seeking::Done(Some((self.at, None))),
                    (b"data", _) => Seeking::Done(Some((self.at, Some(size)))),
                    (b"fmt ", BYTE_RATE_END..) => Seeking::ByteRate { body: self.at, size },
                    _ => next_chunk(self.at, size),
                }
            }
            (Seeking::ByteRate { body, size }, &[b0, b1, b2, b3]) => {
                self.byte_rate = Some(u32::from_le_bytes([b0, b1, b2, b3]));
                next_chunk(body, size)
            }
            _ => Seeking::Done(None),
        }
    }
}

/// The chunk after the one whose body starts at `body`.
fn next_chunk(body: u64, size: u32) -> Seeking {
    Seeking::Chunk(body + u64::from(size) + u64::from(size % 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A WAV with these chunks before its data.
    fn wav(chunks: &[(&[u8; 4], Vec<u8>)], data_size: u32, data: &[u8]) -> Vec<u8> {
        let mut wav = b"RIFF\0\0\0\0WAVE".to_vec();
        for (id, body) in chunks {
            wav.extend_from_slice(*id);
            wav.extend_from_slice(&(body.len() as u32).to_le_bytes());
            wav.extend_from_slice(body);
            wav.resize(wav.len() + body.len() % 2, 0);
        }
        wav.extend_from_slice(b"data");
        wav.extend_from_slice(&data_size.to_le_bytes());
        wav.extend_from_slice(data);
        wav
    }

    fn end(bytes: &[u8]) -> Option<u64> {
        let mut header = WavHeader::new();
        header.update(bytes);
        header.claimed_end()
    }

    #[test]
    fn the_data_chunk_says_where_it_ends() {
        let whole = wav(&[(b"fmt ", vec![1; 16])], 100, &[0; 100]);
        assert_eq!(end(&whole), Some(whole.len() as u64));
        assert_eq!(end(&whole[..whole.len() - 1]), Some(whole.len() as u64));
    }

    #[test]
    fn sizes_that_a_streaming_writer_leaves_claim_nothing() {
        for size in [0, u32::MAX] {
            assert_eq!(end(&wav(&[(b"fmt ", vec![1; 16])], size, &[0; 100])), None);
        }
        assert!(end(&wav(&[], u32::MAX - 1, &[])).is_some());
    }

    #[test]
    fn nothing_is_claimed_before_the_data_chunk_and_by_what_is_no_wav() {
        let whole = wav(&[(b"fmt ", vec![1; 16])], 4, &[0; 4]);
        for len in 0..12 + 24 + 8 {
            assert_eq!(end(&whole[..len]), None, "{len}");
        }
        assert_eq!(end(b"ID3\x04 this is an MP3 and says data\xff\xff\0\0"), None);
        assert_eq!(end(b"RIFF\0\0\0\0AVI data\x01\0\0\0x"), None);
        assert_eq!(end(b"RIFX\0\0\0\0WAVEdata\x01\0\0\0x"), None);
    }

    /// A format chunk of linear PCM at 8 kHz, 16 bits a sample.
    fn format(channels: u8) -> (&'static [u8; 4], Vec<u8>) {
        let byte_rate = 16_000 * u32::from(channels);
        let mut body = vec![1, 0, channels, 0];
        body.extend_from_slice(&8_000_u32.to_le_bytes());
        body.extend_from_slice(&byte_rate.to_le_bytes());
        body.extend_from_slice(&[2 * channels, 0, 16, 0]);
        (b"fmt ", body)
    }

    fn duration(bytes: &[u8]) -> Option<Duration> {
        let mut header = WavHeader::new();
        header.update(bytes);
        header.duration(bytes.len() as u64)
    }

    #[test]
    fn the_duration_is_that_of_the_audio_that_is_there() {
        let audio = [0; 40_000];
        let list = (b"LIST", vec![1; 7]);
        for (channels, millis) in [(1, 2_500), (2, 1_250)] {
            let expected = Some(Duration::from_millis(millis));
            for chunks in [&[format(channels)][..], &[list.clone(), format(channels), list.clone()]] {
                // Claimed, or left open by a writer that can't seek back.
                for size in [40_000, 0, u32::MAX] {
                    assert_eq!(duration(&wav(chunks, size, &audio)), expected);
                }
                let with_a_chunk_behind = [&wav(chunks, 40_000, &audio)[..], b"LIST\x02\0\0\0xx"].concat();
                assert_eq!(duration(&with_a_chunk_behind), expected);
                let cut = wav(chunks, 80_000, &audio);
                assert_eq!(duration(&cut), expected);
            }
        }
        assert_eq!(duration(&wav(&[format(1)], 0, &[])), Some(Duration::ZERO));
        assert_eq!(
            duration(&wav(&[format(1)], 1, &[0])),
            Some(Duration::from_nanos(62_500))
        );
    }

    #[test]
    fn without_a_byte_rate_or_data_there_is_no_duration() {
        let mut still = format(1);
        still.1[8..12].fill(0);
        for chunks in [&[][..], &[still], &[(b"fmt ", vec![1; 11])]] {
            assert_eq!(duration(&wav(chunks, 4, &[0; 4])), None);
        }
        let whole = wav(&[format(1)], 4, &[0; 4]);
        for len in 0..whole.len() - 4 {
            assert_eq!(duration(&whole[..len]), None, "{len}");
        }
        assert_eq!(duration(b"ID3\x04 this is an MP3"), None);
    }

    proptest! {
        #[test]
        fn chunking_and_other_chunks_change_nothing(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
            data in prop::collection::vec(any::<u8>(), 1..60),
            step in 1usize..20,
        ) {
            let chunks: Vec<_> = bodies.into_iter().map(|body| (b"LIST", body)).collect();
            let bytes = wav(&chunks, data.len() as u32, &data);
            let mut header = WavHeader::new();
            bytes.chunks(step).for_each(|chunk| header.update(chunk));
            prop_assert_eq!(header.claimed_end(), Some(bytes.len() as u64));
        }

        #[test]
        fn a_format_chunk_is_found_however_the_bytes_come(
            channels in 1..=8_u8, seconds in 0..4_u64, step in 1usize..50,
        ) {
            let audio = vec![0; 16_000 * usize::from(channels) * seconds as usize];
            let bytes = wav(&[format(channels)], audio.len() as u32, &audio);
            let mut header = WavHeader::new();
            bytes.chunks(step).for_each(|chunk| header.update(chunk));
            prop_assert_eq!(header.duration(bytes.len() as u64), Some(Duration::from_secs(seconds)));
        }
    }
}
