//! What the two binaries are measured against, and that is no program of somebody else's.

pub(crate) mod noop;
pub(crate) mod pipe;
pub(crate) mod relay;
