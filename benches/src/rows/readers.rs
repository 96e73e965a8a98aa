//! Many simultaneous listeners.

use std::{
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
};

use crate::{
    Failure,
    bed::Bed,
    measure::{Goal, Row, Sample, ratios},
    names,
    rows::ranges::check,
    runtime::Instance,
    yardsticks::raw_opening::raw_opening,
};

const READERS: u64 = 64;
const INSTANCES: usize = 8;
const WINDOW: u64 = 4 << 20;

/// Enough bytes for the bare cipher to take tens of milliseconds.
const RAW: u64 = 512 << 20;

/// Instances of one function. A reader gets the next idle one, first come, first served.
struct Pool {
    idle: Mutex<Vec<Instance>>,
    permits: Semaphore,
}

/// The result of one turn of all readers.
struct Turn {
    bytes_per_s: f64,
    /// The ratio of the most windows of a reader to the fewest.
    spread: f64,
}

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let time = Duration::from_millis(if bed.quick { 500 } else { 3000 });
    let len = bed.long();
    let sid = bed.bring_in(len).await?;
    let link = bed.link(&sid);
    let [mut playback, mut relay] = [(); 2].map(|()| Vec::new());
    for _ in 0..INSTANCES {
        let mut instance = bed.playback(&bed.server.plain()).await?;
        // Each instance opens the recording once, like one that has played before.
        instance
            .stream(&names::get_event(&link.path, &link.query, Some("bytes=0-99")))
            .await?;
        playback.push(instance);
        relay.push(bed.relay(&bed.server.plain()).await?);
    }
    let idle_mib = memory(&playback, crate::process::Process::resident_mib)?;
    let [playback, relay] = [playback, relay].map(|instances| Arc::new(Pool::new(instances)));
    let windows = len / WINDOW;
    let offset = move |reader: u64, n: u64| (reader * 7 + n) % windows * WINDOW;
    let window = move |reader, n| {
        let first = offset(reader, n);
        format!("bytes={first}-{}", first + WINDOW - 1)
    };
    let ours_event = move |reader, n| names::get_event(&link.path, &link.query, Some(&window(reader, n)));
    let key = names::object_key(&sid);
    let relay_event = move |reader, n| names::get_event("/", &key, Some(&window(reader, n)));
    let cores = available_parallelism()?.get();
    let [mut ours, mut relayed, mut raw, mut limit, mut spread] = [(); 5].map(|()| Vec::new());
    for _ in 0..bed.rounds() {
        let relay_rate = turn(&relay, time, 206, relay_event.clone()).await?.bytes_per_s;
        // The cipher of different readers can use all processors, like the readers themselves.
        let raw_rate = RAW as f64 / raw_opening(RAW, cores)?.as_secs_f64();
        let turn = turn(&playback, time, 206, ours_event.clone()).await?;
        ours.push(turn.bytes_per_s);
        relayed.push(relay_rate);
        raw.push(raw_rate);
        limit.push((relay_rate.recip() + raw_rate.recip()).recip());
        spread.push(turn.spread);
    }
    let peak_mib = memory(&playback.idle.lock().await, crate::process::Process::peak_mib)?;
    bed.server.forget(&names::object_key(&sid));
    let over: Vec<f64> = peak_mib.iter().zip(&idle_mib).map(|(peak, idle)| peak - idle).collect();
    let row = |what: &str, unit, figure| Row::new("readers", format!("64 readers, 8 instances: {what}"), unit, figure);
    let rate = |values: &[f64]| Sample::new(values.iter().map(|rate| rate / 1e6)).figure();
    Ok(vec![
        row("time against *relay* and *raw opening*", "×", ratios(&limit, &ours)).goal(Goal::AtMost(1.1)),
        row("time against *relay* alone", "×", ratios(&relayed, &ours)),
        row(
            "most windows of a reader to the fewest",
            "×",
            Sample::new(spread).figure(),
        )
        .goal(Goal::AtMost(2.0)),
        row("memory of an instance over idle", "MiB", Sample::new(over).figure()).goal(Goal::AtMost(16.0)),
        row("ours", "MB/s", rate(&ours)),
        row("*relay*", "MB/s", rate(&relayed)),
        row("*raw opening*", "MB/s", rate(&raw)),
    ])
}

impl Pool {
    fn new(instances: Vec<Instance>) -> Self {
        Self {
            permits: Semaphore::new(instances.len()),
            idle: Mutex::new(instances),
        }
    }

    async fn read(&self, event: &Value, status: u16) -> Result<(), Failure> {
        let _permit = self.permits.acquire().await?;
        let mut instance = self.idle.lock().await.pop().ok_or("a permit without an instance")?;
        let got = instance.stream(event).await?;
        self.idle.lock().await.push(instance);
        check("a reader's function", got.status, got.len, status, WINDOW)
    }
}

/// All readers read windows until the time is over.
async fn turn(
    pool: &Arc<Pool>,
    time: Duration,
    status: u16,
    event: impl Fn(u64, u64) -> Value + Clone + Send + 'static,
) -> Result<Turn, Failure> {
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let (pool, event) = (Arc::clone(pool), event.clone());
        readers.spawn(async move {
            let mut windows = 0;
            while begun.elapsed() < time {
                pool.read(&event(reader, windows), status).await?;
                windows += 1;
            }
            Ok::<_, Failure>(windows)
        });
    }
    let mut windows = Vec::new();
    while let Some(read) = readers.join_next().await {
        windows.push(read?? as f64);
    }
    let took = begun.elapsed().as_secs_f64();
    let sample = Sample::new(windows.iter().copied()).figure();
    Ok(Turn {
        bytes_per_s: windows.iter().sum::<f64>() * WINDOW as f64 / took,
        spread: sample.max / sample.min.max(1.0),
    })
}

fn memory(
    instances: &[Instance],
    of: impl Fn(&crate::process::Process) -> Result<f64, Failure>,
) -> Result<Vec<f64>, Failure> {
    instances.iter().map(|instance| of(&instance.process)).collect()
}
