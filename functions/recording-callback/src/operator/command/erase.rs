//! The event `erase` in its forms: one recording, a list, and what an erasure would do.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, TaskSid};
use vault::Place;

use super::{Command, MOST_LISTED};

pub(super) const EXPECTED: &str = concat!(
    r#"{"erase":"RE…"}, {"erase":{"recordingSid":"RE…","keepOriginal":true}}, "#,
    r#"{"erase":{"recordings":["RE…"],"dryRun":true}} with at most 1000 of them, with or without "dryRun" and "keepOriginal", "#,
    r#"or {"erase":{"call":"CA…","dryRun":true}}: also "conference", "task" or "reservation", always with "dryRun", "#,
    "because only recordings that somebody has listed and confirmed are erased",
);

/// Erase a recording in the vault, and at Twilio unless the original is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Erase {
    pub(crate) recording_sid: RecordingSid,
    pub(crate) keep_original: bool,
}

/// Erase each of these recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EraseList {
    /// At least one.
    pub(crate) recordings: BTreeSet<RecordingSid>,
    pub(crate) keep_original: bool,
}

/// Say what an erasure would find. Change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanErasure {
    pub(crate) of: Erasable,
}

/// The recordings that may be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Erasable {
    Listed(BTreeSet<RecordingSid>),
    /// Those of a call, a conference, a task or a reservation.
    At(Place),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    recording_sid: Option<RecordingSid>,
    recordings: Option<Vec<RecordingSid>>,
    call: Option<CallSid>,
    conference: Option<ConferenceSid>,
    task: Option<TaskSid>,
    reservation: Option<ReservationSid>,
    #[serde(default)]
    keep_original: bool,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn parse(body: &Value) -> Option<Command> {
    if let Some(sid) = body.as_str() {
        return Some(Command::Erase(Erase {
            recording_sid: RecordingSid::parse(sid).ok()?,
            keep_original: false,
        }));
    }
    let body = Body::deserialize(body).ok()?;
    let (keep_original, dry_run) = (body.keep_original, body.dry_run);
    let one = body.recording_sid.clone();
    let of = body.subject()?;
    Some(match (of, one, dry_run) {
        (of, _, true) => Command::PlanErasure(PlanErasure { of }),
        (_, Some(recording_sid), false) => Command::Erase(Erase {
            recording_sid,
            keep_original,
        }),
        (Erasable::Listed(recordings), None, false) => Command::EraseList(EraseList {
            recordings,
            keep_original,
        }),
        (_, None, false) => return None,
    })
}

impl Body {
    /// What the event names. `None` unless it is exactly one thing.
    fn subject(self) -> Option<Erasable> {
        let listed = self
            .recordings
            .filter(|listed| (1..=MOST_LISTED).contains(&listed.len()));
        let subjects = [
            self.recording_sid.map(|one| Erasable::Listed(BTreeSet::from([one]))),
            listed.map(|listed| Erasable::Listed(listed.into_iter().collect())),
            self.call.map(|call| Erasable::At(Place::Call(call))),
            self.conference
                .map(|conference| Erasable::At(Place::Conference(conference))),
            self.task.map(|task| Erasable::At(Place::Task(task))),
            self.reservation
                .map(|reservation| Erasable::At(Place::Reservation(reservation))),
        ];
        let mut subjects = subjects.into_iter().flatten();
        let first = subjects.next();
        first.filter(|_| subjects.next().is_none())
    }
}
