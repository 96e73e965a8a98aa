//! A sample recording: a duet of tones, in the format of Twilio's dual-channel recordings.

use std::f64::consts::{PI, TAU};

/// Samples a second.
pub const SAMPLE_RATE: u32 = 8_000;

/// Two channels of 16 bits.
pub const BYTES_PER_SECOND: u32 = SAMPLE_RATE * 4;

/// The length of every header that [`header`] makes.
pub const HEADER_LEN: usize = 44;

/// The agent's and the customer's melody: frequencies in hertz, one for each half second. Their lengths differ, so that
/// no two stretches of a few minutes are alike.
const MELODIES: [&[f64]; 2] = [
    &[262.0, 294.0, 330.0, 349.0, 392.0, 440.0, 494.0],
    &[659.0, 587.0, 523.0, 494.0, 440.0, 523.0, 587.0, 698.0, 784.0],
];

/// The period in seconds in which each melody swells and fades, so that the waveform has a shape.
const BREATHS: [f64; 2] = [23.0, 17.0];

/// A WAV file of this many seconds: PCM, 8 kHz, 16 bits, stereo, with a different tune on each channel.
#[must_use]
pub fn duet(seconds: u32) -> Vec<u8> {
    let data_len = seconds * BYTES_PER_SECOND;
    let mut wav = header(2, data_len);
    wav.reserve_exact(data_len as usize);
    for sample in 0..seconds * SAMPLE_RATE {
        for (melody, breath) in MELODIES.into_iter().zip(BREATHS) {
            wav.extend_from_slice(&tone(melody, breath, sample).to_le_bytes());
        }
    }
    wav
}

/// RIFF header, `fmt ` chunk and the head of the `data` chunk, for `data_len` bytes of 8 kHz and 16 bits.
#[must_use]
pub fn header(channels: u16, data_len: u32) -> Vec<u8> {
    let block_align = channels * 2;
    let mut header = Vec::with_capacity(HEADER_LEN);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&(36 + data_len).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16_u32.to_le_bytes());
    let pcm = 1_u16;
    header.extend_from_slice(&pcm.to_le_bytes());
    header.extend_from_slice(&channels.to_le_bytes());
    header.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    header.extend_from_slice(&(SAMPLE_RATE * u32::from(block_align)).to_le_bytes());
    let bits = 16_u16;
    header.extend_from_slice(&block_align.to_le_bytes());
    header.extend_from_slice(&bits.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&data_len.to_le_bytes());
    header
}

fn tone(melody: &[f64], breath: f64, sample: u32) -> i16 {
    let note_len = SAMPLE_RATE / 2;
    let frequency = melody[(sample / note_len) as usize % melody.len()];
    // Each note fades, so that it starts and ends without a click.
    let within = f64::from(sample % note_len) / f64::from(note_len);
    let loudness = (1.0 - within) * (within * 40.0).min(1.0) * 8_000.0;
    let seconds = f64::from(sample) / f64::from(SAMPLE_RATE);
    let swell = 0.1 + (seconds / breath * PI).sin().powi(2);
    ((seconds * frequency * TAU).sin() * loudness * swell) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_in_the_header_are_the_files() {
        let wav = duet(3);
        let field = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(wav.len(), HEADER_LEN + 3 * BYTES_PER_SECOND as usize);
        assert_eq!(field(4), wav.len() - 8);
        assert_eq!(field(40), wav.len() - HEADER_LEN);
        assert_eq!(
            (&wav[..4], &wav[8..16], &wav[36..40]),
            (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
        );
    }

    #[test]
    fn the_channels_differ() {
        let wav = duet(1);
        assert!(wav[HEADER_LEN..].chunks_exact(4).any(|frame| frame[..2] != frame[2..]));
    }
}
