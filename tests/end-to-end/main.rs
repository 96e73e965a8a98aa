//! The whole service over real sockets: the real binaries on the local stack, driven as Twilio and the Player drive them.

#![allow(missing_docs, reason = "a test binary has no users")]

mod callback;
mod configuration;
mod copy;
mod main_job;
mod playback;
mod support;
mod tampering;
