//! The faults of a call.

use std::time::Duration;

/// The fault that happens to a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The service is not called. The answer has this status and this body.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body, in the service's own format.
        body: String,
    },
    /// The service is not called. The answer has this status and this AWS error code, in the service's own format.
    Error(u16, &'static str),
    /// The service is not called. The answer is a 200 with a page of HTML, as from a proxy between client and service.
    HtmlPage,
    /// The service is not called, and the connection is closed without an answer.
    Drop,
    /// The service is not called, and the answer never comes.
    Hang,
    /// The service is called after this time.
    Delay(Duration),
    /// The service gets the request without its `If-Match` header.
    IgnoreIfMatch,
    /// The service does its work, but the connection is closed instead of its answer. The caller cannot know what happened.
    LoseAnswer,
    /// The connection breaks after this number of bytes of the answer's body. A shorter body arrives whole.
    CutBody(usize),
    /// The answer ends properly after this number of bytes of its body.
    ShortenBody(usize),
    /// Nothing follows after this number of bytes of the answer's body, and the connection stays open.
    StallBody(usize),
    /// The bits of one byte of the answer's body are flipped. The first byte has the number 0.
    FlipByte(usize),
    /// The answer has another body.
    EditBody(fn(&str) -> String),
    /// The answer has no `ETag`, neither as a header nor in its body.
    WithoutEtag,
}
