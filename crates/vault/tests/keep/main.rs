//! The catalog, the marks and erasure, against an S3 emulator.

// A failed helper fails the test.
#![allow(clippy::unwrap_used)]

mod catalog;
mod deletion_notice;
mod erase;
mod pending_deletions;
#[path = "../support/mod.rs"]
mod support;
