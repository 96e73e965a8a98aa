//! Comparison of the signature with Twilio's own libraries for Python and Node.js, under the Auth Token and under
//! SharedKeys. This crate accepts exactly the requests that one of them accepts, and computes the same signatures. The
//! exceptions are listed and explained here.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, this in their helpers too"
)]

mod generated;
mod oracles;
mod request;

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};

use crate::{
    generated::{Draft, any_draft},
    oracles::{node, python},
    request::{Body, Key, Request},
};

const REQUESTS: usize = 2400;

#[test]
fn generated_requests_are_judged_alike() {
    // The seed is fixed, so that a failure can be reproduced.
    let mut runner = TestRunner::deterministic();
    let drafts: Vec<Draft> = (0..REQUESTS)
        .map(|_| any_draft().new_tree(&mut runner).unwrap().current())
        .collect();
    // Node returns the other forms of the URL, and some requests are signed for them.
    let unsigned: Vec<_> = drafts.iter().map(Draft::unsigned).collect();
    let requests: Vec<_> = drafts
        .into_iter()
        .zip(node(&unsigned))
        .map(|(draft, answer)| draft.sign(&answer.forms))
        .collect();

    let (mut accepted, mut only_by_node, mut by_key) = (0, 0, [0; 3]);
    for ((request, python), node) in requests.iter().zip(python(&requests)).zip(node(&requests)) {
        assert_eq!(request.is_accepted(), python.accepted || node.accepted, "{request:?}");
        let ours = request.signature(&request.url);
        assert_eq!((&ours, &ours), (&python.signature, &node.signature), "{request:?}");
        accepted += usize::from(request.is_accepted());
        only_by_node += usize::from(!python.accepted && node.accepted);
        by_key[request.key as usize] += usize::from(request.is_accepted());
    }
    // If all requests had the same verdict, agreement would prove little.
    let refused = REQUESTS - accepted;
    assert!(
        accepted >= 500 && refused >= 500 && only_by_node >= 100 && by_key.iter().all(|&count| count >= 100),
        "{accepted} accepted, {only_by_node} of them by Node alone, {by_key:?} by key, {refused} refused"
    );
}

/// The libraries whose verdict on a request differs from this crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Differs {
    Python,
    Both,
}

/// One request whose verdicts are known to differ.
struct Difference {
    why: &'static str,
    differs: Differs,
    url: &'static str,
    /// The URL that Twilio, or a forger, signed.
    signed: &'static str,
    body: Body,
    secret: &'static str,
    we_accept: bool,
}

#[test]
fn intended_differences() {
    let form = || Body::Form("To=%2B15550100".to_owned());
    let differences = [
        Difference {
            why: "Python loses an empty query, which Twilio signs as configured",
            differs: Differs::Python,
            url: "https://vault.example/callback?",
            signed: "https://vault.example/callback?",
            body: form(),
            secret: "12345",
            we_accept: true,
        },
        Difference {
            why: "Python then also takes the signature of another URL",
            differs: Differs::Python,
            url: "https://vault.example/callback?",
            signed: "https://vault.example/callback",
            body: form(),
            secret: "12345",
            we_accept: false,
        },
        Difference {
            why: "Python takes a password's colon for the port's and cuts the host off",
            differs: Differs::Python,
            url: "https://user:pass@vault.example:8443/callback",
            signed: "https://user:pass@vault.example/callback",
            body: form(),
            secret: "12345",
            we_accept: true,
        },
        Difference {
            why: "Python cuts an IPv6 address at its first colon",
            differs: Differs::Python,
            url: "https://[2001:db8::1]:8443/callback",
            signed: "https://[2001:db8::1]/callback",
            body: form(),
            secret: "12345",
            we_accept: true,
        },
        Difference {
            why: "Python lets an empty raw body pass unhashed; nothing says that it was empty when it was signed",
            differs: Differs::Python,
            url: "https://vault.example/callback",
            signed: "https://vault.example/callback",
            body: Body::Raw(String::new()),
            secret: "12345",
            we_accept: false,
        },
        Difference {
            why: "both sign with an empty secret, which an unfilled one is and anyone knows",
            differs: Differs::Both,
            url: "https://vault.example/callback",
            signed: "https://vault.example/callback",
            body: form(),
            secret: "",
            we_accept: false,
        },
    ];
    for key in [Key::AuthToken, Key::SharedSha1, Key::SharedSha256] {
        let requests: Vec<Request> = differences
            .iter()
            .map(|difference| {
                let mut request = Request {
                    url: difference.url.to_owned(),
                    body: difference.body.clone(),
                    header: String::new(),
                    secret: difference.secret.to_owned(),
                    key,
                };
                request.header = request.signature(difference.signed);
                request
            })
            .collect();
        let answers = python(&requests).into_iter().zip(node(&requests));
        for ((difference, request), (python, node)) in differences.iter().zip(&requests).zip(answers) {
            let Difference { why, we_accept, .. } = *difference;
            assert_eq!(request.is_accepted(), we_accept, "{why}");
            assert_eq!(python.accepted, !we_accept, "no difference any more: {why}");
            let node_differs = difference.differs == Differs::Both;
            assert_eq!(node.accepted, we_accept != node_differs, "{why}");
            assert_eq!(request.signature(&request.url), python.signature, "{why}");
        }
    }
}

/// JavaScript orders texts by UTF-16 units. Python and this crate order them by characters. The orders differ if one
/// name has a character beyond the basic plane and another one has a character at its end. Twilio's names are ASCII.
#[test]
fn names_are_ordered_as_python_orders_them() {
    let mut request = Request {
        url: "https://vault.example/callback".to_owned(),
        body: Body::Form("%EF%BC%81=1&%F0%9F%8E%A7=2".to_owned()),
        header: String::new(),
        secret: "12345".to_owned(),
        key: Key::AuthToken,
    };
    request.header = request.signature(&request.url);
    let requests = [request];
    assert!(requests[0].is_accepted() && python(&requests)[0].accepted);
    assert!(!node(&requests)[0].accepted, "no difference any more");
}
