//! The parts of Twilio that this project uses: webhook signatures and forms, recordings and their media, TaskRouter
//! tasks, Flex tokens.
//!
//! Computation and I/O are separate. [`auth_tokens`], [`shared_keys`], [`signature`], [`callback`], [`recording_facts`],
//! [`encrypted_media`] and [`task_attributes`] do no I/O. [`client::Client`] sends the HTTP requests. Its operations are in
//! [`media`], [`recordings`], [`taskrouter`] and [`flex_token`]. Nothing here knows AWS or Lambda.

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
