//! The documents against the code and the template: the tests and crates that they name, the settings, alarms and costs that they
//! list, and their links. The commands that they show are run by `tests/end-to-end`.

#![allow(missing_docs, reason = "a test binary has no users")]
#![allow(clippy::unwrap_used, reason = "a helper that fails here fails its test")]

mod architecture;
mod cost;
mod format;
mod links;
mod operations;
mod requirements;
mod semantics;
mod settings;
mod sources;
