//! The source sends other content than it should.

use std::collections::HashMap;

use vault::{Difference, Doubts, Incoming, NotAudio, ObjectKeys, Outcome, Reported, StoreError, Suspicion};

use super::{
    PART, commit_of, incoming,
    scripted::{Ending, Scripted},
    support::{World, audio, noise, recording},
};

const DOCUMENTS: [&[u8]; 5] = [
    b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
    b"<?xml version=\"1.0\"?><TwilioResponse><RestException/></TwilioResponse>",
    br#"{"code":20500,"message":"Internal Server Error","status":500}"#,
    b"RIFF",
    b"",
];

impl World {
    async fn store_as(&self, incoming: &Incoming, source: &Scripted) -> Result<Outcome, StoreError> {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(600);
        self.writer().store(&recording(1), incoming, source, deadline).await
    }

    async fn metadata(&self) -> HashMap<String, String> {
        let client = self.direct_s3();
        let head = client.head_object().bucket(&self.bucket).key(recording(1).object_key());
        head.send().await.unwrap().metadata().unwrap().clone()
    }
}

fn reported(channels: u8, duration_s: u64) -> Reported {
    Reported {
        channels: Some(channels),
        duration_s: Some(duration_s),
    }
}

#[tokio::test]
async fn a_document_in_place_of_the_recording_is_one_more_failed_answer() {
    for document in DOCUMENTS {
        let world = World::start().await;
        let source = Scripted::new(audio(100_000, 1), [Ending::Other(document)]);
        assert_eq!(commit_of(world.store(&source).await).suspicion, None);
        world.assert_stored(&source).await;
        assert_eq!(world.proxy.count("GenerateDataKey"), 1);
    }
}

#[tokio::test]
async fn a_document_that_keeps_coming_never_becomes_an_object() {
    let world = World::start().await;
    let source = Scripted::new(audio(100_000, 1), [Ending::Other(DOCUMENTS[0]); 8]);
    let error = world.store(&source).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Source(_)) && error.is_retryable(),
        "{error}"
    );
    assert_eq!(world.proxy.count("GenerateDataKey"), 0);
    world.assert_absent().await;
}

#[tokio::test]
async fn a_document_in_place_of_the_rest_costs_nothing_of_what_came_before() {
    for document in DOCUMENTS {
        let world = World::start().await;
        let source = Scripted::new(audio(1_000_000, 2), [Ending::Cut(300_000), Ending::Other(document)]);
        commit_of(world.store(&source).await);
        world.assert_stored(&source).await;
        assert_eq!(source.opened(), [0, 300_000, 300_000]);
        assert_eq!(world.proxy.count("GenerateDataKey"), 1);
    }
}

#[tokio::test]
async fn another_length_after_a_restart_is_refused() {
    static OTHER: [u8; 5_000] = [7; 5_000];
    let world = World::start().await;
    let mut source = Scripted::new(audio(1_000_000, 3), [Ending::Cut(300_000), Ending::Other(&OTHER)]);
    source.validator = None;
    let error = world.store(&source).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::LengthChanged {
                before: 1_000_000,
                after: 5_000
            }
        ),
        "{error}"
    );
    world.assert_absent().await;
}

#[tokio::test]
async fn without_a_strong_validator_the_download_starts_over() {
    let world = World::start().await;
    let mut source = Scripted::new(audio(1_000_000, 4), [Ending::Cut(400_000)]);
    source.validator = None;
    commit_of(world.store(&source).await);
    world.assert_stored(&source).await;
    assert_eq!(source.opened(), [0, 0]);
    assert_eq!(world.proxy.count("GenerateDataKey"), 2);
}

#[tokio::test]
async fn an_absurd_length_is_refused_before_anything_is_stored() {
    for announced in [10_000 * 320 * 65_536 + 1, 5 << 40, 1 << 63, u64::MAX] {
        let world = World::start().await;
        let mut source = Scripted::whole(audio(1000, 5));
        source.announced = Some(announced);
        let error = world.store(&source).await.unwrap_err();
        assert!(
            matches!(error, StoreError::AnnouncedTooLong { announced: a, .. } if a == announced),
            "{error}"
        );
        world.assert_absent().await;
    }
}

/// `audio` has two channels and 32,000 bytes per second.
#[tokio::test]
async fn audio_that_differs_from_the_report_is_refused_and_finally_stored_as_suspect() {
    for (len, parts) in [(320_044, 1), (PART + 320_044, 2)] {
        let seconds = len as u64 / 32_000;
        for (reported, word) in [
            (reported(1, seconds), "channels"),
            (reported(2, seconds + 9), "duration"),
        ] {
            let world = World::start().await;
            let source = Scripted::whole(audio(len, 6));
            let refuse = Incoming {
                reported,
                doubts: Doubts::Refuse,
                ..incoming()
            };
            let error = world.store_as(&refuse, &source).await.unwrap_err();
            assert!(
                matches!(
                    error,
                    StoreError::Suspect(Suspicion::Differs(
                        Difference::Channels { .. } | Difference::Duration { .. }
                    ))
                ) && error.is_retryable(),
                "{error}"
            );
            world.assert_absent().await;

            let store = Incoming {
                doubts: Doubts::Store,
                ..refuse
            };
            let commit = commit_of(world.store_as(&store, &source).await);
            assert!(commit.suspicion.is_some());
            assert_eq!(commit.parts, parts);
            world.assert_stored(&source).await;
            assert_eq!(world.metadata().await.get("suspect").map(String::as_str), Some(word));
        }
    }
}

#[tokio::test]
async fn bytes_that_nobody_knows_are_refused_and_in_the_end_stored_as_suspect() {
    for len in [16, 100_000, PART + 1] {
        let world = World::start().await;
        let source = Scripted::whole(noise(len, 7));
        let refuse = Incoming {
            doubts: Doubts::Refuse,
            ..incoming()
        };
        let error = world.store_as(&refuse, &source).await.unwrap_err();
        assert!(matches!(error, StoreError::Suspect(Suspicion::Unknown)), "{error}");
        world.assert_absent().await;
        let commit = commit_of(world.store(&source).await);
        assert_eq!(commit.suspicion, Some(Suspicion::Unknown));
        world.assert_stored(&source).await;
        assert_eq!(
            world.metadata().await.get("suspect").map(String::as_str),
            Some("unknown")
        );
    }
}

#[tokio::test]
async fn audio_that_matches_the_report_is_stored_without_a_mark() {
    for len in [320_044, PART + 320_044] {
        let world = World::start().await;
        let source = Scripted::whole(audio(len, 8));
        let wanted = Incoming {
            reported: reported(2, len as u64 / 32_000),
            doubts: Doubts::Refuse,
            ..incoming()
        };
        assert_eq!(commit_of(world.store_as(&wanted, &source).await).suspicion, None);
        assert_eq!(world.metadata().await.get("suspect"), None);
        assert_eq!(world.proxy.count("GenerateDataKey"), 1);
    }
}

/// The requested format does not matter, because Twilio cannot convert an encrypted recording.
#[tokio::test]
async fn the_served_type_of_a_recording_follows_from_its_bytes() {
    let mut frame = [0; 288];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x58, 0xc0]);
    for (bytes, content_type) in [(audio(2_000, 9), "wav"), (frame.repeat(10), "mp3")] {
        for asked in [vault::ContentType::Wav, vault::ContentType::Mp3] {
            let world = World::start().await;
            let wanted = Incoming {
                content_type: asked,
                doubts: Doubts::Refuse,
                ..incoming()
            };
            commit_of(world.store_as(&wanted, &Scripted::whole(bytes.clone())).await);
            let object = world.object(&recording(1).object_key()).await.unwrap();
            let header = esdk_message::UnverifiedHeader::parse(&object).unwrap();
            assert_eq!(header.encryption_context().get("contenttype"), Some(content_type));
        }
    }
}

#[tokio::test]
async fn a_wav_that_is_cut_is_no_recording_even_on_the_last_try() {
    let world = World::start().await;
    let whole = audio(100_000, 10);
    let error = world
        .store(&Scripted::whole(whole[..50_000].to_vec()))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotTheRecording(NotAudio::Cut {
                claimed: 100_000,
                received: 50_000
            })
        ),
        "{error}"
    );
    world.assert_absent().await;
}
