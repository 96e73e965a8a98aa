//! CONTRACT STUB.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code, missing_debug_implementations)]
pub mod callback;
pub mod client;
pub mod flex_token;
pub mod media;
pub mod sid;
pub mod signature;
pub mod task_attributes;
pub mod taskrouter;
