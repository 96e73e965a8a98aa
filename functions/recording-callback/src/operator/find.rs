//! Finds recordings by the index, and says what became of each.
//!
//! The index is a list of candidates and nothing more: a process may have been killed between its entry and the recording. So
//! each candidate is looked up. A recording that has the mark of an erasure is never named, whatever else is left of it, unless
//! the question is about its own SID.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use service::telemetry::AUDIT;
use sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, TaskSid};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::Semaphore;
use vault::{ContentType, DayEntry, Facts, Presence, Receipt, RecordError, Sighting, SuspicionKind};

use super::{
    clients::Clients,
    command::{After, Find, Question},
    day::Day,
    piece::WorkError,
};

/// The number of recordings looked up concurrently. Each takes four requests at once, to four prefixes. S3 answers at least
/// 5,500 reads a second for each prefix (S3 User Guide, "Best practices design patterns").
const CONCURRENCY: usize = 64;

/// The number of originals that Twilio is asked for concurrently. Copies and links share the account's limit.
const AT_TWILIO: usize = 8;

/// One page of the answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    found: Vec<Found>,
    /// The `after` of the next page. `None` on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<After>,
}

/// A recording.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    recording_sid: RecordingSid,
    /// RFC 3339, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<u64>,
    state: State,
    original: Original,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_sid: Option<CallSid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conference_sid: Option<ConferenceSid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_sid: Option<TaskSid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_sid: Option<ReservationSid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspect: Option<SuspicionKind>,
    #[serde(flatten)]
    receipt: Option<FromReceipt>,
}

/// What only the receipt says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FromReceipt {
    media_type: ContentType,
    /// Bytes of plaintext.
    length: u64,
    sha256: String,
    /// RFC 3339, in UTC.
    copied_at: Option<String>,
}

/// The state of the recording in the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Stored,
    /// It is stored, but is not what Twilio described.
    Suspect,
    Erased,
    /// An erasure has begun, and has not removed it yet.
    Erasing,
    /// The bucket's retention has deleted it.
    Expired,
    /// There is no trace of it, or only a receipt or an entry of the index.
    Absent,
}

/// The recording at Twilio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Original {
    /// This software has deleted it, or Twilio does not have it.
    Deleted,
    /// Twilio has it.
    AtTwilio,
    /// This software has not deleted it. Twilio was not asked.
    NotDeleted,
    /// Twilio was asked and did not answer.
    Unknown,
}

/// Answers one page of the question.
pub(super) async fn find(clients: &Clients, request: &Find) -> Result<Page, WorkError> {
    let (candidates, next) = candidates(clients, request).await?;
    let asked = request.originals || !matches!(request.question, Question::Days { .. });
    let asking = asked.then(|| Semaphore::new(AT_TWILIO));
    let found: Vec<_> = stream::iter(candidates)
        .map(|recording| look_up(clients, recording, asking.as_ref()))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let is_erased = |found: &Found| matches!(found.state, State::Erased | State::Erasing);
    let is_named = |found: &Found| !is_erased(found) || matches!(request.question, Question::Recording(_));
    let found: Vec<_> = found.into_iter().filter(is_named).collect();
    report(&request.question, found.len());
    Ok(Page { found, next })
}

/// The recordings of this page, and the place where the next one begins.
async fn candidates(clients: &Clients, request: &Find) -> Result<(Vec<RecordingSid>, Option<After>), WorkError> {
    let Find { question, max, .. } = request;
    let after = request.after.as_ref();
    let place = match question {
        Question::Recording(recording) => return Ok((vec![recording.clone()], None)),
        Question::Days { from, to } => {
            let after = after.and_then(|after| {
                let recording = after.recording.clone();
                after.day.map(|Day(day)| DayEntry { day, recording })
            });
            let entries = clients.records.days(from.0, to.0, after.as_ref(), *max).await?;
            let last = entries.last().filter(|_| entries.len() == usize::from(*max));
            let next = last.map(|entry| After {
                day: Some(Day(entry.day)),
                recording: entry.recording.clone(),
            });
            return Ok((entries.into_iter().map(|entry| entry.recording).collect(), next));
        }
        Question::At(place) => place,
    };
    let after = after.map(|after| &after.recording);
    let entries = clients.records.entries(place, after, *max).await?;
    let last = entries.last().filter(|_| entries.len() == usize::from(*max));
    let next = last.map(|recording| After {
        day: None,
        recording: recording.clone(),
    });
    Ok((entries, next))
}

async fn look_up(clients: &Clients, recording: RecordingSid, asking: Option<&Semaphore>) -> Result<Found, WorkError> {
    let (sighting, receipt, is_deleted) = tokio::try_join!(
        async { Ok::<_, WorkError>(clients.catalog.look(&recording).await?) },
        receipt(clients, &recording),
        async { Ok(clients.deleted_originals.is_marked(&recording).await?) },
    )?;
    let original = match asking {
        _ if is_deleted => Original::Deleted,
        None => Original::NotDeleted,
        Some(asking) => ask_twilio(clients, &recording, asking).await,
    };
    Ok(describe(recording, sighting, receipt, original))
}

/// The receipt. One that cannot be read must not hide the others: its recording is described by the object's metadata.
async fn receipt(clients: &Clients, recording: &RecordingSid) -> Result<Option<Receipt>, WorkError> {
    match clients.records.read(recording).await {
        Ok(receipt) => Ok(receipt),
        Err(RecordError::Service(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(recordingSid = %recording, %error, "the receipt cannot be read");
            Ok(None)
        }
    }
}

async fn ask_twilio(clients: &Clients, recording: &RecordingSid, asking: &Semaphore) -> Original {
    let _turn = asking.acquire().await;
    match clients.twilio.has_original(recording).await {
        Ok(true) => Original::AtTwilio,
        Ok(false) => Original::Deleted,
        Err(error) => {
            tracing::warn!(recordingSid = %recording, %error, "Twilio was asked for the original and did not answer");
            Original::Unknown
        }
    }
}

/// Describes a recording by its receipt, or without one by its metadata. Nothing is told about an erased one.
fn describe(recording_sid: RecordingSid, sighting: Sighting, receipt: Option<Receipt>, original: Original) -> Found {
    let receipt = receipt.filter(|_| sighting.presence != Presence::Erased);
    let suspect = receipt.as_ref().map_or(sighting.suspect, |receipt| receipt.suspect);
    let state = match sighting.presence {
        Presence::Stored if suspect.is_some() => State::Suspect,
        Presence::Stored => State::Stored,
        Presence::Erased if sighting.has_object => State::Erasing,
        Presence::Erased => State::Erased,
        Presence::Expired => State::Expired,
        Presence::Absent => State::Absent,
    };
    let (facts, receipt) = match receipt {
        Some(receipt) => (receipt.facts.clone(), Some(FromReceipt::of(receipt))),
        None => (sighting.facts, None),
    };
    let Facts {
        call_sid,
        conference_sid,
        task_sid,
        reservation_sid,
        start_time,
        duration_s,
        channels,
        source,
        track,
    } = facts;
    Found {
        recording_sid,
        start: start_time.and_then(text),
        duration_s,
        state,
        original,
        call_sid,
        conference_sid,
        task_sid,
        reservation_sid,
        channels,
        source,
        track,
        suspect,
        receipt,
    }
}

impl FromReceipt {
    fn of(receipt: Receipt) -> Self {
        Self {
            media_type: receipt.media_type,
            length: receipt.length,
            sha256: receipt.sha256,
            copied_at: text(receipt.copied_at),
        }
    }
}

fn text(time: OffsetDateTime) -> Option<String> {
    time.to_offset(time::UtcOffset::UTC).format(&Rfc3339).ok()
}

/// Who asked is in CloudTrail. The line says what was asked.
fn report(question: &Question, recordings: usize) {
    let (by, subject) = match question {
        Question::Days { from, to } => ("days", format!("{from} to {to}")),
        Question::At(place) => place.kind_and_name(),
        Question::Recording(recording) => ("recording", recording.to_string()),
    };
    tracing::info!(
        target: AUDIT,
        event = "find",
        outcome = "answered",
        by,
        subject,
        recordings,
        "recordings found"
    );
}
