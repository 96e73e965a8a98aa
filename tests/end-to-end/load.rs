//! A thousand calls end within a minute, while one request in twenty fails on the wire.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::QueueAttributeName;
use futures_util::{StreamExt, stream};
use local_stack::{DeliveryState, Fault, Rule, Stack, values};
use reqwest::StatusCode;
use serde_json::Value;
use twilio_double::{FaultAction, Operation};

use crate::support::{OwnStack, PROCESSORS, Recording, drained, get, options};

const RECORDINGS: usize = 1_000;

/// The number of callbacks in progress at a time.
const AT_ONCE: usize = 16;

/// One request in this many fails: five per cent.
const ONE_IN: u64 = 20;

#[tokio::test]
async fn a_thousand_recordings_are_stored_and_linked_once_while_one_call_in_twenty_fails() {
    let stack = OwnStack::start(options()).await;
    let _turn = PROCESSORS.lock().await;
    let recordings: Vec<_> = (0..RECORDINGS).map(|_| Recording::new(&stack, 4_000)).collect();
    break_everything(&stack);

    let began = Instant::now();
    stream::iter(&recordings)
        .for_each_concurrent(AT_ONCE, |recording| call_back(&stack, recording))
        .await;
    let called_back = began.elapsed();
    until_the_queues_are_empty(&stack).await;
    // Figures for people. The test's result does not depend on them.
    println!(
        "{RECORDINGS} callbacks in {called_back:.0?}, all work done after {:.0?}",
        began.elapsed()
    );

    let queues = stack.resources();
    let dead_links = drained(&stack, &queues.links.dead_letters_url).await;
    let dead_copies = drained(&stack, &queues.copies.dead_letters_url).await;
    let named =
        |letters: &[String], recording: &Recording| letters.iter().any(|letter| letter.contains(&recording.sid));
    let stored = stored_once(&stack).await;
    for recording in &recordings {
        assert!(
            stored.contains(&recording.object_key()) || named(&dead_copies, recording),
            "{} is neither stored nor in the dead-letter queue",
            recording.sid
        );
        assert!(
            is_linked_once(&stack, recording) || named(&dead_links, recording),
            "{} is neither linked nor in the dead-letter queue",
            recording.sid
        );
    }
    // If one request in twenty fails, no job fails five times in a row.
    assert_eq!((dead_links, dead_copies), (vec![], vec![]));
    let came_back = stack
        .deliveries("")
        .iter()
        .filter(|delivery| delivery.times > 1)
        .count();
    assert!(came_back > RECORDINGS / 20, "{came_back} jobs failed at first");

    stack.wire().clear_faults();
    stack.twilio().clear_faults();
    for recording in recordings.iter().step_by(25) {
        let whole = get(&recording.media_url(&stack).await, &[]).await;
        assert!(whole.bytes().await.unwrap() == recording.audio, "{}", recording.sid);
    }
}

/// Sets up a fault for every kind of request between the callback and the stored, linked recording. Some faults are
/// corrected by a repeated request, others make the job fail.
fn break_everything(stack: &Stack) {
    let answer = |status: u16, body: &str| Fault::Answer {
        status,
        body: body.to_owned(),
    };
    for (service, operation, fault) in [
        ("sqs", "SendMessage", Fault::LoseAnswer),
        ("sqs", "ChangeMessageVisibility", answer(500, "{}")),
        (
            "kms",
            "GenerateDataKey",
            answer(400, r#"{"__type":"DisabledException"}"#),
        ),
        ("s3", "HeadObject", answer(500, "")),
        ("s3", "ListMultipartUploads", Fault::Drop),
        ("s3", "PutObject", Fault::LoseAnswer),
    ] {
        stack.wire().inject(Rule::new(service, operation, fault).one_in(ONE_IN));
    }
    let failed = FaultAction::Answer {
        status: 500,
        body: None,
        retry_after: None,
    };
    for (operation, action) in [
        (Operation::Media, FaultAction::Cut { after_bytes: 1_000 }),
        (Operation::TaskFetch, failed),
        (Operation::TaskUpdate, FaultAction::Drop),
    ] {
        let fault = twilio_double::Fault::once(operation, action);
        stack.twilio().fault(fault.one_in(ONE_IN as u32));
    }
}

/// Posts a callback, and repeats it if it is refused. Twilio does the same if the URL says so (`#rc=3&rp=all`).
async fn call_back(stack: &Stack, recording: &Recording) {
    let mut answer = StatusCode::SERVICE_UNAVAILABLE;
    for _ in 0..4 {
        answer = stack.post_callback(&recording.callback()).await.unwrap().status();
        if answer == StatusCode::NO_CONTENT {
            return;
        }
    }
    panic!("{} got the answer {answer}", recording.sid);
}

/// Waits until every message is done or in a dead-letter queue. Failed messages become visible again at once.
async fn until_the_queues_are_empty(stack: &Stack) {
    // Ten minutes are long enough even on a busy machine.
    for _ in 0..600 {
        for delivery in stack.deliveries("") {
            if delivery.state == DeliveryState::Kept {
                stack.bring_back(&delivery).await;
            }
        }
        let queues = stack.resources();
        if messages_in(stack, &queues.links.url).await
            + messages_in(stack, &queues.late_links.url).await
            + messages_in(stack, &queues.copies.url).await
            == 0
        {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the queues never became empty");
}

/// The number of messages in a queue, including those in flight.
async fn messages_in(stack: &Stack, queue_url: &str) -> u64 {
    let attributes = stack.sqs().get_queue_attributes().queue_url(queue_url);
    let answer = attributes
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
        .send()
        .await
        .unwrap();
    let counts = answer.attributes().unwrap().values();
    counts.map(|count| count.parse::<u64>().unwrap()).sum()
}

/// The keys of all recordings in the bucket. Checks that each has one version and no delete marker.
async fn stored_once(stack: &Stack) -> BTreeSet<String> {
    let mut versions = BTreeMap::new();
    let (mut key, mut version) = (None, None);
    loop {
        let page = stack.s3().list_object_versions().bucket(values::BUCKET);
        let page = page
            .prefix("recordings/")
            .set_key_marker(key)
            .set_version_id_marker(version);
        let page = page.send().await.unwrap();
        assert!(page.delete_markers().is_empty());
        for listed in page.versions() {
            *versions.entry(listed.key().unwrap().to_owned()).or_insert(0) += 1;
        }
        if !page.is_truncated().unwrap_or_default() {
            break;
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
    for (key, count) in &versions {
        assert_eq!(*count, 1, "{key}");
    }
    versions.into_keys().collect()
}

fn is_linked_once(stack: &Stack, recording: &Recording) -> bool {
    let attributes: Value = serde_json::from_str(&stack.twilio().task(&recording.task).unwrap().attributes).unwrap();
    let Some(media) = attributes["conversations"]["media"].as_array() else {
        return false;
    };
    assert_eq!(media.len(), 1, "{attributes}");
    let provider = media[0]["url_provider"].as_str();
    provider.is_some_and(|provider| provider.ends_with(&recording.sid))
}
