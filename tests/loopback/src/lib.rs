//! HTTP/1.1 on 127.0.0.1.
//!
//! Tests start a [`Server`] in place of AWS or Twilio: it gives the test's answers and records the requests. Addresses
//! that give no proper answer are [`raw`], [`silent`] and [`absent`].
//!
//! The proxies of the local stack are built from [`listen`], [`serve`] and [`Upstream`].
//!
//! Everything runs on the current Tokio runtime and ends with it.

mod body;
mod misbehaving;
mod serve;
mod server;
mod upstream;

pub use self::{
    body::{Body, full, pass_on},
    misbehaving::{absent, raw, silent},
    serve::{listen, serve},
    server::{Request, Response, Server, answer, json},
    upstream::Upstream,
};

/// The reason why a server closes a connection without an answer, or why a request has none.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
