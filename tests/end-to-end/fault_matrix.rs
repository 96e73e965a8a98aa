//! The fault matrix: a test for each thing that can go wrong between Twilio's callback and the stored, linked recording.
//!
//! Each arms its faults for one recording alone and ends with the same questions ([`Trial::ends_well`]): has the fault
//! struck; is there one object, of one version, that plays back byte for byte; is there no upload left open; is there
//! one link in the task, and everything else that was in it; is every message done, after as many deliveries as it was
//! to take, and none in the dead letters. Where a message belongs there, the test says so itself.
//!
//! What can go wrong with erasures, reconciliation and due deletions is in `operator.rs`.

mod calling_back;
mod linking;
mod processes;
mod secrets;
mod source;
mod storing;
mod trial;

use self::trial::{Kind, Trial};
