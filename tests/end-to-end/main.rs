//! The whole service over real sockets. The real binaries run on the local stack, and the tests drive them as Twilio
//! and the Player do.

#![allow(missing_docs, reason = "a test binary has no users")]
#![allow(clippy::unwrap_used, reason = "a helper that fails here fails its test")]

mod audit;
mod browser;
mod callback;
mod canaries;
mod clients;
mod copy;
mod cost;
mod cost_sheet;
mod documents;
mod encrypted;
mod erase_many;
mod erased;
mod events;
mod fault_matrix;
mod find;
mod flex;
mod flex_player;
mod from_outside;
mod front_end;
mod gaps;
mod install;
mod links;
mod listened;
mod load;
mod long;
mod main_job;
mod metrics;
mod nginx;
mod odd_events;
mod operator;
mod operator_links;
mod options;
mod out_of_time;
mod playback;
mod prove;
mod receipts;
mod schedules;
mod smoke_test;
mod support;
mod tampering;
mod unavailable;
mod version;
