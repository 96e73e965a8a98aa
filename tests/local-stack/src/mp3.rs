//! An MP3 to play with: silence, which takes no encoder.

/// MPEG-1 layer III, no checksum, 64 kbit/s, 32 kHz, one channel (ISO/IEC 11172-3, 2.4.1.3).
const HEADER: [u8; 4] = [0xff, 0xfb, 0x58, 0xc0];

/// 144 × 64,000 bit/s ÷ 32,000 Hz.
const FRAME_LEN: usize = 288;

/// 1,152 samples at 32 kHz.
pub const FRAME_MS: u32 = 36;

/// An MP3 file of so many frames. After its header a frame is zeros: side information that says it has no sound.
pub fn silence(frames: u32) -> Vec<u8> {
    let mut frame = [0; FRAME_LEN];
    frame[..HEADER.len()].copy_from_slice(&HEADER);
    frame.repeat(frames as usize)
}
