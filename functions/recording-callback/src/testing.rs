//! Doubles of AWS and Twilio, and sample events, for the unit tests.

pub(crate) mod emulated;
pub(crate) mod loopback;
pub(crate) mod sample_events;
