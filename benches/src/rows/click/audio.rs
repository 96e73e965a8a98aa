//! A call as a recording has it: two voices in turn, in 16 bits at 8 kHz.

use bytes::Bytes;

const CHANNELS: usize = 2;
const HZ: usize = 8_000;
const BYTES_PER_SECOND: usize = 2 * CHANNELS * HZ;

/// A stereo WAV of this duration. Each voice is noise that swells with its syllables, and one is silent while the other
/// speaks, so that the waveform shows both.
pub(super) fn call(seconds: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(7);
    let mut wav = header(seconds * BYTES_PER_SECOND);
    for at in 0..seconds * HZ {
        let second = at as f64 / HZ as f64;
        let speaker = second as usize / 4 % CHANNELS;
        let loudness = 6_000.0 * (second * 12.0).sin().abs() + 200.0;
        for channel in 0..CHANNELS {
            let peak = if channel == speaker { loudness } else { 30.0 };
            let sample = (random.f64() * 2.0 - 1.0) * peak;
            wav.extend_from_slice(&(sample as i16).to_le_bytes());
        }
    }
    Bytes::from(wav)
}

fn header(len: usize) -> Vec<u8> {
    let (len, rate, hz) = (len as u32, BYTES_PER_SECOND as u32, HZ as u32);
    let mut header = Vec::with_capacity(len as usize + 44);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&(len + 36).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    header.extend_from_slice(&hz.to_le_bytes());
    header.extend_from_slice(&rate.to_le_bytes());
    header.extend_from_slice(b"\x04\0\x10\0data");
    header.extend_from_slice(&len.to_le_bytes());
    header
}
