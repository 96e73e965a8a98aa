//! Copies of a four-hour recording: ours, *pipe* and the Node.js peer.

use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};

use crate::{
    Failure,
    bed::{Bed, copy},
    direct::Direct,
    measure::{Figure, Goal, Row, Sample, ratios},
    names,
    process::Worker,
    runtime::Instance,
    server::{Server, Way},
};

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = bed.long();
    let way = bed.server.plain();
    let copies = Copies::measure(bed, &way, &Bucket::InMemory(&bed.server), len).await?;
    let mut direct = Direct::connect(bed.server.port()).await?;
    let [mut source, mut digest] = [(); 2].map(|()| Vec::new());
    for _ in 0..bed.rounds() {
        let got = direct.get(&names::media_path(&bed.new_sid(len)), None).await?;
        source.push(got.took.as_secs_f64());
        digest.push(digest_s(len));
    }

    let row = |what: &str, unit, figure| Row::new("copy", format!("{} MB, {what}", len / 1_000_000), unit, figure);
    let mut rows = copies.against(row);
    rows.extend(copies.seconds(row));
    rows.extend([
        row("CPU of the audit line's SHA-256 alone", "s", seconds(&digest)),
        row("source alone", "s", seconds(&source)),
    ]);
    Ok(rows)
}

/// Copies of one length by each side, measured alternately.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    ours: Series,
    pipe: Series,
    peer: Series,
}

/// Wall and CPU seconds of each copy.
#[derive(Debug, Default)]
struct Series {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Copies {
    /// Measures copies over `way` into `bucket`. Each copy is removed afterwards.
    pub(crate) async fn measure(bed: &Bed, way: &Way, bucket: &Bucket<'_>, len: u64) -> Result<Self, Failure> {
        let mut all = Self::default();
        let mut copier = bed.copier(way).await?;
        let mut plain = bed.pipe(way).await?;
        let mut node = bed.peer("copy.mjs", way).await?;
        // The first round warms up all sides and is not counted.
        for round in 0..=bed.rounds() {
            let sid = bed.new_sid(len);
            let key = names::object_key(&sid);
            let job = json!({
                "source": format!("{}{}", way.url, names::media_path(&sid)),
                "bucket": names::BUCKET,
                "key": key,
            });
            let mut sides = [(0.0, 0.0); 3];
            sides[0] = by_yardstick(&mut plain, &job).await?;
            bucket.take(&key).await?;
            sides[1] = by_copier(&mut copier, &sid).await?;
            bucket.take(&key).await?;
            sides[2] = by_yardstick(&mut node, &job).await?;
            bucket.take(&key).await?;
            if round > 0 {
                for (series, (wall, cpu)) in [&mut all.pipe, &mut all.ours, &mut all.peer].into_iter().zip(sides) {
                    series.wall.push(wall);
                    series.cpu.push(cpu);
                }
            }
        }
        Ok(all)
    }

    /// The ratios with goals.
    pub(crate) fn against(&self, row: impl Fn(&str, &'static str, Figure) -> Row) -> Vec<Row> {
        let Self { ours, pipe, peer } = self;
        vec![
            row("throughput against *pipe*", "×", ratios(&pipe.wall, &ours.wall)).goal(Goal::AtLeast(0.9)),
            row("throughput against *peer*", "×", ratios(&peer.wall, &ours.wall)).goal(Goal::AtLeast(3.0)),
            row("CPU seconds against *peer*", "×", ratios(&ours.cpu, &peer.cpu)).goal(Goal::AtMost(0.25)),
        ]
    }

    /// The seconds of each side.
    pub(crate) fn seconds(&self, row: impl Fn(&str, &'static str, Figure) -> Row) -> Vec<Row> {
        let Self { ours, pipe, peer } = self;
        vec![
            row("ours", "s", seconds(&ours.wall)),
            row("*pipe*", "s", seconds(&pipe.wall)),
            row("*peer*", "s", seconds(&peer.wall)),
            row("CPU of ours", "s", seconds(&ours.cpu)),
            row("CPU of *pipe*", "s", seconds(&pipe.cpu)),
            row("CPU of *peer*", "s", seconds(&peer.cpu)),
        ]
    }
}

fn seconds(values: &[f64]) -> Figure {
    Sample::new(values.iter().copied()).figure()
}

/// The destination of copies.
pub(crate) enum Bucket<'a> {
    InMemory(&'a Server),
    Real(aws_sdk_s3::Client),
}

impl Bucket<'_> {
    /// Checks that there is a copy and removes it. Otherwise, the next copy would find the recording stored.
    async fn take(&self, key: &str) -> Result<(), Failure> {
        match self {
            Self::InMemory(server) => {
                server.object_len(key).ok_or("nothing was stored")?;
                server.forget(key);
            }
            Self::Real(s3) => {
                s3.head_object().bucket(names::BUCKET).key(key).send().await?;
                s3.delete_object().bucket(names::BUCKET).key(key).send().await?;
            }
        }
        Ok(())
    }
}

/// Wall and CPU seconds of one copy.
async fn by_copier(copier: &mut Instance, sid: &str) -> Result<(f64, f64), Failure> {
    let (begun, before) = (Instant::now(), copier.process.cpu_s()?);
    copy(copier, sid).await?;
    Ok((begun.elapsed().as_secs_f64(), copier.process.cpu_s()? - before))
}

async fn by_yardstick(worker: &mut Worker, job: &Value) -> Result<(f64, f64), Failure> {
    let (begun, before) = (Instant::now(), worker.process.cpu_s()?);
    worker.run(job).await?;
    Ok((begun.elapsed().as_secs_f64(), worker.process.cpu_s()? - before))
}

/// The seconds that SHA-256 takes for `len` bytes with the copier's implementation. No copy takes less CPU time.
fn digest_s(len: u64) -> f64 {
    let chunk = vec![7; 1 << 20];
    let begun = Instant::now();
    let mut digest = Context::new(&SHA256);
    for _ in 0..len >> 20 {
        digest.update(&chunk);
    }
    std::hint::black_box(digest.finish());
    begun.elapsed().as_secs_f64()
}
