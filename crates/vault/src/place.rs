//! The index: empty objects whose keys lead from a day, a call, a conference, a task or a reservation to its recordings.
//!
//! The index can be deleted at any time, because it is rebuilt from the receipts.

use sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, TaskSid};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::Facts;

/// The prefix of the keys of all entries.
pub(crate) const INDEX_PREFIX: &str = "index/";

/// The prefix of the keys of all days.
pub(crate) const DAYS_PREFIX: &str = "index/day/";

/// A place in the index. A recording has an entry at each of its places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The day on which the recording began, in UTC. If that is unknown, the day on which it was copied.
    Day(Date),
    /// The recorded leg of a call.
    Call(CallSid),
    /// The recorded conference.
    Conference(ConferenceSid),
    /// The task of the call.
    Task(TaskSid),
    /// The reservation whose agent was recorded.
    Reservation(ReservationSid),
}

impl Place {
    /// The places of a recording, the day first.
    #[must_use]
    pub fn of(facts: &Facts, copied_at: OffsetDateTime) -> Vec<Self> {
        let began = facts.start_time.unwrap_or(copied_at);
        // Only a time outside the calendar has no day in UTC.
        let day = Self::Day(began.checked_to_offset(time::UtcOffset::UTC).unwrap_or(began).date());
        let others = [
            facts.call_sid.clone().map(Self::Call),
            facts.conference_sid.clone().map(Self::Conference),
            facts.task_sid.clone().map(Self::Task),
            facts.reservation_sid.clone().map(Self::Reservation),
        ];
        std::iter::once(day).chain(others.into_iter().flatten()).collect()
    }

    /// The places of a recording that was copied about `copied_at`. Without a start time, the day is that of some clock: the
    /// function's, or S3's, which has the time at which an upload began. So the days beside it are possible too.
    #[must_use]
    pub fn possible(facts: &Facts, copied_at: OffsetDateTime) -> Vec<Self> {
        let mut places = Self::of(facts, copied_at);
        if facts.start_time.is_none() {
            let beside = [
                copied_at.checked_sub(Duration::DAY),
                copied_at.checked_add(Duration::DAY),
            ];
            places.extend(
                beside
                    .into_iter()
                    .flatten()
                    .flat_map(|at| Self::of(&Facts::default(), at)),
            );
        }
        places
    }

    /// The prefix of the keys of the entries at this place. It ends with a slash.
    #[must_use]
    pub fn prefix(&self) -> String {
        match self {
            Self::Day(day) => {
                let (year, month, day) = (day.year(), u8::from(day.month()), day.day());
                format!("{DAYS_PREFIX}{year:04}/{month:02}/{day:02}/")
            }
            place => {
                let (kind, name) = place.kind_and_name();
                format!("{INDEX_PREFIX}{kind}/{name}/")
            }
        }
    }

    /// What the recordings at this place have in common, in one word, and which one: `call` and `CA…`, `day` and `2026-11-28`.
    #[must_use]
    pub fn kind_and_name(&self) -> (&'static str, String) {
        match self {
            Self::Day(day) => ("day", day.to_string()),
            Self::Call(call) => ("call", call.to_string()),
            Self::Conference(conference) => ("conference", conference.to_string()),
            Self::Task(task) => ("task", task.to_string()),
            Self::Reservation(reservation) => ("reservation", reservation.to_string()),
        }
    }

    /// The key of a recording's entry at this place.
    #[must_use]
    pub fn entry_key(&self, recording: &RecordingSid) -> String {
        format!("{}{recording}", self.prefix())
    }

    /// The place and the recording of an entry's key. `None` for the key of another kind of object.
    #[must_use]
    pub fn of_entry_key(key: &str) -> Option<(Self, RecordingSid)> {
        let (place, recording) = key.strip_prefix(INDEX_PREFIX)?.rsplit_once('/')?;
        let recording = RecordingSid::parse(recording).ok()?;
        let (kind, name) = place.split_once('/')?;
        let place = match kind {
            "day" => Self::Day(day(name)?),
            "call" => Self::Call(CallSid::parse(name).ok()?),
            "conference" => Self::Conference(ConferenceSid::parse(name).ok()?),
            "task" => Self::Task(TaskSid::parse(name).ok()?),
            "reservation" => Self::Reservation(ReservationSid::parse(name).ok()?),
            _ => return None,
        };
        // Only one spelling of a day is a key.
        (place.entry_key(&recording) == key).then_some((place, recording))
    }
}

/// A day as in a key: `2026/11/28`.
fn day(text: &str) -> Option<Date> {
    let mut numbers = text.splitn(3, '/');
    let year = numbers.next()?.parse().ok()?;
    let month: u8 = numbers.next()?.parse().ok()?;
    let day = numbers.next()?.parse().ok()?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(kind: usize, digits: &str, day: i32) -> Place {
        match kind {
            0 => Place::Day(Date::from_julian_day(2_440_588 + day).unwrap()),
            1 => Place::Call(CallSid::parse(&format!("CA{digits}")).unwrap()),
            2 => Place::Conference(ConferenceSid::parse(&format!("CF{digits}")).unwrap()),
            3 => Place::Task(TaskSid::parse(&format!("WT{digits}")).unwrap()),
            _ => Place::Reservation(ReservationSid::parse(&format!("WR{digits}")).unwrap()),
        }
    }

    proptest! {
        #[test]
        fn an_entry_leads_back_to_its_place_and_its_recording(
            kind in 0usize..5,
            digits in "[0-9a-fA-F]{32}",
            day in 0i32..100_000,
            recording in "RE[0-9a-f]{32}",
        ) {
            let (place, recording) = (place(kind, &digits, day), RecordingSid::parse(&recording).unwrap());
            let key = place.entry_key(&recording);
            prop_assert!(key.starts_with(&place.prefix()));
            prop_assert_eq!(Place::of_entry_key(&key), Some((place, recording)));
        }

        #[test]
        fn days_are_in_the_order_of_their_keys(one in 0i32..100_000, other in 0i32..100_000) {
            let key = |day| place(0, "", day).prefix();
            prop_assert_eq!(one.cmp(&other), key(one).cmp(&key(other)));
        }
    }

    #[test]
    fn other_keys_are_not_entries() {
        let recording = "RE00000000000000000000000000000001";
        for key in [
            format!("recordings/{recording}"),
            format!("index/{recording}"),
            format!("index/day/2026/1/02/{recording}"),
            format!("index/day/2026/02/30/{recording}"),
            format!("index/day/2026/11/28/x/{recording}"),
            format!("index/call/RE1/{recording}"),
            format!("index/queue/CA00000000000000000000000000000001/{recording}"),
            "index/call/CA00000000000000000000000000000001/".to_owned(),
        ] {
            assert_eq!(Place::of_entry_key(&key), None, "{key}");
        }
    }
}
