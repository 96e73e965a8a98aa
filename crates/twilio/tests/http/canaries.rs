//! Errors are logged, so they must hold nothing of a credential, a query string or a body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use loopback::{Server, absent, raw};
use sid::{CallSid, RecordingSid, TaskSid, WorkspaceSid};
use twilio::{
    flex_token::{FlexToken, ValidateAs},
    media::MediaFormat,
};
use url::Url;

use crate::{api_key, api_key_header, client, recordings::one_day, sid};

/// `{"alg":"dir","enc":"A256GCM"}`, and a word in place of the ciphertext.
const TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.canary-token.dGFn";

/// `Display` and `Debug` of the error of every operation against one server.
async fn errors(url: &Url) -> Vec<String> {
    let client = client(url);
    let key = api_key();
    let workspace = WorkspaceSid::parse(&sid("WS", '2')).unwrap();
    let task = TaskSid::parse(&sid("WT", '3')).unwrap();
    let call = CallSid::parse(&sid("CA", '4')).unwrap();
    let recording = RecordingSid::parse(&sid("RE", '1')).unwrap();
    let authorization = format!("Basic {}", STANDARD.encode(format!("token:{TOKEN}")));
    let token = FlexToken::from_authorization(&authorization).unwrap().unwrap();

    let media = client
        .media(&key, &recording, MediaFormat::Wav, 3, Some("\"canary-etag\""))
        .await
        .err();
    let find = client.find_task(&key, &workspace, Some(&call), None).await.err();
    let fetch = client.fetch_task(&key, &workspace, &task).await.err();
    let update = client
        .update_task_attributes(&key, &workspace, &task, "canary-attributes", "\"canary-etag\"")
        .await
        .err();
    let metadata = client.fetch_recording(&key, &recording).await.err();
    let list = client.list_recordings(&key, &one_day(), None, 7).await.err();
    let delete = client.delete_recording(&key, &recording).await.err();
    let by_flex = client.validate_flex_token(&token, ValidateAs::Flex).await.err();
    let by_player = client.validate_flex_token(&token, ValidateAs::Player).await.err();
    let by_account = client
        .validate_flex_token(&token, ValidateAs::Account(&key))
        .await
        .err();
    [media, find, fetch, update, metadata, list, delete]
        .iter()
        .flatten()
        .map(|error| format!("{error} {error:?}"))
        .chain(
            [by_flex, by_player, by_account]
                .iter()
                .flatten()
                .map(|error| format!("{error} {error:?}")),
        )
        .collect()
}

#[tokio::test]
async fn no_error_shows_a_secret_a_query_or_a_body() {
    let statuses = [302, 400, 401, 403, 404, 412, 416, 500, 503];
    let body = r#"{"code":20001,"message":"canary-body"}"#;
    let headers = [
        ("location", "https://canary-host.example/?canary=1"),
        ("x-canary", "canary-header"),
    ];
    let mut urls = vec![
        absent().await,
        raw(b"canary-no-http\r\n\r\n").await,
        raw(b"HTTP/1.1 200 OK\r\nETag: 0\r\nContent-Encoding: canary\r\nContent-Length: 7\r\n\r\ncanary{").await,
    ];
    for status in statuses {
        urls.push(Server::answering(status, &headers, body).await.url);
    }
    let key_header = api_key_header();
    let encoded_key = key_header.trim_start_matches("Basic ");
    let encoded_token = STANDARD.encode(format!("token:{TOKEN}"));
    for url in urls {
        let errors = errors(&url).await;
        // An update and a deletion need no body, so they succeed with one of the servers. A deletion also succeeds with
        // a 404.
        assert!(errors.len() >= 7, "{errors:?}");
        for shown in errors {
            for forbidden in [
                "canary",
                encoded_key,
                &encoded_token,
                "RequestedChannels",
                "EvaluateTaskAttributes",
                "DateCreated",
                "http://",
                "https://",
            ] {
                assert!(!shown.contains(forbidden), "{forbidden}: {shown}");
            }
        }
    }
}
