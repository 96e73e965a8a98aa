//! What else the machine did during a run, from `/proc`.

use std::{fs, time::Instant};

use serde::Serialize;

use crate::{Failure, process::TICKS_PER_SECOND};

/// The state of the machine at the start of a run.
#[derive(Debug)]
pub(crate) struct Start {
    at: Instant,
    load: f64,
    busy_s: f64,
    own_s: f64,
}

/// The load of a run that is over.
#[derive(Debug, Serialize)]
pub(crate) struct Surroundings {
    pub(crate) minutes: f64,
    /// The load averages of a minute, which include the benchmarks themselves.
    pub(crate) load_at_start: f64,
    pub(crate) load_at_end: f64,
    /// The part of all processors' time that went to other processes.
    pub(crate) others_share: f64,
}

impl Start {
    pub(crate) fn now() -> Result<Self, Failure> {
        Ok(Self {
            at: Instant::now(),
            load: load()?,
            busy_s: busy_s(&fs::read_to_string("/proc/stat")?)?,
            own_s: own_s()?,
        })
    }

    pub(crate) fn end(&self) -> Result<Surroundings, Failure> {
        let end = Self::now()?;
        let seconds = (end.at - self.at).as_secs_f64();
        let others_s = (end.busy_s - self.busy_s) - (end.own_s - self.own_s);
        let processors = std::thread::available_parallelism()?.get() as f64;
        Ok(Surroundings {
            minutes: seconds / 60.0,
            load_at_start: self.load,
            load_at_end: end.load,
            others_share: (others_s / (seconds * processors)).max(0.0),
        })
    }
}

fn load() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// The seconds that all processors have worked, from the first line of proc_stat(5). A virtual machine's stolen time
/// counts as work, because the benchmarks could not use it.
fn busy_s(stat: &str) -> Result<f64, Failure> {
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.map(str::parse).collect::<Result<_, _>>()?;
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks[..] else {
        return Err("/proc/stat has too few fields".into());
    };
    Ok((user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND)
}

/// The CPU seconds of this process and of the children that have ended (fields 14 to 17 of proc_pid_stat(5)).
fn own_s() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(4).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_processors_are_not_busy() {
        let stat = "cpu  100 10 40 5000 700 3 2 45 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy_s(stat).unwrap(), 2.0);
        assert!(busy_s("cpu  1 2 3\n").is_err());
    }

    #[test]
    fn the_own_work_is_no_other_process() {
        let start = Start::now().unwrap();
        let before = own_s().unwrap();
        let mut sum = 0_u64;
        while own_s().unwrap() < before + 0.1 {
            sum = (0..100_000).fold(sum, |sum, n| sum ^ std::hint::black_box(n));
        }
        let end = start.end().unwrap();
        assert!((0.0..=1.0).contains(&end.others_share), "{end:?}");
        assert!(own_s().unwrap() >= before + 0.1);
    }
}
