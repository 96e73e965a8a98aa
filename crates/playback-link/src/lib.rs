//! Signed playback links: who holds one may listen to one recording until it expires.
//!
//! A link is the query string of the playback URL:
//!
//! ```text
//! recordingSid=RE…&expires=1763900000&id=…&key=k1&v=1&signature=…
//! ```
//!
//! The signature is HMAC-SHA256 ([RFC 2104]) over a versioned canonical string of the other fields, one to a line, so
//! that no two different links share one string. `expires` is Unix seconds, or `never` for links that stand in a
//! task's `segment_link` for good. `id` is random; it joins the audit lines of everything one link was used for.
//!
//! Nothing here does I/O or reads a clock.
//!
//! [RFC 2104]: https://www.rfc-editor.org/rfc/rfc2104

mod keys;
mod link;

pub use keys::{KeyRing, KeyRingError};
pub use link::{Expiry, Link, LinkError, sign, verify};
