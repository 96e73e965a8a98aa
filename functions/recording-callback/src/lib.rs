//! The Lambda function behind Twilio's recording status callback: it takes the callback (webhook), writes the link into
//! the task (linker) and copies the recording into the vault (copier). `ROLE` says which of them; unset, it does all.

mod app;
mod clock;
mod config;
mod invocation;
mod job;
mod jobs;
mod operator;
mod queues;
mod schedules;
mod secret;
#[cfg(test)]
mod testing;
mod twilio_account;
mod webhook;

pub use self::app::{App, serve};
