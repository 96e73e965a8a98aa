//! Compares the documents with the code and the templates: the tests and crates that they name, the settings, alarms
//! and costs that they list, and their links. `tests/end-to-end` runs their commands.

#![allow(missing_docs, reason = "a test binary has no users")]
#![allow(clippy::unwrap_used, reason = "a helper that fails here fails its test")]

mod architecture;
mod catalog;
mod cost;
mod day_one;
mod format;
mod front_end;
mod links;
mod live;
mod operations;
mod requirements;
mod semantics;
mod settings;
mod sources;
