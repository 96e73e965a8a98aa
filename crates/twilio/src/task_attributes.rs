//! What a task's attributes become when they're given a link to its recording.
//!
//! Source: Twilio, *Custom media attached to conversations* and *Enhance integration*
//! (`twilio.com/docs/flex/developer/insights/custom-media-attached-conversations`, `…/enhance-integration`).

use std::fmt;

use serde_json::{Map, Value, json};
use url::Url;

use crate::sid::{RecordingSid, ReservationSid};

mod leg;
pub use leg::{ChannelOrder, RecordedLeg};

/// What the task is to be given.
#[derive(Clone, PartialEq, Eq)]
pub enum TaskLink {
    /// `conversations.media[]` (or `reservation_attributes.<WR>.media[]`) with `url_provider`.
    Media {
        /// URL that the Insights Player asks for the media's URL; its query has `recordingSid`.
        url_provider: String,
        /// The reservation whose segment was recorded: its media replaces the task's for that segment.
        reservation: Option<ReservationSid>,
        /// When the recording began, Unix milliseconds.
        start_time_ms: Option<i64>,
        /// Who speaks on each channel of a two-channel recording.
        channels: Option<ChannelOrder>,
        /// What the Player calls the recording.
        title: Option<String>,
    },
    /// `conversations.segment_link`.
    SegmentLink {
        /// URL of the media itself.
        url: String,
    },
}

/// A segment link opens the recording for whoever has it, and a title may name a person: neither is shown.
impl fmt::Debug for TaskLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Media { reservation, .. } => f
                .debug_struct("Media")
                .field("reservation", reservation)
                .finish_non_exhaustive(),
            Self::SegmentLink { .. } => f.debug_struct("SegmentLink").finish_non_exhaustive(),
        }
    }
}

/// Why the link can't be written. Nothing of the attributes is in the message but names that this module looks for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// Something else than an object, or no JSON at all: merging would destroy it.
    #[error("the task's attributes are not a JSON object")]
    NotAnObject,
    /// A key on the way to the link holds something else: writing would destroy it.
    #[error("{key} in the task's attributes is not {expected}")]
    Occupied {
        /// The key.
        key: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// Too long even without the link's optional fields.
    #[error("the attributes would have {chars} characters, TaskRouter takes {max}")]
    TooLong {
        /// Characters of the shortest form.
        chars: usize,
        /// [`MAX_CHARS`].
        max: usize,
    },
}

/// TaskRouter's cap, white space included; it can't be raised (`twilio.com/docs/taskrouter/limits`).
pub const MAX_CHARS: usize = 4096;

/// What an entry can do without, the least missed first. Without `start_time` the Player still plays, but Insights may
/// place the recording wrongly in the conversation.
const OPTIONAL_FIELDS: [&str; 3] = ["title", "channels", "start_time"];

/// Insights loses a recording that starts after `reservation.accepted`, which the desktop records a moment before the
/// recording starts; Twilio's own Flex project template takes a second off for that reason.
const START_TIME_LEAD_MS: i64 = 1000;

/// Merges the link into the task's attributes: unknown keys survive, an entry for the same recording is replaced, the
/// result is minified.
///
/// Missing, empty and `null` attributes count as `{}`, and so does `null` anywhere on the way to the link. Where the
/// result is longer than [`MAX_CHARS`], the entry goes without title, then without channels, then without start time.
pub fn merge(attributes: Option<&str>, recording: &RecordingSid, link: &TaskLink) -> Result<String, MergeError> {
    let attributes = parse(attributes)?;
    match link {
        TaskLink::SegmentLink { url } => {
            let mut root = attributes;
            let conversations = object_at(&mut root, "conversations", "conversations")?;
            conversations.insert("segment_link".to_owned(), json!(url));
            minified(root)
        }
        TaskLink::Media {
            url_provider,
            reservation,
            start_time_ms,
            channels,
            title,
        } => {
            let mut entry = media_entry(url_provider, *start_time_ms, *channels, title.as_deref());
            let mut droppable = OPTIONAL_FIELDS.iter();
            loop {
                let mut root = attributes.clone();
                put(media_list(&mut root, reservation.as_ref())?, recording, entry.clone());
                match (minified(root), droppable.next()) {
                    // `shift_remove` keeps the order whichever field goes; plain `remove` swaps the last one in.
                    (Err(MergeError::TooLong { .. }), Some(&field)) => drop(entry.shift_remove(field)),
                    (merged, _) => return merged,
                }
            }
        }
    }
}

fn parse(attributes: Option<&str>) -> Result<Map<String, Value>, MergeError> {
    let text = attributes.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Map::new()),
        _ => Err(MergeError::NotAnObject),
    }
}

/// `type` comes first, as in every published sample.
fn media_entry(
    url_provider: &str,
    start_time_ms: Option<i64>,
    channels: Option<ChannelOrder>,
    title: Option<&str>,
) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("type".to_owned(), json!("VoiceRecording"));
    entry.insert("url_provider".to_owned(), json!(url_provider));
    if let Some(start) = start_time_ms {
        let start = start.saturating_sub(START_TIME_LEAD_MS);
        entry.insert("start_time".to_owned(), json!(start));
    }
    if let Some(channels) = channels {
        entry.insert("channels".to_owned(), json!(channels.labels()));
    }
    if let Some(title) = title {
        entry.insert("title".to_owned(), json!(title));
    }
    entry
}

fn media_list<'a>(
    root: &'a mut Map<String, Value>,
    reservation: Option<&ReservationSid>,
) -> Result<&'a mut Vec<Value>, MergeError> {
    let holder = match reservation {
        Some(reservation) => {
            let reservations = object_at(root, "reservation_attributes", "reservation_attributes")?;
            object_at(reservations, reservation.as_str(), "the reservation")?
        }
        None => object_at(root, "conversations", "conversations")?,
    };
    match slot(holder, "media", || Value::Array(Vec::new())) {
        Value::Array(list) => Ok(list),
        _ => Err(MergeError::Occupied {
            key: "media",
            expected: "an array",
        }),
    }
}

fn object_at<'a>(
    parent: &'a mut Map<String, Value>,
    key: &str,
    name: &'static str,
) -> Result<&'a mut Map<String, Value>, MergeError> {
    match slot(parent, key, || Value::Object(Map::new())) {
        Value::Object(object) => Ok(object),
        _ => Err(MergeError::Occupied {
            key: name,
            expected: "an object",
        }),
    }
}

fn slot<'a>(parent: &'a mut Map<String, Value>, key: &str, empty: impl Fn() -> Value) -> &'a mut Value {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = empty();
    }
    value
}

/// Replaces the recording's entry where it stands, or appends: the Player shows the first recording of the list only,
/// and which one that is isn't ours to change.
fn put(media: &mut Vec<Value>, recording: &RecordingSid, entry: Map<String, Value>) {
    match media.iter_mut().find(|present| is_of(present, recording)) {
        Some(present) => *present = Value::Object(entry),
        None => media.push(Value::Object(entry)),
    }
}

fn is_of(entry: &Value, recording: &RecordingSid) -> bool {
    let Some(url) = entry.get("url_provider").and_then(Value::as_str) else {
        return false;
    };
    Url::parse(url).is_ok_and(|url| {
        url.query_pairs()
            .any(|(name, value)| name == "recordingSid" && value == recording.as_str())
    })
}

fn minified(root: Map<String, Value>) -> Result<String, MergeError> {
    let text = Value::Object(root).to_string();
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        return Err(MergeError::TooLong { chars, max: MAX_CHARS });
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
