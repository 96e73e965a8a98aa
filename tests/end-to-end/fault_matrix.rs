//! The fault matrix: a test for each fault between Twilio's callback and the stored, linked recording.
//!
//! Each test sets up faults for one recording and ends with the same checks ([`Trial::ends_well`]):
//!
//! - Every fault has occurred.
//! - There is one object, with one version, that plays back byte for byte.
//! - No upload is left open.
//! - There is one receipt, of what is stored, and every entry in the index.
//! - The task has one link, and everything else in it is unchanged.
//! - Every message is done after the expected number of deliveries, and none is in the dead-letter queue.
//!
//! If a message belongs in the dead-letter queue, the test checks that itself.
//!
//! `operator.rs` tests the faults of erasures, reconciliation and due deletions.

mod calling_back;
mod linking;
mod processes;
mod records;
mod secrets;
mod source;
mod storing;
mod trial;

use self::trial::{Kind, Trial};
