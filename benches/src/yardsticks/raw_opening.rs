//! *raw opening*: AES-256-GCM of aws-lc-rs alone, over the same number of bytes. Nothing that decrypts can take less time.

use std::{
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

use crate::Failure;

const KEY: [u8; 32] = [1; 32];

/// The length of a frame's plaintext, which is the length of one message of the cipher.
const FRAME: usize = 64 * 1024;

/// A mebibyte stays in the processor's cache, like bytes that have just arrived.
const BATCH: usize = 16;

/// The time that `threads` threads need to open `len` bytes together. A part of a batch counts as a whole one.
pub(crate) fn raw_opening(len: u64, threads: usize) -> Result<Duration, Failure> {
    let batches = len.div_ceil((threads * BATCH * FRAME) as u64);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(move || open(batches))).collect();
        let mut slowest = Duration::ZERO;
        for thread in running {
            slowest = slowest.max(thread.join().map_err(|_| "a thread panicked")??);
        }
        Ok(slowest)
    })
}

/// Opens batches. The time to seal them first is not counted.
fn open(batches: u64) -> Result<Duration, Failure> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).map_err(|_| "no key")?);
    let nonce = || Nonce::assume_unique_for_key([7; 12]);
    let mut batch = vec![vec![7; FRAME]; BATCH];
    let mut took = Duration::ZERO;
    for _ in 0..batches {
        let seal = |text: &mut Vec<u8>| key.seal_in_place_separate_tag(nonce(), Aad::empty(), text);
        let tags: Result<Vec<Tag>, _> = batch.iter_mut().map(seal).collect();
        let tags = tags.map_err(|_| "not sealed")?;
        let begun = Instant::now();
        for (text, tag) in batch.iter_mut().zip(&tags) {
            key.open_in_place_separate_tag(nonce(), Aad::empty(), tag.as_ref(), text)
                .map_err(|_| "not opened")?;
        }
        took += begun.elapsed();
    }
    Ok(took)
}
