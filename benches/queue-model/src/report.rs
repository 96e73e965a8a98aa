//! The section of the report: the load that each limit allows, the results with the template's defaults, and the limits
//! that they exceed.

use std::fmt::Write as _;

use super::{
    Inputs,
    limits::{self, Times, busy_rate, used_up_at},
    simulation::{Outcome, Scenario, simulate},
};

mod format;

use self::format::{duration, grouped, round_down, share};

const LOADS: [f64; 5] = [10_000.0, 50_000.0, 100_000.0, 250_000.0, 1_000_000.0];
const SEED: u64 = 7;

/// Instances are busy for four fifths of the busy hour, so that chance causes no long queue.
const UTILIZATION: f64 = 0.8;

pub(super) fn render(inputs: &Inputs) -> String {
    let times = Times::from(inputs);
    let sections = [
        introduction(inputs, &times),
        allowed(&times),
        at_defaults(&times),
        with_settings(&times),
        at_a_peak(&times),
        requests(&times),
        reconciliation(&times),
    ];
    sections.join("\n")
}

fn introduction(inputs: &Inputs, times: &Times) -> String {
    format!(
        "## The queues at scale\n\n\
         This is a model, not a measurement. It simulates a day of callbacks from midnight, event by event, with four \
         times the mean load between ten and eleven. Callbacks are a Poisson process. Calls last {call} s on average, \
         exponentially distributed. A task completes when its call ends, which leaves the link {window} s; queues are \
         first come, first served.\n\n\
         | job | measured, ours | with the assumed network |\n\
         | --- | --- | --- |\n\
         | webhook | {webhook_ours} | {webhook} |\n\
         | link that names its task | {link_ours} | {link} |\n\
         | search for the task | – | {search} |\n\
         | copy of a mean recording, {mb:.1} MB, with its receipt and entries | {copy_ours} | {copy} |\n\
         | a stored recording in the reconciliation | {reconcile_ours:.1} ms | {reconcile:.1} ms |\n\n\
         These values are assumed, because they cannot be measured locally: Twilio answers after {twilio_ms:.0} ms and \
         sends a recording at {twilio_mb:.0} MB/s; S3, KMS and SQS answer after {aws_ms:.0} ms; a callback arrives \
         {callback:.0} s after its call. The model omits cold starts, SQS's own delay and Lambda's ramp-up to a queue's \
         concurrency (five instances at once, then 300 more a minute: AWS, \
         [SQS scaling](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html)), \
         which take seconds each. It also omits tasks that still wait for a worker, and playback.\n",
        call = limits::CALL_S,
        window = limits::LINK_WINDOW_S,
        webhook_ours = duration(inputs.webhook_s),
        webhook = duration(times.webhook_s),
        link_ours = duration(inputs.link_s),
        link = duration(times.link_s),
        search = duration(times.search_s),
        mb = limits::CALL_S * limits::RECORDING_MB_PER_S,
        copy_ours = duration(inputs.copy_start_s + limits::CALL_S * limits::RECORDING_MB_PER_S * inputs.copy_s_per_mb),
        copy = duration(times.copy_s()),
        reconcile_ours = inputs.reconcile_s * 1e3,
        reconcile = times.reconcile_s * 1e3,
        twilio_ms = limits::TWILIO_ROUND_TRIP_S * 1e3,
        twilio_mb = limits::TWILIO_MB_PER_S,
        aws_ms = limits::AWS_ROUND_TRIP_S * 1e3,
        callback = limits::CALLBACK_AFTER_CALL_S,
    )
}

/// The load at which the busy hour reaches each limit. This is arithmetic without a simulation.
fn allowed(times: &Times) -> String {
    let all = times.webhook_s + times.link_s + times.copy_s();
    let largest = LOADS[LOADS.len() - 1];
    let rows = [
        (
            "`EvaluateTaskAttributes`, if callbacks do not name the task",
            format!("{} a second", limits::SEARCHES_PER_SECOND),
            "Twilio, [changelog of 18 Oct 2024](https://www.twilio.com/en-us/changelog/taskrouter-endpoint-rate-limit-correction)",
            used_up_at(f64::from(limits::SEARCHES_PER_SECOND)),
            "`taskSid` in the callback's query",
        ),
        (
            "links at once",
            format!("`LinkerConcurrency` {}", limits::LINKER_CONCURRENCY),
            "the template's default, at most 1,000",
            used_up_at(f64::from(limits::LINKER_CONCURRENCY) / times.link_s),
            "`LinkerConcurrency`",
        ),
        (
            "copies at once",
            format!("`CopierConcurrency` {}", limits::COPIER_CONCURRENCY),
            "the template's default, at most 1,000",
            used_up_at(f64::from(limits::COPIER_CONCURRENCY) / times.copy_s()),
            "`CopierConcurrency`, or none: copies have no deadline",
        ),
        (
            "callbacks",
            format!("{} a second", limits::API_REQUESTS_PER_SECOND),
            "the template's `ThrottlingRateLimit`",
            used_up_at(f64::from(limits::API_REQUESTS_PER_SECOND)),
            "`ThrottlingRateLimit`",
        ),
        (
            "all functions at once",
            grouped(f64::from(limits::ACCOUNT_CONCURRENCY)),
            "AWS, [Lambda quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); new accounts have less",
            used_up_at(f64::from(limits::ACCOUNT_CONCURRENCY) / all),
            "a higher quota",
        ),
        (
            "data keys",
            format!("{} a second", grouped(f64::from(limits::DATA_KEYS_PER_SECOND))),
            "AWS, [KMS request quotas](https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html), the lowest of any Region",
            used_up_at(f64::from(limits::DATA_KEYS_PER_SECOND)),
            "a higher quota",
        ),
        (
            "writes to S3",
            format!(
                "{} a second and prefix",
                grouped(f64::from(limits::S3_WRITES_PER_SECOND))
            ),
            S3_RATES,
            used_up_at(f64::from(limits::S3_WRITES_PER_SECOND) / limits::S3_WRITES),
            "none: S3 splits prefixes by itself",
        ),
        (
            "the reconciliation",
            "a day".to_owned(),
            "the next one begins then",
            86_400.0 / (times.reconcile_s * limits::RECONCILED_NIGHTS),
            "none",
        ),
    ];
    let mut text = String::from(
        "### What each limit allows\n\n\
         | limit | value | from | used up by the busy hour of … recordings a day | raised by |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for (limit, value, from, load, setting) in rows {
        let load = grouped(round_down(load));
        writeln!(text, "| {limit} | {value} | {from} | {load} | {setting} |").expect(INFALLIBLE);
    }
    writeln!(
        text,
        "\nTaskRouter's other limits are shown only in the account's Console (Workspace, Limits). Each link fetches and updates \
         a task: {} requests a second in the busy hour of {} recordings a day.",
        (2.0 * busy_rate(largest)).ceil(),
        grouped(largest),
    )
    .expect(INFALLIBLE);
    text
}

fn at_defaults(times: &Times) -> String {
    let mut text = String::from(
        "### At the template's defaults\n\n\
         Link times count from the call's end, in the busy hour. Copy times are waits in the queue; their mean is of \
         the copies that were started by midnight. A limit is exceeded if the delay raises an alarm: links over a \
         minute (`LinksAreSlow`) or not in time, or copies that wait an hour (`CopiesUntried`).\n\n\
         | recordings a day | callback names the task | link after, median | p99 | links not in time | copies wait, mean | longest | copies left at midnight | limits exceeded |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for names_task in [false, true] {
        for load in LOADS {
            let scenario = defaults(load, names_task, times);
            let outcome = simulate(&scenario, SEED);
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                grouped(load),
                if names_task { "yes" } else { "no" },
                link_after(&outcome, 50),
                link_after(&outcome, 99),
                share(outcome.links.missed, outcome.callbacks),
                duration(outcome.copies.mean_wait_s),
                duration(outcome.copies.longest_wait_s),
                grouped(outcome.copies.left as f64),
                or_none(&bites(&scenario, &outcome)),
            )
            .expect(INFALLIBLE);
        }
    }
    text
}

/// The smallest settings that keep enough instances free in the busy hour, if callbacks name the task.
fn with_settings(times: &Times) -> String {
    let mut text = format!(
        "### With higher settings\n\n\
         Callbacks name their task. Both concurrencies are set so that the busy hour uses {:.0} % of them, but at \
         least to the defaults.\n\n\
         | recordings a day | `LinkerConcurrency` | `CopierConcurrency` | link after, median | p99 | links not in time | copies wait, longest | instances at work, mean | most linkers at once | most copiers at once | limits exceeded |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        UTILIZATION * 100.0,
    );
    for load in LOADS {
        let scenario = sized(load, times);
        let outcome = simulate(&scenario, SEED);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} | {} | {} | {} |",
            grouped(load),
            scenario.linker_concurrency,
            scenario.copier_concurrency,
            link_after(&outcome, 50),
            link_after(&outcome, 99),
            share(outcome.links.missed, outcome.callbacks),
            duration(outcome.copies.longest_wait_s),
            outcome.links.mean_running + outcome.copies.mean_running,
            outcome.links.most_running,
            outcome.copies.most_running,
            or_none(&bites(&scenario, &outcome)),
        )
        .expect(INFALLIBLE);
    }
    text
}

/// What happens if the busy hour is twice as busy as the settings expect.
fn at_a_peak(times: &Times) -> String {
    let mut text = format!(
        "### At a peak\n\n\
         The settings are those above. The busy hour has {} times the mean load instead of {}.\n\n\
         | recordings a day | link after, median | p99 | links not in time | copies wait, mean | longest | most linkers at once | most copiers at once | limits exceeded |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        limits::PEAK_FACTOR,
        limits::BUSY_HOUR_FACTOR,
    );
    for load in LOADS {
        let scenario = Scenario {
            busy_hour_factor: limits::PEAK_FACTOR,
            ..sized(load, times)
        };
        let outcome = simulate(&scenario, SEED);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            grouped(load),
            link_after(&outcome, 50),
            link_after(&outcome, 99),
            share(outcome.links.missed, outcome.callbacks),
            duration(outcome.copies.mean_wait_s),
            duration(outcome.copies.longest_wait_s),
            outcome.links.most_running,
            outcome.copies.most_running,
            or_none(&bites(&scenario, &outcome)),
        )
        .expect(INFALLIBLE);
    }
    text
}

/// The requests a second in the busy hour of the largest load, and in its night.
fn requests(times: &Times) -> String {
    let largest = LOADS[LOADS.len() - 1];
    let busy = busy_rate(largest);
    let night = 1.0 / times.reconcile_s;
    let rows = [
        (
            "KMS: data keys",
            busy,
            0.0,
            grouped(f64::from(limits::DATA_KEYS_PER_SECOND)),
        ),
        (
            "S3: PUT and LIST",
            busy * limits::S3_WRITES,
            0.0,
            format!("{} for each prefix", grouped(f64::from(limits::S3_WRITES_PER_SECOND))),
        ),
        (
            "S3: GET and HEAD",
            busy * limits::S3_READS,
            night * limits::RECONCILE_READS,
            format!("{} for each prefix", grouped(f64::from(limits::S3_READS_PER_SECOND))),
        ),
        (
            "SQS",
            busy * limits::SQS_REQUESTS,
            0.0,
            "none for standard queues".to_owned(),
        ),
        (
            "Twilio: media and tasks",
            busy * limits::TWILIO_REQUESTS,
            0.0,
            "shown in the account's Console".to_owned(),
        ),
    ];
    let mut text = format!(
        "### Requests at {} recordings a day\n\n\
         A copy writes its object, its receipt and its entries in the index. The reconciliation runs at night, when \
         fewer copies run. The quotas of S3 are AWS's ([Optimizing S3 performance]({S3_RATES_PAGE})).\n\n\
         | requests | a second in the busy hour | a second of the reconciliation | quota a second |\n\
         | --- | ---: | ---: | --- |\n",
        grouped(largest)
    );
    for (what, in_busy_hour, at_night, quota) in rows {
        let [in_busy_hour, at_night] = [in_busy_hour, at_night].map(|rate| grouped(rate.ceil()));
        writeln!(text, "| {what} | {in_busy_hour} | {at_night} | {quota} |").expect(INFALLIBLE);
    }
    text
}

/// How long one operator works at night. This is arithmetic without a simulation.
fn reconciliation(times: &Times) -> String {
    let mut text = format!(
        "### The nightly reconciliation\n\n\
         One operator function looks at each recording on up to {} nights, in invocations of 15 minutes one after the other. Nearly all \
         recordings are stored, and are not queued again.\n\n\
         | recordings a day | looked at each night | takes |\n\
         | --- | --- | --- |\n",
        limits::RECONCILED_NIGHTS
    );
    for load in LOADS {
        let looked_at = load * limits::RECONCILED_NIGHTS;
        let takes = duration(looked_at * times.reconcile_s);
        writeln!(text, "| {} | {} | {takes} |", grouped(load), grouped(looked_at)).expect(INFALLIBLE);
    }
    text
}

const S3_RATES: &str = "AWS, [Optimizing S3 performance](https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html)";
const S3_RATES_PAGE: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html";

const INFALLIBLE: &str = "writing to a String cannot fail";

fn defaults(load: f64, names_task: bool, times: &Times) -> Scenario {
    Scenario {
        recordings_per_day: load,
        busy_hour_factor: limits::BUSY_HOUR_FACTOR,
        names_task,
        linker_concurrency: limits::LINKER_CONCURRENCY,
        copier_concurrency: limits::COPIER_CONCURRENCY,
        account_concurrency: limits::ACCOUNT_CONCURRENCY,
        searches_per_second: limits::SEARCHES_PER_SECOND,
        data_keys_per_second: limits::DATA_KEYS_PER_SECOND,
        times: *times,
    }
}

fn sized(load: f64, times: &Times) -> Scenario {
    let instances = |job_s: f64| (busy_rate(load) * job_s / UTILIZATION).ceil() as u32;
    Scenario {
        linker_concurrency: instances(times.link_s).max(limits::LINKER_CONCURRENCY),
        copier_concurrency: instances(times.copy_s()).max(limits::COPIER_CONCURRENCY),
        ..defaults(load, true, times)
    }
}

/// The settings and quotas that the outcome exceeds.
fn bites(scenario: &Scenario, outcome: &Outcome) -> Vec<&'static str> {
    let mut limits = Vec::new();
    let links = &outcome.links;
    let are_slow = links.after(99).is_none_or(|p99_s| p99_s > limits::SLOW_LINK_S);
    if are_slow || links.missed > 0 {
        limits.push(if scenario.names_task {
            "`LinkerConcurrency`"
        } else {
            "searches"
        });
    }
    if outcome.copies.longest_wait_s > limits::LONG_COPY_WAIT_S {
        limits.push("`CopierConcurrency`");
    }
    if outcome.copies.dead_letters > 0 {
        limits.push("data keys");
    }
    if outcome.refused > 0 {
        limits.push("Lambda's concurrency");
    }
    limits
}

fn link_after(outcome: &Outcome, percent: usize) -> String {
    let after_s = outcome.links.after(percent);
    after_s.map_or_else(|| "not that day".to_owned(), duration)
}

fn or_none(limits: &[&str]) -> String {
    if limits.is_empty() {
        "none".to_owned()
    } else {
        limits.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_copies_need_more_copiers_and_no_more_linkers() {
        let settings = |copy_s_per_mb| {
            let scenario = sized(
                1_000_000.0,
                &Times::from(&Inputs {
                    webhook_s: 0.0,
                    link_s: 0.1,
                    copy_start_s: 0.79,
                    copy_waits: 3.0,
                    copy_s_per_mb,
                    reconcile_s: 0.0,
                }),
            );
            (scenario.linker_concurrency, scenario.copier_concurrency)
        };
        // 46.3 recordings a second: 0.4 s each, or 1 s + 9.6 MB at the rate of the source or of ours, at 80 %.
        assert_eq!(settings(0.001), (24, 114));
        assert_eq!(settings(1.0), (24, 614));
    }
}
