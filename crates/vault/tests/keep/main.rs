//! What is in the bucket, and how it's erased from it, against a real S3 emulator.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod catalog;
mod deletion_notice;
mod erase;
mod pending_deletions;
#[path = "../support/mod.rs"]
mod support;
