//! The whole handler: events as Lambda sends them, answered by the real
//! [`handle`](recording_playback::handle()) with stand-ins for the vault, Twilio and Secrets Manager.

// clippy.toml allows it in test functions only, but the stand-ins are test code too.
#![allow(clippy::unwrap_used)]

mod access;
mod as_account;
mod audit;
mod events;
mod fakes;
mod media_url;
mod odd_events;
mod playback;
