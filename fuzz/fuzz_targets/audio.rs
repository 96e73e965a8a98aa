//! Any bytes as a recording's, in any pieces: the recogniser gives one verdict, whatever the pieces are, and no more audio
//! than there are bytes for.

#![no_main]

use audio::{Look, Recogniser, Verdict, look_at};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u16)| {
    let (recording, piece) = input;
    let whole = verdict(&recording, usize::MAX);
    assert_eq!(verdict(&recording, usize::from(piece).max(1)), whole);
    match (whole, look_at(&recording[..recording.len().min(audio::HEAD_LEN)])) {
        (Verdict::Audio(audio), look) => {
            assert_eq!(look, Look::Audio(audio.format));
            assert!(audio.channels > 0);
        }
        // What was sent away by its head is not taken back by the rest.
        (verdict, Look::NotAudio(other)) => assert_eq!(verdict, Verdict::NotAudio(other)),
        _ => {}
    }
});

fn verdict(recording: &[u8], piece: usize) -> Verdict {
    let mut recogniser = Recogniser::new();
    for piece in recording.chunks(piece) {
        recogniser.update(&Bytes::copy_from_slice(piece));
    }
    recogniser.finish()
}
