//! Updates a stack of the release before to this version, with that release's messages in the queues, its schedules,
//! its stored recordings and its links.
//!
//! A folder of `upgrade/` is what a release has deployed and written: its templates, and what [`activity`] left. It was
//! recorded by that release's own code. CONTRIBUTING.md describes how the next one is made.

mod activity;
mod additions;
mod compatible;
mod kms;
mod release;
mod service;

use std::{env, fs};

use local_stack::{Binaries, Build};
use serde_json::{Value, json};
use toolbox::Scratch;

use self::{
    activity::{audio, of, recording},
    release::{Release, shape},
    service::{Service, target},
};
use crate::account::{Account, STACK};

/// What a customer may have set. The first three turn on all that the functions do.
const OPTIONS: [&str; 13] = [
    "AcceptSegmentLinks=true",
    "DeleteOriginalAfter=7200",
    "TwilioEncryptionKey=on",
    "AlarmEmail=operator@example.com",
    "AllowedRoles=admin,supervisor,wfo.full_access",
    "CustomerLegChannels=customer,others",
    "DeleteRecordingsAfterDays=365",
    "InfrequentAccessAfterDays=30",
    "LogRetentionDays=30",
    "MediaUrlTtl=86400",
    "Mp3AboveMinutes=30",
    "RecordingsExpectedAt=cron(0 10-18 ? * MON-FRI *)",
    "RestrictKeyUse=true",
];

#[tokio::test]
async fn a_stack_of_the_release_before_goes_on_after_its_update() {
    let release = Release::before_this_version();
    let account = Account::with_templates();
    let binaries = Binaries::build(Build::BesideTests).unwrap();
    account.take_templates(&release.folder);
    let keys = release.keys();
    let before = account.deploy(&[&OPTIONS[..], &[&keys[0], &keys[1]]].concat());
    let mut service = Service::start(&account, &binaries, release.wrapped_keys()).await;
    release.put_to_twilio(&service);
    service.aws(&["write", STACK, release.as_of_now().path().to_str().unwrap()]);
    let resources = service.aws(&["resources", STACK]);

    account.take_templates(toolbox::workspace_root());
    let after = account.deploy(&[]);
    assert_eq!(account.status(), "UPDATE_COMPLETE");
    service.redeployed();
    for (output, value) in &before {
        assert_eq!(after.get(output), Some(value), "{output}");
    }
    let updated = service.aws(&["resources", STACK]);
    for (name, id) in resources.as_object().unwrap() {
        assert_eq!(&updated[name], id, "{name}");
    }
    assert_eq!(service.variable("PlaybackFunction", "MEDIA_URL_TTL"), "86400");

    links_play(&service, &release).await;
    schedules_run(&service).await;
    links_are_made(&service, &release).await;
    copies_are_made(&service).await;
    runs_continue(&service).await;
}

/// Links of every kind lead to the recording that the release stored.
async fn links_play(service: &Service<'_>, release: &Release) {
    for link in ["mediaLink", "segmentLink"] {
        let played = service.get(release.link(link)).await;
        assert!(
            played.status == 200 && played.body == audio(),
            "{link}: {}",
            played.status
        );
    }
    assert_eq!(target(release.link("granted")).0, target(release.link("mediaLink")).0);
    plays(service, recording::STORED).await;
    plays(service, recording::DELETED).await;
}

/// The recording plays by the link that tasks have.
async fn plays(service: &Service<'_>, recording: &str) {
    let provider = format!("https://vault/media-url?recordingSid={recording}");
    let granted = service.get(&provider).await;
    assert_eq!(granted.status, 200, "{recording}");
    let granted: Value = serde_json::from_slice(&granted.body).unwrap();
    let played = service.get(granted["media_url"].as_str().unwrap()).await;
    assert!(
        played.status == 200 && played.body == audio(),
        "{recording}: {}",
        played.status
    );
}

/// The deletion that the release scheduled is done: the stored recording is verified, and the original deleted.
async fn schedules_run(service: &Service<'_>) {
    let mark = json!(format!("deletions/{}", recording::STORED));
    assert!(objects(service).contains(&mark));
    let input = service.aws(&["fire", STACK, recording::STORED]);
    service.hand("CopierFunction", input.as_str().unwrap(), &[]).await;
    assert!(service.is_deleted(recording::STORED));
    assert!(!objects(service).contains(&mark));
    // The release wrote no receipt.
    for written in [
        format!("receipts/{}.json", recording::STORED),
        format!("deleted-originals/{}", recording::STORED),
    ] {
        assert!(objects(service).contains(&json!(written)), "{written}");
    }
}

/// Links wait in three queues. The dead letter is moved back to its queue, as operators do.
async fn links_are_made(service: &Service<'_>, release: &Release) {
    let waiting = service.deliver_all("LinksQueue", "LinkerFunction").await;
    assert_eq!(waiting.len(), 4);
    assert_eq!(
        service.deliver_all("LateLinksQueue", "LateLinkerFunction").await.len(),
        1
    );
    assert_eq!(
        service
            .deliver_all("LinksDeadLetters", "LateLinkerFunction")
            .await
            .len(),
        1
    );
    for linked in recording::WAITING {
        let task = service.twilio.task(&of(linked, "WT")).unwrap();
        let link = format!("/media-url?recordingSid={linked}");
        assert_eq!(task.attributes.matches(&link).count(), 1, "{}", task.attributes);
        let attributes: Value = serde_json::from_str(&task.attributes).unwrap();
        let of_reservation = &attributes["reservation_attributes"][of(linked, "WR")]["media"];
        // The callbacks of these two named no task, so that their messages have no reservation.
        let media = match linked {
            recording::OF_CALL | recording::OF_CONFERENCE => &attributes["conversations"]["media"],
            _ => of_reservation,
        };
        let provider = media[0]["url_provider"].as_str();
        assert!(provider.is_some_and(|url| url.ends_with(&link)), "{attributes}");
        assert!(media[0]["start_time"].is_u64(), "{attributes}");
    }
    // A callback that Twilio delivers again finds the link that the release wrote.
    let task = of(recording::STORED, "WT");
    let base = service.variable("LinkerFunction", "PLAYBACK_BASE_URL");
    let written = release.task_attributes(recording::STORED, base);
    service.twilio.add_task(&task, &written);
    activity::call_back(service, recording::STORED, &[], true).await;
    service.deliver_all("LinksQueue", "LinkerFunction").await;
    assert_eq!(service.twilio.task(&task).unwrap().attributes, written);
}

/// Copies wait in their queue. One more is of a recording that was erased, which stays erased.
async fn copies_are_made(service: &Service<'_>) {
    activity::call_back(service, recording::ERASED, &[], true).await;
    let made = service.deliver_all("CopiesQueue", "CopierFunction").await;
    assert!(made.len() > 6, "{made:?}");
    assert!(!objects(service).contains(&json!(format!("recordings/{}", recording::ERASED))));
    for copied in recording::WAITING {
        plays(service, copied).await;
    }
}

/// Runs that the release began are continued by their schedules to the end.
async fn runs_continue(service: &Service<'_>) {
    for (operation, found) in [
        ("backfill", "/work/backfill/counts/found"),
        ("verify", "/work/verify/counts/verified"),
    ] {
        let input = service.aws(&["fire", STACK, operation]);
        let event: Value = serde_json::from_str(input.as_str().unwrap()).unwrap();
        let cursor = service.answer("OperatorFunction", &event).await;
        assert_eq!(cursor["status"], "done", "{cursor}");
        assert_eq!(cursor["run"], event["continue"]["run"]);
        assert!(cursor.pointer(found).unwrap().as_u64() > Some(1), "{cursor}");
        assert_ne!(cursor.pointer("/work/verify/counts/bad"), Some(&json!(1)), "{cursor}");
    }
}

fn objects(service: &Service<'_>) -> Vec<Value> {
    service.aws(&["object_keys", STACK]).as_array().unwrap().clone()
}

/// After a rollback, the release before finds what this version wrote. Apart from the additions that it ignores, this must
/// have the same shape. With `RECORD_RELEASE` set, it is kept as this version's folder.
#[tokio::test]
async fn what_this_version_writes_has_the_shape_of_the_release_before() {
    let account = Account::with_templates();
    let binaries = Binaries::build(Build::BesideTests).unwrap();
    account.deploy(&OPTIONS);
    let service = Service::start(&account, &binaries, Vec::new()).await;
    let written = Scratch::new().unwrap();
    activity::record(&service, written.path()).await;
    if env::var_os("RECORD_RELEASE").is_some() {
        release::keep(written.path());
    }

    let release = Release::before_this_version();
    for file in ["state.json", "rest.json"] {
        let [old, mut new] = [&release.folder, written.path()].map(|folder| {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            serde_json::from_str::<Value>(&text).unwrap()
        });
        if file == "state.json" {
            additions::remove(&mut new);
        }
        let [old, new] = [old, new].map(|value| shape(&value));
        assert_eq!(new, old, "{file}: this version's (left) differs from the shape before");
    }
}
