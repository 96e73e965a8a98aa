//! An operator's commands: events from people, from the nightly schedule, and from the schedule that continues a run.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sid::RecordingSid;
use time::{Date, OffsetDateTime, format_description::well_known::Iso8601};
use twilio::recordings::MAX_PAGE_SIZE;

/// The default number of recordings in a page. A page is checked and queued within seconds, and a month of a busy contact
/// centre (100,000 recordings) is 500 pages.
const PAGE_SIZE: u16 = 200;

/// The most recordings that one event can name.
const MOST_LISTED: usize = 1_000;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Backfill(Backfill),
    Reconcile(Reconcile),
    Arrivals(Arrivals),
    Sweep(Sweep),
    Erase(Erase),
    Verify(Verify),
    Continue(Continuation),
}

/// Queue copies of the recordings of these days that are at Twilio but not in the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Backfill {
    pub(crate) from: Day,
    pub(crate) to: Day,
    /// Only count the recordings.
    #[serde(default)]
    pub(crate) dry_run: bool,
    #[serde(default = "default_page_size")]
    pub(crate) page_size: u16,
    /// Begin a new run, even if one of these days is unfinished.
    #[serde(default)]
    pub(crate) restart: bool,
}

/// Queue copies of the missing recordings of the last days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Reconcile {
    #[serde(default)]
    pub(crate) restart: bool,
    /// Whether the nightly schedule sent the event.
    #[serde(default)]
    pub(crate) scheduled: bool,
}

/// Check whether any recording of the last hours has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Arrivals {
    pub(crate) within_hours: u8,
}

/// Queue overdue deletions of originals again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sweep {
    #[serde(default)]
    pub(crate) restart: bool,
}

/// Erase a recording in the vault, and at Twilio unless the original is to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Erase {
    pub(crate) recording_sid: RecordingSid,
    #[serde(default)]
    pub(crate) keep_original: bool,
}

/// Read stored recordings whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verify {
    pub(crate) recordings: Recordings,
    pub(crate) restart: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recordings {
    All,
    Listed(Vec<RecordingSid>),
}

/// Continue an operation. Its schedule sends this event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Continuation {
    /// The operation's name.
    pub(crate) operation: String,
    /// The run of the operation.
    pub(crate) run: i64,
    /// How many invocations have taken the run before this one.
    pub(crate) step: u32,
}

/// An event with the name of a command but not its shape.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed command, expected {0}")]
pub(crate) struct CommandError(&'static str);

/// A day of the calendar, in UTC: `2026-05-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Day(pub(crate) Date);

impl Command {
    /// Parses `event` as a command. `None` if it has no command's name.
    pub(crate) fn parse(event: &Value) -> Option<Result<Self, CommandError>> {
        let (name, body) = match event.as_object()?.iter().collect::<Vec<_>>()[..] {
            [(name, body)] => (name.as_str(), body),
            _ => return None,
        };
        let (command, expected) = match name {
            "backfill" => (
                Backfill::parse(body).map(Self::Backfill),
                r#"{"backfill":{"from":"2026-05-01","to":"2026-05-31"}}, "dryRun" and "restart" (true, false) and "pageSize" (1 to 1000) are optional"#,
            ),
            "reconcile" => (
                Reconcile::deserialize(body).ok().map(Self::Reconcile),
                r#"{"reconcile":{}}, "restart" (true, false) is optional"#,
            ),
            "arrivals" => (
                Arrivals::parse(body).map(Self::Arrivals),
                r#"{"arrivals":{"withinHours":2}}, 1 to 24"#,
            ),
            "sweep" => (
                Sweep::deserialize(body).ok().map(Self::Sweep),
                r#"{"sweep":{}}, "restart" (true, false) is optional"#,
            ),
            "erase" => (
                Erase::parse(body).map(Self::Erase),
                r#"{"erase":"RE…"} or {"erase":{"recordingSid":"RE…","keepOriginal":true}}"#,
            ),
            "verify" => (
                Verify::parse(body).map(Self::Verify),
                r#"{"verify":{"recordings":["RE…"]}} with at most 1000 of them, or {"verify":{"all":true}}, "restart" (true, false) is optional"#,
            ),
            "continue" => (
                Continuation::deserialize(body).ok().map(Self::Continue),
                r#"{"continue":{"operation":"…","run":1,"step":1}}"#,
            ),
            _ => return None,
        };
        Some(command.ok_or(CommandError(expected)))
    }
}

impl Backfill {
    fn parse(body: &Value) -> Option<Self> {
        let request = Self::deserialize(body).ok()?;
        (request.from <= request.to && (1..=MAX_PAGE_SIZE).contains(&request.page_size)).then_some(request)
    }

    /// The `days` days before a time (Unix milliseconds), and that time's day.
    pub(crate) fn of_days_before(now_ms: i64, days: u16) -> Self {
        let today = Day::of_unix_ms(now_ms);
        Self {
            from: Day(today.0.saturating_sub(time::Duration::days(i64::from(days)))),
            to: today,
            dry_run: false,
            page_size: PAGE_SIZE,
            restart: false,
        }
    }
}

impl Arrivals {
    fn parse(body: &Value) -> Option<Self> {
        let request = Self::deserialize(body).ok()?;
        (1..=24).contains(&request.within_hours).then_some(request)
    }
}

impl Erase {
    fn parse(body: &Value) -> Option<Self> {
        match body.as_str() {
            Some(sid) => Some(Self {
                recording_sid: RecordingSid::parse(sid).ok()?,
                keep_original: false,
            }),
            None => Self::deserialize(body).ok(),
        }
    }
}

impl Verify {
    fn parse(body: &Value) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Body {
            all: Option<bool>,
            recordings: Option<Vec<RecordingSid>>,
            #[serde(default)]
            restart: bool,
        }
        let Body {
            all,
            recordings,
            restart,
        } = Body::deserialize(body).ok()?;
        let recordings = match (all, recordings) {
            (Some(true), None) => Recordings::All,
            (None, Some(listed)) if (1..=MOST_LISTED).contains(&listed.len()) => Recordings::Listed(listed),
            _ => return None,
        };
        Some(Self { recordings, restart })
    }
}

impl Continuation {
    /// The event that is parsed as this continuation.
    pub(crate) fn to_event(&self) -> Value {
        serde_json::json!({ "continue": self })
    }
}

impl Day {
    pub(crate) fn of_unix_ms(at_ms: i64) -> Self {
        Self(OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1_000)).map_or(Date::MAX, OffsetDateTime::date))
    }
}

impl TryFrom<String> for Day {
    type Error = time::error::Parse;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Date::parse(&text, &Iso8601::DATE).map(Self)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const fn default_page_size() -> u16 {
    PAGE_SIZE
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        invocation::Invocation,
        testing::sample_events::{ARRIVALS, BACKFILL, ERASE, RECONCILE, SWEEP, VERIFY, invocation},
    };

    const SID: &str = "RE00000000000000000000000000000001";

    fn parse(event: &Value) -> Command {
        Command::parse(event).unwrap().unwrap()
    }

    fn day(text: &str) -> Day {
        Day::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_backfill_has_days_and_may_have_more() {
        let plain = Backfill {
            from: day("2026-05-01"),
            to: day("2026-05-31"),
            dry_run: false,
            page_size: 200,
            restart: false,
        };
        let event = json!({"backfill": {"from": "2026-05-01", "to": "2026-05-31"}});
        assert_eq!(parse(&event), Command::Backfill(plain));
        let event = json!({"backfill": {
            "from": "2026-05-01", "to": "2026-05-01", "dryRun": true, "pageSize": 1, "restart": true,
        }});
        let full = Backfill {
            to: day("2026-05-01"),
            dry_run: true,
            page_size: 1,
            restart: true,
            ..plain
        };
        assert_eq!(parse(&event), Command::Backfill(full));
    }

    #[test]
    fn a_recording_is_erased_with_its_original_unless_that_is_kept() {
        let erase = |keep_original| {
            Command::Erase(Erase {
                recording_sid: RecordingSid::parse(SID).unwrap(),
                keep_original,
            })
        };
        assert_eq!(parse(&json!({"erase": SID})), erase(false));
        assert_eq!(parse(&json!({"erase": {"recordingSid": SID}})), erase(false));
        assert_eq!(
            parse(&json!({"erase": {"recordingSid": SID, "keepOriginal": true}})),
            erase(true)
        );
    }

    #[test]
    fn recordings_to_verify_are_listed_or_all() {
        let verify = |recordings, restart| Command::Verify(Verify { recordings, restart });
        assert_eq!(parse(&json!({"verify": {"all": true}})), verify(Recordings::All, false));
        assert_eq!(
            parse(&json!({"verify": {"recordings": [SID], "restart": true}})),
            verify(Recordings::Listed(vec![RecordingSid::parse(SID).unwrap()]), true)
        );
    }

    #[test]
    fn a_continuation_survives_its_schedule() {
        let continuation = Continuation {
            operation: "verify-all".to_owned(),
            run: 1_763_900_000_000,
            step: 3,
        };
        assert_eq!(parse(&continuation.to_event()), Command::Continue(continuation));
    }

    #[test]
    fn sample_events_hold_a_command_of_each_kind() {
        let commands = [BACKFILL, RECONCILE, ARRIVALS, SWEEP, ERASE, VERIFY].map(|event| match invocation(event) {
            Invocation::Command(command) => command,
            other => panic!("{other:?}"),
        });
        assert!(matches!(
            commands,
            [
                Command::Backfill(Backfill { dry_run: true, .. }),
                Command::Reconcile(Reconcile {
                    restart: false,
                    scheduled: true,
                }),
                Command::Arrivals(Arrivals { within_hours: 2 }),
                Command::Sweep(Sweep { restart: false }),
                Command::Erase(Erase {
                    keep_original: true,
                    ..
                }),
                Command::Verify(Verify {
                    recordings: Recordings::Listed(_),
                    restart: false,
                }),
            ]
        ));
    }

    #[test]
    fn a_malformed_command_is_told_what_it_should_be() {
        for (event, expected) in [
            (json!({"backfill": {}}), "2026-05-01"),
            (json!({"backfill": "canary"}), "2026-05-01"),
            (
                json!({"backfill": {"from": "2026-05-02", "to": "2026-05-01"}}),
                "2026-05-01",
            ),
            (
                json!({"backfill": {"from": "2026-02-30", "to": "2026-05-01"}}),
                "2026-05-01",
            ),
            (
                json!({"backfill": {"from": "01.05.2026", "to": "31.05.2026"}}),
                "2026-05-01",
            ),
            (
                json!({"backfill": {"from": "2026-05-01", "to": "2026-05-01", "dry": true}}),
                "dryRun",
            ),
            (
                json!({"backfill": {"from": "2026-05-01", "to": "2026-05-01", "pageSize": 0}}),
                "1 to 1000",
            ),
            (
                json!({"backfill": {"from": "2026-05-01", "to": "2026-05-01", "pageSize": 1001}}),
                "1 to 1000",
            ),
            (json!({"reconcile": {"canary": 1}}), r#"{"reconcile":{}}"#),
            (json!({"reconcile": null}), r#"{"reconcile":{}}"#),
            (json!({"arrivals": {}}), "withinHours"),
            (json!({"arrivals": {"withinHours": 0}}), "1 to 24"),
            (json!({"arrivals": {"withinHours": 25}}), "1 to 24"),
            (json!({"sweep": {"canary": 1}}), r#"{"sweep":{}}"#),
            (json!({"erase": "canary"}), "keepOriginal"),
            (json!({"erase": {"recordingSid": SID, "keep": true}}), "keepOriginal"),
            (json!({"verify": {}}), "recordings"),
            (json!({"verify": {"all": false}}), "recordings"),
            (json!({"verify": {"recordings": []}}), "recordings"),
            (json!({"verify": {"recordings": [SID], "all": true}}), "recordings"),
            (json!({"verify": {"recordings": vec![SID; 1_001]}}), "at most 1000"),
            (json!({"continue": {"operation": "canary"}}), "step"),
        ] {
            let error = Command::parse(&event).unwrap().unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("canary"),
                "{event}: {error}"
            );
        }
    }

    #[test]
    fn other_events_are_no_commands() {
        for event in [
            json!({}),
            json!("erase"),
            json!({"paint": {}}),
            json!({"reconcile": {}, "erase": SID}),
        ] {
            assert_eq!(Command::parse(&event), None, "{event}");
        }
    }

    #[test]
    fn the_last_days_end_today() {
        let days = Backfill::of_days_before(1_763_900_000_000, 3);
        assert_eq!((days.from, days.to), (day("2025-11-20"), day("2025-11-23")));
    }
}
