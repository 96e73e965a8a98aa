//! The request to find recordings, by their days, their call, conference, task or reservation, or their own SID.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, TaskSid};
use vault::Place;

use crate::operator::day::Day;

/// The most index entries that one answer covers. A recording takes about 600 bytes in it, and Lambda's limit is 6 MB.
const MOST: u16 = 1_000;

/// One page of the recordings that a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Find {
    pub(crate) question: Question,
    /// Ask Twilio for each original, also for a question by days.
    pub(crate) originals: bool,
    /// How many index entries to look at.
    pub(crate) max: u16,
    /// The last entry of the page before.
    pub(crate) after: Option<After>,
}

/// What the recordings have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// They began on these days, in UTC, both inclusive.
    Days {
        from: Day,
        to: Day,
    },
    /// They have the same call, conference, task or reservation.
    At(Place),
    Recording(RecordingSid),
}

/// An entry of the index: `2026-11-28/RE…` in a question by days, `RE…` in the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct After {
    pub(crate) day: Option<Day>,
    pub(crate) recording: RecordingSid,
}

/// The text is no entry of the index.
#[derive(Debug, thiserror::Error)]
#[error("not an entry of the index")]
pub(crate) struct InvalidAfter;

impl Find {
    pub(super) fn parse(body: &Value) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Body {
            from: Option<Day>,
            to: Option<Day>,
            call: Option<CallSid>,
            conference: Option<ConferenceSid>,
            task: Option<TaskSid>,
            reservation: Option<ReservationSid>,
            recording: Option<RecordingSid>,
            #[serde(default)]
            originals: bool,
            #[serde(default = "most")]
            max: u16,
            after: Option<After>,
        }
        let body = Body::deserialize(body).ok()?;
        let days = match (body.from, body.to) {
            (Some(from), Some(to)) if from <= to => Some(Question::Days { from, to }),
            (None, None) => None,
            _ => return None,
        };
        let questions = [
            days,
            body.call.map(|call| Question::At(Place::Call(call))),
            body.conference
                .map(|conference| Question::At(Place::Conference(conference))),
            body.task.map(|task| Question::At(Place::Task(task))),
            body.reservation
                .map(|reservation| Question::At(Place::Reservation(reservation))),
            body.recording.map(Question::Recording),
        ];
        let mut questions = questions.into_iter().flatten();
        let (question, None) = (questions.next()?, questions.next()) else {
            return None;
        };
        let is_answerable =
            (1..=MOST).contains(&body.max) && body.after.as_ref().is_none_or(|after| question.may_follow(after));
        is_answerable.then_some(Self {
            question,
            originals: body.originals,
            max: body.max,
            after: body.after,
        })
    }
}

impl Question {
    /// Whether a page after this entry can be one of this question's.
    fn may_follow(&self, after: &After) -> bool {
        match (self, after.day) {
            (Self::Days { from, to }, Some(day)) => (*from..=*to).contains(&day),
            (Self::Days { .. }, None) | (_, Some(_)) | (Self::Recording(_), _) => false,
            (_, None) => true,
        }
    }
}

impl TryFrom<String> for After {
    type Error = InvalidAfter;

    fn try_from(text: String) -> Result<Self, InvalidAfter> {
        let (day, recording) = match text.split_once('/') {
            Some((day, recording)) => {
                let day = Day::try_from(day.to_owned()).map_err(|_| InvalidAfter)?;
                (Some(day), recording)
            }
            None => (None, &*text),
        };
        Ok(Self {
            day,
            recording: RecordingSid::parse(recording).map_err(|_| InvalidAfter)?,
        })
    }
}

impl From<After> for String {
    fn from(After { day, recording }: After) -> Self {
        match day {
            Some(day) => format!("{day}/{recording}"),
            None => recording.to_string(),
        }
    }
}

const fn most() -> u16 {
    MOST
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef";

    fn sid(prefix: &str) -> String {
        format!("{prefix}{DIGITS}")
    }

    fn day(text: &str) -> Day {
        Day::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn each_question_is_asked_alone() {
        for (body, question) in [
            (
                json!({"from": "2026-11-01", "to": "2026-11-28"}),
                Question::Days {
                    from: day("2026-11-01"),
                    to: day("2026-11-28"),
                },
            ),
            (
                json!({"call": sid("CA")}),
                Question::At(Place::Call(CallSid::parse(&sid("CA")).unwrap())),
            ),
            (
                json!({"conference": sid("CF")}),
                Question::At(Place::Conference(ConferenceSid::parse(&sid("CF")).unwrap())),
            ),
            (
                json!({"task": sid("WT")}),
                Question::At(Place::Task(TaskSid::parse(&sid("WT")).unwrap())),
            ),
            (
                json!({"reservation": sid("WR")}),
                Question::At(Place::Reservation(ReservationSid::parse(&sid("WR")).unwrap())),
            ),
            (
                json!({"recording": sid("RE")}),
                Question::Recording(RecordingSid::parse(&sid("RE")).unwrap()),
            ),
        ] {
            let find = Find {
                question,
                originals: false,
                max: 1_000,
                after: None,
            };
            assert_eq!(Find::parse(&body), Some(find), "{body}");
            for (second, prefix) in [
                ("call", "CA"),
                ("conference", "CF"),
                ("task", "WT"),
                ("reservation", "WR"),
                ("recording", "RE"),
            ] {
                let mut both = body.clone();
                if both.get(second).is_none() {
                    both[second] = json!(sid(prefix));
                    assert_eq!(Find::parse(&both), None, "{both}");
                }
            }
        }
    }

    #[test]
    fn a_page_follows_an_entry_of_its_own_question() {
        let entry = format!("2026-11-02/{}", sid("RE"));
        let days = json!({"from": "2026-11-01", "to": "2026-11-02"});
        let call = json!({"call": sid("CA")});
        let recording = json!({"recording": sid("RE")});
        for (question, after, is_one) in [
            (&days, &entry, true),
            (&days, &format!("2026-11-03/{}", sid("RE")), false),
            (&days, &sid("RE"), false),
            (&call, &sid("RE"), true),
            (&call, &entry, false),
            (&call, &sid("CA"), false),
            (&recording, &sid("RE"), false),
        ] {
            let mut body = question.clone();
            body["after"] = json!(after);
            let found = Find::parse(&body);
            assert_eq!(found.is_some(), is_one, "{body}");
            if let Some(Find { after: Some(read), .. }) = found {
                assert_eq!(String::from(read), *after);
            }
        }
    }

    #[test]
    fn other_bodies_are_no_questions() {
        for body in [
            json!({}),
            json!(null),
            json!({"from": "2026-11-01"}),
            json!({"to": "2026-11-01"}),
            json!({"from": "2026-11-02", "to": "2026-11-01"}),
            json!({"call": sid("RE")}),
            json!({"call": sid("CA"), "max": 0}),
            json!({"call": sid("CA"), "max": 1_001}),
            json!({"call": sid("CA"), "original": true}),
            json!({"originals": true}),
        ] {
            assert_eq!(Find::parse(&body), None, "{body}");
        }
    }
}
