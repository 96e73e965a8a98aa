//! What is known about a recording before it is copied.

use super::attributes::Attributes;
use crate::{ContentType, Reported};

/// What is known about a recording before its bytes arrive.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The content type to store if the bytes do not show it.
    pub content_type: ContentType,
    /// The entries of the object's metadata.
    pub attributes: Attributes,
    /// The facts that the bytes are compared with.
    pub reported: Reported,
    /// What happens to bytes that are suspect.
    pub doubts: Doubts,
}

/// What happens to bytes that may be the recording although something speaks against it. (Bytes that are certainly not the
/// recording are never stored.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubts {
    /// They are refused, because a later attempt may get better ones.
    Refuse,
    /// They are stored and marked as suspect. No later attempt follows, and a recorder must not lose what it cannot explain.
    Store,
}
