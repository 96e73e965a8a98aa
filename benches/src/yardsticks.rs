//! Our own programs with which the two binaries are compared.

pub(crate) mod noop;
pub(crate) mod pipe;
pub(crate) mod relay;
