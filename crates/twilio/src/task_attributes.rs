//! Adds the link to a recording to the attributes of its task.
//!
//! Source: Twilio, *Custom media attached to conversations* and *Enhance integration*
//! (`twilio.com/docs/flex/developer/insights/custom-media-attached-conversations`, `…/enhance-integration`).

use std::fmt;

use serde_json::{Map, Value, json, value::RawValue};
use sid::{RecordingSid, ReservationSid};
use url::Url;

use self::document::{Edit, Shape};

mod document;
mod leg;
pub use self::leg::{ChannelOrder, RecordedLeg};

/// The link that a task gets.
#[derive(Clone, PartialEq, Eq)]
pub enum TaskLink {
    /// `conversations.media[]` (or `reservation_attributes.<WR>.media[]`) with `url_provider`.
    Media {
        /// The URL at which the Insights Player requests the media's URL. Its query has `recordingSid`.
        url_provider: String,
        /// The reservation whose segment was recorded. Its media replace the task's media for that segment.
        reservation: Option<ReservationSid>,
        /// When the recording began, in Unix milliseconds.
        start_time_ms: Option<i64>,
        /// The speakers on the channels of a two-channel recording.
        channels: Option<ChannelOrder>,
    },
    /// `conversations.segment_link`.
    SegmentLink {
        /// The URL of the media itself.
        url: String,
    },
}

/// Anyone who has a segment link can play the recording, so no URL is shown.
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

/// Why the link can't be written. The messages hold no attributes, only the keys that this module looks for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// The attributes are not JSON, or not an object. Merging would destroy them.
    #[error("the task's attributes are not a JSON object")]
    NotAnObject,
    /// A key in the path of the link holds another kind of value. Writing would destroy it.
    #[error("{key} in the task's attributes is not {expected}")]
    Occupied {
        /// The key.
        key: &'static str,
        /// The expected kind of value.
        expected: &'static str,
    },
    /// The task has a segment link to another recording or to something else. The first link stays.
    #[error("the task's segment_link is not this recording's")]
    SegmentLinkTaken,
    /// The attributes would be too long, even without the link's optional fields.
    #[error("the attributes would have {chars} characters, but TaskRouter allows {max}")]
    TooLong {
        /// The length of the shortest form, in characters.
        chars: usize,
        /// [`MAX_CHARS`].
        max: usize,
    },
}

/// TaskRouter's limit on attributes, in characters. White space counts. The limit can't be raised
/// (`twilio.com/docs/taskrouter/limits`).
pub const MAX_CHARS: usize = 4096;

/// Fields that an entry can lose, the least important one first. Without `start_time`, the Player still plays the
/// recording, but Insights may show it at the wrong place in the conversation.
const OPTIONAL_FIELDS: [&str; 2] = ["channels", "start_time"];

/// How much earlier the link's start time is, in milliseconds. Insights drops a recording that starts after
/// `reservation.accepted`, and the desktop sets that time a moment before the recording starts. Twilio's own Flex
/// project template subtracts a second for this reason.
const START_TIME_LEAD_MS: i64 = 1000;

/// Merges the link into the task's attributes. An entry for the same recording is replaced. Everything else stays as it
/// is, byte for byte.
///
/// Missing, empty and `null` attributes count as `{}`, and so does `null` at any key in the path of the link. A result
/// that is longer than [`MAX_CHARS`] loses its white space first, then the channels, then the start time.
///
/// # Errors
/// [`MergeError`] if the link can't be written without destroying other attributes, or if it doesn't fit.
pub fn merge(attributes: Option<&str>, recording: &RecordingSid, link: &TaskLink) -> Result<String, MergeError> {
    let text = attributes.filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    let compact = document::without_white_space(text);
    let values = link.values();
    let spaced = [(text, &values[0])].into_iter();
    let mut tries = spaced.chain(values.iter().map(|value| (&*compact, value))).peekable();
    loop {
        let (text, value) = tries.next().expect("the loop returns with the last one");
        match merged(text, recording, link, value) {
            Err(MergeError::TooLong { .. }) if tries.peek().is_some() => {}
            merged => return merged,
        }
    }
}

/// Whether the attributes hold the link. Twilio may return them in another form than they were written.
pub fn is_linked(attributes: Option<&str>, recording: &RecordingSid, link: &TaskLink) -> bool {
    let path: Vec<_> = link.path().into_iter().map(|(key, _)| key).collect();
    let Some(place) = attributes
        .and_then(document::root)
        .and_then(|root| document::find(root, &path))
    else {
        return false;
    };
    match (link, document::shape(place)) {
        (TaskLink::SegmentLink { url }, _) => document::string(place).as_ref() == Some(url),
        (TaskLink::Media { url_provider, .. }, Shape::Array(media)) => media
            .elements
            .iter()
            .any(|entry| is_of(entry, recording) && provider(entry).as_ref() == Some(url_provider)),
        _ => false,
    }
}

impl TaskLink {
    /// The keys in the path of the link, and their names in errors.
    fn path(&self) -> Vec<(&str, &'static str)> {
        match self {
            Self::Media {
                reservation: Some(reservation),
                ..
            } => vec![
                ("reservation_attributes", "reservation_attributes"),
                (reservation.as_str(), "the reservation"),
                ("media", "media"),
            ],
            Self::Media { reservation: None, .. } => vec![("conversations", "conversations"), ("media", "media")],
            Self::SegmentLink { .. } => vec![("conversations", "conversations"), ("segment_link", "segment_link")],
        }
    }

    /// The values to try: first with all fields, then each with one optional field fewer.
    fn values(&self) -> Vec<String> {
        match self {
            Self::SegmentLink { url } => vec![json!(url).to_string()],
            Self::Media {
                url_provider,
                start_time_ms,
                channels,
                ..
            } => {
                let mut entry = media_entry(url_provider, *start_time_ms, *channels);
                let mut values = vec![json!(entry).to_string()];
                for field in OPTIONAL_FIELDS {
                    // `shift_remove` keeps the order. `remove` would move the last field into the gap.
                    if entry.shift_remove(field).is_some() {
                        values.push(json!(entry).to_string());
                    }
                }
                values
            }
        }
    }
}

/// `type` comes first, as in all published samples.
fn media_entry(url_provider: &str, start_time_ms: Option<i64>, channels: Option<ChannelOrder>) -> Map<String, Value> {
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
    entry
}

fn merged(text: &str, recording: &RecordingSid, link: &TaskLink, value: &str) -> Result<String, MergeError> {
    let root = document::root(text).ok_or(MergeError::NotAnObject)?;
    let merged = edit(root, recording, link, value)?.apply(text);
    let chars = merged.chars().count();
    if chars > MAX_CHARS {
        return Err(MergeError::TooLong { chars, max: MAX_CHARS });
    }
    Ok(merged)
}

/// The edit that adds the link to the attributes.
fn edit<'a>(
    root: &'a RawValue,
    recording: &RecordingSid,
    link: &TaskLink,
    value: &str,
) -> Result<Edit<'a>, MergeError> {
    let path = link.path();
    let mut place = root;
    let mut name = None;
    for (depth, (key, key_name)) in path.iter().enumerate() {
        match document::shape(place) {
            Shape::Null => return Ok(Edit::replace(place, nested(&path[depth..], link, value))),
            Shape::Object(object) => match object.get(key) {
                Some(present) => place = present,
                None => return Ok(object.append(key, &nested(&path[depth + 1..], link, value))),
            },
            _ => return Err(name.map_or(MergeError::NotAnObject, |key| occupied(key, "an object"))),
        }
        name = Some(*key_name);
    }
    match (link, document::shape(place)) {
        (TaskLink::SegmentLink { .. }, shape) if !is_free(place, &shape, recording) => {
            Err(MergeError::SegmentLinkTaken)
        }
        (TaskLink::SegmentLink { .. }, _) | (TaskLink::Media { .. }, Shape::Null) => {
            Ok(Edit::replace(place, nested(&[], link, value)))
        }
        // An entry of the same recording is replaced in its place, because the order of the recordings must not change.
        (TaskLink::Media { .. }, Shape::Array(media)) => {
            match media.elements.iter().find(|entry| is_of(entry, recording)) {
                Some(present) => Ok(Edit::replace(present, value.to_owned())),
                None => Ok(media.append(value.to_owned())),
            }
        }
        (TaskLink::Media { .. }, _) => Err(occupied("media", "an array")),
    }
}

/// The value inside the objects and the array that are missing around it.
fn nested(path: &[(&str, &'static str)], link: &TaskLink, value: &str) -> String {
    let innermost = match link {
        TaskLink::SegmentLink { .. } => value.to_owned(),
        TaskLink::Media { .. } => format!("[{value}]"),
    };
    path.iter().rev().fold(innermost, |inner, (key, _)| {
        format!("{{{}}}", document::member(key, &inner))
    })
}

const fn occupied(key: &'static str, expected: &'static str) -> MergeError {
    MergeError::Occupied { key, expected }
}

/// Whether a task's `segment_link` is empty or leads to this recording, perhaps with a signature under an older key.
fn is_free(segment_link: &RawValue, shape: &Shape<'_>, recording: &RecordingSid) -> bool {
    let plays_ours = |text: String| {
        text.is_empty()
            || Url::parse(&text).is_ok_and(|url| is_in_path(&url, recording) || is_in_query(&url, recording))
    };
    matches!(shape, Shape::Null) || document::string(segment_link).is_some_and(plays_ours)
}

fn is_of(entry: &RawValue, recording: &RecordingSid) -> bool {
    let url = provider(entry).and_then(|url| Url::parse(&url).ok());
    url.is_some_and(|url| is_in_query(&url, recording))
}

fn is_in_path(url: &Url, recording: &RecordingSid) -> bool {
    url.path_segments()
        .is_some_and(|mut segments| segments.any(|segment| segment == recording.as_str()))
}

fn is_in_query(url: &Url, recording: &RecordingSid) -> bool {
    url.query_pairs()
        .any(|(name, value)| name == "recordingSid" && value == recording.as_str())
}

fn provider(entry: &RawValue) -> Option<String> {
    document::string(document::find(entry, &["url_provider"])?)
}

#[cfg(test)]
mod tests;
