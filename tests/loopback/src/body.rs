//! Bodies of answers and of forwarded requests.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;

use crate::Error;

/// A body. If it yields an error, the connection breaks, so that the peer cannot mistake what it received for the whole.
pub type Body = UnsyncBoxBody<Bytes, Error>;

/// A body of these bytes.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// A received body, to be forwarded as a stream.
#[must_use]
pub fn pass_on(body: Incoming) -> Body {
    body.map_err(Error::from).boxed_unsync()
}
