//! The reader against a real S3 and KMS emulator, through a proxy that counts and breaks.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod cache;
mod damage;
mod faults;
mod keys;
mod ranges;
mod sealed;
mod verify;
mod wire;
