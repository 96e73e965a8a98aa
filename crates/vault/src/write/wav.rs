//! What a WAV says of its own length. No I/O.
//!
//! A recording that was cut before it reached Twilio's media server arrives with a right Content-Length and a header
//! that claims more. Storing it as if it were whole would let the original be deleted.

/// Reads the chunk headers of a RIFF/WAVE stream as its bytes pass.
///
/// Shape (Multimedia Programming Interface and Data Specifications 1.0, "RIFF"): `RIFF`, size, `WAVE`, then chunks of
/// a four-byte id, a little-endian `u32` size, so many bytes, and a padding byte where the size is odd.
#[derive(Debug)]
pub(super) struct WavClaim {
    /// Bytes seen so far.
    at: u64,
    seeking: Seeking,
    /// The header that is being read, as far as it has come.
    field: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Seeking {
    /// The first 12 bytes.
    Riff,
    /// The 8 bytes of a chunk header that starts at this byte.
    Chunk(u64),
    /// Nothing more; where the data chunk says that it ends.
    Done(Option<u64>),
}

const RIFF_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 8;

impl WavClaim {
    pub(super) fn new() -> Self {
        Self {
            at: 0,
            seeking: Seeking::Riff,
            field: Vec::new(),
        }
    }

    /// The next bytes of the stream.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (start, len) = match self.seeking {
                Seeking::Riff => (0, RIFF_LEN),
                Seeking::Chunk(start) => (start, CHUNK_HEADER_LEN),
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
    pub(super) fn end(&self) -> Option<u64> {
        match self.seeking {
            Seeking::Done(end) => end,
            _ => None,
        }
    }

    fn interpret(&self) -> Seeking {
        match (self.seeking, &self.field[..]) {
            (Seeking::Riff, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E']) => Seeking::Chunk(self.at),
            (Seeking::Chunk(_), &[a, b, c, d, s0, s1, s2, s3]) => {
                let size = u32::from_le_bytes([s0, s1, s2, s3]);
                match (&[a, b, c, d], size) {
                    (b"data", 0 | u32::MAX) => Seeking::Done(None),
                    (b"data", _) => Seeking::Done(Some(self.at + u64::from(size))),
                    _ => Seeking::Chunk(self.at + u64::from(size) + u64::from(size % 2)),
                }
            }
            _ => Seeking::Done(None),
        }
    }
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
        let mut claim = WavClaim::new();
        claim.update(bytes);
        claim.end()
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

    proptest! {
        #[test]
        fn chunking_and_other_chunks_change_nothing(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
            data in prop::collection::vec(any::<u8>(), 1..60),
            step in 1usize..20,
        ) {
            let chunks: Vec<_> = bodies.into_iter().map(|body| (b"LIST", body)).collect();
            let bytes = wav(&chunks, data.len() as u32, &data);
            let mut claim = WavClaim::new();
            bytes.chunks(step).for_each(|chunk| claim.update(chunk));
            prop_assert_eq!(claim.end(), Some(bytes.len() as u64));
        }
    }
}
