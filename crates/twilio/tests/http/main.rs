//! The client's requests, and its results for all kinds of responses, over real sockets on loopback.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, this in their helpers too"
)]

mod canaries;
mod flex_token;
mod media;
mod recordings;
mod taskrouter;

use secrecy::SecretString;
use sid::AccountSid;
use twilio::client::{Client, Credentials, Endpoints};
use url::Url;

/// A SID of any kind. It has the prefix and one repeated digit.
fn sid(prefix: &str, digit: char) -> String {
    format!("{prefix}{}", digit.to_string().repeat(32))
}

/// A client with one server for all endpoints.
fn client(url: &Url) -> Client {
    client_of(url, url)
}

/// A client with one server for media and another one for the other endpoints.
fn client_of(api: &Url, others: &Url) -> Client {
    let endpoints = Endpoints {
        api: api.clone(),
        taskrouter: others.clone(),
        iam: others.clone(),
        flex: others.clone(),
    };
    Client::new(AccountSid::parse(&sid("AC", '0')).unwrap(), endpoints).unwrap()
}

fn api_key() -> Credentials {
    Credentials {
        user: sid("SK", '9'),
        password: SecretString::from("canary-secret"),
    }
}

/// The header for `printf 'SK999…:canary-secret' | base64`.
fn api_key_header() -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{}:canary-secret", sid("SK", '9'))))
}
