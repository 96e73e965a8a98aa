//! Twilio as this project meets it: the webhook's signature and form, recording media, TaskRouter tasks, Flex
//! tokens.
//!
//! Computation and I/O are apart: [`auth_tokens`], [`signature`], [`callback`], [`recording_facts`], [`encrypted_media`] and
//! [`task_attributes`] are pure; [`client::Client`] does the HTTP, its operations living in [`media`], [`recordings`],
//! [`taskrouter`] and [`flex_token`]. Nothing here knows AWS or Lambda.

pub mod auth_tokens;
pub mod callback;
pub mod client;
pub mod encrypted_media;
pub mod flex_token;
pub mod media;
pub mod recording_facts;
pub mod recordings;
mod retry;
pub mod shared_keys;
pub mod signature;
pub mod task_attributes;
pub mod taskrouter;
