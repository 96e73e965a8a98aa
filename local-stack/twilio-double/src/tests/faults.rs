//! One test for each fault, on what the client receives.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::{Bench, RECORDING, TASK, wav_of};
use crate::{Fault, FaultAction, Operation};

const WAV: &str = "/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav";
const ONE: &str = "/v1/Workspaces/{WS}/Tasks/{WT}";

/// A bench with one recording of several chunks, and its bytes.
async fn bench() -> (Bench, Vec<u8>) {
    let bench = Bench::new().await;
    let wav = wav_of(2, 20);
    bench.record(&format!("{RECORDING}.wav"), &wav);
    bench.double.add_task(TASK, "{}");
    (bench, wav)
}

async fn broken(bench: &Bench, action: FaultAction) -> Response {
    bench.double.fault(Fault::once(Operation::Media, action));
    bench.api(Method::GET, WAV).send().await.unwrap()
}

/// The received bytes of a body, and whether it ended well.
async fn received(mut answer: Response) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend(chunk),
            Ok(None) => return (bytes, true),
            Err(_) => return (bytes, false),
        }
    }
}

#[tokio::test]
async fn a_cut_body_ends_after_exactly_the_given_bytes() {
    let (bench, wav) = bench().await;
    let len = wav.len();
    for after in [0, 1, 65_535, 65_536, 65_537, len * 37 / 100, len - 1] {
        let answer = broken(
            &bench,
            FaultAction::Cut {
                after_bytes: after as u64,
            },
        )
        .await;
        assert_eq!(answer.content_length(), Some(len as u64));
        let (bytes, whole) = received(answer).await;
        assert!(!whole, "{after}");
        assert_eq!(bytes.len(), after);
        assert!(bytes == wav[..after]);
    }
    let (bytes, whole) = received(bench.api(Method::GET, WAV).send().await.unwrap()).await;
    assert!(whole && bytes == wav, "the faults are used up");
}

#[tokio::test]
async fn a_length_announced_too_long_breaks_after_the_whole_body() {
    let (bench, wav) = bench().await;
    let answer = broken(&bench, FaultAction::AnnounceLonger { by_bytes: 10 }).await;
    assert_eq!(answer.content_length(), Some(wav.len() as u64 + 10));
    let (bytes, whole) = received(answer).await;
    assert!(!whole && bytes == wav);
}

#[tokio::test]
async fn a_length_announced_too_short_ends_well_with_bytes_missing() {
    let (bench, wav) = bench().await;
    let short = wav.len() - 10;
    let answer = broken(&bench, FaultAction::AnnounceShorter { by_bytes: 10 }).await;
    assert_eq!(answer.content_length(), Some(short as u64));
    let (bytes, whole) = received(answer).await;
    assert!(whole && bytes == wav[..short]);
}

#[tokio::test]
async fn without_a_content_length_the_body_comes_in_chunks() {
    let (bench, wav) = bench().await;
    let answer = broken(&bench, FaultAction::Unannounced).await;
    assert_eq!(answer.content_length(), None);
    assert_eq!(answer.headers()["transfer-encoding"], "chunked");
    let (bytes, whole) = received(answer).await;
    assert!(whole && bytes == wav);
}

#[tokio::test]
async fn a_stalled_body_pauses_where_it_should() {
    let (bench, wav) = bench().await;
    let mut answer = broken(
        &bench,
        FaultAction::Stall {
            after_bytes: 100,
            millis: 60_000,
        },
    )
    .await;
    let mut bytes = Vec::new();
    while bytes.len() < 100 {
        bytes.extend(answer.chunk().await.unwrap().unwrap());
    }
    assert!(
        bytes == wav[..100],
        "no byte after the stall arrives with the bytes before it"
    );
    let more = tokio::time::timeout(Duration::from_millis(50), answer.chunk());
    assert!(more.await.is_err(), "nothing more for now");
}

#[tokio::test]
async fn a_stalled_body_goes_on_afterwards() {
    let (bench, wav) = bench().await;
    for after_bytes in [0, 100, wav.len() as u64] {
        let (bytes, whole) = received(broken(&bench, FaultAction::Stall { after_bytes, millis: 1 }).await).await;
        assert!(whole && bytes == wav, "{after_bytes}");
    }
}

#[tokio::test]
async fn a_dropped_connection_brings_no_answer_and_counts_as_a_call() {
    let (bench, _) = bench().await;
    bench
        .double
        .fault(Fault::once(Operation::TaskUpdate, FaultAction::Drop));
    let mark = bench.double.mark();
    let update = || {
        bench
            .api(Method::POST, ONE)
            .header("if-match", "0")
            .form(&[("Attributes", "[]")])
    };
    assert!(update().send().await.unwrap_err().is_request());
    let [call] = bench.double.calls_since(mark).try_into().unwrap();
    assert_eq!((call.operation, call.status), (Some(Operation::TaskUpdate), None));
    assert_eq!(bench.double.task(TASK).unwrap().version, 1, "done, and the answer lost");
    assert_eq!(update().send().await.unwrap().status(), 412);
}

#[tokio::test]
async fn an_answer_in_place_of_the_operations_own_leaves_nothing_done() {
    let (bench, _) = bench().await;
    let answer = |status, retry_after| FaultAction::Answer {
        status,
        body: None,
        retry_after,
    };
    bench
        .double
        .fault(Fault::once(Operation::TaskUpdate, answer(412, None)).times(3));
    bench
        .double
        .fault(Fault::once(Operation::TaskUpdate, answer(429, Some(2))));
    bench
        .double
        .fault(Fault::once(Operation::TaskUpdate, answer(429, None)));
    let update = || {
        bench
            .api(Method::POST, ONE)
            .header("if-match", "0")
            .form(&[("Attributes", "[]")])
            .send()
    };
    for _ in 0..3 {
        let refused = update().await.unwrap();
        assert_eq!(refused.status(), 412);
        assert_eq!(refused.json::<Value>().await.unwrap()["code"], 20412);
    }
    assert_eq!(update().await.unwrap().headers()["retry-after"], "2");
    assert!(!update().await.unwrap().headers().contains_key("retry-after"));
    assert_eq!(bench.double.task(TASK).unwrap().version, 0);
    assert_eq!(update().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_answers_body_is_sent_as_it_is() {
    let (bench, _) = bench().await;
    let action = FaultAction::Answer {
        status: 200,
        body: Some("{".to_owned()),
        retry_after: None,
    };
    bench.double.fault(Fault::once(Operation::TaskFetch, action));
    let answer = bench.api(Method::GET, ONE).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (200, "{".to_owned())
    );
}

#[tokio::test]
async fn attributes_are_shown_otherwise_than_they_are() {
    let (bench, _) = bench().await;
    for (value, shown) in [(None, Value::Null), (Some("[1]".to_owned()), "[1]".into())] {
        bench
            .double
            .fault(Fault::once(Operation::TaskFetch, FaultAction::Attributes { value }));
        let answer = bench.api(Method::GET, ONE).send().await.unwrap();
        assert!(answer.headers().contains_key("etag"));
        assert_eq!(answer.json::<Value>().await.unwrap()["attributes"], shown);
    }
    assert_eq!(bench.double.task(TASK).unwrap().attributes, "{}");
}

#[tokio::test]
async fn control_arms_and_disarms() {
    let (bench, _) = bench().await;
    let arm = async |body: &str| {
        let answer = bench
            .control(Method::POST, "/faults")
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201, "{body}");
    };
    arm(r#"{"operation":"media","sid":"RE1","action":"drop"}"#).await;
    arm(r#"{"operation":"media","times":2,"action":{"answer":{"status":503,"body":"{}","retryAfter":1}}}"#).await;
    let fetch = || bench.api(Method::GET, WAV).send();
    assert_eq!(fetch().await.unwrap().status(), 503);
    assert_eq!(
        bench.control(Method::DELETE, "/faults").send().await.unwrap().status(),
        204
    );
    assert_eq!(fetch().await.unwrap().status(), 200);
    for action in [
        r#"{"cut":{"afterBytes":100}}"#,
        r#"{"stall":{"afterBytes":0,"millis":1}}"#,
        r#"{"announceLonger":{"byBytes":1}}"#,
        r#"{"announceShorter":{"byBytes":1}}"#,
        r#""unannounced""#,
    ] {
        arm(&format!(r#"{{"operation":"media","action":{action}}}"#)).await;
    }
    arm(r#"{"operation":"task_fetch","action":{"attributes":{"value":null}}}"#).await;
}
