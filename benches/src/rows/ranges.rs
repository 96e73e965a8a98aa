//! Seeks: the listener's wait, the requests to S3, and the number of round trips.

use std::time::Duration;

use playback_link::SignedLink;

use crate::{
    Failure,
    bed::Bed,
    direct::Direct,
    measure::{Figure, Goal, Row, Sample, ratios},
    names,
    runtime::Instance,
    server::{Answered, Api, sequential},
};

/// S3's usual time to the first byte.
const S3_FIRST_BYTE: Duration = Duration::from_millis(15);

/// One second of a stereo WAV, and the maximum size of one answer.
const SMALL: u64 = 32_000;
const WINDOW: u64 = 4 << 20;

/// Milliseconds to the first byte, one value per request.
#[derive(Debug, Default)]
struct Waits {
    ours: Vec<f64>,
    direct: Vec<f64>,
    noop: Vec<f64>,
}

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = bed.long();
    let sid = bed.bring_in(len).await?;
    let mut seeker = Seeker {
        link: bed.link(&sid),
        path: format!("/{}/{}", names::BUCKET, names::object_key(&sid)),
        len,
        playback: bed.playback(&bed.server.plain()).await?,
        noop: bed.noop().await?,
        direct: Direct::connect(bed.server.port()).await?,
    };
    let mut rows = seeker.round_trips(bed).await?;

    bed.server.delay(S3_FIRST_BYTE);
    // The limits of the median and of the 99th percentile.
    for (name, bytes, limits) in [("32 kB", SMALL, [1.1, 1.2]), ("4 MiB", WINDOW, [1.2, 1.35])] {
        rows.extend(seeker.with_s3s_wait(bed, name, bytes, limits).await?);
    }
    bed.server.delay(Duration::ZERO);
    rows.extend(seeker.alone(bed).await?);
    rows.push(seeker.bytes_of_a_seek(bed).await?);
    bed.server.forget(&names::object_key(&sid));
    Ok(rows)
}

struct Seeker {
    link: SignedLink,
    path: String,
    len: u64,
    playback: Instance,
    noop: Instance,
    direct: Direct,
}

impl Seeker {
    /// The number of sequential requests, cold and warm.
    async fn round_trips(&mut self, bed: &Bed) -> Result<Vec<Row>, Failure> {
        bed.server.delay(S3_FIRST_BYTE);
        let mut trips = Vec::new();
        for offset in [self.len / 2, self.len / 4] {
            bed.server.requests().take();
            self.ours(offset, SMALL).await?;
            let mut requests = bed.server.requests().take();
            // The link keys are read at the start, and again after five minutes.
            requests.retain(|request| request.api != Api::Secrets);
            trips.push(sequential(&requests) as f64);
        }
        let exactly = |trips| Figure {
            median: trips,
            min: trips,
            max: trips,
        };
        let row = |name: &str, trips| Row::new("ranges", format!("sequential round trips, {name}"), "", exactly(trips));
        Ok(vec![
            row("cold", trips[0]).goal(Goal::AtMost(2.0)),
            row("warm", trips[1]).goal(Goal::AtMost(1.0)),
        ])
    }

    /// First bytes with S3's usual wait, in rounds that each give a median and a 99th percentile.
    async fn with_s3s_wait(
        &mut self,
        bed: &Bed,
        name: &str,
        bytes: u64,
        [p50, p99]: [f64; 2],
    ) -> Result<Vec<Row>, Failure> {
        let requests = if bed.quick { 10 } else { 200 };
        let [mut ours, mut direct] = [(); 2].map(|()| (Vec::new(), Vec::new()));
        for _ in 0..bed.rounds() {
            let waits = self.waits(requests, bytes).await?;
            for (percentiles, waits) in [(&mut ours, waits.ours), (&mut direct, waits.direct)] {
                let sample = Sample::new(waits);
                percentiles.0.push(sample.percentile(0.5));
                percentiles.1.push(sample.percentile(0.99));
            }
        }
        let row =
            |what: &str, figure| Row::new("ranges", format!("{name}, S3 answers after 15 ms: {what}"), "×", figure);
        Ok(vec![
            row("first byte p50 against direct", ratios(&ours.0, &direct.0)).goal(Goal::AtMost(p50)),
            row("first byte p99 against direct", ratios(&ours.1, &direct.1)).goal(Goal::AtMost(p99)),
        ])
    }

    /// The part of the time that is ours: without a wait, and minus *noop* and the direct GET.
    async fn alone(&mut self, bed: &Bed) -> Result<Vec<Row>, Failure> {
        let requests = if bed.quick { 20 } else { 500 };
        let [mut left, mut ours, mut noop, mut direct] = [(); 4].map(|()| Vec::new());
        for _ in 0..bed.rounds() {
            let waits = self.waits(requests, SMALL).await?;
            let [of_ours, of_noop, of_direct] =
                [waits.ours, waits.noop, waits.direct].map(|waits| Sample::new(waits).median());
            left.push(of_ours - of_noop - of_direct);
            ours.push(of_ours);
            noop.push(of_noop);
            direct.push(of_direct);
        }
        let row = |what: &str, values: Vec<f64>| {
            Row::new(
                "ranges",
                format!("32 kB, no wait: {what}"),
                "ms",
                Sample::new(values).figure(),
            )
        };
        Ok(vec![
            row("first byte less *noop* and direct", left).goal(Goal::AtMost(0.5)),
            row("first byte, ours", ours),
            row("first byte, *noop*", noop),
            row("first byte, direct", direct),
        ])
    }

    /// The bytes that S3 sends for 32 kB at any position in a frame.
    async fn bytes_of_a_seek(&mut self, bed: &Bed) -> Result<Row, Failure> {
        let seeks = if bed.quick { 64 } else { 1024 };
        bed.server.requests().take();
        for seek in 0..seeks {
            // All positions within a frame are equally likely. They are evenly spaced instead of random.
            let within = seek * 65_536 / seeks;
            self.ours(65_536 * (seek % 100) + within, SMALL).await?;
        }
        let fetched = bed.server.requests().take();
        let fetched: u64 = fetched.iter().map(|Answered { len, .. }| len).sum();
        let average = fetched as f64 / seeks as f64 / 1000.0;
        let figure = Figure {
            median: average,
            min: average,
            max: average,
        };
        Ok(Row::new("ranges", "bytes of S3's for a seek of 32 kB", "kB", figure).goal(Goal::AtMost(98.0)))
    }

    /// First bytes of each side, measured alternately at positions across the recording.
    async fn waits(&mut self, requests: u64, bytes: u64) -> Result<Waits, Failure> {
        let mut waits = Waits::default();
        let mut random = fastrand::Rng::with_seed(7);
        let ms = |wait: Duration| wait.as_secs_f64() * 1e3;
        for _ in 0..requests {
            let offset = random.u64(0..self.len - bytes);
            waits.ours.push(ms(self.ours(offset, bytes).await?));
            let range = range(offset, bytes);
            let got = self.direct.get(&self.path, Some(&range)).await?;
            check("direct", got.status, got.len, 206, bytes)?;
            waits.direct.push(ms(got.first_byte));
            let event = names::get_event("/", &bytes.to_string(), Some(&range));
            let got = self.noop.stream(&event).await?;
            check("noop", got.status, got.len, 200, bytes)?;
            waits.noop.push(ms(got.first_byte));
        }
        Ok(waits)
    }

    async fn ours(&mut self, offset: u64, bytes: u64) -> Result<Duration, Failure> {
        let event = names::get_event(&self.link.path, &self.link.query, Some(&range(offset, bytes)));
        let got = self.playback.stream(&event).await?;
        check("playback", got.status, got.len, 206, bytes)?;
        Ok(got.first_byte)
    }
}

fn range(offset: u64, bytes: u64) -> String {
    format!("bytes={offset}-{}", offset + bytes - 1)
}

/// A fast but wrong answer must not count.
pub(crate) fn check(who: &str, status: u16, len: u64, wanted: u16, bytes: u64) -> Result<(), Failure> {
    if (status, len) == (wanted, bytes) {
        return Ok(());
    }
    Err(format!("{who}: {status} with {len} bytes instead of {wanted} with {bytes}").into())
}
