//! Links for people without Flex: made by the operator's function, and played by anyone who has them.

use std::fs;

use local_stack::{Role, Stack, values};
use serde_json::{Value, json};

use crate::{
    audit::audit_lines,
    browser::drive,
    canaries::assert_no_secret,
    support::{Recording, alone, among_others, eventually, get, json as body},
};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/Operators/sam@example.com";

fn event(recording: &str, minutes: u32, name: &str) -> Value {
    json!({"link": {"recordingSid": recording, "minutes": minutes, "for": name, "requestedBy": ARN}})
}

/// The answer of the operator's function.
async fn link(stack: &Stack, event: &Value) -> Value {
    let answer = stack.invoke(Role::Operator, event).await.unwrap();
    assert!(!answer.failed, "{answer:?}");
    answer.payload["link"].clone()
}

/// The audit lines about links that the operator has made to the recording, or refused.
async fn lines(stack: &Stack, recording: &Recording, count: usize) -> Vec<Value> {
    eventually("the audit lines", || async {
        let mut lines = audit_lines(stack, Role::Operator, recording);
        lines.retain(|line| line["event"] == "link_made");
        (lines.len() == count).then_some(lines)
    })
    .await
}

#[tokio::test]
async fn a_link_for_a_person_without_flex_plays_and_leaves_a_trail() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    let made = link(stack, &event(&recording.sid, 60, "Jane Auditor")).await;
    assert_eq!(made["length"], 100_000);
    let played = get(made["url"].as_str().unwrap(), &[]).await;
    assert_eq!(played.status(), 200);
    assert!(played.bytes().await.unwrap() == recording.audio);

    let [line] = &lines(stack, &recording, 1).await[..] else {
        unreachable!()
    };
    let expected = json!({
        "event": "link_made", "outcome": "made", "recordingSid": recording.sid, "linkId": made["linkId"],
        "listener": "Jane Auditor", "requestedBy": ARN, "expiresAt": made["expiresAt"], "download": false,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&line[field], value, "{field}");
    }
    assert!(line["span"]["requestId"].is_string(), "{line}");
    eventually("the end of the reply under the same link", || async {
        let lines = audit_lines(stack, Role::Playback, &recording);
        let is_end = |line: &&Value| line["event"] == "playback_end" && line["linkId"] == made["linkId"];
        let end = lines.iter().find(is_end)?;
        (end["bytesSent"] == 100_000).then_some(())
    })
    .await;
    assert_no_secret("the operator", &stack.log(Role::Operator).unwrap());
    let link = made["linkId"].as_str().unwrap();
    assert!(!stack.log(Role::Operator).unwrap().contains(&format!("id={link}")));
}

#[tokio::test]
async fn refused_links_leave_a_trail_too() {
    let (stack, _turn) = among_others().await;
    let (stored, erased) = (Recording::new(stack, 20_000), Recording::new(stack, 20_000));
    let absent = Recording::new(stack, 20_000);
    // No reconciliation of another test must find it at Twilio.
    fs::remove_file(stack.recordings_dir().join(format!("{}.wav", absent.sid))).unwrap();
    stored.bring_in(stack).await;
    erased.bring_in(stack).await;
    let erase = json!({"erase": erased.sid});
    assert!(!stack.invoke(Role::Operator, &erase).await.unwrap().failed);

    let number = format!("Jane {}", values::CUSTOMER_NUMBER);
    let refusals = [
        (&erased, 60, "Jane Auditor", "erased"),
        (&absent, 60, "Jane Auditor", "not_stored"),
        (&stored, 0, "Jane Auditor", "minutes_not_valid"),
        (&stored, 10_081, "Jane Auditor", "minutes_not_valid"),
        (&stored, 60, &number, "name_not_valid"),
        (&stored, 60, "Jane\nAuditor", "name_not_valid"),
    ];
    for (recording, minutes, name, refused) in refusals {
        let answer = link(stack, &event(&recording.sid, minutes, name)).await;
        assert_eq!((&answer["refused"], &answer["url"]), (&json!(refused), &Value::Null));
    }
    for (recording, count) in [(&erased, 1), (&absent, 1), (&stored, 4)] {
        let found = lines(stack, recording, count).await;
        let expected = refusals.iter().filter(|(of, ..)| of.sid == recording.sid);
        for (line, (_, _, name, refused)) in found.iter().zip(expected) {
            assert_eq!((&line["outcome"], &line["requestedBy"]), (&json!(refused), &json!(ARN)));
            let is_named = *refused != "name_not_valid";
            assert_eq!(line["listener"].as_str(), is_named.then_some(*name), "{line}");
            assert!(line["linkId"].is_null() && line["error"].is_string(), "{line}");
        }
    }
}

/// The recording is opened as a page: no Flex, no `<audio>` element of a page of ours.
#[tokio::test]
async fn a_link_plays_and_seeks_in_a_plain_browser() {
    let (stack, _turn) = alone().await;
    // One minute.
    let recording = Recording::new(stack, 44 + 60 * 32_000);
    recording.bring_in(stack).await;
    let playing = link(stack, &event(&recording.sid, 60, "Jane Auditor")).await;
    let mut event = event(&recording.sid, 60, "Jane Auditor");
    event["link"]["download"] = json!(true);
    let saving = link(stack, &event).await;
    let job = json!({
        "playing": playing["url"],
        "saving": saving["url"],
        "expired": recording.link(stack, -60),
    });
    let seen = drive(stack, "navigates.mjs", job).await;
    let time = |name: &str| seen[name].as_f64().unwrap();
    assert!((time("lengthS") - 60.0).abs() < 0.1, "{seen}");
    assert!(time("late") >= 54.0 && (6.0..54.0).contains(&time("early")), "{seen}");
    assert!((time("ended") - 60.0).abs() < 0.1, "{seen}");
    assert_eq!(seen["savedAs"], format!("{}.wav", recording.sid));
    assert_eq!(seen["savedBytes"], recording.audio.len());
    assert!(seen["expired"].as_str().unwrap().contains("link_not_valid"), "{seen}");
    let refused = get(&recording.link(stack, -60), &[]).await;
    assert_eq!(body(refused).await["error"], "link_not_valid");
}
