//! Tests `template.yaml` and `monitoring.yaml` as CloudFormation receives them: expanded by SAM's own translator, and
//! deployed to the AWS emulator.

#![allow(missing_docs, reason = "a test binary has no users")]
#![allow(clippy::unwrap_used, reason = "a helper that fails here fails its test")]

mod account;
mod alarms;
mod checkout;
mod cost;
mod cycles;
mod deploy;
mod front_end;
mod function;
mod keys;
mod metrics;
mod operators;
mod parameters;
mod privileges;
mod release;
mod shape;
mod start;
mod upgrade;
mod workflow;
