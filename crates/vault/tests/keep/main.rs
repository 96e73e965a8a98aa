//! The catalog, the marks and erasure, against an S3 emulator.

// A failed helper fails the test.
#![allow(clippy::unwrap_used)]

mod catalog;
mod compaction;
mod crossing;
mod deletion_notice;
mod erase;
mod pending_deletions;
mod records;
#[path = "../support/mod.rs"]
mod support;
