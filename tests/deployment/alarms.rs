//! Tests when each alarm changes to ALARM and when it does not, with a small model of CloudWatch (`alarm_model.py`).

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use deployment::{MONITORING, TEMPLATE};
use serde_json::json;
use toolbox::{Venv, python};

const NEVER: [u32; 0] = [];

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// Values of metrics by namespace, name and dimension, each with its minute. The alarm is created in minute 0.
#[derive(Clone, Default)]
struct Metrics(BTreeMap<String, Vec<(u32, f64)>>);

impl Metrics {
    fn with(mut self, metric: &str, data: impl IntoIterator<Item = (u32, f64)>) -> Self {
        self.0.entry(metric.to_owned()).or_default().extend(data);
        self
    }
}

/// The state changes of the alarm within the given number of minutes.
fn history(alarm: &str, metrics: &Metrics, minutes: u32) -> Vec<(u32, String)> {
    let mut alarm = MONITORING["Resources"][alarm]["Properties"].clone();
    if let Some(parameter) = alarm["Threshold"]["Ref"].as_str() {
        alarm["Threshold"] = TEMPLATE["Parameters"][parameter]["Default"].clone();
    }
    let case = json!([{"alarm": alarm, "data": metrics.0, "minutes": minutes}]);
    let mut model = Command::new(python(Venv::Lint).unwrap())
        .args(["-c", include_str!("alarm_model.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    model
        .stdin
        .take()
        .unwrap()
        .write_all(case.to_string().as_bytes())
        .unwrap();
    let output = model.wait_with_output().unwrap();
    assert!(output.status.success());
    let [history] = serde_json::from_slice::<[_; 1]>(&output.stdout).unwrap();
    history
}

/// The minutes in which the state changes to ALARM.
fn goes_off(alarm: &str, metrics: &Metrics, minutes: u32) -> Vec<u32> {
    let history = history(alarm, metrics, minutes).into_iter();
    history
        .filter(|(_, state)| state == "ALARM")
        .map(|(minute, _)| minute)
        .collect()
}

fn every(step: u32, minutes: std::ops::Range<u32>) -> impl Iterator<Item = (u32, f64)> {
    minutes.step_by(step as usize).map(|minute| (minute, 1.0))
}

/// Failed attempts as minutes and ages, from their ages in seconds.
fn failures(ages_s: &[u32]) -> Vec<(u32, f64)> {
    ages_s.iter().map(|age_s| (age_s / 60, f64::from(*age_s))).collect()
}

#[test]
fn a_link_that_keeps_failing_is_seen_after_two_minutes_and_until_it_is_made() {
    // The waits of `links_queue/disposition.rs`.
    let in_time = Metrics::default().with("RecordingVault LinkAge Linker", failures(&[0, 2, 6, 14, 30, 62, 119]));
    assert_eq!(goes_off("LinksWait", &in_time, 120), NEVER);
    let failing = Metrics::default().with(
        "RecordingVault LinkAge Linker",
        failures(&[0, 2, 6, 14, 30, 62, 126, 254, 510]),
    );
    assert_eq!(goes_off("LinksWait", &failing, 120), [3]);
    // The link moves to the late links queue, where attempts are ten minutes apart.
    let late: Vec<_> = (1_022..20_000).step_by(600).collect();
    let failing = failing.with("RecordingVault LinkAge LateLinker", failures(&late));
    assert_eq!(
        history("LateLinksWait", &failing, 300).len(),
        2,
        "the alarm must go off once and stay on"
    );
    assert_eq!(goes_off("LateLinksWait", &failing, 300), [18]);
}

#[test]
fn a_copy_that_keeps_failing_is_seen_at_its_third_failure() {
    let copy_age = "RecordingVault CopyAge Copier";
    let twice = Metrics::default().with(copy_age, failures(&[5, 1_205]));
    assert_eq!(goes_off("CopiesWait", &twice, 200), NEVER);
    let for_good = Metrics::default().with(copy_age, failures(&[5, 1_205, 2_405, 3_605, 4_805]));
    assert_eq!(goes_off("CopiesWait", &for_good, 200), [41]);
}

#[test]
fn messages_that_no_function_tries_are_seen_by_their_queue() {
    for (alarm, queue, minute) in [
        ("LinksUntried", "LinksQueue", 4),
        ("LateLinksUntried", "LateLinksQueue", 62),
        ("CopiesUntried", "CopiesQueue", 62),
    ] {
        let age = (0..120).map(|minute| (minute, f64::from(minute * 60)));
        let waiting = Metrics::default().with(&format!("AWS/SQS ApproximateAgeOfOldestMessage {queue}"), age);
        assert_eq!(goes_off(alarm, &waiting, 120), [minute], "{alarm}");
    }
}

#[test]
fn playback_that_ends_its_process_on_purpose_has_not_crashed() {
    let errors = "AWS/Lambda Errors Playback";
    for reason in ["PlaybackAborted", "PlaybackOutOfTime"] {
        let on_purpose = Metrics::default()
            .with(errors, every(7, 10..60))
            .with(&format!("RecordingVault {reason} Playback"), every(7, 10..60));
        assert_eq!(goes_off("PlaybackCrashes", &on_purpose, 120), NEVER, "{reason}");
        let once_more = on_purpose.with(errors, [(31, 1.0)]);
        assert_eq!(goes_off("PlaybackCrashes", &once_more, 120), [32], "{reason}");
    }
    let crash = Metrics::default().with(errors, [(10, 1.0)]);
    assert_eq!(goes_off("PlaybackCrashes", &crash, 60), [11]);
}

#[test]
fn a_wrong_token_shows_at_one_call_a_minute_and_a_scanner_does_not() {
    let requests = |refused: &[(u32, f64)], taken: &[(u32, f64)]| {
        let all = [refused, taken].concat();
        Metrics::default()
            .with("AWS/ApiGateway Count CallbackApi", all)
            .with("AWS/ApiGateway 4xx CallbackApi", refused.to_owned())
            .with(
                "AWS/ApiGateway 4xx CallbackApi",
                taken.iter().map(|(minute, _)| (*minute, 0.0)),
            )
    };
    let (hour, minutes) = (10..70, 120);
    let calls: Vec<_> = every(1, hour.clone()).collect();
    let [first, ..] = *goes_off("CallbacksRefused", &requests(&calls, &[]), minutes) else {
        panic!("a wrong token must raise the alarm");
    };
    assert!(first <= 10 + 15, "{first}");
    // One of four flows posts to a wrong URL.
    let wrong: Vec<_> = every(4, hour.clone()).map(|(minute, _)| (minute, 10.0)).collect();
    let right: Vec<_> = every(1, hour.clone()).map(|(minute, _)| (minute, 7.5)).collect();
    assert_ne!(goes_off("CallbacksRefused", &requests(&wrong, &right), minutes), NEVER);

    // Fifty requests within two minutes of a quiet night, a single request now and then, or one in a hundred on a busy
    // day.
    let scan: Vec<_> = every(1, 30..32).map(|(minute, _)| (minute, 25.0)).collect();
    let probes: Vec<_> = every(4, hour.clone()).collect();
    let busy: Vec<_> = every(1, hour).map(|(minute, _)| (minute, 100.0)).collect();
    for (refused, taken) in [(&scan, &vec![]), (&probes, &vec![]), (&calls, &busy)] {
        assert_eq!(goes_off("CallbacksRefused", &requests(refused, taken), minutes), NEVER);
    }
}

/// A stack whose queue Lambda polls from minute 0 on, with the schedule's runs and manual invocations.
fn operated(minutes: u32, runs: impl IntoIterator<Item = (u32, f64)>, by_hand: &[u32]) -> Metrics {
    Metrics::default()
        .with(
            "AWS/SQS ApproximateNumberOfMessagesVisible CopiesQueue",
            (0..minutes).map(|minute| (minute, 0.0)),
        )
        .with("RecordingVault ScheduledReconciliation Operator", runs)
        .with(
            "AWS/Lambda Invocations Operator",
            by_hand.iter().map(|minute| (*minute, 1.0)),
        )
}

#[test]
fn a_new_stack_is_quiet_until_its_first_reconciliation_is_due_and_loud_if_it_never_comes() {
    let never = operated(4 * DAY, [], &[]);
    let [first] = *goes_off("ReconciliationStopped", &never, 4 * DAY) else {
        panic!("a schedule that never ran must raise the alarm");
    };
    assert!((DAY..=2 * DAY + HOUR).contains(&first), "{first}");
}

#[test]
fn a_reconciliation_that_runs_every_night_is_quiet_and_one_that_stopped_is_not() {
    let nightly = |nights: u32| (0..nights).map(|night| (night * DAY + 195, 1.0));
    assert_eq!(
        goes_off("ReconciliationStopped", &operated(8 * DAY, nightly(8), &[]), 8 * DAY),
        NEVER
    );
    // A person invokes the operator every day.
    let by_hand: Vec<_> = (0..8).map(|day| day * DAY + 600).collect();
    let stopped = operated(8 * DAY, nightly(4), &by_hand);
    let [first] = *goes_off("ReconciliationStopped", &stopped, 8 * DAY) else {
        panic!("a schedule that stopped must raise the alarm");
    };
    let last_run = 3 * DAY + 195;
    assert!((last_run + DAY..=last_run + 2 * DAY + HOUR).contains(&first), "{first}");
}

#[test]
fn the_alarm_that_nothing_arrives_lasts_until_something_does() {
    let looked = [(60, 0.0), (120, 1.0), (180, 1.0), (240, 0.0)];
    let metrics = Metrics::default().with("RecordingVault NothingArrived Operator", looked);
    let states = history("NothingArrives", &metrics, 400);
    let expected = [(61, "OK"), (121, "ALARM"), (241, "OK")];
    assert_eq!(states, expected.map(|(minute, state)| (minute, state.to_owned())));
}

#[test]
fn concurrency_that_is_set_aside_is_not_to_be_had() {
    let claimed = Metrics::default()
        .with("AWS/Lambda ClaimedAccountConcurrency", [(5, 801.0)])
        .with("AWS/Lambda ConcurrentExecutions", [(5, 10.0)]);
    assert_eq!(goes_off("ConcurrencyIsHigh", &claimed, 30), [6]);
}
