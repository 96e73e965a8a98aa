//! Sealing and opening frames, compared with the bare cipher and with the official SDK.

use std::{
    fs,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use esdk_message::{
    DataKey, EncryptedDataKey, EncryptionContext, FrameIndex, FrameKind, FrameLength, MessageId, Opener, Sealer,
    UnverifiedHeader,
};
use serde_json::json;
use toolbox::Scratch;

use crate::{
    Failure,
    bed::Bed,
    measure::{Goal, Row, Sample, ratios},
};

const KEY: [u8; 32] = [1; 32];
const KIND: FrameKind = FrameKind::Regular;

/// The length of a regular frame's authenticated data.
const AAD: [u8; 72] = [0; 72];

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let mut rows = frames(bed)?;
    rows.extend(files(bed).await?);
    Ok(rows)
}

/// Compares 64 KiB frames with aws-lc-rs's AES-256-GCM over the same number of bytes, alternately and in batches.
fn frames(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let batch = if bed.quick { 100 } else { 2_000 };
    let mut sealer = sealer()?;
    let opener = UnverifiedHeader::parse(sealer.header())?.authenticate(&DataKey::from_slice(&KEY)?)?;
    let frame_len = sealer.frame_length().bytes() as usize;
    let mut frame = vec![0; frame_len + KIND.overhead()];
    let mut text = vec![0; frame_len];
    let mut medians: [Vec<f64>; 4] = Default::default();
    for _ in 0..bed.rounds() {
        let mut times: [Vec<f64>; 4] = Default::default();
        for _ in 0..batch {
            let [seal, seal_bare, open, open_bare] = &mut times;
            let index = sealer.next_frame();
            sealed(&mut sealer, &mut frame, seal)?;
            let tag = bare_sealed(&mut text, seal_bare)?;
            opened(&opener, index, &mut frame, open)?;
            bare_opened(&mut text, &tag, open_bare)?;
        }
        for (medians, times) in medians.iter_mut().zip(times) {
            medians.push(Sample::new(times).median());
        }
    }
    let [seal, seal_bare, open, open_bare] = &medians;
    let row = |what: &str, figure| {
        Row::new(
            "cipher",
            format!("64 KiB frames, {what} against raw aws-lc-rs"),
            "×",
            figure,
        )
    };
    Ok(vec![
        row("seal", ratios(seal_bare, seal)).goal(Goal::AtLeast(0.9)),
        row("open", ratios(open_bare, open)).goal(Goal::AtLeast(0.9)),
    ])
}

fn sealed(sealer: &mut Sealer, frame: &mut [u8], times: &mut Vec<f64>) -> Result<(), Failure> {
    let begun = Instant::now();
    sealer.seal_next(frame)?;
    times.push(begun.elapsed().as_secs_f64());
    Ok(())
}

fn opened(opener: &Opener, index: FrameIndex, frame: &mut [u8], times: &mut Vec<f64>) -> Result<(), Failure> {
    let begun = Instant::now();
    opener.open_frame(index, KIND, frame)?;
    times.push(begun.elapsed().as_secs_f64());
    Ok(())
}

fn bare_sealed(text: &mut [u8], times: &mut Vec<f64>) -> Result<Vec<u8>, Failure> {
    let cipher = cipher()?;
    let begun = Instant::now();
    let tag = cipher.seal_in_place_separate_tag(iv(), Aad::from(AAD), text);
    times.push(begun.elapsed().as_secs_f64());
    Ok(tag.map_err(|_| "not sealed")?.as_ref().to_vec())
}

fn bare_opened(text: &mut [u8], tag: &[u8], times: &mut Vec<f64>) -> Result<(), Failure> {
    let cipher = cipher()?;
    let begun = Instant::now();
    cipher
        .open_in_place_separate_tag(iv(), Aad::from(AAD), tag, text)
        .map_err(|_| "not opened")?;
    times.push(begun.elapsed().as_secs_f64());
    Ok(())
}

/// Compares encryption and decryption of a file with the official Python SDK, all in whole frames. Ours runs on one
/// thread in memory.
async fn files(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len: usize = if bed.quick { 2 << 20 } else { 64 << 20 };
    let folder = Scratch::new()?;
    let [plain, message, back] = ["plain", "message", "back"].map(|name| folder.path().join(name));
    let text = vec![7; len];
    fs::write(&plain, &text)?;
    let mut oracle = bed.oracle().await?;
    let [mut ours_in, mut theirs_in, mut ours_out, mut theirs_out] = [(); 4].map(|()| Vec::new());
    for _ in 0..bed.rounds().min(7) {
        let begun = Instant::now();
        oracle
            .run(&json!({"do": "encrypt", "file": plain, "out": message}))
            .await?;
        theirs_in.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        oracle
            .run(&json!({"do": "decrypt", "file": message, "out": back}))
            .await?;
        theirs_out.push(begun.elapsed().as_secs_f64());
        if fs::metadata(&back)?.len() != len as u64 {
            return Err("the oracle returned different content".into());
        }
        let (sealing, opening) = whole(&text)?;
        ours_in.push(sealing.as_secs_f64());
        ours_out.push(opening.as_secs_f64());
    }
    let mib = len >> 20;
    let row = |what: &str, figure| {
        Row::new(
            "cipher",
            format!("{mib} MiB, {what} against the official Python SDK"),
            "×",
            figure,
        )
    };
    Ok(vec![
        row("encrypt", ratios(&theirs_in, &ours_in)),
        row("decrypt", ratios(&theirs_out, &ours_out)),
    ])
}

/// The times to seal and to open a whole message in memory.
fn whole(text: &[u8]) -> Result<(Duration, Duration), Failure> {
    let begun = Instant::now();
    let mut message = sealer()?.seal_message(text)?;
    let sealing = begun.elapsed();

    let begun = Instant::now();
    let opener = UnverifiedHeader::parse(&message)?.authenticate(&DataKey::from_slice(&KEY)?)?;
    let frame_len = opener.frame_length().bytes() as usize;
    let frames = &mut message[opener.header_len() as usize..];
    let stored = frame_len + KIND.overhead();
    // The text consists of whole frames. The last one is the final frame, which is longer.
    let last = text.len() / frame_len - 1;
    for (index, at) in (0..=last).map(|index| (index, index * stored)) {
        let (kind, end) = if index == last {
            (FrameKind::Final, frames.len())
        } else {
            (KIND, at + stored)
        };
        opener.open_frame(FrameIndex::new(index as u32), kind, &mut frames[at..end])?;
    }
    Ok((sealing, begun.elapsed()))
}

fn sealer() -> Result<Sealer, Failure> {
    let wrapped = EncryptedDataKey {
        provider_id: "aws-kms".into(),
        provider_info: "arn:aws:kms:us-east-1:111122223333:key/example".into(),
        ciphertext: vec![1; 184],
    };
    let key = DataKey::from_slice(&KEY)?;
    let context = EncryptionContext::default();
    Ok(Sealer::new(
        &key,
        MessageId::random(),
        FrameLength::DEFAULT,
        &context,
        &[wrapped],
    )?)
}

fn cipher() -> Result<LessSafeKey, Failure> {
    Ok(LessSafeKey::new(
        UnboundKey::new(&AES_256_GCM, &KEY).map_err(|_| "no key")?,
    ))
}

fn iv() -> Nonce {
    Nonce::assume_unique_for_key([7; 12])
}
