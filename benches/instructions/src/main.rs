//! Seals, opens or digests frames of 64 KiB, and nothing else: `instructions seal|open|digest FRAMES`. The harness counts the
//! instructions of two runs with different numbers of frames. The difference is the work without the start of the process.

use std::{env, error::Error, hint::black_box, process::ExitCode};

use aws_lc_rs::digest::{SHA256, digest};
use esdk_message::{
    DataKey, EncryptedDataKey, EncryptionContext, FrameIndex, FrameKind, FrameLength, MessageId, Opener, Sealer,
    UnverifiedHeader,
};

const KEY: [u8; 32] = [1; 32];
const KIND: FrameKind = FrameKind::Regular;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["seal", frames] => seal(frames.parse()?)?,
        ["open", frames] => open(frames.parse()?)?,
        ["digest", frames] => digest_frames(frames.parse()?),
        _ => {
            eprintln!("usage: instructions seal|open|digest FRAMES");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn seal(frames: u32) -> Result<(), Box<dyn Error>> {
    let mut sealer = sealer()?;
    let mut frame = empty_frame();
    for _ in 0..frames {
        sealer.seal_next(&mut frame)?;
    }
    black_box(frame);
    Ok(())
}

/// Opens the first frame again and again. It is copied each time, because a frame is opened in place.
fn open(frames: u32) -> Result<(), Box<dyn Error>> {
    let mut sealer = sealer()?;
    let opener: Opener = UnverifiedHeader::parse(sealer.header())?.authenticate(&DataKey::from_slice(&KEY)?)?;
    let mut sealed = empty_frame();
    sealer.seal_next(&mut sealed)?;
    let mut frame = sealed.clone();
    for _ in 0..frames {
        frame.copy_from_slice(&sealed);
        opener.open_frame(FrameIndex::FIRST, KIND, &mut frame)?;
    }
    black_box(frame);
    Ok(())
}

fn digest_frames(frames: u32) {
    let frame = vec![7; FrameLength::DEFAULT.bytes() as usize];
    for _ in 0..frames {
        black_box(digest(&SHA256, &frame));
    }
}

fn empty_frame() -> Vec<u8> {
    vec![0; FrameLength::DEFAULT.bytes() as usize + KIND.overhead()]
}

fn sealer() -> Result<Sealer, Box<dyn Error>> {
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
