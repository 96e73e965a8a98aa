//! Links for people without Flex.

use std::time::{SystemTime, UNIX_EPOCH};

use playback_link::{Expiry, KeyRing, verify};
use service::secrets::Secrets;
use sid::RecordingSid;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use vault::ContentType;

use super::{twilio::Twilio, *};
use crate::{config::OperatorLinksConfig, operator::link::LinkMaker};

const KEYS: &str = r#"{"current":"k1","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}"#;

/// A world with one stored recording of 100 bytes. Secrets Manager answers with this status and secret.
async fn world(status: u16, keys: &'static str) -> (World, Loopback) {
    let mut world = World::start(Twilio::with(Vec::new()).await).await;
    let secrets = Loopback::start(move |_| (status, None, json!({ "SecretString": keys }))).await;
    let config = OperatorLinksConfig {
        keys_secret: "link-keys".to_owned(),
        playback_base_url: "https://listen.example.com".to_owned(),
    };
    world.operator.clients.links = Some(LinkMaker::new(&Secrets::new(&secrets.aws()), config));
    let recording = RecordingSid::parse(&sid(1)).unwrap();
    world.aws.store(&recording, ContentType::Wav, vec![7; 100]).await;
    (world, secrets)
}

fn event(recording: u32, minutes: u32, name: &str) -> Value {
    json!({"link": {"recordingSid": sid(recording), "minutes": minutes, "for": name}})
}

#[tokio::test]
async fn a_link_plays_its_recording_until_its_minutes_are_over() {
    let (world, _secrets) = world(200, KEYS).await;
    let answer = world.invoke(event(1, 60, "Jane Auditor")).await.unwrap();
    let made = &answer["link"];
    assert_eq!(made["recordingSid"], sid(1));
    assert_eq!((&made["length"], &made["mediaType"]), (&json!(100), &json!("wav")));

    let url = made["url"].as_str().unwrap();
    let (path, query) = url
        .strip_prefix("https://listen.example.com")
        .and_then(|link| link.split_once('?'))
        .unwrap();
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let keys = KeyRing::parse(KEYS).unwrap();
    let link = verify(&keys, path, query, now_s).unwrap();
    assert_eq!(
        (link.recording.as_str(), link.id.as_str()),
        (&*sid(1), made["linkId"].as_str().unwrap())
    );
    let Expiry::At(expires_s) = link.expiry else {
        panic!("the link must expire")
    };
    assert!((now_s + 3_590..=now_s + 3_600).contains(&expires_s));
    let shown = OffsetDateTime::parse(made["expiresAt"].as_str().unwrap(), &Rfc3339).unwrap();
    assert_eq!(u64::try_from(shown.unix_timestamp()), Ok(expires_s));
    assert!(made["expiresAt"].as_str().unwrap().ends_with('Z'));
    assert!(verify(&keys, path, query, expires_s + 31).is_err());
}

#[tokio::test]
async fn each_link_has_an_id_of_its_own() {
    let (world, _secrets) = world(200, KEYS).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = world.invoke(event(1, 60, "Jane Auditor")).await.unwrap();
        ids.push(answer["link"]["linkId"].clone());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_link_to_a_file_says_so_to_playback() {
    let (world, _secrets) = world(200, KEYS).await;
    let mut event = event(1, 60, "Jane Auditor");
    event["link"]["download"] = json!(true);
    let answer = world.invoke(event).await.unwrap();
    assert!(answer["link"]["url"].as_str().unwrap().ends_with("&download=1"));
}

#[tokio::test]
async fn what_cannot_be_linked_is_refused_with_a_reason() {
    let (world, _secrets) = world(200, KEYS).await;
    world.mark_as_erased(&sid(2)).await;
    for (event, refused) in [
        (event(2, 60, "Jane Auditor"), "erased"),
        (event(3, 60, "Jane Auditor"), "not_stored"),
        (event(1, 0, "Jane Auditor"), "minutes_not_valid"),
        (event(1, 10_081, "Jane Auditor"), "minutes_not_valid"),
        (event(1, 60, "+1 555 0100 199"), "name_not_valid"),
        (event(1, 60, "canary +15550100199"), "name_not_valid"),
        (event(1, 60, ""), "name_not_valid"),
    ] {
        let answer = world.invoke(event.clone()).await.unwrap();
        assert_eq!(answer["link"]["refused"], refused, "{event}");
        assert_eq!(answer["link"]["recordingSid"], event["link"]["recordingSid"]);
        assert!(
            answer["link"]["problem"].is_string() && answer["link"]["url"].is_null(),
            "{answer}"
        );
        assert!(!answer.to_string().contains("canary"), "{answer}");
    }
    let mut event = event(1, 60, "Jane Auditor");
    event["link"]["requestedBy"] = json!("canary");
    let answer = world.invoke(event).await.unwrap();
    assert_eq!(answer["link"]["refused"], "requested_by_not_valid");
    assert!(!answer.to_string().contains("canary"), "{answer}");
}

#[tokio::test]
async fn without_link_keys_the_answer_names_the_parameter() {
    let (mut world, _secrets) = world(200, KEYS).await;
    world.operator.clients.links = None;
    let answer = world.invoke(event(1, 60, "Jane Auditor")).await.unwrap();
    assert_eq!(answer["link"]["refused"], "links_off");
    assert!(
        answer["link"]["problem"]
            .as_str()
            .unwrap()
            .contains("OperatorLinks=true")
    );
}

#[tokio::test]
async fn link_keys_that_cannot_be_read_or_used_are_an_error() {
    for (status, keys) in [(400, KEYS), (200, "change-me")] {
        let (world, _secrets) = world(status, keys).await;
        let error = world
            .invoke(event(1, 60, "Jane Auditor"))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("no link was made: the link keys"), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_recording_gets_no_link() {
    let (world, _secrets) = world(200, KEYS).await;
    let put = world.aws.s3().put_object().bucket(&world.aws.name);
    put.key(format!("recordings/{}", sid(1)))
        .body(b"canary".to_vec().into())
        .send()
        .await
        .unwrap();
    let error = world
        .invoke(event(1, 60, "Jane Auditor"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no link was made: the stored recording: damaged"),
        "{error}"
    );
}
