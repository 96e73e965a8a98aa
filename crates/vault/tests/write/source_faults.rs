//! The source fails, sends wrong data, or sends nothing.

use vault::{NotAudio, SourceError, StoreError};

use super::{
    PART, commit_of,
    scripted::{Ending, Scripted},
    support::{World, audio, noise},
};

/// Two parts. The first one is in transit when the source breaks at the last byte.
const LEN: usize = PART + 1000;

const POSITIONS: [usize; 4] = [0, 1, LEN * 37 / 100, LEN - 1];

/// A reply counts from the moment when its head has been checked.
fn resumed_at(cut: usize) -> u64 {
    if cut < 512 { 0 } else { cut as u64 }
}

#[tokio::test]
async fn a_cut_or_short_body_resumes_at_the_next_byte() {
    for at in POSITIONS {
        for ending in [Ending::Cut(at), Ending::Short(at)] {
            let world = World::start().await;
            let source = Scripted::new(audio(LEN, 1), [ending]);
            commit_of(world.store(&source).await);
            world.assert_stored(&source).await;
            assert_eq!(source.opened(), [0, resumed_at(at)]);
            assert_eq!(world.proxy.count("GenerateDataKey"), 1);
            assert_eq!(world.proxy.count("CreateMultipartUpload"), 1);
        }
    }
}

#[tokio::test]
async fn a_source_without_ranges_starts_over_with_a_new_key_and_upload() {
    for at in POSITIONS {
        let world = World::start().await;
        let mut source = Scripted::new(audio(LEN, 2), [Ending::Cut(at)]);
        source.ranges = false;
        commit_of(world.store(&source).await);
        world.assert_stored(&source).await;
        assert_eq!(
            source.opened(),
            [0, resumed_at(at)],
            "the reply that starts again must be used"
        );
        let again = if resumed_at(at) == 0 { 1 } else { 2 };
        assert_eq!(world.proxy.count("GenerateDataKey"), again);
        let uploads = if at > PART { 2 } else { 1 };
        assert_eq!(world.proxy.count("CreateMultipartUpload"), uploads);
        assert_eq!(world.proxy.count("AbortMultipartUpload"), uploads - 1);
    }
}

#[tokio::test]
async fn a_source_that_refuses_in_the_middle_leaves_nothing() {
    let world = World::start().await;
    let at = LEN - 1;
    let source = Scripted::new(audio(LEN, 3), [Ending::Cut(at), Ending::Refused { retryable: false }]);
    let error = world.store(&source).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Interrupted { at: byte, .. } if byte == at as u64),
        "{error}"
    );
    assert!(!error.is_retryable());
    assert_eq!(world.proxy.count("AbortMultipartUpload"), 1);
    world.assert_absent().await;
}

#[tokio::test]
async fn a_source_that_refuses_at_once_costs_no_data_key() {
    let world = World::start().await;
    let source = Scripted::new(audio(10, 4), [Ending::Refused { retryable: false }]);
    let error = world.store(&source).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Source(SourceError { retryable: false, .. })),
        "{error}"
    );
    assert_eq!(world.proxy.count("GenerateDataKey"), 0);
    world.assert_absent().await;
}

#[tokio::test]
async fn more_than_was_announced_is_refused() {
    for len in [100, LEN] {
        let world = World::start().await;
        let mut source = Scripted::whole(audio(len, 5));
        source.announced = Some(len as u64 - 1);
        let error = world.store(&source).await.unwrap_err();
        assert!(
            matches!(error, StoreError::LengthMismatch { announced, received } if announced < received),
            "{error}"
        );
        world.assert_absent().await;
    }
}

#[tokio::test]
async fn a_wav_that_claims_more_than_arrived_is_refused() {
    for len in [1000, LEN] {
        let world = World::start().await;
        let error = world.store(&Scripted::whole(wav(len, len as u32))).await.unwrap_err();
        assert!(
            matches!(error, StoreError::NotTheRecording(NotAudio::Cut { received, .. }) if received == len as u64),
            "{error}"
        );
        world.assert_absent().await;
    }
}

#[tokio::test]
async fn a_wav_that_claims_what_arrived_or_nothing_is_stored() {
    for claimed in [1000 - 44, 1, 0, u32::MAX] {
        let world = World::start().await;
        let source = Scripted::whole(wav(1000, claimed));
        commit_of(world.store(&source).await);
        world.assert_stored(&source).await;
    }
}

/// A WAV file of `len` bytes whose data chunk has the length `claimed`.
fn wav(len: usize, claimed: u32) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data".to_vec();
    bytes.extend_from_slice(&claimed.to_le_bytes());
    bytes.extend(noise(len - bytes.len(), 6));
    bytes
}
