//! Range requests and preconditions, [RFC 9110] sections 13 and 14, for one representation with a strong entity tag
//! and no modification date. Pure: header values in, facts out.
//!
//! There are three separate steps. [`decide`](crate::decide) makes the answer from them.
//!
//! 1. [`RangeSpec::from_headers`] reads the requested range, without the representation.
//! 2. [`Preconditions::check`] and [`IfRange::holds`] compare entity tags.
//! 3. [`RangeSpec::resolve`] fits the range to the representation's length.
//!
//! Positions are inclusive in a [`RangeSpec`], as on the wire, and half-open everywhere else.
//!
//! Lines that begin with `//=` and `//#` quote the RFC next to the code that implements it. With `type=test`, they quote it
//! next to the test.
//!
//! [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110

mod parse;
mod preconditions;
mod resolve;

pub use self::{
    parse::RangeSpec,
    preconditions::{IfRange, Outcome, Preconditions},
    resolve::Resolved,
};
