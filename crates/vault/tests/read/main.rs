//! Tests of the reader with an S3 and KMS emulator, through a proxy that counts requests and injects faults.

// A helper fails like a test.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod cache;
mod damage;
mod faults;
mod find;
mod keys;
mod ranges;
mod sealed;
mod verify;
mod wire;
