//! A reverse proxy in front of AWS. It records every call and breaks the ones that a test chooses.
//!
//! Each role that calls AWS gets a port of its own, which it uses as its endpoint. A call is therefore known by its role,
//! service, operation and object. Objects stream through in both directions.
//!
//! The local stack puts the proxy between the functions and the emulator, with one role for each function. The tests of
//! `vault` have one role only, `()`.

mod answer;
mod call;
mod fault;
mod history;
mod operations;
mod proxy;
mod relay;
mod rule;
#[cfg(test)]
mod tests;
mod watched;

use std::fmt::Debug;

pub use self::{
    call::Call,
    fault::Fault,
    history::{History, Mark},
    proxy::FaultProxy,
    rule::{Hook, Rule},
};

/// A role distinguishes the callers of one proxy.
pub trait Role: Copy + Debug + PartialEq + Send + Sync + 'static {}

impl<R: Copy + Debug + PartialEq + Send + Sync + 'static> Role for R {}
