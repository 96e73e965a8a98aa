//! Tests of the front. The test plays the emulator, and the instances do nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::Notify;
use toolbox::Scratch;

use super::*;
use crate::{Role, instances::Function};

/// The reaction of the test's emulator to an invocation.
#[derive(Clone, Debug)]
enum Act {
    /// Answers with the requested path and query.
    Echo,
    /// Answers with this many bytes, complete.
    Answer(usize),
    /// Begins an answer. After a signal from the test, it ends the process that serves it, as an abort during the
    /// stream does.
    DieInAnswer { go_on: Arc<Notify> },
    /// Ends the process before any answer.
    DieBeforeAnswer,
    /// Does not answer.
    Hang,
    /// Answers after a signal from the test, and counts the invocations in progress.
    Wait {
        inside: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        go_on: Arc<Notify>,
    },
}

struct Rig {
    url: String,
    instances: Arc<Instances>,
    _scratch: Scratch,
}

async fn rig(door: Door, act: Act, count: usize, timeout: Duration) -> Rig {
    let scratch = Scratch::new().unwrap();
    let function = Function {
        role: Role::Playback,
        timeout,
        binary: concat!(env!("CARGO_MANIFEST_DIR"), "/src/front/sleeper.sh").into(),
        environment: Vec::new(),
        log: scratch.path().join("log"),
        traces: crate::lineage::Traces::default(),
    };
    let names = (0..count).map(|number| (format!("f-{number}"), String::new()));
    let instances = Instances::start(function, names).unwrap();

    let (listener, port) = loopback::listen().await.unwrap();
    let known = Arc::clone(&instances);
    loopback::serve(listener, move |request: Request<Incoming>| {
        emulate(act.clone(), Arc::clone(&known), request)
    });
    let (listener, front_port) = loopback::listen().await.unwrap();
    Front::new(door, Arc::clone(&instances), Upstream::new(port), Exchanges::default()).serve(listener);
    let path = if door == Door::HttpApi {
        values::CALLBACK_PATH
    } else {
        ""
    };
    Rig {
        url: format!("http://127.0.0.1:{front_port}{path}"),
        instances,
        _scratch: scratch,
    }
}

async fn emulate(act: Act, instances: Arc<Instances>, request: Request<Incoming>) -> Result<Response<Body>, Error> {
    match act {
        Act::Echo => Ok(Response::new(loopback::full(request.uri().to_string()))),
        Act::Answer(bytes) => Ok(Response::new(loopback::full(vec![0; bytes]))),
        Act::DieBeforeAnswer => {
            kill(&instances).await;
            std::future::pending().await
        }
        Act::DieInAnswer { go_on } => {
            let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
            let rest = stream::once(async move {
                go_on.notified().await;
                kill(&instances).await;
                std::future::pending().await
            });
            Ok(Response::new(
                StreamBody::new(futures_util::StreamExt::chain(first, rest)).boxed_unsync(),
            ))
        }
        Act::Hang => std::future::pending().await,
        Act::Wait { inside, most, go_on } => {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            go_on.notified().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok(Response::new(loopback::full("done")))
        }
    }
}

async fn kill(instances: &Instances) {
    for id in instances.process_ids() {
        let killed = tokio::process::Command::new("kill")
            .args(["-9", &id.to_string()])
            .status()
            .await
            .unwrap();
        assert!(killed.success());
    }
}

/// Long enough for anything that should not hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn path_and_query_pass_untouched() {
    let rig = rig(Door::FunctionUrl, Act::Echo, 1, PATIENCE).await;
    for path in ["/", "/a%20b//c?sig=a%2Bb%3D&x", "/?recordingSid=RE1&signature=%2f"] {
        let answer = reqwest::get(format!("{}{path}", rig.url))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(answer, format!("/lambda-url/f-0{path}"));
    }
}

#[tokio::test]
async fn an_http_api_has_one_route() {
    let rig = rig(Door::HttpApi, Act::Echo, 1, PATIENCE).await;
    assert_eq!(reqwest::get(format!("{}?x", rig.url)).await.unwrap().status(), 200);
    for path in ["/", "/other"] {
        assert_eq!(
            reqwest::get(format!("{}{path}", rig.url)).await.unwrap().status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_function_that_dies_in_mid_answer_breaks_the_transfer_and_is_replaced() {
    let go_on = Arc::new(Notify::new());
    let act = Act::DieInAnswer {
        go_on: Arc::clone(&go_on),
    };
    let rig = rig(Door::FunctionUrl, act, 1, PATIENCE).await;
    let mut response = reqwest::get(&rig.url).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
    go_on.notify_one();
    response.chunk().await.unwrap_err();
    Arc::clone(&rig.instances).lease(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_buffered_answer_that_breaks_off_is_a_server_error() {
    let go_on = Arc::new(Notify::new());
    go_on.notify_one();
    let rig = rig(Door::HttpApi, Act::DieInAnswer { go_on }, 1, PATIENCE).await;
    assert_eq!(reqwest::get(&rig.url).await.unwrap().status(), 500);
}

#[tokio::test]
async fn a_function_that_dies_before_it_answers_is_a_bad_gateway() {
    let rig = rig(Door::FunctionUrl, Act::DieBeforeAnswer, 1, PATIENCE).await;
    assert_eq!(reqwest::get(&rig.url).await.unwrap().status(), 502);
}

#[tokio::test]
async fn a_function_is_killed_at_its_timeout() {
    let rig = rig(Door::FunctionUrl, Act::Hang, 1, Duration::from_millis(100)).await;
    let ended = rig.instances.one_ended();
    let (status, ()) = tokio::join!(async { reqwest::get(&rig.url).await.unwrap().status() }, ended);
    assert_eq!(status, 502);
}

#[tokio::test]
async fn an_instance_has_one_invocation_at_a_time() {
    let (inside, most, go_on) = (Arc::default(), Arc::<AtomicUsize>::default(), Arc::new(Notify::new()));
    let act = Act::Wait {
        inside,
        most: Arc::clone(&most),
        go_on: Arc::clone(&go_on),
    };
    let rig = rig(Door::FunctionUrl, act, 2, PATIENCE).await;
    let requests: Vec<_> = (0..6).map(|_| tokio::spawn(reqwest::get(rig.url.clone()))).collect();
    for request in requests {
        while !request.is_finished() {
            go_on.notify_one();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "done");
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_invocation_goes_on_without_its_listener() {
    let (inside, most, go_on) = (Arc::<AtomicUsize>::default(), Arc::default(), Arc::new(Notify::new()));
    let act = Act::Wait {
        inside: Arc::clone(&inside),
        most,
        go_on: Arc::clone(&go_on),
    };
    let rig = rig(Door::FunctionUrl, act, 1, PATIENCE).await;
    let request = tokio::spawn(reqwest::get(rig.url.clone()));
    while inside.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());

    // The instance is busy until its invocation ends.
    let instances = Arc::clone(&rig.instances);
    assert!(matches!(
        instances.lease(Duration::ZERO).await,
        Err(InvocationError::Throttled)
    ));
    go_on.notify_one();
    Arc::clone(&rig.instances).lease(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_request_body_may_be_as_long_as_aws_takes_and_no_longer() {
    for (door, max) in [(Door::FunctionUrl, 6 << 20), (Door::HttpApi, 10 << 20)] {
        let rig = rig(door, Act::Echo, 1, PATIENCE).await;
        let post = |len| reqwest::Client::new().post(&rig.url).body(vec![0; len]).send();
        assert_eq!(post(max).await.unwrap().status(), 200, "{door:?}");
        // The refusal may come before the whole body is sent. The connection then breaks while the client sends.
        if let Ok(response) = post(max + 1).await {
            assert_eq!(response.status(), 413, "{door:?}");
        }
    }
}

#[tokio::test]
async fn a_buffered_answer_is_at_most_six_megabytes() {
    for (len, status) in [(6 << 20, 200), ((6 << 20) + 1, 500)] {
        let rig = rig(Door::HttpApi, Act::Answer(len), 1, PATIENCE).await;
        assert_eq!(reqwest::get(&rig.url).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_streamed_answer_is_cut_after_200_megabytes() {
    let rig = rig(Door::FunctionUrl, Act::Answer((200 << 20) + 1), 1, PATIENCE).await;
    let mut response = reqwest::get(&rig.url).await.unwrap();
    let mut received = 0;
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(end.is_err());
    assert!(received <= 200 << 20);
}
