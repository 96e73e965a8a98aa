//! Copies of a four-hour recording: ours, *lean pipe* and the two Node.js peers.

mod opened;

use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};

use crate::{
    Failure,
    bed::{Bed, copy},
    direct::Direct,
    measure::{Figure, Goal, Row, Sample, Sides, ratios},
    names,
    process::Worker,
    runtime::Instance,
    server::{Server, Way},
    yardsticks::raw_opening::raw_opening,
};

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = bed.long();
    let way = bed.server.plain();
    let copies = Copies::measure(bed, &way, &Bucket::InMemory(&bed.server), len).await?;
    let mut direct = Direct::connect(bed.server.port()).await?;
    let mut source = Vec::new();
    for _ in 0..bed.rounds() {
        let got = direct.get(&names::media_path(&bed.new_sid(len)), None).await?;
        source.push(got.took.as_secs_f64());
    }

    let row = |what: &str, unit, figure| Row::new("copy", format!("{} MB, {what}", len / 1_000_000), unit, figure);
    let mut rows = copies.against(row);
    rows.extend(copies.seconds(row));
    rows.extend([
        row("the audit line's SHA-256 alone", "s", seconds(&copies.digest)),
        row("*raw opening*", "s", seconds(&copies.cipher)),
        row("source alone", "s", seconds(&source)),
    ]);
    Ok(rows)
}

/// The copies of one length by each side, measured alternately.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    ours: Series,
    lean_pipe: Series,
    peer: Series,
    sealing_peer: Series,
    /// Seconds of a copy's SHA-256 and of *raw opening*, which *lean pipe* does not do.
    digest: Vec<f64>,
    cipher: Vec<f64>,
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
        let mut lean = bed.lean_pipe(way).await?;
        let mut node = bed.peer("copy.mjs", way).await?;
        let mut sealing = bed.peer("seal.mjs", way).await?;
        if let Bucket::InMemory(server) = bucket {
            check_sealing(bed, way, server, &mut sealing).await?;
        }
        // The first round warms up all sides and is not counted.
        for round in 0..=bed.rounds() {
            let sid = bed.new_sid(len);
            let key = names::object_key(&sid);
            let job = job(way, &sid);
            let mut sides = [(0.0, 0.0); 4];
            sides[0] = by_yardstick(&mut lean, &job).await?;
            bucket.take(&key).await?;
            sides[1] = by_copier(&mut copier, &sid).await?;
            bucket.take(&key).await?;
            sides[2] = by_yardstick(&mut node, &job).await?;
            bucket.take(&key).await?;
            sides[3] = by_yardstick(&mut sealing, &job).await?;
            bucket.take(&key).await?;
            let (digest, cipher) = (digest_s(len), raw_opening(len, 1)?.as_secs_f64());
            if round > 0 {
                all.digest.push(digest);
                all.cipher.push(cipher);
                let series = [&mut all.lean_pipe, &mut all.ours, &mut all.peer, &mut all.sealing_peer];
                for (series, (wall, cpu)) in series.into_iter().zip(sides) {
                    series.wall.push(wall);
                    series.cpu.push(cpu);
                }
            }
        }
        Ok(all)
    }

    /// The ratios with goals.
    pub(crate) fn against(&self, row: impl Fn(&str, &'static str, Figure) -> Row) -> Vec<Row> {
        let Self {
            ours,
            lean_pipe,
            peer,
            sealing_peer,
            digest,
            cipher,
        } = self;
        let ratio = |what, name, figure, [ours, yardstick]: [&[f64]; 2]| {
            let sides = Sides {
                unit: "s",
                ours: median(ours),
                yardstick: median(yardstick),
                name,
            };
            row(&format!("{what} against *{name}*"), "×", figure).sides(sides)
        };
        let faster = |name, than: &Series| {
            let figure = ratios(&than.wall, &ours.wall);
            ratio("throughput", name, figure, [&ours.wall, &than.wall])
        };
        let cpu = ratios(&ours.cpu, &peer.cpu);
        let work = digest.iter().zip(cipher).map(|(digest, cipher)| digest + cipher);
        let in_sequence: Vec<f64> = lean_pipe
            .wall
            .iter()
            .zip(work)
            .map(|(pipe, work)| pipe + work)
            .collect();
        let same_work = ratios(&in_sequence, &ours.wall);
        vec![
            faster("lean pipe", lean_pipe).goal(Goal::AtLeast(0.9)),
            row(
                "throughput against *lean pipe*, SHA-256 and *raw opening* in sequence",
                "×",
                same_work,
            )
            .goal(Goal::AtLeast(0.9)),
            faster("peer", peer).goal(Goal::AtLeast(3.0)),
            ratio("CPU seconds", "peer", cpu, [&ours.cpu, &peer.cpu]).goal(Goal::AtMost(0.33)),
            faster("sealing peer", sealing_peer).goal(Goal::AtLeast(6.0)),
        ]
    }

    /// The seconds of each side.
    pub(crate) fn seconds(&self, row: impl Fn(&str, &'static str, Figure) -> Row) -> Vec<Row> {
        let sides = [
            ("ours", &self.ours),
            ("*lean pipe*", &self.lean_pipe),
            ("*peer*", &self.peer),
            ("*sealing peer*", &self.sealing_peer),
        ];
        let wall = sides.map(|(side, series)| row(side, "s", seconds(&series.wall)));
        let cpu = sides.map(|(side, series)| row(&format!("CPU of {side}"), "s", seconds(&series.cpu)));
        wall.into_iter().chain(cpu).collect()
    }
}

fn job(way: &Way, sid: &str) -> Value {
    json!({
        "source": format!("{}{}", way.url, names::media_path(sid)),
        "bucket": names::BUCKET,
        "key": names::object_key(sid),
    })
}

/// Checks once that the sealing peer does the work of a copy: our reader opens its message, and the text has the
/// digest that the peer computed.
async fn check_sealing(bed: &Bed, way: &Way, server: &Server, sealing: &mut Worker) -> Result<(), Failure> {
    let sid = bed.new_sid(1_000_000);
    let key = names::object_key(&sid);
    let digest = sealing.run(&job(way, &sid)).await?;
    let message = server.object(&key).ok_or("the sealing peer stored nothing")?;
    server.forget(&key);
    if opened::digest(message)? == digest {
        Ok(())
    } else {
        Err("the sealing peer sealed another text than it digested".into())
    }
}

fn seconds(values: &[f64]) -> Figure {
    Sample::new(values.iter().copied()).figure()
}

fn median(values: &[f64]) -> f64 {
    seconds(values).median
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
