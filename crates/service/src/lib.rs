//! CONTRACT STUB.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code, missing_debug_implementations)]
pub mod aws;
pub mod metrics;
pub mod secrets;
pub mod settings;
pub mod telemetry;
