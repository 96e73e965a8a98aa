use super::{outcome::Links, *};

const TIMES: Times = Times {
    webhook_s: 0.02,
    search_s: 0.15,
    link_s: 0.3,
    copy_start_s: 0.0,
    copy_stream_s: 2.0,
    reconcile_s: 0.0,
};

/// One recording per second all day, far below every limit.
const EVEN: Scenario = Scenario {
    recordings_per_day: 86_400.0,
    busy_hour_factor: 1.0,
    names_task: true,
    linker_concurrency: 1_000,
    copier_concurrency: 1_000,
    account_concurrency: 10_000,
    searches_per_second: 1_000,
    data_keys_per_second: 1_000,
    times: TIMES,
};

fn ended(outcome: &Outcome) -> (u64, u64) {
    let Outcome { links, copies, .. } = outcome;
    (
        links.in_time + links.late + links.task_gone + links.dead_letters + links.left,
        copies.done + copies.dead_letters + copies.left,
    )
}

fn assert_near(measured: f64, expected: f64, tolerance: f64) {
    assert!(
        (measured / expected - 1.0).abs() <= tolerance,
        "{measured} is not within {tolerance} of {expected}"
    );
}

/// The probability of waiting in an M/M/c queue, by recursion over the servers.
fn erlang_c(load: f64, servers: u32) -> f64 {
    let blocking = (1..=servers).fold(1.0, |blocking, server| {
        load * blocking / (f64::from(server) + load * blocking)
    });
    let free = f64::from(servers) - load;
    f64::from(servers) * blocking / (free + load * blocking)
}

#[test]
fn erlang_c_is_the_load_for_one_server() {
    assert_near(erlang_c(0.7, 1), 0.7, 1e-12);
}

#[test]
fn callbacks_have_the_given_number_and_most_come_in_the_busy_hour() {
    let outcome = simulate(&EVEN, 1);
    // Four standard deviations of a Poisson count.
    assert_near(outcome.callbacks as f64, 86_400.0, 4.0 / 86_400_f64.sqrt());
    let even = outcome.links.busy_hour_s.len() as f64;
    let busy = simulate(
        &Scenario {
            busy_hour_factor: 4.0,
            ..EVEN
        },
        1,
    );
    assert_near(busy.callbacks as f64, 86_400.0, 4.0 / 86_400_f64.sqrt());
    assert_near(busy.links.busy_hour_s.len() as f64 / even, 4.0, 0.08);
}

#[test]
fn as_many_instances_run_as_littles_law_says() {
    let outcome = simulate(&EVEN, 2);
    let rate = outcome.callbacks as f64 / 86_400.0;
    assert_near(outcome.copies.mean_running, rate * 2.0, 0.02);
    assert_near(outcome.links.mean_running, rate * 0.3, 1e-3);
}

#[test]
fn copies_wait_as_long_as_in_the_queue_m_m_c() {
    let servers = 3;
    let scenario = Scenario {
        copier_concurrency: servers,
        ..EVEN
    };
    let waits = (0..8).map(|seed| simulate(&scenario, seed).copies.mean_wait_s);
    let load = 2.0;
    let expected = erlang_c(load, servers) * TIMES.copy_stream_s / (f64::from(servers) - load);
    assert_near(waits.sum::<f64>() / 8.0, expected, 0.05);
}

#[test]
fn links_wait_as_long_as_in_the_queue_m_d_1() {
    let scenario = Scenario {
        linker_concurrency: 1,
        times: Times { link_s: 0.8, ..TIMES },
        ..EVEN
    };
    let waits = (0..24).map(|seed| {
        let times = simulate(&scenario, seed).links.busy_hour_s;
        times.iter().sum::<f64>() / times.len() as f64 - limits::CALLBACK_AFTER_CALL_S - TIMES.webhook_s - 0.8
    });
    // The Pollaczek–Khinchine formula: ρ·s / 2(1 − ρ).
    let expected = 0.8 * 0.8 / (2.0 * (1.0 - 0.8));
    assert_near(waits.sum::<f64>() / 24.0, expected, 0.1);
}

#[test]
fn nothing_is_lost_however_overloaded() {
    for names_task in [true, false] {
        let overloaded = Scenario {
            names_task,
            linker_concurrency: 2,
            copier_concurrency: 1,
            searches_per_second: 1,
            data_keys_per_second: 1,
            times: Times { link_s: 3.0, ..TIMES },
            ..EVEN
        };
        let outcome = simulate(&overloaded, 3);
        assert!(outcome.links.left > 0 && outcome.copies.left > 0);
        assert_eq!(ended(&outcome), (outcome.callbacks, outcome.callbacks));
    }
}

#[test]
fn messages_that_are_always_refused_become_dead_letters() {
    let refused = Scenario {
        names_task: false,
        searches_per_second: 0,
        recordings_per_day: 2_000.0,
        data_keys_per_second: 0,
        ..EVEN
    };
    let outcome = simulate(&refused, 4);
    let Outcome { links, copies, .. } = &outcome;
    assert_eq!(links.dead_letters + links.left, outcome.callbacks);
    assert_eq!(copies.dead_letters + copies.left, outcome.callbacks);
    // Ten receives with four searches for each dead letter, and some more for the links that are left.
    assert!(links.searches_refused >= 40 * links.dead_letters);
    assert!(links.left < 20);
    // Four visibility timeouts of twenty minutes.
    assert_near(copies.left as f64, 2_000.0 * 4.0 / 72.0, 0.5);
}

#[test]
fn links_that_are_left_are_missed_as_the_late_ones_are() {
    let overloaded = Scenario {
        linker_concurrency: 1,
        times: Times { link_s: 2.0, ..TIMES },
        ..EVEN
    };
    let outcome = simulate(&overloaded, 11);
    let links = &outcome.links;
    assert!(links.left > 40_000);
    // All links except those of the last two minutes are due.
    let missed = links.late + links.task_gone + links.left;
    assert!((missed - 200..=missed).contains(&links.missed), "{links:?}");
}

#[test]
fn a_percentile_is_a_time_that_occurred_of_all_the_calls() {
    let links = |calls| Links {
        busy_hour_calls: calls,
        busy_hour_s: (1..=200).map(f64::from).collect(),
        ..Links::default()
    };
    assert_eq!(links(200).after(50), Some(100.0));
    assert_eq!(links(200).after(99), Some(198.0));
    assert_eq!(links(400).after(50), Some(200.0));
    assert_eq!(links(400).after(51), None);
    assert_eq!(links(0).after(99), None);
}

#[test]
fn no_more_links_are_found_than_searches_are_allowed() {
    let scenario = Scenario {
        names_task: false,
        searches_per_second: 1,
        recordings_per_day: 100_000.0,
        ..EVEN
    };
    let links = simulate(&scenario, 5).links;
    let found = links.in_time + links.late + links.task_gone;
    assert!((80_000..=86_400).contains(&found), "{found}");
}

#[test]
fn links_that_name_their_task_need_no_search() {
    let scenario = Scenario {
        searches_per_second: 0,
        ..EVEN
    };
    let outcome = simulate(&scenario, 6);
    assert_eq!(outcome.links.in_time + outcome.links.left, outcome.callbacks);
    assert_eq!(outcome.links.searches_refused, 0);
}

#[test]
fn a_link_is_late_after_two_minutes_and_its_task_gone_after_five() {
    let after = |link_s| {
        let scenario = Scenario {
            recordings_per_day: 100.0,
            times: Times { link_s, ..TIMES },
            ..EVEN
        };
        let links = simulate(&scenario, 7).links;
        (links.in_time > 0, links.late > 0, links.task_gone > 0)
    };
    assert_eq!(after(114.0), (true, false, false));
    assert_eq!(after(116.0), (false, true, false));
    assert_eq!(after(294.0), (false, true, false));
    assert_eq!(after(296.0), (false, false, true));
}

#[test]
fn a_full_account_refuses_callbacks() {
    let full = Scenario {
        account_concurrency: 2,
        ..EVEN
    };
    let outcome = simulate(&full, 8);
    assert!(outcome.refused > 0);
    let accepted = outcome.callbacks - outcome.refused;
    assert_eq!(ended(&outcome), (accepted, accepted));
    // The two peaks may occur at different times.
    assert_eq!((outcome.links.most_running, outcome.copies.most_running), (2, 2));
    assert!(outcome.links.mean_running + outcome.copies.mean_running <= 2.0);
}

#[test]
fn a_day_follows_from_its_seed() {
    assert_eq!(simulate(&EVEN, 9), simulate(&EVEN, 9));
    assert_ne!(simulate(&EVEN, 9), simulate(&EVEN, 10));
}
