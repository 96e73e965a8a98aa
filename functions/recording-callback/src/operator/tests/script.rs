//! The events of `scripts/operate.py`, and the names under which it looks for their operations.

use std::process::Command as Process;

use super::{
    command::{Backfill, Erase, EraseList, Reconcile, Recordings, Sweep, Verify},
    day::Day,
    *,
};

/// Runs the script with stand-ins for boto3's clients. They print the first event that is sent, and the key of the cursor
/// that the script looked for before.
const STAND_IN: &str = r#"
import io, json, os, runpy, sys, types

class ClientError(Exception):
    response = {"Error": {"Code": "NoSuchKey"}}

class Client:
    key = None

    def get_object(self, Bucket, Key):
        Client.key = Key
        raise ClientError

    def invoke(self, FunctionName, Payload, **_):
        if '"dryRun": true' in Payload and '"recordings"' in Payload:
            planned = [{"recordingSid": sid} for sid in json.loads(Payload)["erase"]["recordings"]]
            plan = {"counts": {"unknown": 0}, "recordings": planned}
            return {"Payload": io.StringIO(json.dumps({"erasurePlan": plan}))}
        print(json.dumps({"event": json.loads(Payload), "key": Client.key}), flush=True)
        os._exit(0)

def module(name, **items):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(items)

module("boto3", client=lambda *_, **__: Client())
module("botocore")
module("botocore.config", Config=lambda **_: None)
module("botocore.exceptions", BotoCoreError=type("BotoCoreError", (Exception,), {}), ClientError=ClientError)
del sys.argv[0]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"#;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/operate.py");

/// The event that the script sends for a command line.
struct Sent {
    command: Command,
    /// The key of the cursor in the bucket, if the script knows the operation's name beforehand.
    key: Option<String>,
}

fn sent_by(arguments: &[&str]) -> Sent {
    let script = Process::new("python3")
        .args([
            "-c",
            STAND_IN,
            SCRIPT,
            "--function",
            "operator",
            "--bucket",
            "recordings",
        ])
        .args(arguments)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&script.stderr);
    // A plan comes before the event.
    let printed = String::from_utf8_lossy(&script.stdout);
    let last = printed.lines().last().unwrap_or_default();
    let sent: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    Sent {
        command: Command::parse(&sent["event"]).unwrap().unwrap(),
        key: sent["key"].as_str().map(str::to_owned),
    }
}

fn cursor_key(work: &Work) -> Option<String> {
    Some(format!("operations/{}.json", work.name()))
}

#[test]
fn the_script_requests_a_backfill_and_reads_its_cursor() {
    let day = |text: &str| Day::try_from(text.to_owned()).unwrap();
    for (more, dry_run, restart) in [(&[][..], false, false), (&["--dry-run", "--restart"], true, true)] {
        let days = ["backfill", "--from", "2026-05-01", "--to", "2026-05-31"];
        let sent = sent_by(&[&days[..], more].concat());
        let Command::Backfill(request) = sent.command else {
            panic!("{:?}", sent.command);
        };
        let expected = Backfill {
            from: day("2026-05-01"),
            to: day("2026-05-31"),
            dry_run,
            restart,
            ..request
        };
        assert_eq!(request, expected);
        assert_eq!(sent.key, cursor_key(&Work::Backfill(BackfillRun::new(request))));
    }
}

/// The script names these operations by the day in UTC, which may change meanwhile.
#[test]
fn the_script_requests_todays_operations_and_reads_their_cursors() {
    let reconcile = Command::Reconcile(Reconcile {
        restart: true,
        scheduled: false,
    });
    let sweep = Command::Sweep(Sweep { restart: false });
    let reconciliation: fn(i64) -> Work = |now_ms| Work::Reconcile(BackfillRun::reconciliation(now_ms));
    let sweep_run: fn(i64) -> Work = |now_ms| Work::Sweep(SweepRun::new(now_ms));
    for (arguments, command, work) in [
        (&["reconcile", "--restart"][..], reconcile, reconciliation),
        (&["sweep"], sweep, sweep_run),
    ] {
        let before_ms = clock::now_ms();
        let sent = sent_by(arguments);
        let days = [before_ms, clock::now_ms()];
        assert_eq!(sent.command, command);
        assert!(
            days.map(|ms| cursor_key(&work(ms))).contains(&sent.key),
            "{:?}",
            sent.key
        );
    }
}

#[test]
fn the_script_requests_a_verification_of_all_or_of_named_recordings() {
    let verify = |recordings, restart| {
        Command::Verify(Verify {
            recordings,
            receipts: false,
            restart,
        })
    };
    let all = sent_by(&["verify", "--all"]);
    assert_eq!(all.command, verify(Recordings::All, false));
    assert_eq!(
        all.key,
        cursor_key(&Work::Verify(VerifyRun::new(Verify {
            recordings: Recordings::All,
            receipts: false,
            restart: false
        })))
    );
    let named = sent_by(&["verify", "--restart", &sid(1), &sid(2)]);
    let recordings = [1, 2].map(|number| ::sid::RecordingSid::parse(&sid(number)).unwrap());
    assert_eq!(named.command, verify(Recordings::Listed(recordings.to_vec()), true));

    let request = Verify {
        recordings: Recordings::All,
        receipts: true,
        restart: true,
    };
    let receipts = sent_by(&["verify", "--all", "--receipts", "--restart"]);
    assert_eq!(receipts.command, Command::Verify(request.clone()));
    assert_eq!(receipts.key, cursor_key(&Work::Verify(VerifyRun::new(request.clone()))));
    let named = sent_by(&["verify", "--receipts", "--restart", &sid(1)]);
    let recordings = Recordings::Listed(vec![::sid::RecordingSid::parse(&sid(1)).unwrap()]);
    assert_eq!(named.command, Command::Verify(Verify { recordings, ..request }));
}

#[test]
fn the_script_requests_an_erasure() {
    for (more, keep_original) in [(&[][..], false), (&["--keep-original"], true)] {
        let sent = sent_by(&[&["erase", "--yes", &sid(1)], more].concat());
        let expected = Command::Erase(Erase {
            recording_sid: ::sid::RecordingSid::parse(&sid(1)).unwrap(),
            keep_original,
        });
        assert_eq!(sent.command, expected);
    }
}

#[test]
fn the_script_requests_an_erasure_of_a_list_and_reads_its_cursor() {
    let file = std::env::temp_dir().join(format!("erase-{}.txt", std::process::id()));
    std::fs::write(&file, format!("{}\n\n# twice\n{}\n{}\n", sid(2), sid(1), sid(2))).unwrap();
    for (more, keep_original) in [(&[][..], false), (&["--keep-original"], true)] {
        let sent = sent_by(&[&["erase", "--yes", "--from-file", file.to_str().unwrap()], more].concat());
        let expected = EraseList {
            recordings: [1, 2]
                .map(|number| ::sid::RecordingSid::parse(&sid(number)).unwrap())
                .into(),
            keep_original,
        };
        assert_eq!(sent.command, Command::EraseList(expected.clone()));
        assert_eq!(sent.key, cursor_key(&Work::EraseList(EraseListRun::new(&expected))));
    }
    std::fs::remove_file(file).unwrap();
}
