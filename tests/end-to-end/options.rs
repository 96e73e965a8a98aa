//! What the template's options switch on, where nothing else of the suite does.

use local_stack::{Role, values};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{OwnStack, Recording, alone, eventually, get, options};

#[tokio::test]
async fn segment_links_play_without_a_token_where_they_are_accepted() {
    let options = options().setting(Role::Linker, "LINK_MODE", "segment-link").setting(
        Role::Playback,
        "ACCEPT_SEGMENT_LINKS",
        "true",
    );
    let stack = OwnStack::start(options).await;
    let recording = Recording::new(&stack, 100_000);
    recording.bring_in(&stack).await;
    let link = eventually("the segment link", || async {
        let attributes: Value = serde_json::from_str(&stack.twilio().task(&recording.task)?.attributes).ok()?;
        let link = attributes.pointer("/conversations/segment_link")?;
        link.as_str().map(str::to_owned)
    })
    .await;
    let answer = get(&link, &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.unwrap() == recording.audio);
}

#[tokio::test]
async fn everything_is_verified_and_an_erasure_aborts_what_is_still_uploading() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 10_000);
    recording.bring_in(stack).await;
    let upload = stack.s3().create_multipart_upload().bucket(values::BUCKET);
    upload.key(recording.object_key()).send().await.unwrap();

    let all = stack
        .invoke(Role::Operator, &json!({"verify": {"all": true}}))
        .await
        .unwrap();
    assert!(!all.failed, "{}", all.payload);
    let erase = json!({"erase": recording.sid});
    let erased = stack.invoke(Role::Operator, &erase).await.unwrap();
    assert!(!erased.failed, "{}", erased.payload);
    let open = stack.s3().list_multipart_uploads().bucket(values::BUCKET);
    let open = open.prefix(recording.object_key()).send().await.unwrap();
    assert!(open.uploads().is_empty());
}
