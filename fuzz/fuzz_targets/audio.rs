//! Any bytes as a recording, in pieces of any size. The recognizer must give the same verdict for all pieces, and must
//! never report more audio than there are bytes.

#![no_main]

use audio::{Look, Recognizer, Verdict, look_at};
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
        // The rest must not change a refusal that the head caused.
        (verdict, Look::NotAudio(other)) => assert_eq!(verdict, Verdict::NotAudio(other)),
        _ => {}
    }
});

fn verdict(recording: &[u8], piece: usize) -> Verdict {
    let mut recognizer = Recognizer::new();
    for piece in recording.chunks(piece) {
        recognizer.update(&Bytes::copy_from_slice(piece));
    }
    recognizer.finish()
}
