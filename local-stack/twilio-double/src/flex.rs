//! Flex: its configuration and its plugins.

mod configuration;
mod plugins;

pub(super) use self::{configuration::Configuration, plugins::Plugins};
