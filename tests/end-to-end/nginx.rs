//! Playback answers like an nginx server that serves the recording's plaintext from a file, except for a short list of
//! intended differences.

mod requests;
mod server;

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use local_stack::Role;
use reqwest::{Client, Method, StatusCode};

use self::requests::{Dice, Origin, TestRequest};
pub(crate) use self::server::Nginx;
use crate::support::{OwnStack, Recording, header, options};

/// Six frames and a partial one. Ranges start and end in all of them, and 2,000 whole recordings are still sent
/// quickly.
const LEN: usize = 400_000;

/// Three frames, so that many requests reach the limit for browsers.
const MAX_RANGE: u64 = 3 * 65_536;

const REQUESTS: usize = 2_400;

/// As many requests as playback has instances.
const AT_A_TIME: usize = 4;

/// An intended difference from nginx, with its reason.
struct Intended {
    what: &'static str,
    /// The request to which nginx gives the answer that playback gives to this one. `None` if the two agree.
    for_nginx: fn(&TestRequest) -> Option<TestRequest>,
}

/// The complete list. Also, errors have a JSON body instead of HTML, and error bodies are not compared.
const INTENDED: [Intended; 6] = [
    Intended {
        what: "HEAD has no ranges: by RFC 9110 section 14.2, a server ignores Range with methods other than GET",
        for_nginx: |request| request.without_range_if(request.method == Method::HEAD && request.range.is_some()),
    },
    Intended {
        what: "several ranges get the whole recording: no player reads multipart/byteranges",
        for_nginx: |request| request.without_range_if(request.has_several_ranges()),
    },
    Intended {
        what: "a malformed Range is ignored, not refused: section 14.2 allows both, and a player gets its audio",
        for_nginx: |request| request.without_range_if(request.has_malformed_range()),
    },
    Intended {
        what: "numbers beyond 64 bits are numbers: section 14.1.2 has recipients anticipate them, nginx answers 416",
        for_nginx: TestRequest::with_smaller_numbers,
    },
    Intended {
        what: "recordings have no modification date: sections 13.1.3 and 13.1.4 have conditions on it ignored",
        for_nginx: TestRequest::without_dates,
    },
    Intended {
        what: "an open range of a browser that comes back is cut to MAX_RANGE_BYTES, at a frame's end: section 15.3.7 allows it",
        for_nginx: |request| request.shortened(LEN as u64, MAX_RANGE),
    },
];

/// The parts of a response that matter to a client. For an entity tag, only its correctness counts. Bodies of errors
/// are left out.
#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    content_range: Option<String>,
    accept_ranges: Option<String>,
    content_type: Option<String>,
    has_etag: bool,
    body: Vec<u8>,
}

impl Answer {
    async fn to(client: &Client, request: &TestRequest, origin: &Origin) -> Self {
        let response = request.to_origin(client, origin).send().await.unwrap();
        let status = response.status();
        let kept = |name, when: &[u16]| header(&response, name).filter(|_| when.contains(&status.as_u16()));
        let mut answer = Self {
            status,
            content_range: header(&response, "content-range"),
            // nginx sends this header only with a 200, and no type for content that it does not send.
            accept_ranges: kept("accept-ranges", &[200]),
            content_type: kept("content-type", &[200, 206]),
            has_etag: kept("etag", &[200, 206, 304]).as_ref() == Some(&origin.etag),
            body: Vec::new(),
        };
        let body = response.bytes().await.unwrap();
        if status.is_success() {
            answer.body = body.to_vec();
        }
        answer
    }
}

/// The differences that apply to a request, in order, and the request for nginx that results from them.
fn intended(request: &TestRequest) -> (Vec<&'static str>, TestRequest) {
    let mut met = Vec::new();
    let mut for_nginx = request.clone();
    for Intended {
        what,
        for_nginx: change,
    } in &INTENDED
    {
        if let Some(changed) = change(&for_nginx) {
            met.push(*what);
            for_nginx = changed;
        }
    }
    (met, for_nginx)
}

#[tokio::test]
async fn playback_answers_as_nginx_does_but_for_the_intended_differences() {
    let stack = OwnStack::start(options().setting(Role::Playback, "MAX_RANGE_BYTES", &MAX_RANGE.to_string())).await;
    let recording = Recording::new(&stack, LEN);
    recording.bring_in(&stack).await;
    let nginx = Nginx::serving(&recording.audio).await;
    // Each request has its own connection. nginx closes a connection after a thousand requests, possibly while the next
    // request is being sent.
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let ours = Origin::of(&client, recording.link(&stack, 3_600)).await;
    let theirs = Origin::of(&client, nginx.url()).await;

    let mut dice = Dice::new(2026);
    let requests: Vec<_> = (0..REQUESTS).map(|_| TestRequest::any(&mut dice, LEN as u64)).collect();
    let (client, ours, theirs) = (&client, &ours, &theirs);
    let compared = requests.iter().map(|request| async move {
        let (met, for_nginx) = intended(request);
        let playback = Answer::to(client, request, ours).await;
        let nginx = Answer::to(client, &for_nginx, theirs).await;
        assert!(
            playback == nginx,
            "{request:?} ({met:?}): {playback:?}\nand of nginx: {nginx:?}"
        );
        let is_real = !met.is_empty() && Answer::to(client, request, theirs).await != playback;
        (met, is_real, playback.status)
    });
    let compared: Vec<_> = stream::iter(compared).buffer_unordered(AT_A_TIME).collect().await;

    let equal = compared.iter().filter(|(met, ..)| met.is_empty()).count();
    assert!(
        equal >= REQUESTS / 3,
        "{equal} requests got equal answers without a change"
    );
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for (_, _, status) in &compared {
        *statuses.entry(status.as_u16()).or_default() += 1;
    }
    for status in [200, 206, 304, 405, 412, 416] {
        assert!(
            statuses.get(&status).is_some_and(|count| *count >= 20),
            "{status}: {statuses:?}"
        );
    }
    for Intended { what, .. } in &INTENDED {
        // Only requests with this one difference count, so that no other difference can cause the result.
        let shown = compared
            .iter()
            .filter(|(met, is_real, _)| met[..] == [*what] && *is_real)
            .count();
        assert!(shown >= 10, "{shown} requests show this difference: {what}");
    }
}
