//! Reconciliations of the last days.

use time::{Duration as Span, OffsetDateTime, format_description::well_known::Rfc2822};

use super::{
    twilio::{Twilio, recording},
    *,
};

/// A recording that began this long ago and lasted this long.
fn recording_of(number: u32, began: Span, lasted: Span) -> Value {
    let began = (OffsetDateTime::now_utc() - began).format(&Rfc2822).unwrap();
    let mut recording = recording(&sid(number));
    recording["start_time"] = json!(began);
    recording["date_created"] = json!(began);
    recording["duration"] = json!(lasted.whole_seconds().to_string());
    recording
}

#[tokio::test]
async fn a_recording_that_no_callback_brought_is_queued_an_hour_after_its_end() {
    let recordings = vec![
        recording_of(1, Span::hours(2), Span::minutes(50)),
        // The callback of this recording may still arrive. So may that of the next one, which began long before.
        recording_of(2, Span::minutes(30), Span::minutes(5)),
        recording_of(3, Span::hours(4), Span::minutes(200)),
        recording_of(4, Span::days(2), Span::minutes(5)),
        recording_of(5, Span::days(5), Span::minutes(5)),
    ];
    let world = World::start(Twilio::with(recordings).await).await;
    let answer = world.invoke(json!({"reconcile": {}})).await.unwrap();
    let counts = json!({
        "found": 4, "skipped": 0, "stored": 0, "erased": 0, "expired": 0, "notReady": 2, "missing": 2, "queued": 2, "failed": 0,
        "withoutReceipt": 0,
    });
    assert_eq!(answer["work"]["reconcile"]["counts"], counts);
    let queued: Vec<_> = world
        .queued()
        .await
        .iter()
        .map(|message| message["recordingSid"].clone())
        .collect();
    assert_eq!(queued, [sid(1), sid(4)]);
    let name = answer["operation"].as_str().unwrap();
    assert!(name.starts_with("reconcile-20"), "{name}");
}
