//! What the unit tests use in place of AWS, Twilio and Lambda's events.

pub(crate) mod emulated;
pub(crate) mod loopback;
pub(crate) mod sample_events;
