use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::verdict::Audio;

fn verdict(bytes: &[u8]) -> Verdict {
    in_pieces(bytes, usize::MAX)
}

fn in_pieces(bytes: &[u8], step: usize) -> Verdict {
    let mut recognizer = Recognizer::new();
    for piece in bytes.chunks(step) {
        recognizer.update(&Bytes::copy_from_slice(piece));
    }
    recognizer.finish()
}

fn mpeg(channels: u16, millis: u64) -> Verdict {
    Verdict::Audio(Audio {
        format: Format::Mpeg,
        channels,
        duration: Duration::from_millis(millis),
    })
}

/// MPEG-1 layer III frames of 288 bytes at 64 kbit/s and 32 kHz: 36 ms of silence each, mono.
fn silence(frames: usize) -> Vec<u8> {
    let mut frame = [0; 288];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x58, 0xc0]);
    frame.repeat(frames)
}

/// Frames with the rates of Twilio's recordings: MPEG-2.5 layer III at 32 kbit/s and 8 kHz, 288 bytes and 72 ms each,
/// in stereo or mono.
fn telephone(channels: u16, frames: usize) -> Vec<u8> {
    let mode = if channels == 1 { 0xc0 } else { 0 };
    let mut frame = [0; 288];
    frame[..4].copy_from_slice(&[0xff, 0xe3, 0x48, mode]);
    frame.repeat(frames)
}

/// Random bytes (xorshift64).
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// An ID3v2.4 tag of this length. The length is encoded with seven bits in each byte.
fn id3(len: usize, body: u8) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (len >> shift & 0x7f) as u8);
    [b"ID3\x04\0\0".as_slice(), &size, &vec![body; len]].concat()
}

#[test]
fn mpeg_frames_give_channels_and_duration() {
    assert_eq!(verdict(&silence(1_000)), mpeg(1, 36_000));
    assert_eq!(verdict(&telephone(1, 500)), mpeg(1, 36_000));
    assert_eq!(verdict(&telephone(2, 500)), mpeg(2, 36_000));
}

#[test]
fn a_tag_before_or_behind_the_frames_is_passed_over() {
    for len in [0, 45, 2_000, 300_000] {
        let tagged = [id3(len, 0), silence(100)].concat();
        assert_eq!(verdict(&tagged), mpeg(1, 3_600), "{len}");
    }
    let id3v1 = [b"TAG".as_slice(), &[0; 125]].concat();
    assert_eq!(verdict(&[silence(100), id3v1].concat()), mpeg(1, 3_600));
}

#[test]
fn an_encoders_note_of_the_length_is_not_trusted() {
    for id in [b"Xing", b"Info"] {
        let mut noted = silence(1);
        // An id, flags and a number of frames follow the frame's side information, which has 17 bytes in mono.
        noted[21..25].copy_from_slice(id);
        noted[25..29].copy_from_slice(&1_u32.to_be_bytes());
        noted[29..33].copy_from_slice(&100_000_u32.to_be_bytes());
        assert_eq!(verdict(&[noted, silence(100)].concat()), mpeg(1, 3_600));
    }
}

#[test]
fn frames_that_are_cut_last_as_long_as_they_are_there() {
    let whole = silence(100);
    assert_eq!(verdict(&whole[..288 * 50 + 100]), mpeg(1, 1_800));
}

#[test]
fn bytes_that_only_begin_or_end_like_mpeg_stay_unknown() {
    for bytes in [
        b"\xff\xfb".to_vec(),
        [b"\xff\xfb".as_slice(), &noise(200_000)].concat(),
        [silence(100), noise(200_000)].concat(),
        [noise(200_000), silence(100)].concat(),
        id3(1_000, 0),
        [b"ID3 the bytes of a text that says so".as_slice(), &[b'x'; 4_000]].concat(),
        // AAC in ADTS begins with the same twelve bits.
        b"\xff\xf1\x50\x80\x02\x1f\xfc".repeat(1_000),
        vec![0xff; 100_000],
    ] {
        assert_eq!(verdict(&bytes), Verdict::Unknown, "{} bytes", bytes.len());
    }
}

#[test]
fn bytes_of_nothing_known_stay_unknown() {
    for len in [1, 511, 512, 513, 100_000] {
        assert_eq!(verdict(&noise(len)), Verdict::Unknown, "{len}");
    }
    assert_eq!(verdict(b"sixteen of text!"), Verdict::Unknown);
}

#[test]
fn documents_are_no_recordings_however_long() {
    let page = [b"<html>".as_slice(), &b"<p>Bad Gateway</p>".repeat(1_000)].concat();
    assert_eq!(verdict(&page), Verdict::NotAudio(NotAudio::Markup));
    assert_eq!(verdict(b"{}"), Verdict::NotAudio(NotAudio::Json));
    assert_eq!(verdict(b""), Verdict::NotAudio(NotAudio::Nothing));
    let cut = NotAudio::Cut {
        claimed: 12,
        received: 4,
    };
    assert_eq!(verdict(b"RIFF"), Verdict::NotAudio(cut));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_change_nothing(
        kind in 0..5,
        len in 0usize..3_000,
        step in 1usize..1_500,
    ) {
        let mut bytes = match kind {
            0 => silence(11),
            1 => [id3(700, 0), telephone(2, 9)].concat(),
            2 => noise(3_000),
            3 => [b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0".as_slice(), &noise(2_000)].concat(),
            _ => b"<html>".repeat(500),
        };
        bytes.truncate(len);
        prop_assert_eq!(in_pieces(&bytes, step), verdict(&bytes));
    }
}
