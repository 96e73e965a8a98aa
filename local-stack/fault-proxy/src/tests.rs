use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use http::{Request, Response};
use http_body_util::BodyExt;
use loopback::{Upstream, full};

use crate::{Call, Fault, FaultProxy, Hook, Rule};

const ANSWER: &[u8] = b"0123456789";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Copier,
    Playback,
}

/// A proxy in front of a service that counts its requests and answers with the request's body and [`ANSWER`].
async fn proxied() -> (FaultProxy<Role>, String, Arc<AtomicUsize>) {
    let (listener, port) = loopback::listen().await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    loopback::serve(listener, move |request: Request<hyper::body::Incoming>| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            Ok(Response::new(full([body.as_ref(), ANSWER].concat())))
        }
    });
    let proxy = FaultProxy::new();
    let endpoint = proxy.open(Role::Playback, Upstream::new(port)).await.unwrap();
    (proxy, endpoint, calls)
}

fn signed(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn get(endpoint: &str, path: &str) -> reqwest::RequestBuilder {
    reqwest::Client::new()
        .get(format!("{endpoint}{path}"))
        .header("authorization", signed("s3"))
}

#[tokio::test]
async fn calls_are_identified_by_role_service_operation_key_and_range() {
    let (proxy, endpoint, _) = proxied().await;
    let mark = proxy.mark();
    get(&endpoint, "/bucket/recordings/RE1%2B?x-id=GetObject")
        .header("range", "bytes=0-9")
        .send()
        .await
        .unwrap();
    let kms = reqwest::Client::new()
        .post(&endpoint)
        .header("authorization", signed("kms"));
    kms.header("x-amz-target", "TrentService.Decrypt")
        .body(r#"{"EncryptionContext":{"recordingsid":"RE00000000000000000000000000000001"}}"#)
        .send()
        .await
        .unwrap();

    let call = |service: &str, operation: &str, key: &str, range: Option<&str>| Call {
        role: Role::Playback,
        service: service.to_owned(),
        operation: operation.to_owned(),
        key: key.to_owned(),
        range: range.map(str::to_owned),
        if_match: None,
        if_none_match: None,
    };
    assert_eq!(
        proxy.since(mark),
        [
            call("s3", "GetObject", "recordings/RE1+", Some("bytes=0-9")),
            call("kms", "Decrypt", "RE00000000000000000000000000000001", None)
        ]
    );
    assert_eq!(proxy.count(proxy.mark(), |_| true), 0);
}

#[tokio::test]
async fn an_answered_call_never_reaches_the_service() {
    let (proxy, endpoint, calls) = proxied().await;
    proxy.inject(Rule::new(
        "s3",
        "GetObject",
        Fault::Answer {
            status: 503,
            body: "SlowDown".into(),
        },
    ));
    let response = get(&endpoint, "/b/k").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "SlowDown");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_cut_body_is_never_a_clean_end() {
    for at in 0..=ANSWER.len() {
        let (proxy, endpoint, _) = proxied().await;
        proxy.inject(Rule::new("s3", "GetObject", Fault::CutBody(at)));
        let mut received = Vec::new();
        let response = get(&endpoint, "/b/k").send().await;
        let end = async {
            let mut response = response?;
            while let Some(chunk) = response.chunk().await? {
                received.extend_from_slice(&chunk);
            }
            Ok::<_, reqwest::Error>(())
        };
        let end = end.await;
        // With every announced byte sent there's nothing left that could be missing.
        assert_eq!(end.is_ok(), at == ANSWER.len(), "cut at {at}");
        assert_eq!(received, &ANSWER[..at]);
    }
}

#[tokio::test]
async fn one_byte_is_flipped_and_no_other() {
    let (proxy, endpoint, _) = proxied().await;
    proxy.inject(Rule::new("s3", "GetObject", Fault::FlipByte(3)));
    let body = get(&endpoint, "/b/k").send().await.unwrap().bytes().await.unwrap();
    assert_eq!(body.as_ref(), b"012\xcc456789");
}

#[tokio::test]
async fn dropped_and_lost_differ_in_whether_the_service_was_called() {
    for (fault, times) in [(Fault::Drop, 0), (Fault::LoseAnswer, 1)] {
        let (proxy, endpoint, calls) = proxied().await;
        proxy.inject(Rule::new("s3", "GetObject", fault));
        assert!(get(&endpoint, "/b/k").send().await.is_err());
        assert_eq!(calls.load(Ordering::SeqCst), times);
    }
}

#[tokio::test]
async fn a_rule_hits_the_nth_match_as_often_as_it_says_and_nothing_else() {
    let (proxy, endpoint, _) = proxied().await;
    let busy = Fault::Answer {
        status: 503,
        body: String::new(),
    };
    proxy.inject(
        Rule::new("s3", "GetObject", busy)
            .key("RE1")
            .role(Role::Playback)
            .nth(2)
            .times(2),
    );
    let mut statuses = Vec::new();
    for key in ["RE1", "RE2", "RE1", "RE2", "RE1", "RE1"] {
        statuses.push(
            get(&endpoint, &format!("/b/{key}"))
                .send()
                .await
                .unwrap()
                .status()
                .as_u16(),
        );
    }
    assert_eq!(statuses, [200, 200, 503, 200, 503, 200]);
}

#[tokio::test]
async fn a_rule_may_look_for_words_and_hit_one_call_in_so_many() {
    let (proxy, endpoint, _) = proxied().await;
    proxy.inject(
        Rule::new(
            "sqs",
            "SendMessage",
            Fault::Answer {
                status: 500,
                body: String::new(),
            },
        )
        .words("copy")
        .one_in(2),
    );
    let mut statuses = Vec::new();
    for body in ["link", "copy", "copy", "link", "copy", "copy"] {
        let request = reqwest::Client::new()
            .post(&endpoint)
            .header("authorization", signed("sqs"))
            .header("x-amz-target", "AmazonSQS.SendMessage");
        statuses.push(request.body(body).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 500, 200, 200, 500, 200]);
    proxy.clear_faults();
}

#[tokio::test]
async fn a_rule_does_not_count_the_calls_that_an_earlier_rule_breaks() {
    let (proxy, endpoint, calls) = proxied().await;
    proxy.inject(Rule::new("s3", "GetObject", Fault::Error(500, "InternalError")));
    proxy.inject(Rule::new("s3", "GetObject", Fault::Error(503, "SlowDown")).nth(2));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&endpoint, "/b/k").send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [500, 200, 503, 200]);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_waits_for_its_hooks_before_and_after_the_service() {
    let (proxy, endpoint, calls) = proxied().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = |name: &'static str| -> Hook {
        let (seen, calls) = (seen.clone(), calls.clone());
        Box::pin(async move { seen.lock().unwrap().push((name, calls.load(Ordering::SeqCst))) })
    };
    proxy.before(Rule::new("s3", "GetObject", hook("before")).nth(2));
    proxy.after(Rule::new("s3", "GetObject", hook("after")).nth(2));
    for _ in 0..3 {
        get(&endpoint, "/b/k").send().await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [("before", 1), ("after", 2)]);
}

#[tokio::test]
async fn unfired_rules_are_counted_by_key() {
    let (proxy, endpoint, _) = proxied().await;
    for key in ["RE1", "RE1", "RE2"] {
        proxy.inject(Rule::new("s3", "GetObject", Fault::Delay(std::time::Duration::ZERO)).key(key));
    }
    proxy.inject(Rule::new("s3", "GetObject", Fault::Drop).role(Role::Copier));
    get(&endpoint, "/b/RE1").send().await.unwrap();
    assert_eq!((proxy.armed("RE1"), proxy.armed("RE2"), proxy.armed("RE3")), (1, 1, 0));
}

#[tokio::test]
async fn another_roles_rule_does_not_fire() {
    let (proxy, endpoint, _) = proxied().await;
    proxy.inject(Rule::new("s3", "GetObject", Fault::Drop).role(Role::Copier));
    get(&endpoint, "/b/k").send().await.unwrap();
    proxy.clear_faults();
}

#[tokio::test]
async fn bodies_pass_unchanged_in_both_directions() {
    let (_, endpoint, _) = proxied().await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let request = reqwest::Client::new()
        .put(format!("{endpoint}/b/k"))
        .header("authorization", signed("s3"));
    let received = request.body(sent.clone()).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(received, [&sent, ANSWER].concat());
}
