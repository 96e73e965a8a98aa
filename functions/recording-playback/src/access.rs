//! Who may listen: holders of a signed link, and Flex users who ask for one.

mod flex_token;
mod link;
mod twilio_tokens;

pub use self::twilio_tokens::{AccountSecret, TwilioTokens, Voucher};
pub(crate) use self::{
    flex_token::TokenGate,
    link::{Admission, LinkGate},
};
