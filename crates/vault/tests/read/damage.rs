//! Damaged and forged objects. No byte is released that has not verified, and no wrong length is returned.

use esdk_message::{FrameLength, Layout, UnverifiedHeader};
use vault::{Expectation, ObjectKeys, ReadError};

use crate::{
    sealed::{F, Shape, bytes, context, data_key, read, reader, seal, seal_with, store},
    support::{World, noise, proxy::Fault, recording},
};

/// The layout of `object`.
pub(crate) fn layout(object: &[u8]) -> Layout {
    let header = UnverifiedHeader::parse(object).unwrap();
    Layout::of_object(header.len(), FrameLength::DEFAULT, object.len() as u64).unwrap()
}

/// The stored bytes of the header and of each frame.
fn pieces(object: &[u8]) -> Vec<Vec<u8>> {
    let header_len = UnverifiedHeader::parse(object).unwrap().len() as usize;
    let (header, frames) = object.split_at(header_len);
    let frames = frames.chunks(F + 32).map(<[u8]>::to_vec);
    std::iter::once(header.to_vec()).chain(frames).collect()
}

#[tokio::test]
async fn a_tampered_frame_ends_the_stream_after_the_frames_before_it() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    for shape in [Shape::default(), Shape::length_unknown()] {
        let object = seal(&world, &recording(1), &plaintext, &shape).await;
        let frames = pieces(&object);
        let mut start = frames[0].len();
        for (frame, stored) in frames[1..].iter().enumerate() {
            // In the sequence number, the IV, the ciphertext and the tag.
            for at in [0, 4, 15, 30, stored.len() - 1] {
                let mut damaged = object.clone();
                damaged[start + at] ^= 1;
                world.put_object(&recording(1).object_key(), damaged).await;
                let (seen, error) = read(&reader(&world), &recording(1), 0..plaintext.len()).await;
                assert!(
                    matches!(error, Some(ReadError::Damaged(_))),
                    "frame {frame}, byte {at}: {error:?}"
                );
                // If the length depends on the final frame, the recording is not opened without it.
                let last = frame + 2 == frames.len();
                let verified = if last && !shape.length_known { 0 } else { frame * F };
                assert!(
                    seen == plaintext[..verified],
                    "frame {frame}, byte {at}: {} bytes",
                    seen.len()
                );
            }
            start += stored.len();
        }
    }
}

#[tokio::test]
async fn frames_before_and_after_a_tampered_one_are_read() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    let mut object = seal(&world, &recording(1), &plaintext, &Shape::default()).await;
    let second = object.len() - 17 - 40 - 2 * (F + 32);
    object[second + 100] ^= 1;
    world.put_object(&recording(1).object_key(), object).await;
    for range in [0..F, 2 * F..3 * F + 17] {
        let (seen, error) = read(&reader(&world), &recording(1), range.clone()).await;
        assert!(error.is_none() && seen == plaintext[range]);
    }
    let (seen, error) = read(&reader(&world), &recording(1), 2 * F - 1..2 * F).await;
    assert!(seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))));
}

/// Objects that are combined from parts of valid ones, each with a name.
fn rearranged(object: &[u8], other: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (own, foreign) = (pieces(object), pieces(other));
    let [header, first, second, last] = &own[..] else {
        panic!()
    };
    let join = |pieces: &[&Vec<u8>]| {
        pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect::<Vec<_>>()
    };
    let marked_final = {
        let mut frame = vec![0xff; 4];
        frame.extend_from_slice(&second[..16]);
        frame.extend_from_slice(&(F as u32).to_be_bytes());
        frame.extend_from_slice(&second[16..]);
        frame
    };
    vec![
        ("swapped", join(&[header, second, first, last])),
        ("duplicated", join(&[header, first, first, second, last])),
        ("repeated in place", join(&[header, first, first, last])),
        ("dropped", join(&[header, second, last])),
        ("without the final frame", join(&[header, first, second])),
        (
            "a regular frame as the final one",
            join(&[header, first, &marked_final]),
        ),
        ("another's frame", join(&[header, &foreign[1], second, last])),
        ("another's final frame", join(&[header, first, second, &foreign[3]])),
        (
            "another's frames",
            join(&[header, &foreign[1], &foreign[2], &foreign[3]]),
        ),
        ("one byte more", join(&[header, first, second, last, &vec![0]])),
        ("64 bytes more", join(&[header, first, second, last, &vec![0; 64]])),
        ("twice", join(&[&object.to_vec(), &object.to_vec()])),
        (
            "with another message behind it",
            join(&[&object.to_vec(), &other.to_vec()]),
        ),
        ("header only", header.clone()),
        ("half a header", header[..header.len() / 2].to_vec()),
        ("one byte", header[..1].to_vec()),
        ("empty", Vec::new()),
        ("a plain WAV", [b"RIFF".as_slice(), &noise(1_000, 3)].concat()),
    ]
}

#[tokio::test]
async fn rearranged_objects_give_a_verified_prefix_and_no_wrong_total() {
    let world = World::start().await;
    let plaintext = noise(2 * F + 17, 1);
    for shape in [Shape::default(), Shape::length_unknown()] {
        // Both messages have the same data key. Only the message id distinguishes them.
        let context = context(&recording(1), shape.length_known.then_some(plaintext.len()));
        let (data_key, stored) = data_key(&world, world.key.as_str(), &context).await;
        let keys = [stored];
        let object = seal_with(&data_key, &keys, &context, &plaintext, &shape);
        let other = seal_with(&data_key, &keys, &context, &noise(2 * F + 17, 2), &shape);
        for (name, forged) in rearranged(&object, &other) {
            world.put_object(&recording(1).object_key(), forged).await;
            for expectation in [Expectation::Facts, Expectation::Tail { len: 5 }, bytes(F..F + 1)] {
                if let Ok(opened) = reader(&world).open(&recording(1), expectation).await {
                    assert_eq!(opened.len(), plaintext.len() as u64, "{name}, {shape:?}");
                }
            }
            let (seen, error) = read(&reader(&world), &recording(1), 0..plaintext.len()).await;
            assert!(
                matches!(error, Some(ReadError::Damaged(_))),
                "{name}, {shape:?}: {error:?}"
            );
            assert!(plaintext.starts_with(&seen), "{name}, {shape:?}");
        }
    }
}

#[tokio::test]
async fn an_object_cut_anywhere_is_no_recording() {
    let world = World::start().await;
    let plaintext = noise(2 * F, 1);
    for (empty_final_frame, length_known) in [(false, true), (false, false), (true, true), (true, false)] {
        let shape = Shape {
            empty_final_frame,
            length_known,
            ..Shape::default()
        };
        let object = seal(&world, &recording(1), &plaintext, &shape).await;
        let layout = layout(&object);
        let header = pieces(&object)[0].len();
        // At and around each boundary and the final frame's fields.
        let boundaries = (0..layout.frames() as usize).map(|frame| header + frame * (F + 32));
        let cuts = boundaries
            .flat_map(|at| at - 1..=at + 1)
            .chain([41, 39, 33, 32, 31, 17, 16, 15, 1].map(|lack| object.len() - lack));
        for cut in cuts {
            world
                .put_object(&recording(1).object_key(), object[..cut].to_vec())
                .await;
            // The truncated empty final frame has the size of a full one. The length is correct, but the frame is not.
            let other_layout = length_known && empty_final_frame && cut == object.len() - 32;
            for expectation in [Expectation::Facts, Expectation::Tail { len: 1 }] {
                match reader(&world).open(&recording(1), expectation).await {
                    Err(ReadError::Damaged(_)) => assert!(!other_layout),
                    Ok(opened) => assert!(other_layout && opened.len() == plaintext.len() as u64),
                    Err(error) => panic!("{cut}, {shape:?}: {error:?}"),
                }
            }
            let (seen, error) = read(&reader(&world), &recording(1), F..2 * F).await;
            assert!(
                seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))),
                "{cut}, {shape:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_changed_header_gives_nothing() {
    let world = World::start().await;
    let plaintext = noise(1_000, 1);
    let object = seal(&world, &recording(1), &plaintext, &Shape::default()).await;
    let header_len = object.len() - 1_000 - 40;
    // This test changes every field. The tests of esdk-message change every bit.
    for at in (0..header_len).step_by(5) {
        let mut damaged = object.clone();
        damaged[at] ^= 0x20;
        world.put_object(&recording(1).object_key(), damaged).await;
        let (seen, error) = read(&reader(&world), &recording(1), 0..1_000).await;
        assert!(seen.is_empty() && error.is_some(), "byte {at}");
    }
}

#[tokio::test]
async fn another_recording_s_object_is_refused_before_kms_is_called() {
    let world = World::start().await;
    let object = seal(&world, &recording(2), &noise(F, 1), &Shape::default()).await;
    world.put_object(&recording(1).object_key(), object).await;
    let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
    assert!(seen.is_empty());
    let error = error.unwrap().to_string();
    assert_eq!(
        error,
        "damaged: the encryption context has another recordingsid than requested"
    );
    assert_eq!(world.proxy.count("Decrypt"), 0);
}

#[tokio::test]
async fn a_foreign_key_is_refused_without_a_call_to_kms() {
    let world = World::start().await;
    let foreign = world.direct_kms().create_key().send().await.unwrap();
    let foreign = foreign.key_metadata().unwrap().arn().unwrap();
    let plaintext = noise(F, 1);
    let context = context(&recording(1), Some(F));
    let (data_key, mut stored) = data_key(&world, foreign, &context).await;
    let key = recording(1).object_key();
    let object = seal_with(&data_key, &[stored.clone()], &context, &plaintext, &Shape::default());
    world.put_object(&key, object).await;
    let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
    assert!(
        seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))),
        "{error:?}"
    );
    assert_eq!(world.proxy.count("Decrypt"), 0);

    // The ciphertext of another key, under the accepted key's name.
    stored.provider_info = world.key.as_str().to_owned();
    let object = seal_with(
        &data_key,
        std::slice::from_ref(&stored),
        &context,
        &plaintext,
        &Shape::default(),
    );
    world.put_object(&key, object).await;
    let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
    assert!(
        seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))),
        "{error:?}"
    );

    // The accepted key's name, with another provider.
    stored.provider_id = "aws-kms-hierarchy".to_owned();
    let object = seal_with(&data_key, &[stored], &context, &plaintext, &Shape::default());
    world.put_object(&key, object).await;
    world.proxy.forget_calls();
    let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
    assert!(
        seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))),
        "{error:?}"
    );
    assert_eq!(world.proxy.count("Decrypt"), 0);
}

#[tokio::test]
async fn an_answer_of_kms_under_another_key_is_refused() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let other_partition = |answer: &str| answer.replace("arn:aws:kms", "arn:aws-cn:kms");
    world
        .proxy
        .inject("Decrypt", 0..usize::MAX, Fault::EditBody(other_partition));
    let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
    assert!(seen.is_empty());
    assert_eq!(
        error.unwrap().to_string(),
        "damaged: KMS used another key than requested"
    );
}

#[tokio::test]
async fn a_replaced_key_is_still_accepted() {
    let world = World::start().await;
    let plaintext = noise(F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let newer = world.direct_kms().create_key().send().await.unwrap();
    let newer = vault::KeyArn::parse(newer.key_metadata().unwrap().arn().unwrap()).unwrap();
    let config = vault::ReaderConfig {
        bucket: world.bucket.clone(),
        account: crate::support::account(),
        kms_keys: vec![newer, world.key.clone()],
    };
    let reader = vault::Reader::new(world.s3(), world.kms(), config);
    let (seen, error) = read(&reader, &recording(1), 0..F).await;
    assert!(error.is_none() && seen == plaintext);
}
