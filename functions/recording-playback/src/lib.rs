//! Plays recordings: verifies access, decides the answer to an HTTP request, and streams verified plaintext.
//!
//! Two routes on one function URL:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET`, `HEAD` `/recordings/RE…?expires=…&signature=…` | the recording, or the requested range |
//! | `GET /media-url?recordingSid=RE…` with the Player's token | `{"media_url": "…"}`: such a link |
//!
//! Links of the older form, `/?recordingSid=RE…&expires=…&signature=…`, play too.
//!
//! [`handle`](handle()) selects the route, checks access (a signed [link](playback_link) or a Flex token), makes the
//! [decision](decide) as a value, and renders it. S3 and KMS are called only after access was granted. No status is sent
//! before the key, the header, the length and the first frame have verified.

mod access;
mod app;
mod audit;
mod body;
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
mod request;
mod respond;
mod routes;

pub use self::{
    access::{AccountAuthToken, CredentialKind, TwilioTokens, ValidationMethod},
    app::App,
    body::Body,
    config::{Config, TokenValidation},
    cors::FlexOrigins,
    handle::{handle, stream},
    ports::{CheckError, Recordings, TokenCheck},
};
