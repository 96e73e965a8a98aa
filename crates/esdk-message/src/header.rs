//! The header: a sealer writes it, and a reader parses and then authenticates it.
//!
//! | bytes | field |
//! | --- | --- |
//! | 1 | version, 0x02 |
//! | 2 | algorithm suite, 0x0478 |
//! | 32 | message id |
//! | 2 + n | encryption context |
//! | 2 + … | encrypted data keys: count, then provider id, provider info and ciphertext of each, all with a length prefix |
//! | 1 | content type, 0x02 |
//! | 4 | frame length |
//! | 32 | commit key |
//! | 16 | tag over all of the fields above |

mod encode;
mod fields;
mod parse;
mod unverified;

pub(crate) use self::encode::encode;
pub use self::{fields::EncryptedDataKey, unverified::UnverifiedHeader};
