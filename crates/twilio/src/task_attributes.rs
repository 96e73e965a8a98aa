use crate::sid::{RecordingSid, ReservationSid};
/// What the task is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskLink {
    /// `conversations.media[]` (or `reservation_attributes.<WR>.media[]`) with `url_provider`.
    Media { url_provider: String, reservation: Option<ReservationSid>, start_time_ms: Option<i64>, channels: Option<Vec<String>>, title: Option<String> },
    /// `conversations.segment_link`.
    SegmentLink { url: String },
}
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    #[error("the task's attributes are not a JSON object")] NotAnObject,
    #[error("the attributes would have {chars} characters, TaskRouter takes {max}")] TooLong { chars: usize, max: usize },
}
/// Merges the link into the task's attributes: unknown keys survive, an entry for the same recording is replaced, minified. Pure.
pub fn merge(attributes: Option<&str>, recording: &RecordingSid, link: &TaskLink) -> Result<String, MergeError> { todo!() }
