//! What an erasure would find. Nothing is written.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use service::telemetry::AUDIT;
use sid::RecordingSid;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use twilio::recordings::{MAX_PAGE_SIZE, RecordedIn};
use vault::{LockedVersion, Place, ServiceError};

use super::{
    clients::Clients,
    command::{Erasable, MOST_LISTED, PlanErasure},
};
use crate::twilio_account::TwilioAccountError;

/// The number of recordings that are looked at concurrently.
const CONCURRENCY: usize = 8;

/// One more than a plan can have.
const MOST_ENTRIES: u16 = MOST_LISTED as u16 + 1;

/// What an erasure would find.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErasurePlan {
    counts: Counts,
    /// In the order of their SIDs.
    recordings: Vec<Planned>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    stored: u64,
    locked: u64,
    absent: u64,
    erased_before: u64,
    originals_at_twilio: u64,
    /// Recordings that could not be looked at.
    unknown: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    recording_sid: RecordingSid,
    #[serde(flatten)]
    state: State,
    /// Why the state is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What is known of a recording.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    vault: Option<Vault>,
    versions: usize,
    /// When the last retention of Object Lock ends. The versions are hidden until then, and not removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_until: Option<String>,
    /// Whether a legal hold keeps a version. It has no end.
    legal_hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<Original>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Vault {
    Stored,
    /// Stored, and kept by Object Lock.
    Locked,
    Absent,
    ErasedBefore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Original {
    AtTwilio,
    Gone,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error(transparent)]
    Twilio(#[from] TwilioAccountError),
    #[error("the index: {0}")]
    Index(#[from] ServiceError),
    #[error("Twilio's list has an element that cannot be read, so that a recording may be missing. Erase by list")]
    OddElement,
    #[error("more than {MOST_LISTED} recordings. Erase by list")]
    TooMany,
    #[error("the invocation deadline was reached")]
    Deadline,
}

/// Looks at every recording that the erasure would erase.
pub(super) async fn plan(clients: &Clients, request: PlanErasure) -> Result<ErasurePlan, PlanError> {
    let recordings = resolve(clients, &request.of).await?;
    let recordings: Vec<_> = stream::iter(recordings)
        .map(|recording| look(clients, recording))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut counts = Counts::default();
    for planned in &recordings {
        counts.count(planned);
    }
    report(&request.of, recordings.len());
    Ok(ErasurePlan { counts, recordings })
}

/// The recordings that the index or Twilio's list names. Those in Twilio's list may not be copied yet. Twilio knows no tasks
/// of recordings.
async fn resolve(clients: &Clients, of: &Erasable) -> Result<BTreeSet<RecordingSid>, PlanError> {
    let place = match of {
        Erasable::Listed(recordings) => return Ok(recordings.clone()),
        Erasable::At(place) => place,
    };
    let origin = match place {
        Place::Call(call) => Some(RecordedIn::Call(call.clone())),
        Place::Conference(conference) => Some(RecordedIn::Conference(conference.clone())),
        Place::Task(_) | Place::Reservation(_) | Place::Day(_) => None,
    };
    let indexed = clients.records.entries(place, None, MOST_ENTRIES).await?;
    let mut recordings = BTreeSet::from_iter(indexed);
    if let Some(origin) = origin {
        recordings.extend(at_twilio(clients, &origin).await?);
    }
    if recordings.len() > MOST_LISTED {
        return Err(PlanError::TooMany);
    }
    Ok(recordings)
}

async fn at_twilio(clients: &Clients, origin: &RecordedIn) -> Result<BTreeSet<RecordingSid>, PlanError> {
    let mut recordings = BTreeSet::new();
    let mut next = None;
    loop {
        let page = clients
            .twilio
            .list_recordings_in(origin, next.as_ref(), MAX_PAGE_SIZE)
            .await?;
        if !page.skipped.is_empty() {
            return Err(PlanError::OddElement);
        }
        recordings.extend(page.recordings.into_iter().map(|recording| recording.sid));
        next = page.next;
        if recordings.len() > MOST_LISTED || next.is_none() {
            return Ok(recordings);
        }
    }
}

async fn look(clients: &Clients, recording_sid: RecordingSid) -> Planned {
    let mut state = State::default();
    let stored = look_here(clients, &recording_sid, &mut state).await;
    let original = clients
        .twilio
        .has_original(&recording_sid)
        .await
        .map(|is_there| if is_there { Original::AtTwilio } else { Original::Gone });
    let problems = [
        stored.err().map(|error| format!("the stored recording: {error}")),
        original.as_ref().err().map(ToString::to_string),
    ];
    let problems: Vec<_> = problems.into_iter().flatten().collect();
    state.original = original.ok();
    Planned {
        recording_sid,
        state,
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    }
}

async fn look_here(clients: &Clients, recording: &RecordingSid, state: &mut State) -> Result<(), ServiceError> {
    let traces = clients.eraser.find(recording).await?;
    let locked = clients.eraser.locked(recording, &traces.versions).await?;
    state.versions = traces.versions.len();
    state.locked_until = last_end(&locked).and_then(|until| until.format(&Rfc3339).ok());
    state.legal_hold = locked.iter().any(|version| version.legal_hold);
    state.vault = Some(
        match (locked.is_empty(), traces.versions.is_empty(), traces.is_marked) {
            (false, ..) => Vault::Locked,
            (true, false, _) => Vault::Stored,
            (true, true, true) => Vault::ErasedBefore,
            (true, true, false) => Vault::Absent,
        },
    );
    Ok(())
}

fn last_end(locked: &[LockedVersion]) -> Option<OffsetDateTime> {
    locked.iter().filter_map(|version| version.until).max()
}

/// Who asked is in CloudTrail. The line says what was asked, because the plan names recordings as a search does.
fn report(of: &Erasable, recordings: usize) {
    let (by, subject) = match of {
        Erasable::Listed(listed) => ("list", listed.len().to_string()),
        Erasable::At(place) => place.kind_and_name(),
    };
    tracing::info!(
        target: AUDIT,
        event = "erase_plan",
        outcome = "answered",
        by,
        subject,
        recordings,
        "erasure planned"
    );
}

impl Counts {
    fn count(&mut self, planned: &Planned) {
        let state = &planned.state;
        match state.vault {
            Some(Vault::Stored) => self.stored += 1,
            Some(Vault::Locked) => self.locked += 1,
            Some(Vault::Absent) => self.absent += 1,
            Some(Vault::ErasedBefore) => self.erased_before += 1,
            None => {}
        }
        self.originals_at_twilio += u64::from(state.original == Some(Original::AtTwilio));
        self.unknown += u64::from(planned.problem.is_some());
    }
}
