//! Operators see the version, and nobody else.

use local_stack::{Role, values};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Recording, among_others, get, request};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[tokio::test]
async fn the_version_is_in_the_first_line_of_each_log_and_in_no_answer() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 2_000);
    recording.bring_in(stack).await;
    let callback = recording.callback();
    let forged = recording.callback().auth_token("not the account's token");
    let (hooks, playback) = (stack.callback_url(), stack.playback_url());
    let answers = [
        stack.post_callback(&callback).await.unwrap(),
        stack.post_callback(&forged).await.unwrap(),
        get(&hooks, &[]).await,
        stack.media_url(&recording.sid, values::FLEX_TOKEN).await.unwrap(),
        stack.media_url(&recording.sid, values::AGENT_TOKEN).await.unwrap(),
        request(Method::OPTIONS, &format!("{playback}/media-url"), &[]).await,
        get(&format!("{playback}/another/path"), &[]).await,
        get(&recording.media_url(stack).await, &[("range", "bytes=0-9")]).await,
        get(&recording.media_url(stack).await, &[("range", "bytes=9999-")]).await,
    ];
    for answer in answers {
        let (summary, body) = parts(answer).await;
        assert!(
            !summary.contains(VERSION) && !body.contains(VERSION),
            "{summary}: {body}"
        );
    }

    for role in [Role::Webhook, Role::Playback] {
        let log = stack.log(role).unwrap();
        let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        assert_eq!(first["message"], "starting", "{role}");
        assert_eq!(first["version"], VERSION, "{role}");
    }
}

/// The status with the headers, and the body.
async fn parts(answer: Response) -> (String, String) {
    let summary = format!("{} {:?}", answer.status(), answer.headers());
    let body = answer.bytes().await.unwrap();
    (summary, String::from_utf8_lossy(&body).into_owned())
}
