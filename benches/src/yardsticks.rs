//! Our own programs with which the two binaries are compared.

pub(crate) mod bare;
pub(crate) mod lean_pipe;
pub(crate) mod noop;
pub(crate) mod raw_opening;
pub(crate) mod relay;
