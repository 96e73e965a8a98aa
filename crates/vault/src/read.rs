//! Reads recordings: opens one, and then streams verified plaintext of any range of it.
//!
//! A **cold** open requests the object's head and the bytes that the caller expects to read from S3, in parallel. KMS then
//! decrypts the data key, under the deployment's keys only. The header is authenticated, and its context is compared with the
//! requested recording. The length comes from the authenticated encryption context. If the context has none, it comes from the
//! final frame, which was requested at the same time. A **warm** open requests the bytes of the cached version from S3
//! (If-Match), and nothing from KMS. In both cases, the bytes wait in the [`Recording`] until [`Reader::read`] takes them.
//!
//! | module | contents |
//! | --- | --- |
//! | `reader` | the public reader, and the warm open |
//! | `open` | the cold open |
//! | `plan` | the ranges to request |
//! | `fetch` | the requests, and the check of S3's replies |
//! | `unwrap` | decryption of the data key by KMS |
//! | `cache` | open recordings |
//! | `frames` | verification of the frames as they arrive |
//! | `verify` | verification of a whole recording, without the cache |
//! | `error` | why a recording cannot be read |

mod cache;
mod error;
mod fetch;
mod frames;
mod open;
mod plan;
mod reader;
mod unwrap;
mod verify;

pub use self::{
    error::{Damage, Outage, ReadError},
    plan::Expectation,
    reader::{PlaintextStream, Reader, ReaderConfig, Recording},
    verify::Verified,
};
