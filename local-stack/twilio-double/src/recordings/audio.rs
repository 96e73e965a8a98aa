//! Channels and duration of an audio file, from its first bytes.

use super::format::MediaFormat;

/// Twilio's MP3 recordings are 32 kbit/s: 32,000 / 8 bytes a second.
const MP3_BYTES_PER_SECOND: u64 = 4_000;

/// Twilio's WAV recordings have 8,000 samples of 16 bits for each second and channel: 8,000 × 2 bytes.
const WAV_BYTES_PER_SECOND: u64 = 16_000;

/// The audio facts in a recording's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audio {
    /// 1 or 2.
    pub(crate) channels: u16,
    /// Rounded to the nearest second.
    pub(crate) seconds: u64,
}

impl Audio {
    /// `head` is the beginning of the file, `len` its length. A file whose bytes do not match its name is reported as
    /// mono at Twilio's usual rate. A recording that Twilio encrypted is such a file.
    pub(super) fn of(format: MediaFormat, head: &[u8], len: u64) -> Self {
        match format {
            MediaFormat::Wav => wav(head, len).unwrap_or_else(|| Self {
                channels: 1,
                seconds: nearest(len, WAV_BYTES_PER_SECOND),
            }),
            MediaFormat::Mp3 => Self {
                channels: mp3_channels(head).unwrap_or(1),
                seconds: nearest(len, MP3_BYTES_PER_SECOND),
            },
        }
    }
}

/// RIFF: `RIFF`, length, `WAVE`, then chunks. A chunk has a four-letter name, a length, and that many bytes (padded to
/// even).
fn wav(head: &[u8], file_len: u64) -> Option<Audio> {
    if head.get(..4)? != b"RIFF" || head.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut format = None;
    let mut at = 12;
    loop {
        let len = u32_at(head, at + 4)?;
        let body = at + 8;
        match head.get(at..at + 4)? {
            b"fmt " => format = Some((u16_at(head, body + 2)?, u32_at(head, body + 8)?)),
            b"data" => {
                let (channels, bytes_per_second) = format?;
                // A header that was written before the length was known has 0xFFFFFFFF. The data then ends with the
                // file.
                let data_len = u64::from(len).min(file_len.saturating_sub(body as u64));
                return Some(Audio {
                    channels,
                    seconds: nearest(data_len, u64::from(bytes_per_second)),
                });
            }
            _ => {}
        }
        at = body + usize::try_from(len).ok()? + usize::try_from(len % 2).ok()?;
    }
}

/// The channel mode is the top two bits of a frame's fourth byte; 0b11 is mono (ISO/IEC 11172-3, 2.4.2.3).
fn mp3_channels(head: &[u8]) -> Option<u16> {
    let frames = match head.strip_prefix(b"ID3") {
        // The length of the tag is four bytes of seven bits each, after version and flags. It does not include the
        // ten-byte header.
        Some(_) => {
            let len = head
                .get(6..10)?
                .iter()
                .fold(0, |len, byte| len << 7 | usize::from(byte & 0x7f));
            head.get(10 + len..)?
        }
        None => head,
    };
    let [0xff, second, _, fourth, ..] = frames else {
        return None;
    };
    (second & 0xe0 == 0xe0).then_some(if fourth >> 6 == 0b11 { 1 } else { 2 })
}

fn nearest(bytes: u64, bytes_per_second: u64) -> u64 {
    let per_second = bytes_per_second.max(1);
    (bytes + per_second / 2) / per_second
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::wav_of;

    #[test]
    fn a_wav_header_shows_channels_and_seconds() {
        for channels in [1, 2] {
            let file = wav_of(channels, 3);
            let audio = Audio::of(MediaFormat::Wav, &file[..64], file.len() as u64);
            assert_eq!(audio, Audio { channels, seconds: 3 });
        }
    }

    #[test]
    fn chunks_before_the_format_are_passed_over() {
        let plain = wav_of(2, 1);
        let mut listed = plain[..12].to_vec();
        listed.extend(b"LIST\x03\0\0\0abc\0");
        listed.extend(&plain[12..]);
        assert_eq!(
            Audio::of(MediaFormat::Wav, &listed, listed.len() as u64),
            Audio {
                channels: 2,
                seconds: 1
            }
        );
    }

    #[test]
    fn every_truncation_and_an_unknown_length_are_read_without_harm() {
        let mut file = wav_of(2, 2);
        for end in 0..64 {
            Audio::of(MediaFormat::Wav, &file[..end], end as u64);
        }
        file[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            Audio::of(MediaFormat::Wav, &file, file.len() as u64),
            Audio {
                channels: 2,
                seconds: 2
            }
        );
    }

    #[test]
    fn a_file_that_is_no_wav_counts_as_mono_at_twilios_rate() {
        assert_eq!(
            Audio::of(MediaFormat::Wav, &[7; 64], 32_000),
            Audio {
                channels: 1,
                seconds: 2
            }
        );
    }

    #[test]
    fn an_mp3s_first_frame_shows_its_channels() {
        let mono = [0xff, 0xfb, 0x10, 0xc4];
        let stereo = [0xff, 0xfb, 0x10, 0x44];
        let tagged = [b"ID3\x04\0\0\0\0\0\x02ab".as_slice(), &stereo].concat();
        for (head, channels) in [(mono.as_slice(), 1), (&stereo, 2), (&tagged, 2), (&[], 1)] {
            assert_eq!(Audio::of(MediaFormat::Mp3, head, 8_000), Audio { channels, seconds: 2 });
        }
    }
}
