//! The search for a task that the callback does not name.

use super::*;

#[tokio::test]
async fn an_unknown_task_is_searched_for() {
    let server = Loopback::start(neighbors).await;
    let job = job(r#""callSid":"CA00000000000000000000000000000001""#);
    assert_eq!(linker(&server, false).outcome_of(&job).await.unwrap(), linked());
    assert_eq!(server.count(SEARCH), 1);
    assert_eq!(
        server.received().iter().filter(|received| is_update(received)).count(),
        1
    );
}

#[tokio::test]
async fn facts_that_the_callback_lacks_come_from_the_recording() {
    let server = Loopback::start(neighbors).await;
    let bare = job(r#""later":0"#);
    assert_eq!(linker(&server, false).outcome_of(&bare).await.unwrap(), linked());
    let search = server
        .received()
        .into_iter()
        .find(|received| received.what.starts_with(SEARCH))
        .unwrap();
    assert!(search.what.contains("CA00000000000000000000000000000001"), "{search:?}");
    let entry = &written(&server)["conversations"]["media"][0];
    assert_eq!(entry["start_time"], 1_559_009_881_000_i64);
    assert_eq!(entry["channels"], json!(["customer", "others"]));

    // The callback's values are kept.
    let server = Loopback::start(neighbors).await;
    linker(&server, false)
        .outcome_of(&job(r#""startTimeMs":2000,"channels":1"#))
        .await
        .unwrap();
    let entry = &written(&server)["conversations"]["media"][0];
    assert_eq!((&entry["start_time"], entry.get("channels")), (&json!(1000), None));
}

#[tokio::test]
async fn a_recording_without_any_call_or_task_fails_for_good() {
    let server = Loopback::start(move |received: &Received| match received.what.as_str() {
        RECORDING => (200, None, recording(&Value::Null)),
        _ => neighbors(received),
    })
    .await;
    let error = linker(&server, false)
        .outcome_of(&job(r#""startTimeMs":1"#))
        .await
        .unwrap_err();
    assert!(
        matches!(error, LinkError::NothingToFindBy) && !error.is_retryable(),
        "{error}"
    );
    assert_eq!(server.count("GET "), 1);
}

/// Twilio does not show the recording yet, or the workspace does not exist. Neither means that the task is gone.
#[tokio::test]
async fn a_404_that_is_no_tasks_is_tried_again() {
    for (missing, job) in [
        (RECORDING, job(r#""startTimeMs":1"#)),
        (SEARCH, job(r#""callSid":"CA00000000000000000000000000000001""#)),
    ] {
        let server = Loopback::start(move |received: &Received| {
            if received.what.starts_with(missing) {
                (404, None, json!({"code": 20404}))
            } else {
                neighbors(received)
            }
        })
        .await;
        let error = linker(&server, false).outcome_of(&job).await.unwrap_err();
        assert!(
            matches!(error, LinkError::Twilio(TwilioAccountError::Api(ApiError::NotFound))) && error.is_retryable(),
            "{error}"
        );
    }
}

/// A search that loses its filter on the way finds the newest task, which may belong to another call.
#[tokio::test]
async fn a_task_that_was_found_and_names_another_call_is_not_linked() {
    for (leg, sid) in [
        ("callSid", "CA00000000000000000000000000000009"),
        ("conferenceSid", "CF00000000000000000000000000000009"),
    ] {
        let server = Loopback::start(neighbors).await;
        let job = job(&format!(r#""{leg}":"{sid}""#));
        let error = linker(&server, false).outcome_of(&job).await.unwrap_err();
        assert!(
            matches!(
                error,
                LinkError::Twilio(TwilioAccountError::Api(ApiError::Unexpected(_)))
            ) && error.is_retryable(),
            "{error}"
        );
        assert_eq!(server.count("POST /v1/Workspaces/"), 0);
    }
}
