//! Signed playback links: who holds one may listen to one recording until it expires.
//!
//! A link is path and query of the playback URL. Twilio's Player takes a URL of the same origin and path as the same
//! recording with a fresh link, so each recording has a path of its own:
//!
//! ```text
//! /recordings/RE…?expires=1763900000&id=…&key=k1&v=1&signature=…
//! ```
//!
//! The first form, which named the recording in the query, is still verified. It was signed over the same text:
//!
//! ```text
//! /?recordingSid=RE…&expires=1763900000&id=…&key=k1&v=1&signature=…
//! ```
//!
//! The signature is HMAC-SHA256 ([RFC 2104]) over a versioned canonical string of recording, expiry, id and key, one to a
//! line, so that no two different links share one string. `expires` is Unix seconds, or `never` for links that stand in a
//! task's `segment_link` for good. `id` joins the audit lines of everything one link was used for. It is random, or
//! derived from recording and key in a link that never expires.
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
