//! The jobs of the functions, and their limits.

use std::time::{Duration, Instant};

use crate::{
    Failure,
    bed::{Bed, Function, copy},
    measure::Sample,
    names,
    rows::{jobs, ranges::check},
    runtime::Instance,
};

/// A job of one function.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) name: &'static str,
    /// The function's name in docs/cost/functions.csv.
    pub(super) function: &'static str,
    /// Whether Twilio's rate limits the source. Otherwise, the job shows what the processor can do.
    pub(super) is_source_limited: bool,
    work: Work,
    p99_ms: f64,
    cold_ms: f64,
    because: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Callback,
    LinkBySearch,
    Copy(u64),
    /// A range of this length. The measured time is that of its first byte or of all of them.
    Range {
        bytes: u64,
        to_first_byte: bool,
    },
}

/// The result of one job with one size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// The greatest time from exec to the first answer.
    pub(super) cold_ms: f64,
    /// The mean of warm invocations, each rounded up to a millisecond as Lambda does.
    pub(super) billed_ms: f64,
    pub(super) peak_mib: f64,
}

/// A call of five minutes and one of an hour with two channels, as WAV.
const FIVE_MINUTES: u64 = 4_800_000;
const HOUR: u64 = 115_000_000;

pub(super) const JOBS: [Job; 7] = [
    Job {
        name: "webhook: a callback",
        function: "webhook",
        is_source_limited: true,
        work: Work::Callback,
        p99_ms: 1_000.0,
        cold_ms: 5_000.0,
        because: "Twilio waits 15 s and the function 10 s",
    },
    Job {
        name: "linker: a link by search",
        function: "linker",
        is_source_limited: true,
        work: Work::LinkBySearch,
        p99_ms: 2_000.0,
        cold_ms: 10_000.0,
        because: "Insights accepts a link for two minutes, and the function has 30 s",
    },
    Job {
        name: "copier: 5 minutes, 4.8 MB",
        function: "copier",
        is_source_limited: true,
        work: Work::Copy(FIVE_MINUTES),
        p99_ms: 10_000.0,
        cold_ms: 15_000.0,
        because: "a copier must keep up with 30 calls at once",
    },
    Job {
        name: "copier: an hour, 115 MB",
        function: "copier",
        is_source_limited: true,
        work: Work::Copy(HOUR),
        p99_ms: 100_000.0,
        cold_ms: 110_000.0,
        because: "four hours must fit twice into the function's 15 minutes",
    },
    Job {
        name: "copier: an hour, no limit at Twilio",
        function: "copier",
        is_source_limited: false,
        work: Work::Copy(HOUR),
        p99_ms: 100_000.0,
        cold_ms: 110_000.0,
        because: "as above",
    },
    Job {
        name: "playback: 32 kB, first byte",
        function: "playback",
        is_source_limited: true,
        work: Work::Range {
            bytes: 32_000,
            to_first_byte: true,
        },
        p99_ms: 50.0,
        cold_ms: 500.0,
        because: "a person feels a wait of 0.1 s, and is interrupted by 1 s (Nielsen, *Response times*); the network and \
                  Lambda take the other half",
    },
    Job {
        name: "playback: 1 MiB, whole reply",
        function: "playback",
        is_source_limited: true,
        work: Work::Range {
            bytes: 1 << 20,
            to_first_byte: false,
        },
        p99_ms: 100.0,
        cold_ms: 500.0,
        because: "the Player asks for this much at a seek, and a person feels a wait of 0.1 s",
    },
];

impl Job {
    pub(super) fn is_met(&self, measured: &Measured) -> bool {
        measured.p99_ms <= self.p99_ms && measured.cold_ms <= self.cold_ms
    }

    pub(super) fn limits(&self) -> String {
        format!("p99 ≤ {} ms, cold ≤ {} ms: {}", self.p99_ms, self.cold_ms, self.because)
    }

    pub(super) async fn measure(&self, bed: &Bed, megabytes: u32, quick: bool) -> Result<Measured, Failure> {
        let rounds = |rounds| if quick { 3 } else { rounds };
        let (cold_rounds, warm_rounds) = match self.work {
            Work::Callback | Work::Range { .. } => (rounds(10), rounds(200)),
            Work::LinkBySearch => (rounds(10), rounds(40)),
            Work::Copy(FIVE_MINUTES) => (rounds(5), rounds(20)),
            Work::Copy(_) => (1, rounds(4).min(4)),
        };
        let way = bed.server.tls();
        let stored = match self.work {
            Work::Range { bytes, .. } => Some(bed.bring_in(bytes * 4).await?),
            _ => None,
        };
        let (mut cold, mut warm, mut billed, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
        for round in 0..cold_rounds {
            let begun = Instant::now();
            let mut limited = bed.limited(self.function(), &way, megabytes).await?;
            self.once(bed, &mut limited.instance, stored.as_deref()).await?;
            cold.push(ms(begun.elapsed()));
            // The last instance goes on.
            for _ in 0..if round + 1 == cold_rounds { warm_rounds } else { 0 } {
                let (value, took) = self.once(bed, &mut limited.instance, stored.as_deref()).await?;
                warm.push(ms(value));
                billed.push(ms(took).ceil());
            }
            peak = peak.max(limited.instance.process.peak_mib()?);
        }
        if let Some(sid) = stored {
            bed.server.forget(&names::object_key(&sid));
        }
        let mean = billed.iter().sum::<f64>() / billed.len() as f64;
        let (cold, warm) = (Sample::new(cold), Sample::new(warm));
        Ok(Measured {
            p50_ms: warm.percentile(0.5),
            p99_ms: warm.percentile(0.99),
            cold_ms: cold.percentile(1.0),
            billed_ms: mean,
            peak_mib: peak,
        })
    }

    const fn function(&self) -> Function {
        match self.work {
            Work::Callback => Function::Webhook,
            Work::LinkBySearch => Function::Linker,
            Work::Copy(_) => Function::Copier,
            Work::Range { .. } => Function::Playback,
        }
    }

    /// One invocation: the measured time, and the time of the whole invocation.
    async fn once(
        &self,
        bed: &Bed,
        instance: &mut Instance,
        stored: Option<&str>,
    ) -> Result<(Duration, Duration), Failure> {
        let begun = Instant::now();
        match self.work {
            Work::Callback => jobs::take_callback(instance, &jobs::callback()?).await.map(drop)?,
            Work::LinkBySearch => jobs::link(instance, &jobs::link_by_search()?).await.map(drop)?,
            Work::Copy(len) => {
                let sid = bed.new_sid(len);
                copy(instance, &sid).await?;
                let took = begun.elapsed();
                bed.server.forget(&names::object_key(&sid));
                return Ok((took, took));
            }
            Work::Range { bytes, to_first_byte } => {
                let link = bed.link(stored.ok_or("nothing to play")?);
                let start = fastrand::u64(0..bytes * 3);
                let range = format!("bytes={start}-{}", start + bytes - 1);
                let event = names::get_event(&link.path, &link.query, Some(&range));
                let got = instance.stream(&event).await?;
                check("playback", got.status, got.len, 206, bytes)?;
                return Ok((if to_first_byte { got.first_byte } else { got.took }, got.took));
            }
        }
        Ok((begun.elapsed(), begun.elapsed()))
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
