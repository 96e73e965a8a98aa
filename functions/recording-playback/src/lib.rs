//! Plays recordings: verifies who may listen, decides what an HTTP request is owed, and streams verified plaintext.
//!
//! Two routes on one function URL:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET`, `HEAD` `/recordings/RE…?expires=…&signature=…` | the recording, or the range asked for |
//! | `GET /media-url?recordingSid=RE…` with the Player's token | `{"media_url": "…"}`: such a link |
//!
//! Links of the first form, `/?recordingSid=RE…&expires=…&signature=…`, play too.
//!
//! A request passes through [`handle`](handle()): the route, then access (a signed [link](playback_link) or a Flex
//! token), then the [decision](decide) as a value, then its rendering. Nothing reaches S3 or KMS before access is
//! given, and no status is sent before the key, the header, the length and the first frame have verified.

mod access;
mod app;
mod audit;
mod body;
mod call;
mod config;
mod cors;
pub mod decide;
mod fetch_dest;
mod handle;
mod listener;
mod media_url;
mod playback;
mod ports;
pub mod range;
mod refusal;
mod respond;
mod routes;

pub use self::{
    access::{AccountSecret, TwilioTokens, Voucher},
    app::App,
    body::Body,
    config::{Config, TokenVoucher},
    cors::FlexOrigins,
    handle::{handle, stream},
    ports::{CheckError, CredentialKind, CredentialSource, LinkKeys, Recordings, TokenCheck},
};
