//! Verification of whole recordings.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use esdk_message::FrameIndex;
use sid::RecordingSid;
use vault::{Audio, ContentType, Expectation, Format, ObjectKeys, ReadError, RecordedFrom, Verdict};

use crate::{
    damage::layout,
    sealed::{F, Shape, reader, seal, store},
    support::{World, noise, proxy::Fault, recording},
};

async fn verify(world: &World, recording: &RecordingSid) -> Result<vault::Verified, ReadError> {
    reader(world).verify(recording).await
}

fn is_damaged(verified: &Result<vault::Verified, ReadError>) -> bool {
    matches!(verified, Err(ReadError::Damaged(_)))
}

fn shapes() -> impl Iterator<Item = Shape> {
    [(false, true), (false, false), (true, true), (true, false)]
        .into_iter()
        .map(|(empty_final_frame, length_known)| Shape {
            empty_final_frame,
            length_known,
            ..Shape::default()
        })
}

/// The ends of the header, of each frame and of the object.
fn ends(object: &[u8]) -> Vec<usize> {
    let layout = layout(object);
    let stored = |frame| layout.object_range(FrameIndex::new(frame)..FrameIndex::new(frame + 1));
    let header = stored(0).start.0 as usize;
    let frames = (0..layout.frames()).map(|frame| stored(frame).end.0 as usize);
    std::iter::once(header).chain(frames).collect()
}

#[tokio::test]
async fn a_recording_of_any_length_is_verified_as_it_was_stored() {
    let world = World::start().await;
    for shape in shapes() {
        for len in [0, 1, F - 1, F, F + 1, 3 * F, 5 * F + 17] {
            let plaintext = noise(len, 1);
            store(&world, &recording(1), &plaintext, &shape).await;
            world.proxy.forget_calls();
            let receipt = verify(&world, &recording(1)).await.unwrap().receipt;
            assert_eq!(receipt.length, len as u64);
            assert_eq!(receipt.media_type, ContentType::Wav);
            assert_eq!(receipt.sha256, hex::encode(digest(&SHA256, &plaintext)));
            assert_eq!((receipt.version_id, receipt.suspect), (None, None));
            assert_eq!(receipt.recorded_from, RecordedFrom::Reading);
            assert_eq!(receipt.kms_key_arn, world.key.as_str());
            assert_eq!(world.proxy.count("Decrypt"), 1);
        }
    }
}

#[tokio::test]
async fn a_recording_is_verified_by_one_get_and_a_look_at_its_end() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(40 * F + 17, 1), &Shape::default()).await;
    verify(&world, &recording(1)).await.unwrap();
    let gets = ["GetObject", "GetObjectSuffix"].map(|name| world.proxy.count(name));
    assert_eq!(gets, [1, 1]);
}

#[tokio::test]
async fn a_flipped_bit_in_any_frame_is_damage() {
    let world = World::start().await;
    for shape in shapes() {
        // The plaintext has whole frames, so that one shape ends in an empty frame, which a playback never reads.
        let object = seal(&world, &recording(1), &noise(2 * F, 1), &shape).await;
        let mut start = 0;
        for end in ends(&object) {
            for at in [start, start + 4, start + 15, start + 30, end - 1] {
                let mut damaged = object.clone();
                damaged[at] ^= 1;
                world.put_object(&recording(1).object_key(), damaged).await;
                let verified = verify(&world, &recording(1)).await;
                assert!(is_damaged(&verified), "{shape:?}, byte {at}: {verified:?}");
            }
            start = end;
        }
    }
}

#[tokio::test]
async fn a_cut_or_lengthened_object_is_damage() {
    let world = World::start().await;
    for shape in shapes() {
        let object = seal(&world, &recording(1), &noise(2 * F, 1), &shape).await;
        let cuts = ends(&object).into_iter().flat_map(|end| [end - 1, end, end + 1]);
        let cuts = cuts.filter(|cut| *cut < object.len());
        let cut = cuts.map(|cut| object[..cut].to_vec());
        let longer = [1, 32, 40].map(|more| [&object[..], &vec![0; more]].concat());
        for damaged in cut.chain(longer) {
            let len = damaged.len();
            world.put_object(&recording(1).object_key(), damaged).await;
            let verified = verify(&world, &recording(1)).await;
            assert!(is_damaged(&verified), "{shape:?}, {len} bytes: {verified:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_continued_in_the_same_version() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    world.proxy.inject("GetObject", 0..2, Fault::CutBody(F + F / 2));
    let verified = verify(&world, &recording(1)).await.unwrap();
    assert_eq!(verified.receipt.sha256, hex::encode(digest(&SHA256, &plaintext)));
    let calls = world.proxy.calls();
    let mut gets = calls.iter().filter(|call| call.operation == "GetObject").skip(1);
    assert!(gets.clone().count() == 2 && gets.all(|get| get.if_match.as_deref().is_some()));
}

#[tokio::test]
async fn a_recording_replaced_meanwhile_is_verified_again_once() {
    let replaced = noise(2 * F, 2);
    for replacements in [1, 2] {
        let world = World::start_versioned().await;
        store(&world, &recording(1), &noise(3 * F, 1), &Shape::default()).await;
        let newer = seal(&world, &recording(1), &replaced, &Shape::default()).await;
        for nth in 0..replacements {
            // Every other reply breaks off, and the object is replaced before the request for the rest. A fault does not
            // count the replies that earlier faults hit.
            world.proxy.inject("GetObject", nth..nth + 1, Fault::CutBody(F + F / 2));
            let (s3, bucket, body) = (world.direct_s3(), world.bucket.clone(), newer.clone());
            world.proxy.before("GetObject", 2 * nth + 1, async move {
                // The bytes differ each time, because an emulator's ETag is their digest.
                let object = [&body[..], &vec![0; nth]].concat();
                let put = s3.put_object().bucket(bucket).key(recording(1).object_key());
                put.body(object.into()).send().await.unwrap();
            });
        }
        let verified = verify(&world, &recording(1)).await;
        if replacements == 1 {
            let verified = verified.unwrap();
            assert_eq!(verified.receipt.sha256, hex::encode(digest(&SHA256, &replaced)));
            let versions = world.versions(&recording(1).object_key()).await;
            assert_eq!(versions.len(), 2);
            assert_eq!(verified.receipt.version_id.as_ref(), versions.first());
        } else {
            assert!(matches!(verified, Err(ReadError::Changed)), "{verified:?}");
        }
    }
}

#[tokio::test]
async fn the_cache_is_neither_read_nor_filled() {
    let world = World::start().await;
    let object = store(&world, &recording(1), &noise(2 * F, 1), &Shape::default()).await;
    let reader = reader(&world);
    reader.open(&recording(1), Expectation::Facts).await.unwrap();
    reader.verify(&recording(1)).await.unwrap();
    assert_eq!(world.proxy.count("Decrypt"), 2);

    let mut damaged = object;
    *damaged.last_mut().unwrap() ^= 1;
    world.put_object(&recording(1).object_key(), damaged).await;
    assert!(is_damaged(&reader.verify(&recording(1)).await));

    store(&world, &recording(2), &noise(F, 2), &Shape::default()).await;
    reader.verify(&recording(2)).await.unwrap();
    world.proxy.forget_calls();
    reader.open(&recording(2), Expectation::Facts).await.unwrap();
    assert_eq!(world.proxy.count("Decrypt"), 1);
}

#[tokio::test]
async fn a_recording_says_what_it_is_and_how_long_it_plays() {
    let world = World::start().await;
    // 2.5 seconds of two channels with 16 bits at 8 kHz.
    let mut wav =
        b"RIFF\xa4\x38\x01\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\x80\x38\x01\0"
            .to_vec();
    wav.extend_from_slice(&noise(80_000, 1));
    store(&world, &recording(1), &wav, &Shape::default()).await;
    let verified = verify(&world, &recording(1)).await.unwrap();
    let audio = Audio {
        format: Format::Wav,
        channels: 2,
        duration: Duration::from_millis(2_500),
    };
    assert_eq!(verified.verdict, Verdict::Audio(audio));
}

#[tokio::test]
async fn an_absent_recording_and_an_outage_are_distinguished_from_damage() {
    let world = World::start().await;
    assert!(matches!(verify(&world, &recording(1)).await, Err(ReadError::NotFound)));
    store(&world, &recording(1), &noise(3 * F, 1), &Shape::default()).await;
    world.proxy.inject("GetObject", 0..1, Fault::CutBody(F));
    world
        .proxy
        .inject("GetObject", 0..usize::MAX, Fault::Error(503, "SlowDown"));
    assert!(matches!(
        verify(&world, &recording(1)).await,
        Err(ReadError::Unavailable(_))
    ));
}
