//! The parts of a running stack.

use std::sync::Arc;

use twilio_double::TwilioDouble;

use super::{functions::Functions, state::State};
use crate::{exchange::Exchanges, ledger::Ledger, resources::Resources, wire::Wire};

/// The parts that users of a stack can access.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) callback_base: String,
    pub(super) playback_base: String,
    pub(super) page_base: String,
    pub(super) aws_endpoint: String,
    pub(super) lambda_endpoint: String,
    pub(super) resources: Resources,
    pub(super) twilio: Arc<TwilioDouble>,
    pub(super) wire: Wire,
    pub(super) exchanges: Exchanges,
    pub(super) ledger: Ledger,
    pub(super) state: Arc<State>,
    pub(super) functions: Functions,
}
