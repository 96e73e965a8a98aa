//! The bytes for a second of sound, computed from the first bytes of a stream.

use crate::{
    head::{Look, look_at},
    mpeg,
    verdict::Format,
    wav::WavHeader,
};

/// The number of bytes for a second of sound. It comes from the header of a WAV, or from the whole frames in the first
/// bytes of an MP3. If the frames vary, the result is an estimate. `None` if the first bytes don't show it.
#[must_use]
pub fn bytes_per_second(head: &[u8]) -> Option<u32> {
    match look_at(head) {
        Look::Audio(Format::Wav) => {
            let mut header = WavHeader::new();
            header.update(head);
            header.bytes_per_second().filter(|rate| *rate > 0)
        }
        Look::Audio(Format::Mpeg) => mpeg::bytes_per_second(head),
        Look::Unknown | Look::NotAudio(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(bytes_per_second: u32) -> Vec<u8> {
        let mut head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0".to_vec();
        head.extend(bytes_per_second.to_le_bytes());
        head.extend(b"\x04\0\x10\0data");
        head
    }

    #[test]
    fn a_wav_says_it_in_its_header() {
        assert_eq!(bytes_per_second(&wav(32_000)), Some(32_000));
        assert_eq!(bytes_per_second(&wav(32_000)[..32]), Some(32_000));
        for cut in [4, 12, 20, 31] {
            assert_eq!(bytes_per_second(&wav(32_000)[..cut]), None, "{cut}");
        }
        assert_eq!(bytes_per_second(&wav(0)), None);
    }

    /// Frames with a header and zeros. The zeros are side information for silence.
    fn frames(header: [u8; 4], len: usize) -> Vec<u8> {
        let mut frame = vec![0; len];
        frame[..4].copy_from_slice(&header);
        frame.repeat(10)
    }

    #[test]
    fn an_mp3_says_it_in_its_first_frames() {
        for (frames, rate) in [
            // MPEG-2.5 at 32 kbit/s and 8 kHz, like Twilio's recordings, in mono and in stereo.
            (frames([0xff, 0xe3, 0x48, 0xc0], 288), 4_000),
            (frames([0xff, 0xe3, 0x48, 0], 288), 4_000),
            // MPEG-1 at 64 kbit/s and 32 kHz.
            (frames([0xff, 0xfb, 0x58, 0xc0], 288), 8_000),
        ] {
            assert_eq!(bytes_per_second(&frames), Some(rate));
            assert_eq!(bytes_per_second(&frames[..frames.len() - 100]), Some(rate), "cut");
            let mut tagged = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
            tagged.extend([0; 130]);
            tagged.extend(&frames);
            assert_eq!(bytes_per_second(&tagged), Some(rate), "behind a tag");
        }
    }

    #[test]
    fn bytes_that_do_not_show_a_rate_have_none() {
        let page = b"<html><body>502 Bad Gateway</body></html>";
        for head in [&b""[..], b"\xff", b"\xff\xfb\x90", b"ID3", b"OggS", page] {
            assert_eq!(bytes_per_second(head), None, "{head:?}");
        }
    }
}
