//! What each function takes and costs with 128 to 1,024 MB: `cargo benchmarks memory`. The functions are limited as by
//! Lambda, and use TLS to a server that answers and sends as the queue model assumes. The result is recorded in
//! `benches/report/memory.md`, because it takes minutes and needs root for the control groups.

use std::{fs, time::Duration};

use time::OffsetDateTime;
use toolbox::workspace_root;

use self::{
    jobs::{JOBS, Job, Measured},
    price::Prices,
};
use crate::{Failure, bed::Bed, report, server::Api, surroundings};

mod jobs;
mod price;

const SIZES_MB: [u32; 4] = [128, 256, 512, 1024];

/// The file with the recorded result.
pub(crate) const RECORD: &str = "benches/report/memory.md";

/// The answers and the source that docs/COST.md and the queue model assume.
const AWS_ANSWERS: Duration = Duration::from_millis(20);
const TWILIO_ANSWERS: Duration = Duration::from_millis(150);
const TWILIO_BYTES_PER_S: u64 = 10_000_000;

/// Measures all jobs with all sizes. A quick run prints the result and does not record it.
pub(crate) async fn run(bed: &Bed, quick: bool) -> Result<(), Failure> {
    let start = surroundings::Start::now()?;
    let prices = Prices::read()?;
    let aws = [Api::S3, Api::Kms, Api::Secrets, Api::Sqs];
    bed.server.delay_of(&aws, AWS_ANSWERS);
    bed.server.delay_of(&[Api::Media, Api::TaskRouter], TWILIO_ANSWERS);
    let mut rows = Vec::new();
    for job in &JOBS {
        bed.server
            .limit_media(if job.is_source_limited { TWILIO_BYTES_PER_S } else { 0 });
        let mut measured = Vec::new();
        for megabytes in SIZES_MB {
            let one = job.measure(bed, megabytes, quick).await?;
            println!("{}, {megabytes} MB: {one:?}", job.name);
            measured.push((megabytes, one));
        }
        rows.extend(lines(job, &measured, &prices));
    }
    let text = render(&rows, &report::machine()?, &report::also_ran(&start.end()?));
    println!("{text}");
    if !quick {
        fs::write(workspace_root().join(RECORD), text)?;
    }
    Ok(())
}

/// The table's lines for one job.
fn lines(job: &Job, measured: &[(u32, Measured)], prices: &Prices) -> Vec<String> {
    let cheapest = cheapest(job, measured, prices);
    let template = prices.template_mb(job.function);
    let line = |(megabytes, measured): &(u32, Measured)| {
        let choice = match (Some(*megabytes) == cheapest, *megabytes == template) {
            (true, true) => "**cheapest, template**",
            (true, false) => "cheapest",
            (false, true) => "template",
            (false, false) => "",
        };
        let usd = |arch| prices.usd_per_million(arch, *megabytes, measured.billed_ms);
        format!(
            "| {} | {megabytes} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {} | {choice} |",
            job.name,
            measured.p50_ms,
            measured.p99_ms,
            measured.cold_ms,
            measured.billed_ms,
            measured.peak_mib,
            usd("arm64"),
            usd("x86_64"),
            if job.is_met(measured) { "yes" } else { "**no**" },
        )
    };
    measured.iter().map(line).collect()
}

/// The size with the lowest cost of those that meet the limits.
fn cheapest(job: &Job, measured: &[(u32, Measured)], prices: &Prices) -> Option<u32> {
    let usd = |(megabytes, measured): &(u32, Measured)| prices.usd_per_million("arm64", *megabytes, measured.billed_ms);
    let meeting = measured.iter().filter(|(_, measured)| job.is_met(measured));
    let cheapest = meeting.min_by(|one, other| usd(one).total_cmp(&usd(other)));
    cheapest.map(|(megabytes, _)| *megabytes)
}

fn render(lines: &[String], machine: &str, also_ran: &str) -> String {
    let date = OffsetDateTime::now_utc().date();
    let limits: String = JOBS
        .iter()
        .map(|job| format!("| {} | {} |\n", job.name, job.limits()))
        .collect();
    format!(
        "## Memory\n\n\
         `cargo benchmarks memory` measured this on {date} ({machine}). {also_ran}\n\n\
         A control group gives each process the memory and the part of a processor that Lambda gives for the size (1,769 MB \
         are one processor, in periods of 20 ms). Until its first request for an invocation, a process has a whole \
         processor, as Lambda's initialization has. AWS answers after {aws} ms and Twilio after {twilio} ms, and Twilio \
         sends {rate} MB/s, all with TLS. *Cold* is the greatest time from exec to the first answer. *Billed* is the mean \
         of warm invocations. *Peak* is the process's resident memory; Lambda adds its own few MB. The dollars are for a \
         million invocations.\n\n\
         | job | limits |\n| --- | --- |\n{limits}\n\
         | job | MB | p50, ms | p99, ms | cold, ms | billed, ms | peak, MiB | USD arm64 | USD x86_64 | meets its limits | choice |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |\n{}\n",
        lines.join("\n"),
        aws = AWS_ANSWERS.as_millis(),
        twilio = TWILIO_ANSWERS.as_millis(),
        rate = TWILIO_BYTES_PER_S / 1_000_000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_size_is_one_that_meets_the_limits() {
        let job = &JOBS[0];
        let measured = |p99_ms, billed_ms| Measured {
            p50_ms: 1.0,
            p99_ms,
            cold_ms: 1.0,
            billed_ms,
            peak_mib: 30.0,
        };
        let prices = Prices::read().unwrap();
        let sizes = |of_128| [(128, of_128), (256, measured(1.0, 20.0)), (512, measured(1.0, 20.0))];
        assert_eq!(cheapest(job, &sizes(measured(1.0, 30.0)), &prices), Some(128));
        // Twice the size costs less if it takes less than half of the time.
        assert_eq!(cheapest(job, &sizes(measured(1.0, 50.0)), &prices), Some(256));
        assert_eq!(cheapest(job, &sizes(measured(60_000.0, 1.0)), &prices), Some(256));
        assert_eq!(cheapest(job, &[(128, measured(60_000.0, 1.0))], &prices), None);
    }
}
