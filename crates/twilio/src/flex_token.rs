//! The Flex token that the Insights Player sends, and its validation by Twilio.

mod error;
mod token;
mod validate;
mod verdict;

pub use self::{error::TokenError, token::FlexToken, validate::ValidateAs, verdict::Listener};
