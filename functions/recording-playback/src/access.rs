//! Who may listen: holders of a signed link, and Flex users who ask for one.

mod flex_token;
mod link;

pub use link::SecretLinkKeys;
pub(crate) use {
    flex_token::TokenGate,
    link::{Admission, Issued, LinkGate},
};
