use serde_json::json;
use vault::Place;

use super::*;
use crate::{
    invocation::Invocation,
    testing::sample_events::{
        ARRIVALS, BACKFILL, CATALOG, ERASE, ERASE_CALL, ERASE_LIST, FIND, INDEX, LINK, RECONCILE, SWEEP, VERIFY,
        invocation,
    },
};

const SID: &str = "RE00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000001";

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
fn listed_recordings_are_erased_each_once_or_planned() {
    let other = SID.replace('1', "2");
    let listed = std::collections::BTreeSet::from([SID, &other].map(|sid| RecordingSid::parse(sid).unwrap()));
    let list = |keep_original| {
        Command::EraseList(EraseList {
            recordings: listed.clone(),
            keep_original,
        })
    };
    let event = json!({"erase": {"recordings": [other, SID, other]}});
    assert_eq!(parse(&event), list(false));
    let event = json!({"erase": {"recordings": [SID, other], "keepOriginal": true, "dryRun": false}});
    assert_eq!(parse(&event), list(true));
    let plan = |of| Command::PlanErasure(PlanErasure { of });
    let event = json!({"erase": {"recordings": [SID, other], "keepOriginal": true, "dryRun": true}});
    assert_eq!(parse(&event), plan(Erasable::Listed(listed)));
    let one = std::collections::BTreeSet::from([RecordingSid::parse(SID).unwrap()]);
    let event = json!({"erase": {"recordingSid": SID, "dryRun": true}});
    assert_eq!(parse(&event), plan(Erasable::Listed(one)));
}

/// A question is answered with a plan. What is erased is the list that somebody has confirmed.
#[test]
fn recordings_of_a_call_are_planned_and_never_erased_by_the_question() {
    for (name, prefix) in [
        ("call", "CA"),
        ("conference", "CF"),
        ("task", "WT"),
        ("reservation", "WR"),
    ] {
        let sid = SID.replace("RE", prefix);
        let planned = parse(&json!({"erase": {name: sid, "dryRun": true}}));
        let named = format!("{planned:?}").to_lowercase();
        assert!(
            named.contains(name) && matches!(planned, Command::PlanErasure(_)),
            "{planned:?}"
        );
        for event in [
            json!({"erase": {name: sid}}),
            json!({"erase": {name: sid, "dryRun": false}}),
            json!({"erase": {name: sid, "recordings": [SID], "dryRun": true}}),
            json!({"erase": {name: SID, "dryRun": true}}),
        ] {
            let error = Command::parse(&event).unwrap().unwrap_err().to_string();
            assert!(error.contains(r#"always with "dryRun""#), "{event}: {error}");
        }
    }
}

#[test]
fn a_link_has_a_listener_and_an_end_and_may_have_more() {
    let link = |requested_by: Option<&str>, download| {
        Command::Link(Link {
            recording_sid: RecordingSid::parse(SID).unwrap(),
            minutes: 60,
            listener: "Jane Auditor".to_owned(),
            requested_by: requested_by.map(str::to_owned),
            download,
        })
    };
    let mut event = json!({"link": {"recordingSid": SID, "minutes": 60, "for": "Jane Auditor"}});
    assert_eq!(parse(&event), link(None, false));
    event["link"]["requestedBy"] = json!("arn:aws:iam::123456789012:user/jane");
    event["link"]["download"] = json!(true);
    assert_eq!(parse(&event), link(Some("arn:aws:iam::123456789012:user/jane"), true));
}

#[test]
fn recordings_to_verify_are_listed_or_all() {
    let verify = |recordings, restart| {
        let receipts = restart;
        Command::Verify(Verify {
            recordings,
            receipts,
            restart,
        })
    };
    assert_eq!(parse(&json!({"verify": {"all": true}})), verify(Recordings::All, false));
    assert_eq!(
        parse(&json!({"verify": {"recordings": [SID], "receipts": true, "restart": true}})),
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
    let commands = [
        BACKFILL, RECONCILE, ARRIVALS, SWEEP, CATALOG, ERASE, ERASE_LIST, ERASE_CALL, LINK, VERIFY, FIND, INDEX,
    ]
    .map(|event| match invocation(event) {
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
            Command::Catalog(Catalog { restart: false }),
            Command::Erase(Erase {
                keep_original: true,
                ..
            }),
            Command::EraseList(EraseList {
                keep_original: true,
                ..
            }),
            Command::PlanErasure(PlanErasure {
                of: Erasable::At(Place::Call(_)),
            }),
            Command::Link(Link {
                minutes: 60,
                requested_by: Some(_),
                download: false,
                ..
            }),
            Command::Verify(Verify {
                recordings: Recordings::Listed(_),
                receipts: false,
                restart: false,
            }),
            Command::Find(Find {
                question: Question::Days { .. },
                ..
            }),
            Command::Index(RebuildIndex { restart: false }),
        ]
    ));
}

#[test]
fn a_malformed_command_is_answered_with_the_expected_form() {
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
        (json!({"catalog": {"canary": 1}}), r#"{"catalog":{}}"#),
        (json!({"catalog": true}), r#"{"catalog":{}}"#),
        (json!({"erase": "canary"}), "keepOriginal"),
        (json!({"erase": {"recordingSid": SID, "keep": true}}), "keepOriginal"),
        (json!({"link": SID}), "minutes"),
        (json!({"link": {"recordingSid": SID, "minutes": 60}}), "\"for\""),
        (
            json!({"link": {"recordingSid": SID, "minutes": -1, "for": "canary"}}),
            "minutes",
        ),
        (
            json!({"link": {"recordingSid": "canary", "minutes": 60, "for": "Jane"}}),
            "recordingSid",
        ),
        (
            json!({"link": {"recordingSid": SID, "minutes": 60, "for": "Jane", "canary": 1}}),
            "download",
        ),
        (json!({"verify": {}}), "recordings"),
        (json!({"verify": {"all": false}}), "recordings"),
        (json!({"verify": {"recordings": []}}), "recordings"),
        (json!({"verify": {"recordings": [SID], "all": true}}), "recordings"),
        (json!({"verify": {"recordings": vec![SID; 1_001]}}), "at most 1000"),
        (json!({"find": {"call": "canary"}}), "2026-11-28"),
        (json!({"find": {"call": CALL, "max": 1_001}}), "1 to 1000"),
        (json!({"index": {"canary": true}}), r#"{"index":{"rebuild":true}}"#),
        (json!({"index": {"rebuild": false}}), r#"{"index":{"rebuild":true}}"#),
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
