//! Access: holders of a signed link may listen, and Flex users with an allowed role may get one.

mod flex_token;
mod link;
mod twilio_tokens;

pub use self::twilio_tokens::{AccountAuthToken, CredentialKind, TwilioTokens, ValidationMethod};
pub(crate) use self::{
    flex_token::TokenGate,
    link::{Admission, LinkGate},
};
