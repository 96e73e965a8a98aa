//! The variable parts of a request.

use std::collections::HashMap;

use bytes::Bytes;

/// Metadata of an object.
pub type Metadata = HashMap<String, String>;

/// The version of an object that a request is about.
#[derive(Clone, Copy, Debug)]
pub enum VersionSelector<'a> {
    /// The current version.
    Current,
    /// The current version, if this is its ETag. Otherwise, S3 answers 412.
    CurrentIf(&'a str),
    /// The version with this id.
    Id(&'a str),
}

/// An object to be written.
#[derive(Clone, Debug, Default)]
pub struct NewObject {
    /// The object's bytes.
    pub body: Bytes,
    /// The media type. Without one, S3 uses `binary/octet-stream`.
    pub content_type: Option<&'static str>,
    /// The object's metadata.
    pub metadata: Option<Metadata>,
    /// The precondition of the write.
    pub condition: Condition,
    /// Whether the request's signature leaves out the body's SHA-256, which is the most expensive step of a copy beside TLS.
    /// TLS protects the body on the way, and so do the tags of the frames (docs/THREATS.md).
    pub is_payload_unsigned: bool,
}

/// The precondition of a write. If it does not hold, S3 answers 412, or 409 while another write is in progress.
#[derive(Clone, Debug, Default)]
pub enum Condition {
    /// The write replaces any current version.
    #[default]
    None,
    /// There is no current version.
    IfAbsent,
    /// The current version has this ETag.
    IfMatch(String),
}

impl VersionSelector<'_> {
    pub(super) fn id(self) -> Option<String> {
        match self {
            Self::Id(id) => Some(id.to_owned()),
            Self::Current | Self::CurrentIf(_) => None,
        }
    }

    pub(super) fn if_match(self) -> Option<String> {
        match self {
            Self::CurrentIf(etag) => Some(etag.to_owned()),
            Self::Current | Self::Id(_) => None,
        }
    }
}

impl Condition {
    pub(super) fn if_none_match(&self) -> Option<String> {
        matches!(self, Self::IfAbsent).then(|| "*".to_owned())
    }

    pub(super) fn if_match(&self) -> Option<String> {
        match self {
            Self::IfMatch(etag) => Some(etag.clone()),
            Self::None | Self::IfAbsent => None,
        }
    }
}
