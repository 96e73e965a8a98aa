//! Signed playback links. The holder of a link may listen to one recording until the link expires.
//!
//! A link is the path and query of the playback URL. Twilio's Player treats a new URL with the same origin and path as
//! a new link to the same recording, so each recording has a path of its own:
//!
//! ```text
//! /recordings/RE…?expires=1763900000&id=…&key=k1&v=1&signature=…
//! ```
//!
//! The first form of links, which had the recording in the query, is still accepted. Its signature covers the same
//! text:
//!
//! ```text
//! /?recordingSid=RE…&expires=1763900000&id=…&key=k1&v=1&signature=…
//! ```
//!
//! The signature is HMAC-SHA256 ([RFC 2104]) over a versioned canonical string. It has the recording, the expiry, the
//! id and the key on one line each, so that different links never have the same string. `expires` is in Unix seconds,
//! or `never` for the permanent links in a task's `segment_link`. `id` connects all audit lines about the uses of one
//! link. It is random. In a link that never expires, it is derived from the recording and the key.
//!
//! Nothing here does I/O or reads a clock.
//!
//! [RFC 2104]: https://www.rfc-editor.org/rfc/rfc2104

mod keys;
mod link;

pub use self::{
    keys::{KeyRing, KeyRingError},
    link::{Expiry, Link, LinkError, SignedLink, is_link_path, sign, verify},
};
