//! The effect of the control routes on the API, and the reverse.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bench, RECORDING, TASK, player_authorization, wav_of};

#[tokio::test]
async fn a_task_goes_in_is_updated_through_the_api_and_comes_out() {
    let bench = Bench::new().await;
    let task = json!({"sid": TASK, "attributes": {"call_sid": "CA1"}, "assignmentStatus": "wrapping"});
    let added = bench.control(Method::POST, "/tasks").json(&task).send().await.unwrap();
    assert_eq!(added.status(), 201);

    let updated = bench
        .api(Method::POST, "/v1/Workspaces/{WS}/Tasks/{WT}")
        .form(&[("Attributes", r#"{"n":2}"#)]);
    assert_eq!(updated.send().await.unwrap().status(), 200);

    let path = format!("/tasks/{TASK}");
    let shown: Value = bench
        .control(Method::GET, &path)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let expected = json!({"sid": TASK, "attributes": r#"{"n":2}"#, "assignmentStatus": "wrapping", "version": 1});
    assert_eq!(shown, expected);
    assert_eq!(bench.control(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(bench.control(Method::GET, &path).send().await.unwrap().status(), 404);
    assert_eq!(bench.control(Method::DELETE, &path).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn attributes_come_as_an_object_or_as_its_text_digits_and_all() {
    let bench = Bench::new().await;
    for body in [
        format!(r#"{{"sid":"{TASK}","attributes":{{"n":1.10,"big":12345678901234567890123}}}}"#),
        format!(r#"{{"sid":"{TASK}","attributes":"{{\"n\":1.10,\"big\":12345678901234567890123}}"}}"#),
    ] {
        assert_eq!(
            bench
                .control(Method::POST, "/tasks")
                .body(body)
                .send()
                .await
                .unwrap()
                .status(),
            201
        );
        let task = bench.double.task(TASK).unwrap();
        assert_eq!(task.attributes, r#"{"n":1.10,"big":12345678901234567890123}"#);
    }
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason() {
    let bench = Bench::new().await;
    let long = json!({"sid": TASK, "attributes": {"x": "x".repeat(4096)}}).to_string();
    let cases = [
        ("/tasks", "not json"),
        ("/tasks", r#"{"sid":"WT1","attributes":{}}"#),
        ("/tasks", r#"{"sid":"WT0123456789abcdef0123456789abcdef"}"#),
        (
            "/tasks",
            r#"{"sid":"WT0123456789abcdef0123456789abcdef","attributes":null}"#,
        ),
        (
            "/tasks",
            r#"{"sid":"WT0123456789abcdef0123456789abcdef","attributes":"{"}"#,
        ),
        (
            "/tasks",
            r#"{"sid":"WT0123456789abcdef0123456789abcdef","attributes":{},"assignmentStatus":"done"}"#,
        ),
        (
            "/tasks",
            r#"{"sid":"WT0123456789abcdef0123456789abcdef","attributes":{},"typo":1}"#,
        ),
        ("/tasks", &long),
        ("/tokens", r#"{"token":"t"}"#),
        ("/faults", r#"{"operation":"media"}"#),
        ("/faults", r#"{"operation":"everything","action":"drop"}"#),
        ("/faults", r#"{"operation":"media","action":"explode"}"#),
        ("/faults", r#"{"operation":"media","action":"drop","times":0}"#),
        (
            "/faults",
            r#"{"operation":"media","action":{"attributes":{"value":null}}}"#,
        ),
        ("/faults", r#"{"operation":"media","action":{"answer":{"status":42}}}"#),
    ];
    for (path, body) in cases {
        let answer = bench
            .control(Method::POST, path)
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{path} {body}");
        let reason: Value = answer.json().await.unwrap();
        assert!(!reason["error"].as_str().unwrap().is_empty(), "{path} {body}");
    }
    assert_eq!(
        bench
            .control(Method::GET, "/calls?since=x")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
}

#[tokio::test]
async fn calls_show_the_request_and_never_a_secret() {
    let bench = Bench::new().await;
    bench.record(&format!("{RECORDING}.wav"), &wav_of(2, 1));
    let media = "/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav?RequestedChannels=2";
    bench
        .api(Method::GET, media)
        .header("range", "bytes=5-")
        .send()
        .await
        .unwrap();
    bench
        .stranger(Method::GET, "/v1/the-auth-token?token=the-api-key-secret&x=y")
        .send()
        .await
        .unwrap();
    let validate = bench.stranger(Method::POST, "/v1/Accounts/{AC}/Tokens/validate");
    let validate = validate.header(
        "authorization",
        player_authorization(crate::flex_token!("the-flex-token")),
    );
    validate
        .json(&json!({"token": crate::flex_token!("the-flex-token")}))
        .send()
        .await
        .unwrap();

    let calls = bench
        .control(Method::GET, "/calls")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for secret in ["the-auth-token", "the-api-key-secret", "the-flex-token"] {
        assert!(!calls.contains(secret), "{secret}");
    }
    let calls: Vec<Value> = serde_json::from_str(&calls).unwrap();
    let path = format!(
        "/2010-04-01/Accounts/{}/Recordings/{RECORDING}.wav",
        bench.options.account_sid
    );
    let expected = json!({
        "method": "GET", "path": path, "query": "RequestedChannels=2", "operation": "media",
        "status": 206, "auth": "api_key", "range": "bytes=5-",
    });
    assert_eq!(calls[0], expected);
    assert_eq!(calls[1]["path"], "/v1/***");
    assert_eq!(
        (&calls[1]["operation"], &calls[1]["status"], &calls[1]["auth"]),
        (&Value::Null, &json!(404), &json!("none"))
    );
    assert_eq!(
        (&calls[2]["operation"], &calls[2]["auth"]),
        (&json!("token_validate"), &json!("flex_token"))
    );
    assert_eq!(calls.len(), 3);

    let later: Vec<Value> = bench
        .control(Method::GET, "/calls?since=2")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(later, calls[2..]);
}

#[tokio::test]
async fn a_registered_token_validates_with_its_own_roles_until_it_expires() {
    let bench = Bench::new().await;
    for body in [
        r#"{"token":"an-agents","roles":["agent"],"identity":"ann","workerSid":"WK1"}"#,
        r#"{"token":"an-old-one","roles":["admin"],"expiresInSeconds":0}"#,
    ] {
        assert_eq!(
            bench
                .control(Method::POST, "/tokens")
                .body(body)
                .send()
                .await
                .unwrap()
                .status(),
            201
        );
    }
    for (token, valid, roles) in [
        (crate::flex_token!("the-flex-token"), true, json!(["supervisor"])),
        ("an-agents", true, json!(["agent"])),
        ("an-old-one", false, Value::Null),
        ("a-strangers", false, Value::Null),
    ] {
        let request = bench.stranger(Method::POST, "/v1/Accounts/{AC}/Tokens/validate");
        let request = request
            .header("authorization", player_authorization(token))
            .json(&json!({"token": token}));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!((&answer["valid"], &answer["roles"]), (&json!(valid), &roles), "{token}");
    }
}
