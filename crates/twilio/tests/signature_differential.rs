//! The signature against Twilio's own Python library, `twilio.request_validator.RequestValidator`: the same requests
//! are accepted and refused, and the same signatures computed, but for the differences listed and explained here.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, this in their helpers too"
)]

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread,
};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use twilio::{
    callback::form_pairs,
    signature::{SignedBody, sign, verify},
};

/// A request as a webhook sees it.
#[derive(Clone, Debug, Serialize)]
struct Request {
    url: String,
    body: Body,
    header: String,
    token: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    None {},
    /// Still encoded: decoding is compared too.
    Form(String),
    Raw(String),
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Answer {
    accepted: bool,
    /// What the library computes for exactly this URL and body.
    signature: String,
}

impl Body {
    fn with<T>(&self, use_it: impl FnOnce(&SignedBody<'_>) -> T) -> T {
        match self {
            Self::None {} => use_it(&SignedBody::None),
            Self::Form(text) => use_it(&SignedBody::Form(&form_pairs(text.as_bytes()))),
            Self::Raw(text) => use_it(&SignedBody::Raw(text.as_bytes())),
        }
    }

    fn signature(&self, url: &str, token: &str) -> String {
        self.with(|body| sign(url, body, &SecretString::from(token)))
    }
}

fn ours(request: &Request) -> Answer {
    let tokens = [SecretString::from(&*request.token)];
    Answer {
        accepted: request
            .body
            .with(|body| verify(&request.url, body, &request.header, &tokens))
            .is_ok(),
        signature: request.body.signature(&request.url, &request.token),
    }
}

fn twilio_s(requests: &[Request]) -> Vec<Answer> {
    let python = toolbox::python(toolbox::Venv::Interop).unwrap();
    let mut oracle = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/signature_oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = requests
        .iter()
        .map(|request| serde_json::to_string(request).unwrap() + "\n")
        .collect();
    let mut stdin = oracle.stdin.take().unwrap();
    // Both pipes are smaller than what goes through them.
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = oracle.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let answers: Vec<Answer> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(answers.len(), requests.len());
    answers
}

const REQUESTS: usize = 2400;

#[test]
fn generated_requests_are_judged_alike() {
    // A fixed seed: a failure can be looked at again.
    let mut runner = TestRunner::deterministic();
    let requests: Vec<Request> = (0..REQUESTS)
        .map(|_| any_request().new_tree(&mut runner).unwrap().current())
        .collect();
    let mut accepted = 0;
    for (request, theirs) in requests.iter().zip(twilio_s(&requests)) {
        assert_eq!(ours(request), theirs, "{request:?}");
        accepted += usize::from(theirs.accepted);
    }
    // Agreement on one verdict alone would prove little.
    let refused = REQUESTS - accepted;
    assert!(
        accepted >= 500 && refused >= 500,
        "{accepted} accepted, {refused} refused"
    );
}

/// One request on which the two are meant to differ.
struct Difference {
    why: &'static str,
    url: &'static str,
    /// The URL that Twilio, or a forger, signed.
    signed: &'static str,
    body: Body,
    token: &'static str,
    we_accept: bool,
}

#[test]
fn intended_differences() {
    let form = || Body::Form("To=%2B15550100".to_owned());
    let differences = [
        Difference {
            why: "the library loses an empty query, which Twilio signs as configured",
            url: "https://vault.example/callback?",
            signed: "https://vault.example/callback?",
            body: form(),
            token: "12345",
            we_accept: true,
        },
        Difference {
            why: "the library then also takes the signature of another URL",
            url: "https://vault.example/callback?",
            signed: "https://vault.example/callback",
            body: form(),
            token: "12345",
            we_accept: false,
        },
        Difference {
            why: "the library takes a password's colon for the port's and cuts the host off",
            url: "https://user:pass@vault.example:8443/callback",
            signed: "https://user:pass@vault.example/callback",
            body: form(),
            token: "12345",
            we_accept: true,
        },
        Difference {
            why: "the library cuts an IPv6 address at its first colon",
            url: "https://[2001:db8::1]:8443/callback",
            signed: "https://[2001:db8::1]/callback",
            body: form(),
            token: "12345",
            we_accept: true,
        },
        Difference {
            why: "the library lets an empty raw body pass unhashed; nothing says that it was empty when it was signed",
            url: "https://vault.example/callback",
            signed: "https://vault.example/callback",
            body: Body::Raw(String::new()),
            token: "12345",
            we_accept: false,
        },
        Difference {
            why: "the library signs with an empty token, which an unfilled secret is and anyone knows",
            url: "https://vault.example/callback",
            signed: "https://vault.example/callback",
            body: form(),
            token: "",
            we_accept: false,
        },
    ];
    let requests: Vec<Request> = differences
        .iter()
        .map(|difference| Request {
            url: difference.url.to_owned(),
            body: difference.body.clone(),
            header: difference.body.signature(difference.signed, difference.token),
            token: difference.token.to_owned(),
        })
        .collect();
    for ((difference, request), theirs) in differences.iter().zip(&requests).zip(twilio_s(&requests)) {
        let ours = ours(request);
        assert_eq!(ours.accepted, difference.we_accept, "{}", difference.why);
        assert_eq!(
            theirs.accepted, !difference.we_accept,
            "no difference any more: {}",
            difference.why
        );
        assert_eq!(ours.signature, theirs.signature, "{}", difference.why);
    }
}

/// A URL in the parts that a signature may or may not cover. The differences above are left out of what is generated.
#[derive(Clone, Debug)]
struct Parts {
    scheme: &'static str,
    host: String,
    port: Option<u16>,
    path: String,
    query: Vec<String>,
}

impl Parts {
    fn url(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let mut url = format!("{}://{}{port}{}", self.scheme, self.host, self.path);
        let query = self.query.join("&");
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        url
    }
}

/// What Twilio signed instead of the URL that was seen.
#[derive(Clone, Copy, Debug)]
enum Signed {
    AsSeen,
    WithoutPort,
    DefaultPort,
    OtherPort,
    OtherScheme,
    OtherHost,
    OtherPath,
    OtherQuery,
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    Token,
    Body,
    Header,
    TruncatedHeader,
    EmptyHeader,
}

fn any_request() -> impl Strategy<Value = Request> {
    let signed = prop_oneof![
        4 => Just(Signed::AsSeen),
        3 => Just(Signed::WithoutPort),
        3 => Just(Signed::DefaultPort),
        1 => Just(Signed::OtherPort),
        1 => Just(Signed::OtherScheme),
        1 => Just(Signed::OtherHost),
        1 => Just(Signed::OtherPath),
        1 => Just(Signed::OtherQuery),
    ];
    let damage = prop_oneof![
        12 => Just(Damage::None),
        1 => Just(Damage::Token),
        1 => Just(Damage::Body),
        1 => Just(Damage::Header),
        1 => Just(Damage::TruncatedHeader),
        1 => Just(Damage::EmptyHeader),
    ];
    (any_parts(), any_body(), signed, damage, "[0-9a-f]{32}").prop_map(
        |(mut parts, (body, hash), signed, damage, token)| {
            parts.query.extend(hash);
            let mut header = body.signature(&signed_url(&parts, signed), &token);
            let mut request = Request {
                url: parts.url(),
                body,
                header: String::new(),
                token,
            };
            match damage {
                Damage::None => {}
                Damage::Token => request.token.push('0'),
                Damage::Body => match &mut request.body {
                    Body::None {} => request.body = Body::Form("a=b".to_owned()),
                    Body::Form(text) => text.push_str("&a=b"),
                    Body::Raw(text) => text.push(' '),
                },
                Damage::Header => {
                    let other = if header.starts_with('A') { "B" } else { "A" };
                    header.replace_range(..1, other);
                }
                Damage::TruncatedHeader => drop(header.pop()),
                Damage::EmptyHeader => header.clear(),
            }
            request.header = header;
            request
        },
    )
}

fn signed_url(seen: &Parts, signed: Signed) -> String {
    let mut parts = seen.clone();
    match signed {
        Signed::AsSeen => {}
        Signed::WithoutPort => parts.port = None,
        Signed::DefaultPort => parts.port = Some(if seen.scheme == "https" { 443 } else { 80 }),
        Signed::OtherPort => parts.port = Some(9999),
        Signed::OtherScheme => parts.scheme = if seen.scheme == "https" { "http" } else { "https" },
        Signed::OtherHost => parts.host.push('x'),
        Signed::OtherPath => parts.path.push_str("/x"),
        Signed::OtherQuery => parts.query.push("x=1".to_owned()),
    }
    parts.url()
}

fn any_parts() -> impl Strategy<Value = Parts> {
    let port = prop_oneof![
        4 => Just(None),
        1 => Just(Some(443)),
        1 => Just(Some(80)),
        2 => (1u16..).prop_map(Some),
    ];
    let segment = prop_oneof![
        3 => "[a-zA-Z0-9._~!$'()*,=:@+-]{1,8}",
        1 => "(%[0-9a-fA-F]{2}){1,3}",
        1 => Just("a;b".to_owned()),
        1 => Just("\u{e9}\u{1f3a7}".to_owned()),
        1 => Just(String::new()),
    ];
    (
        prop_oneof![Just("http"), Just("https")],
        "[a-z0-9-]{1,12}(\\.[a-z]{2,6}){1,2}",
        port,
        proptest::collection::vec(segment, 0..4),
        proptest::collection::vec(any_field(), 0..4),
    )
        .prop_map(|(scheme, host, port, segments, query)| {
            let path = segments.iter().map(|segment| format!("/{segment}")).collect();
            Parts {
                scheme,
                host,
                port,
                path,
                query,
            }
        })
}

/// One field of a query or a form: proper ones, and what clients really send.
fn any_field() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => ("\\PC{1,6}", "\\PC{0,12}").prop_map(|(name, value)| {
            form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish()
        }),
        2 => "(From|To|Digits)=(1|2|%2B15550100)",
        1 => "[a-zA-Z0-9=?/:@!$'()*,;+~\\[\\]{}|^-]{1,12}",
        1 => "(%[0-9a-fA-F]{2}|%[0-9a-fg]?|[a-z=]){1,6}",
        1 => Just("name=\u{e9}".to_owned()),
        1 => Just("blank=".to_owned()),
    ]
}

/// A body, and the field that goes into the query with it.
fn any_body() -> impl Strategy<Value = (Body, Option<String>)> {
    let form = proptest::collection::vec(any_field(), 0..8).prop_map(|fields| (Body::Form(fields.join("&")), None));
    // Not empty: see the differences.
    let raw = ("\\PC{1,40}", 0..8_u8).prop_map(|(text, kind)| {
        let hash = hex::encode(Sha256::digest(&text));
        let field = match kind {
            0 => None,
            1 => Some("bodySHA256=".to_owned()),
            2 => Some(format!("bodySHA256={}", hash.to_uppercase())),
            3 => Some(format!("bodySHA256={hash}&bodySHA256=0")),
            4 => Some(format!("body%53HA256={hash}")),
            _ => Some(format!("bodySHA256={hash}")),
        };
        (Body::Raw(text), field)
    });
    prop_oneof![1 => Just((Body::None {}, None)), 4 => form, 3 => raw]
}
