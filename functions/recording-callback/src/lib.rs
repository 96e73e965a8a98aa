//! The Lambda function behind Twilio's recording status callback: it takes the callback (webhook), writes the link into
//! the task (linker) and copies the recording into the vault (copier). `ROLE` says which of them; unset, it does all.

mod clock;
mod config;
#[cfg(test)]
mod emulated;
mod function;
mod invocation;
mod job;
mod jobs;
#[cfg(test)]
mod loopback;
mod operator;
mod originals;
#[cfg(test)]
mod sample_events;
mod schedules;
mod secret;
mod webhook;

pub use self::function::{Function, serve};
