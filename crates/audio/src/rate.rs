//! How much of a stream a second of sound takes, by its first bytes.

use super::wav::WavHeader;

/// MPEG audio's Layer III in kbit/s, by the four bits of a frame's header (ISO/IEC 11172-3 and 13818-3). 0 is "free format",
/// and 15 is forbidden.
const KBIT_MPEG_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBIT_MPEG_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

const ID3_HEADER_LEN: usize = 10;

/// Bytes a second, of a WAV by its header and of an MP3 by its first frame: of an MP3 whose frames vary, not more than a
/// guess. `None` where the first bytes don't say.
#[must_use]
pub fn bytes_per_second(head: &[u8]) -> Option<u32> {
    if head.starts_with(b"RIFF") || head.starts_with(b"RF64") || head.starts_with(b"BW64") {
        let mut header = WavHeader::new();
        header.update(head);
        return header.bytes_per_second().filter(|rate| *rate > 0);
    }
    mpeg(head.get(id3_len(head)..)?)
}

/// How long the ID3 tag in front is: its size has four times seven bits, and doesn't count its header.
fn id3_len(head: &[u8]) -> usize {
    match head {
        [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] => {
            let size = [a, b, c, d]
                .into_iter()
                .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
            ID3_HEADER_LEN + size
        }
        _ => 0,
    }
}

fn mpeg(frame: &[u8]) -> Option<u32> {
    let [0xff, second, third, _, ..] = *frame else {
        return None;
    };
    const LAYER_3: u8 = 0b01;
    let (sync, version, layer) = (second >> 5, second >> 3 & 0b11, second >> 1 & 0b11);
    let kbit = match version {
        _ if sync != 0b111 || layer != LAYER_3 => return None,
        0b11 => KBIT_MPEG_1,
        0b10 | 0b00 => KBIT_MPEG_2,
        _ => return None,
    };
    let kbit = kbit.get(usize::from(third >> 4)).copied().filter(|kbit| *kbit > 0)?;
    Some(kbit * 1000 / 8)
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

    #[test]
    fn an_mp3_says_it_in_its_first_frame() {
        // The second byte has version and layer, the third the bits of the rate. 32 kbit/s of MPEG 2 and 2.5 is Twilio's.
        for (frame, rate) in [
            (b"\xff\xf3\x40\xc0", Some(4_000)),
            (b"\xff\xe3\x48\xc0", Some(4_000)),
            (b"\xff\xfb\x90\0", Some(16_000)),
            (b"\xff\xfb\xe0\0", Some(40_000)),
            // Free format, the forbidden rate, the reserved version, Layer II, no frame.
            (b"\xff\xfb\0\0", None),
            (b"\xff\xfb\xf0\0", None),
            (b"\xff\xeb\x90\0", None),
            (b"\xff\xfd\x90\0", None),
            (b"\xff\xdb\x90\0", None),
            (b"OggS", None),
        ] {
            assert_eq!(bytes_per_second(frame), rate, "{frame:?}");
            let mut tagged = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
            tagged.extend([0; 130]);
            tagged.extend(frame);
            assert_eq!(bytes_per_second(&tagged), rate, "{frame:?}");
        }
        for head in [
            &b""[..],
            b"\xff",
            b"\xff\xfb\x90",
            b"ID3",
            b"ID3\x04\0\0\x7f\x7f\x7f\x7f\xff\xfb\x90\0",
        ] {
            assert_eq!(bytes_per_second(head), None);
        }
    }
}
