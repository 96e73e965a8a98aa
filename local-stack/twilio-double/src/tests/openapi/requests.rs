//! The requests of this project's client.

use std::collections::BTreeSet;

use axum::body::Bytes;
use futures_util::TryStreamExt;
use serde_json::json;
use sid::{AccountSid, CallSid, ConferenceSid, RecordingSid, TaskSid, WorkspaceSid};
use time::OffsetDateTime;
use twilio::{
    client::{Client, Credentials, Endpoints},
    flex_token::{FlexToken, ValidateAs},
    media::MediaFormat,
    recordings::{CreatedBetween, RecordedIn},
};
use url::Url;

mod deviations;
use self::deviations::{deviations, shape};
use super::{RECORDING_, RECORDINGS, TASK_, TASKS, description::Description, description_folder, say};
use crate::tests::{
    Bench, RECORDING, TASK,
    listening::{Listening, Received},
    player_authorization, wav_of,
};

/// Requests of the client that the description lacks, and their documentation: media in Twilio's *Recordings resource*,
/// the older validation of Flex tokens in *Play back recordings from custom storage*. The newer one is compared with
/// the request of `@twilio/flex-sdk`.
const NOT_DESCRIBED: [&str; 4] = [
    "GET /2010-04-01/Accounts/{AC}/Recordings/{RE}.mp3",
    "GET /2010-04-01/Accounts/{AC}/Recordings/{RE}.wav",
    "POST /v1/Accounts/{AC}/Tokens/Info",
    "POST /v1/Accounts/{AC}/Tokens/validate",
];

#[tokio::test]
async fn requests_are_as_described() {
    let Some(folder) = description_folder() else { return };
    let descriptions = ["api_v2010.json", "taskrouter_v1.json"].map(|file| Description::read(&folder, file));
    let requests = every_request().await;
    let (mut described, mut others) = (BTreeSet::new(), BTreeSet::new());
    let mut checked = 0;
    for received in &requests {
        match descriptions
            .iter()
            .find_map(|description| deviations(description, received))
        {
            Some((operation, deviations)) => {
                assert!(deviations.is_empty(), "{operation}: {deviations:?}");
                described.insert(operation);
                checked += 1;
            }
            None => drop(others.insert(shape(received))),
        }
    }
    let operations = [
        format!("DELETE {RECORDING_}"),
        format!("GET {RECORDING_}"),
        format!("GET {RECORDINGS}"),
        format!("GET {TASKS}"),
        format!("GET {TASK_}"),
        format!("POST {TASK_}"),
    ];
    assert_eq!(described, BTreeSet::from(operations));
    let exceptions: Vec<_> = NOT_DESCRIBED.into_iter().map(str::to_owned).collect();
    assert_eq!(Vec::from_iter(others), exceptions);
    say(&format!(
        "OpenAPI: {checked} requests of the Twilio client are as described"
    ));
}

/// A test of the check itself: it must notice a request that differs from the description.
#[tokio::test]
async fn a_request_that_is_not_as_described_is_noticed() {
    let Some(folder) = description_folder() else { return };
    let description = Description::read(&folder, "taskrouter_v1.json");
    let update = every_request()
        .await
        .into_iter()
        .find(|received| received.parts.method == "POST");
    let update = update.unwrap();
    let count = |received: &Received| deviations(&description, received).map(|(_, deviations)| deviations.len());
    assert_eq!(count(&update), Some(0));
    let path = update.parts.uri.path();
    for (method, target, body, expected) in [
        ("PATCH", path.to_owned(), "", None),
        ("POST", format!("{path}/More"), "", None),
        ("POST", path.replace("/WT", "/wt"), "", Some(1)),
        ("POST", format!("{path}?Attributes=x"), "", Some(1)),
        ("POST", path.to_owned(), "attributes=%7B%7D", Some(1)),
        ("POST", path.to_owned(), "AssignmentStatus=asleep", Some(1)),
        ("POST", path.to_owned(), "Priority=high&Reason=x", Some(1)),
    ] {
        let mut other = update.clone();
        other.parts.method = method.parse().unwrap();
        other.parts.uri = target.parse().unwrap();
        other.body = Bytes::from_static(body.as_bytes());
        assert_eq!(count(&other), expected, "{method} {target} {body}");
    }
    for header in ["content-type", "authorization"] {
        let mut other = update.clone();
        other.parts.headers.remove(header);
        assert_eq!(count(&other), Some(1), "without {header}");
    }
}

/// Every operation of the client, in every form, as the double received it.
async fn every_request() -> Vec<Received> {
    let bench = Bench::new().await;
    bench.record(&format!("{RECORDING}.wav"), &wav_of(1, 1));
    bench.record(&format!("RE{:032x}.mp3", 1), &[0; 9_000]);
    bench.double.add_task(TASK, "{}");
    let listening = Listening::on(&bench).await;
    call_everything(&bench, &listening.base()).await;
    listening.take()
}

async fn call_everything(bench: &Bench, base: &str) {
    let base: Url = base.parse().unwrap();
    let endpoints = Endpoints {
        api: base.clone(),
        taskrouter: base.clone(),
        iam: base.clone(),
        flex: base,
    };
    let options = &bench.options;
    let client = Client::new(AccountSid::parse(&options.account_sid).unwrap(), endpoints).unwrap();
    let key = Credentials {
        user: options.api_key_sid.clone(),
        password: options.api_key_secret.clone().into(),
    };

    let today = OffsetDateTime::now_utc().date();
    let created = CreatedBetween {
        from: today.previous_day().unwrap(),
        to: today,
    };
    let page = client.list_recordings(&key, &created, None, 1).await.unwrap();
    client
        .list_recordings(&key, &created, page.next.as_ref(), 1)
        .await
        .unwrap();
    let call = CallSid::parse(&RECORDING.replacen("RE", "CA", 1)).unwrap();
    let conference = ConferenceSid::parse(&format!("CF{:032x}", 1)).unwrap();
    for origin in [RecordedIn::Call(call), RecordedIn::Conference(conference)] {
        client.list_recordings_in(&key, &origin, None, 1).await.unwrap();
    }
    let recording = RecordingSid::parse(RECORDING).unwrap();
    client.fetch_recording(&key, &recording).await.unwrap();
    for (sid, format, from) in [
        (RECORDING.to_owned(), MediaFormat::Wav, 0),
        (RECORDING.to_owned(), MediaFormat::Wav, 100),
        (format!("RE{:032x}", 1), MediaFormat::Mp3, 0),
    ] {
        let sid = RecordingSid::parse(&sid).unwrap();
        let media = client.media(&key, &sid, format, from, None).await.unwrap();
        media.body.try_for_each(async |_| Ok(())).await.unwrap();
    }
    client.delete_recording(&key, &recording).await.unwrap();

    let workspace = WorkspaceSid::parse(&options.workspace_sid).unwrap();
    let task = TaskSid::parse(TASK).unwrap();
    let call = CallSid::parse(&format!("CA{:032x}", 1)).unwrap();
    let conference = ConferenceSid::parse(&format!("CF{:032x}", 1)).unwrap();
    client
        .find_task(&key, &workspace, Some(&call), Some(&conference))
        .await
        .unwrap();
    let found = client.fetch_task(&key, &workspace, &task).await.unwrap();
    let attributes = json!({"call_sid": call}).to_string();
    client
        .update_task_attributes(&key, &workspace, &task, &attributes, &found.etag)
        .await
        .unwrap();

    let token = FlexToken::from_authorization(&player_authorization(&options.flex_token)).unwrap();
    let token = token.unwrap();
    for validate_as in [ValidateAs::Flex, ValidateAs::Player, ValidateAs::Account(&key)] {
        client.validate_flex_token(&token, validate_as).await.unwrap();
    }
}
