//! S3 or KMS fails, once or permanently.

use std::time::Duration;

use aws_sdk_s3::{Client, config::timeout::TimeoutConfig};
use vault::{DataKeyError, StoreError, Writer};

use super::{
    PART, commit_of,
    scripted::Scripted,
    store,
    support::{World, audio, proxy::Fault},
};

const ALL: std::ops::Range<usize> = 0..usize::MAX;

const DOWN: [Fault; 3] = [
    Fault::Error(500, "InternalError"),
    Fault::Error(503, "SlowDown"),
    Fault::Drop,
];

fn one_part() -> Scripted {
    Scripted::whole(audio(70_000, 1))
}

fn two_parts() -> Scripted {
    Scripted::whole(audio(PART + 1, 2))
}

#[tokio::test]
async fn a_request_that_fails_once_is_made_again() {
    for fault in DOWN {
        for operation in ["HeadObject", "GenerateDataKey", "PutObject"] {
            let world = World::start().await;
            let source = one_part();
            world.proxy.inject(operation, 0..1, fault.clone());
            commit_of(world.store(&source).await);
            world.assert_stored(&source).await;
        }
        for (operation, nth) in [
            ("CreateMultipartUpload", 0),
            ("UploadPart", 0),
            ("UploadPart", 1),
            ("CompleteMultipartUpload", 0),
        ] {
            let world = World::start().await;
            let source = two_parts();
            world.proxy.inject(operation, nth..nth + 1, fault.clone());
            commit_of(world.store(&source).await);
            world.assert_stored(&source).await;
            assert_eq!(world.proxy.count("GenerateDataKey"), 1, "{operation}");
        }
    }
}

#[tokio::test]
async fn a_request_that_keeps_failing_fails_the_copy_and_leaves_nothing() {
    for fault in DOWN {
        for operation in ["HeadObject", "GenerateDataKey", "PutObject"] {
            let world = World::start().await;
            world.proxy.inject(operation, ALL, fault.clone());
            let error = world.store(&one_part()).await.unwrap_err();
            assert!(error.is_retryable(), "{operation}: {error}");
            assert!(error.to_string().contains(operation), "{error}");
            world.assert_absent().await;
        }
        for (operation, from) in [
            ("CreateMultipartUpload", 0),
            ("UploadPart", 0),
            ("UploadPart", 1),
            ("CompleteMultipartUpload", 0),
        ] {
            let world = World::start().await;
            world.proxy.inject(operation, from..usize::MAX, fault.clone());
            let error = world.store(&two_parts()).await.unwrap_err();
            assert!(error.is_retryable(), "{operation}: {error}");
            assert!(error.to_string().contains(operation), "{error}");
            world.assert_absent().await;
        }
    }
}

#[tokio::test]
async fn a_request_that_is_never_answered_times_out_and_is_made_again() {
    let hang = async |operation: &'static str, source: Scripted| {
        let world = World::start().await;
        world.proxy.inject(operation, 0..1, Fault::Hang);
        let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(5)).build();
        let impatient = world.s3().config().to_builder().timeout_config(timeouts).build();
        let writer = Writer::new(Client::from_conf(impatient), world.kms(), world.config());
        commit_of(store(&writer, &source).await);
        world.assert_stored(&source).await;
    };
    tokio::join!(
        hang("HeadObject", one_part()),
        hang("PutObject", one_part()),
        hang("CreateMultipartUpload", two_parts()),
        hang("UploadPart", two_parts()),
        hang("CompleteMultipartUpload", two_parts()),
    );
}

#[tokio::test]
async fn a_part_whose_answer_is_lost_is_uploaded_again() {
    let world = World::start().await;
    let source = two_parts();
    world.proxy.inject("UploadPart", 1..2, Fault::LoseAnswer);
    commit_of(world.store(&source).await);
    assert_eq!(world.proxy.count("UploadPart"), 3);
    world.assert_stored(&source).await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_to_be_ours() {
    for nth in [0..1, ALL] {
        for (operation, source) in [("PutObject", one_part()), ("CompleteMultipartUpload", two_parts())] {
            let world = World::start().await;
            world.proxy.inject(operation, nth.clone(), Fault::LoseAnswer);
            let commit = commit_of(world.store(&source).await);
            assert_eq!(commit.receipt.length, source.bytes.len() as u64);
            assert!(commit.receipt.etag.is_some());
            world.assert_stored(&source).await;
            assert_eq!(world.proxy.count("GenerateDataKey"), 1);
        }
    }
}

#[tokio::test]
async fn a_refusal_is_not_retried() {
    for (operation, source) in [("PutObject", one_part()), ("UploadPart", two_parts())] {
        let world = World::start().await;
        world.proxy.inject(operation, ALL, Fault::Error(403, "AccessDenied"));
        let error = world.store(&source).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        let message = error.to_string();
        assert!(message.contains("AccessDenied"), "{message}");
        assert!(
            !message.contains("injected"),
            "the service's message may quote what was sent: {message}"
        );
        world.assert_absent().await;
    }
}

#[tokio::test]
async fn an_abort_that_fails_once_is_made_again_and_one_that_keeps_failing_is_the_next_copys() {
    let world = World::start().await;
    world
        .proxy
        .inject("CompleteMultipartUpload", ALL, Fault::Error(503, "SlowDown"));
    world
        .proxy
        .inject("AbortMultipartUpload", 0..1, Fault::Error(503, "SlowDown"));
    world.store(&two_parts()).await.unwrap_err();
    world.assert_absent().await;

    world
        .proxy
        .inject("AbortMultipartUpload", ALL, Fault::Error(503, "SlowDown"));
    let error = world.store(&two_parts()).await.unwrap_err();
    assert!(error.to_string().contains("CompleteMultipartUpload"), "{error}");
    assert_eq!(world.open_uploads().await.len(), 1);

    world.proxy.heal();
    world.next_delivery(&two_parts()).await;
}

#[tokio::test]
async fn a_disabled_key_needs_an_operator() {
    let world = World::start().await;
    let kms = world.direct_kms();
    kms.disable_key().key_id(world.key.as_str()).send().await.unwrap();
    let error = world.store(&one_part()).await.unwrap_err();
    assert!(
        matches!(error, StoreError::DataKey(DataKeyError::Service(_))),
        "{error}"
    );
    assert!(!error.is_retryable(), "{error}");
    world.assert_absent().await;
}

#[tokio::test]
async fn a_commit_that_is_answered_without_proof_is_looked_for() {
    for (operation, source) in [("PutObject", one_part()), ("CompleteMultipartUpload", two_parts())] {
        // The request was carried out, and the check finds the object.
        let world = World::start().await;
        world.proxy.inject(operation, 0..1, Fault::WithoutEtag);
        let commit = commit_of(world.store(&source).await);
        assert!(commit.receipt.etag.is_some(), "{operation}");
        world.assert_stored(&source).await;
    }
    for (operation, source) in [("PutObject", one_part()), ("CompleteMultipartUpload", two_parts())] {
        // The request was not carried out, and the copy must not succeed.
        let world = World::start().await;
        world.proxy.inject(operation, 0..1, Fault::HtmlPage);
        let error = world.store(&source).await.unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains(operation), "{error}");
        world.assert_absent().await;
        world.next_delivery(&source).await;
    }
}

#[tokio::test]
async fn half_an_answer_to_a_commit_is_no_answer() {
    for cut in [0, 1, 80, 200] {
        let world = World::start().await;
        let source = two_parts();
        world
            .proxy
            .inject("CompleteMultipartUpload", 0..1, Fault::ShortenBody(cut));
        commit_of(world.store(&source).await);
        world.assert_stored(&source).await;
    }
}

#[tokio::test]
async fn a_part_or_an_upload_that_is_answered_without_proof_fails_the_copy() {
    for (operation, fault) in [
        ("CreateMultipartUpload", Fault::HtmlPage),
        ("UploadPart", Fault::HtmlPage),
        ("UploadPart", Fault::WithoutEtag),
    ] {
        let world = World::start().await;
        let source = two_parts();
        world.proxy.inject(operation, 0..1, fault.clone());
        let error = world.store(&source).await.unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains(operation), "{error}");
        world.assert_absent().await;
        world.next_delivery(&source).await;
    }
}

#[tokio::test]
async fn a_look_that_is_answered_without_an_etag_settles_nothing() {
    for nth in [0, 1] {
        let world = World::start().await;
        let source = one_part();
        world.proxy.inject("HeadObject", nth..nth + 1, Fault::HtmlPage);
        let error = world.store(&source).await.unwrap_err();
        assert!(
            error.is_retryable() && error.to_string().contains("HeadObject"),
            "{error}"
        );
        world.assert_absent().await;
        world.next_delivery(&source).await;
    }
}
