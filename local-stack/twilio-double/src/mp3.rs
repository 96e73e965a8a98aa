//! A sample MP3: silence, which needs no encoder.

/// MPEG-1 layer III, no checksum, 32 kbit/s like Twilio's, 32 kHz, one channel (ISO/IEC 11172-3, 2.4.1.3).
const HEADER: [u8; 4] = [0xff, 0xfb, 0x18, 0xc0];

/// 144 × 32,000 bit/s ÷ 32,000 Hz.
const FRAME_LEN: usize = 144;

/// 1,152 samples at 32 kHz.
pub const FRAME_MS: u32 = 36;

/// The same with two channels.
const STEREO_HEADER: [u8; 4] = [0xff, 0xfb, 0x18, 0x00];

/// An MP3 file with this many frames. After its header, a frame is zeros: side information that means no sound.
#[must_use]
pub fn silence(frames: u32) -> Vec<u8> {
    frames_of(HEADER, frames)
}

/// The same for a dual-channel recording.
#[must_use]
pub fn stereo_silence(frames: u32) -> Vec<u8> {
    frames_of(STEREO_HEADER, frames)
}

fn frames_of(header: [u8; 4], frames: u32) -> Vec<u8> {
    let mut frame = [0; FRAME_LEN];
    frame[..header.len()].copy_from_slice(&header);
    frame.repeat(frames as usize)
}

#[cfg(test)]
mod tests {
    use audio::{Recognizer, Verdict};
    use bytes::Bytes;

    use super::*;

    #[test]
    fn silence_is_recognized_with_its_duration() {
        for (mp3, channels) in [(silence(1_000), 1), (stereo_silence(1_000), 2)] {
            let mut recognizer = Recognizer::new();
            recognizer.update(&Bytes::from(mp3));
            let Verdict::Audio(audio) = recognizer.finish() else {
                panic!("not recognized");
            };
            assert_eq!((audio.channels, audio.duration.as_secs()), (channels, 36));
        }
    }
}
