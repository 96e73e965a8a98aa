//! The Lambda function behind Twilio's recording status callback. It accepts the callback (webhook), writes the link into
//! the task (linker), copies the recording into the vault (copier) and carries out an operator's commands (operator).
//! `ROLE` selects one of these. Without it, the function has all of them.

mod app;
mod clock;
mod config;
mod first_event;
mod invocation;
mod job;
mod jobs;
mod operator;
mod queues;
mod receipts;
mod schedules;
mod secret;
#[cfg(test)]
mod testing;
mod twilio_account;
mod webhook;

pub use self::app::{App, serve};
