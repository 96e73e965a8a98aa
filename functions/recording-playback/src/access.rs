//! Who may listen: holders of a signed link, and Flex users who ask for one.

mod flex_token;
mod link;
mod twilio_tokens;

pub use link::SecretLinkKeys;
pub use twilio_tokens::TwilioTokens;
pub(crate) use {
    flex_token::TokenGate,
    link::{Admission, LinkGate},
};
