//! Who may listen: holders of a signed link, and Flex users who ask for one.

mod flex_token;
mod link;
mod twilio_tokens;

pub use twilio_tokens::{AccountSecret, TwilioTokens, Voucher};
pub(crate) use {
    flex_token::TokenGate,
    link::{Admission, LinkGate},
};
