//! Generated requests: genuine ones, rewritten ones and forged ones.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::request::{Body, Key, Request};

/// The parts of a URL that a signature may cover. Requests with the known differences are not generated.
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

/// The URL that Twilio signed instead of the received one.
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
    /// As Node's URL and querystring write it.
    Rewritten(usize),
    SortedQuery,
    LowerCaseEscapes,
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    Secret,
    Body,
    Header,
    TruncatedHeader,
    EmptyHeader,
    OtherAlgorithm,
}

/// A request that isn't signed yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    parts: Parts,
    body: Body,
    signed: Signed,
    damage: Damage,
    secret: String,
    key: Key,
}

pub(crate) fn any_draft() -> impl Strategy<Value = Draft> {
    let signed = prop_oneof![
        4 => Just(Signed::AsSeen),
        3 => Just(Signed::WithoutPort),
        3 => Just(Signed::DefaultPort),
        8 => (0..4_usize).prop_map(Signed::Rewritten),
        1 => Just(Signed::OtherPort),
        1 => Just(Signed::OtherScheme),
        1 => Just(Signed::OtherHost),
        1 => Just(Signed::OtherPath),
        1 => Just(Signed::OtherQuery),
        1 => Just(Signed::SortedQuery),
        1 => Just(Signed::LowerCaseEscapes),
    ];
    let damage = prop_oneof![
        12 => Just(Damage::None),
        1 => Just(Damage::Secret),
        1 => Just(Damage::Body),
        1 => Just(Damage::Header),
        1 => Just(Damage::TruncatedHeader),
        1 => Just(Damage::EmptyHeader),
        1 => Just(Damage::OtherAlgorithm),
    ];
    let key = prop_oneof![
        2 => Just(Key::AuthToken),
        1 => Just(Key::SharedSha1),
        2 => Just(Key::SharedSha256),
    ];
    let body = any_body().prop_filter("JavaScript orders some names otherwise", |(body, _)| {
        body.is_ordered_alike()
    });
    (any_parts(), body, signed, damage, "[0-9a-f]{32}", key).prop_map(
        |(mut parts, (body, hash), signed, damage, secret, key)| {
            parts.query.extend(hash);
            Draft {
                parts,
                body,
                signed,
                damage,
                secret,
                key,
            }
        },
    )
}

impl Draft {
    pub(crate) fn unsigned(&self) -> Request {
        Request {
            url: self.parts.url(),
            body: self.body.clone(),
            header: String::new(),
            secret: self.secret.clone(),
            key: self.key,
        }
    }

    /// Signs the request for its URL, for one of its `forms` or for another URL. The request may be damaged after that.
    pub(crate) fn sign(self, forms: &[String]) -> Request {
        let mut request = self.unsigned();
        let mut header = request.signature(&signed_url(&self.parts, self.signed, forms));
        match self.damage {
            Damage::None => {}
            Damage::Secret => request.secret.push('0'),
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
            Damage::OtherAlgorithm => {
                request.key = match request.key {
                    Key::AuthToken | Key::SharedSha1 => Key::SharedSha256,
                    Key::SharedSha256 => Key::SharedSha1,
                }
            }
        }
        request.header = header;
        request
    }
}

fn signed_url(seen: &Parts, signed: Signed, forms: &[String]) -> String {
    let mut parts = seen.clone();
    match signed {
        Signed::AsSeen => {}
        Signed::Rewritten(form) => return forms[form].clone(),
        Signed::SortedQuery => parts.query.sort(),
        Signed::LowerCaseEscapes => parts.query.iter_mut().for_each(|field| field.make_ascii_lowercase()),
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

/// One field of a query or a form: well-formed ones, and the forms that real clients send.
fn any_field() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => ("\\PC{1,6}", "\\PC{0,12}").prop_map(|(name, value)| {
            form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish()
        }),
        2 => "(From|To|Digits)=(1|2|%2B15550100)",
        2 => "[a-c0-9]{1,2}=(it's|a\\+b|a b|%27|%2b|%2B|!|\\(\\)|\\*|~|%7e)",
        1 => "[a-zA-Z0-9=?/:@!$'()*,;+~\\[\\]{}|^-]{1,12}",
        1 => "(%[0-9a-fA-F]{2}|%[0-9a-fg]?|[a-z=]){1,6}",
        1 => Just("name=\u{e9}".to_owned()),
        1 => Just("blank=".to_owned()),
    ]
}

/// A body, and the field that its query must have.
fn any_body() -> impl Strategy<Value = (Body, Option<String>)> {
    let form = proptest::collection::vec(any_field(), 0..8).prop_map(|fields| (Body::Form(fields.join("&")), None));
    // Not empty, because of a known difference.
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
