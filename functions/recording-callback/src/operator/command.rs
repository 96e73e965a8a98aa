//! An operator's commands: events from people, from the nightly schedule, and from the schedule that continues a run.

mod catalog;
mod erase;
mod find;
mod index;
mod link;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sid::RecordingSid;
use twilio::recordings::MAX_PAGE_SIZE;

pub(crate) use self::{
    catalog::Catalog,
    erase::{Erasable, Erase, EraseList, PlanErasure},
    find::{After, Find, Question},
    index::RebuildIndex,
    link::Link,
};
use super::day::Day;

/// The default number of recordings in a page. A page is checked and queued within seconds, and a month of a busy contact
/// center (100,000 recordings) is 500 pages.
const PAGE_SIZE: u16 = 200;

/// The most recordings that one event can name.
pub(crate) const MOST_LISTED: usize = 1_000;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Backfill(Backfill),
    Reconcile(Reconcile),
    Arrivals(Arrivals),
    Sweep(Sweep),
    Catalog(Catalog),
    Erase(Erase),
    EraseList(EraseList),
    PlanErasure(PlanErasure),
    Link(Link),
    Verify(Verify),
    Find(Find),
    Index(RebuildIndex),
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

/// Read stored recordings whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verify {
    pub(crate) recordings: Recordings,
    /// Read only those that have no receipt.
    pub(crate) receipts: bool,
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
            "catalog" => (
                Catalog::deserialize(body).ok().map(Self::Catalog),
                r#"{"catalog":{}}, "restart" (true, false) is optional"#,
            ),
            "erase" => (erase::parse(body), erase::EXPECTED),
            "link" => (
                Link::deserialize(body).ok().map(Self::Link),
                r#"{"link":{"recordingSid":"RE…","minutes":60,"for":"Jane Auditor"}}, "requestedBy" (an ARN) and "download" (true, false) are optional"#,
            ),
            "verify" => (
                Verify::parse(body).map(Self::Verify),
                r#"{"verify":{"recordings":["RE…"]}} with at most 1000 of them, or {"verify":{"all":true}}, "receipts" (true: only those without a receipt) and "restart" (true, false) are optional"#,
            ),
            "find" => (
                Find::parse(body).map(Self::Find),
                r#"{"find":{"from":"2026-11-01","to":"2026-11-28"}}, or "call", "conference", "task", "reservation" or "recording" with a SID. "originals" (true, false), "max" (1 to 1000) and "after" (the "next" of the answer before) are optional"#,
            ),
            "index" => (
                RebuildIndex::parse(body).map(Self::Index),
                r#"{"index":{"rebuild":true}}, "restart" (true, false) is optional"#,
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

impl Verify {
    fn parse(body: &Value) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Body {
            all: Option<bool>,
            recordings: Option<Vec<RecordingSid>>,
            #[serde(default)]
            receipts: bool,
            #[serde(default)]
            restart: bool,
        }
        let Body {
            all,
            recordings,
            receipts,
            restart,
        } = Body::deserialize(body).ok()?;
        let recordings = match (all, recordings) {
            (Some(true), None) => Recordings::All,
            (None, Some(listed)) if (1..=MOST_LISTED).contains(&listed.len()) => Recordings::Listed(listed),
            _ => return None,
        };
        Some(Self {
            recordings,
            receipts,
            restart,
        })
    }
}

impl Continuation {
    /// The event that is parsed as this continuation.
    pub(crate) fn to_event(&self) -> Value {
        serde_json::json!({ "continue": self })
    }
}

const fn default_page_size() -> u16 {
    PAGE_SIZE
}

#[cfg(test)]
mod tests;
