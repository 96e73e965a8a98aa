//! A day of the service in a few invocations, which leaves something of everything behind that a version writes:
//! messages in every queue, one-time schedules, objects of every kind, task attributes and links.
//!
//! The kinds are those of the code: `Job` (queues and schedules), `Continuation` (schedules), `Work` with its `Cursor`
//! (`operations/`), the keys of `crates/vault/src/object_keys.rs`, and the links of `crates/playback-link`. The events
//! of the nightly schedules are in the template itself. SQS moves dead copies unchanged, and Lambda writes the
//! operator's dead letters.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use local_stack::{EncryptedRecording, values};
use playback_link::{Expiry, KeyRing, sign};
use serde_json::{Map, Value, json};
use sid::RecordingSid;
use twilio_double::{AssignmentStatus, signature, wav};

use super::service::{Service, sample};
use crate::{account::STACK, function::Ended};

/// The recordings, by what has happened to them.
pub(crate) mod recording {
    /// The callback names its task. The jobs wait.
    pub(crate) const OF_TASK: &str = "RE000000000000000000000000000000a1";
    /// The callback names its call only. The jobs wait.
    pub(crate) const OF_CALL: &str = "RE000000000000000000000000000000a2";
    /// The callback names its conference only. The jobs wait.
    pub(crate) const OF_CONFERENCE: &str = "RE000000000000000000000000000000a3";
    /// Twilio encrypted it. The jobs wait.
    pub(crate) const ENCRYPTED: &str = "RE000000000000000000000000000000a4";
    /// It is linked and stored. The deletion of its original is scheduled.
    pub(crate) const STORED: &str = "RE000000000000000000000000000000b1";
    /// It is linked and stored, and its original is deleted.
    pub(crate) const DELETED: &str = "RE000000000000000000000000000000b2";
    /// It is erased.
    pub(crate) const ERASED: &str = "RE000000000000000000000000000000b3";
    /// Its link was given up.
    pub(crate) const GIVEN_UP: &str = "RE000000000000000000000000000000c1";
    /// Its link is late.
    pub(crate) const LATE: &str = "RE000000000000000000000000000000c2";

    /// Those that wait for their link and for their copy.
    pub(crate) const WAITING: [&str; 6] = [OF_TASK, OF_CALL, OF_CONFERENCE, ENCRYPTED, LATE, GIVEN_UP];

    pub(crate) const ALL: [&str; 9] = [
        OF_TASK,
        OF_CALL,
        OF_CONFERENCE,
        ENCRYPTED,
        STORED,
        DELETED,
        ERASED,
        GIVEN_UP,
        LATE,
    ];
}

/// The key that Twilio encrypts with.
const ENCRYPTION_KEY: &str = "TwilioEncryptionKeyPair";

/// A number of one recording with another prefix: its task, its call or its reservation.
pub(crate) fn of(recording: &str, prefix: &str) -> String {
    format!("{prefix}{}", &recording[2..])
}

/// The audio of every recording: one second of one channel.
pub(crate) fn audio() -> Vec<u8> {
    let samples = (0..16_000_u32).map(|at| u8::try_from(at * 31 % 251).unwrap());
    let mut file = wav::header(1, 16_000);
    file.extend(samples);
    file
}

/// Lets the service work, and writes what it has left into a folder.
pub(crate) async fn record(service: &Service<'_>, folder: &Path) {
    let media = encrypt(service);
    keep_encrypted(service, &media.media, &media.resource_details());
    let mut attributes = Map::new();
    for finished in [recording::STORED, recording::DELETED, recording::ERASED] {
        finish(service, finished).await;
        let task = service.twilio.task(&of(finished, "WT")).unwrap();
        attributes.insert(finished.to_owned(), json!(task.attributes));
    }
    delete_original(service, recording::DELETED).await;
    let erase = json!({"erase": {"recordingSid": recording::ERASED}});
    service.answer("OperatorFunction", &erase).await;
    let links = links(service).await;
    age_links(service).await;
    leave_jobs(service, &media).await;
    // The last step, because the emulator removes the schedules of unfinished runs a minute later.
    operate(service).await;

    service.aws(&["read", STACK, folder.to_str().unwrap()]);
    let mut wrapped = service.kms.generated();
    wrapped.push(wrapped_by_twilio(service, &media));
    fs::write(folder.join("encrypted.wav"), &media.media).unwrap();
    let rest = json!({
        "wrappedKeys": wrapped,
        "taskAttributes": attributes,
        "links": links,
        "encryptionDetails": media.resource_details(),
    });
    let rest = serde_json::to_string_pretty(&rest).unwrap();
    fs::write(folder.join("rest.json"), rest + "\n").unwrap();
}

/// Puts a recording and its task to Twilio.
pub(crate) fn add(service: &Service<'_>, recording: &str) {
    service.keep_at_twilio(&format!("{recording}.wav"), &audio());
    let attributes = json!({
        "call_sid": of(recording, "CA"),
        "conference": {"sid": of(recording, "CF")},
    });
    service.twilio.add_task(&of(recording, "WT"), &attributes.to_string());
}

/// Puts the encrypted recording to Twilio.
pub(crate) fn keep_encrypted(service: &Service<'_>, media: &[u8], details: &Value) {
    let name = recording::ENCRYPTED;
    service.keep_at_twilio(&format!("{name}.wav"), media);
    service.keep_at_twilio(&format!("{name}.encryption.json"), details.to_string().as_bytes());
}

/// Takes a recording from its callback to its link and its copy.
async fn finish(service: &Service<'_>, recording: &str) {
    add(service, recording);
    call_back(service, recording, &[], true).await;
    service.deliver_all("LinksQueue", "LinkerFunction").await;
    service.deliver_all("CopiesQueue", "CopierFunction").await;
}

/// Does what the schedule does when the deletion is due.
async fn delete_original(service: &Service<'_>, recording: &str) {
    let input = service.aws(&["fire", STACK, recording]);
    service.hand("CopierFunction", input.as_str().unwrap(), &[]).await;
    assert!(service.is_deleted(recording));
}

/// Leaves the state of every kind of run: done, and waiting for its next invocation.
async fn operate(service: &Service<'_>) {
    let backfill = json!({"backfill": {"from": "2026-05-10", "to": "2026-05-10", "pageSize": 1}});
    // After one page, too little time is left for another. With half a minute, no recording is read.
    for (event, seconds) in [(backfill, 60), (json!({"verify": {"all": true}}), 30)] {
        let ended = service.run("OperatorFunction", &event, Duration::from_secs(seconds), &[]);
        let Ended::Response(answer) = ended.await else {
            panic!("{event} failed");
        };
        let cursor: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(cursor["status"], "running", "{cursor}");
    }
    for event in [json!({"sweep": {}}), json!({"reconcile": {"scheduled": true}})] {
        let cursor = service.answer("OperatorFunction", &event).await;
        assert_eq!(cursor["status"], "done", "{cursor}");
    }
}

/// Every kind of link to a stored recording.
async fn links(service: &Service<'_>) -> Value {
    let recording = recording::STORED;
    let task = service.twilio.task(&of(recording, "WT")).unwrap().attributes;
    let task: Value = serde_json::from_str(&task).unwrap();
    let provider = &task["reservation_attributes"][of(recording, "WR")]["media"][0]["url_provider"];
    let provider = provider.as_str().unwrap_or_else(|| panic!("{task}"));
    let granted = service.get(provider).await;
    assert_eq!(granted.status, 200);
    let granted: Value = serde_json::from_slice(&granted.body).unwrap();

    // A link by segment, in a task of its own.
    let other = of(recording, "WT").replace('b', "d");
    let job = json!({
        "version": 1, "kind": "LinkTask", "recordingSid": recording, "taskSid": other, "receivedAtMs": now_ms(),
    });
    service.twilio.add_task(&other, "{}");
    let keys = service.variable("PlaybackFunction", "LINK_KEYS_SECRET");
    let settings = [("LINK_MODE", "segment-link"), ("LINK_KEYS_SECRET", keys)];
    service.hand("LinkerFunction", &job.to_string(), &settings).await;
    let segment = service.twilio.task(&other).unwrap().attributes;
    let segment: Value = serde_json::from_str(&segment).unwrap();

    let ring = json!({"current": values::LINK_KEY_ID, values::LINK_KEY_ID: values::LINK_KEY});
    let expiry = Expiry::At(4_102_444_800);
    let sid = RecordingSid::parse(recording).unwrap();
    let base = provider.split("/media-url").next().unwrap();
    json!({
        "urlProvider": provider,
        "granted": granted["media_url"],
        "segmentLink": segment["conversations"]["segment_link"],
        // Like the granted one, but it expires in the year 2100.
        "mediaLink": sign(&KeyRing::parse(&ring.to_string()).unwrap(), &sid, expiry).url(base),
    })
}

/// Leaves a link in the queue of late links, and one in the dead letters, because its task waited for a day.
async fn age_links(service: &Service<'_>) {
    let task = of(recording::GIVEN_UP, "WT");
    service.twilio.add_task_with(&task, "{}", AssignmentStatus::Pending);
    for (recording, minutes, function) in [
        (recording::LATE, 11, "LinkerFunction"),
        (recording::GIVEN_UP, 25 * 60, "LateLinkerFunction"),
    ] {
        call_back(service, recording, &[], true).await;
        let event = service.aws(&["event", STACK, "LinksQueue"]);
        let record = &event["Records"][0];
        let body = received(record["body"].as_str().unwrap(), now_ms() - minutes * 60_000);
        service.hand(function, &body, &[]).await;
        let handle = record["receiptHandle"].as_str().unwrap();
        service.aws(&["done", STACK, "LinksQueue", handle]);
    }
}

/// Leaves links and copies of every shape in their queues.
async fn leave_jobs(service: &Service<'_>, encrypted: &EncryptedRecording) {
    let (call, conference) = (of(recording::OF_CALL, "CA"), of(recording::OF_CONFERENCE, "CF"));
    let details = encrypted.callback_details();
    call_back(service, recording::OF_TASK, &[], true).await;
    call_back(service, recording::OF_CALL, &[("CallSid", &call)], false).await;
    let of_conference = [
        ("CallSid", ""),
        ("ConferenceSid", &conference),
        ("RecordingSource", "Conference"),
        ("RecordingTrack", ""),
    ];
    call_back(service, recording::OF_CONFERENCE, &of_conference, false).await;
    call_back(service, recording::ENCRYPTED, &[("EncryptionDetails", &details)], true).await;
}

/// Posts the callback for a complete recording, signed, as Twilio does. `parameters` replace those of the sample; an
/// empty value removes one. With its task, the URL is the Flex plugin's.
pub(crate) async fn call_back(service: &Service<'_>, recording: &str, parameters: &[(&str, &str)], with_task: bool) {
    let mut event = sample("http-api-post-text.json");
    let query = if with_task {
        format!("reservationSid={}&taskSid={}", of(recording, "WR"), of(recording, "WT"))
    } else {
        String::new()
    };
    let call = of(recording, "CA");
    let mut form = vec![
        ("AccountSid", values::ACCOUNT_SID),
        ("CallSid", &call),
        ("ErrorCode", "0"),
        ("RecordingChannels", "1"),
        ("RecordingDuration", "1"),
        ("RecordingSid", recording),
        ("RecordingSource", "OutboundAPI"),
        ("RecordingStartTime", "Sun, 10 May 2026 11:59:59 +0000"),
        ("RecordingStatus", "completed"),
        ("RecordingTrack", "both"),
    ];
    form.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
    form.extend(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let host = event["requestContext"]["domainName"].as_str().unwrap();
    let url = format!("https://{host}{}", event["rawPath"].as_str().unwrap());
    let url = if with_task { format!("{url}?{query}") } else { url };
    let signature = signature(values::AUTH_TOKEN, &url, form.iter().copied());
    event["headers"]["x-twilio-signature"] = json!(signature);
    event["rawQueryString"] = json!(query);
    event["body"] = json!(encoded(&form));
    let answer = service.answer("WebhookFunction", &event).await;
    assert_eq!(answer["statusCode"], 204, "{answer}");
}

/// `application/x-www-form-urlencoded`.
fn encoded(form: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        });
        bytes.collect()
    };
    let pairs: Vec<_> = form
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// A link's message with another time of its callback.
pub(crate) fn received(body: &str, at_ms: i64) -> String {
    let mut message: Value = serde_json::from_str(body).unwrap();
    message["receivedAtMs"] = json!(at_ms);
    message.to_string()
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// Encrypts the audio as Twilio does, with the stack's public key.
fn encrypt(service: &Service<'_>) -> EncryptedRecording {
    let public_key = service.aws(&["public_key", STACK, ENCRYPTION_KEY]);
    let public_key = STANDARD.decode(public_key.as_str().unwrap()).unwrap();
    EncryptedRecording::new(&public_key, &audio()).unwrap()
}

/// Twilio's data key, wrapped and unwrapped, in the form of [`Kms::generated`](super::kms::Kms::generated).
fn wrapped_by_twilio(service: &Service<'_>, media: &EncryptedRecording) -> Value {
    service.aws(&["unwrapped", STACK, ENCRYPTION_KEY, &media.wrapped_key])
}
