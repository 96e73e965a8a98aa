//! A four-hour recording, copied: ours beside *pipe* and the Node way.

use std::time::Instant;

use serde_json::json;

use crate::{
    Failure,
    bed::{Bed, copy},
    direct::Direct,
    measure::{Goal, Row, Sample, ratios},
    names,
    process::Worker,
};

/// Wall and CPU seconds of one copy each.
#[derive(Debug, Default)]
pub(crate) struct Series {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = bed.long();
    let (mut ours, mut pipe, mut peer) = (Series::default(), Series::default(), Series::default());
    let mut source = Vec::new();
    let mut copier = bed.copier().await?;
    let mut plain = bed.pipe(&[]).await?;
    let mut node = bed.peer("copy.mjs", &[]).await?;
    let mut direct = Direct::connect(bed.server.port()).await?;
    // The first round warms everything up and isn't counted.
    for round in 0..=bed.rounds() {
        let sid = bed.new_sid(len);
        let key = names::object_key(&sid);
        let sides = [
            once_pipe(bed, &mut plain, &sid).await?,
            once(bed, &mut copier, &sid).await?,
            once_pipe(bed, &mut node, &sid).await?,
        ];
        bed.server.forget(&key);
        let got = direct.get(&names::media_path(&sid), None).await?;
        if round > 0 {
            for (series, (wall, cpu)) in [&mut pipe, &mut ours, &mut peer].into_iter().zip(sides) {
                series.wall.push(wall);
                series.cpu.push(cpu);
            }
            source.push(got.took.as_secs_f64());
        }
    }

    let mb = len / 1_000_000;
    let row = |measure: String, unit, figure| Row::new("copy", measure, unit, figure);
    let seconds = |values: &[f64]| Sample::new(values.iter().copied()).figure();
    Ok(vec![
        row(
            format!("{mb} MB, throughput against *pipe*"),
            "×",
            ratios(&pipe.wall, &ours.wall),
        )
        .goal(Goal::AtLeast(0.9)),
        row(
            format!("{mb} MB, throughput against *peer*"),
            "×",
            ratios(&peer.wall, &ours.wall),
        )
        .goal(Goal::AtLeast(3.0)),
        row(
            format!("{mb} MB, CPU seconds against *peer*"),
            "×",
            ratios(&ours.cpu, &peer.cpu),
        )
        .goal(Goal::AtMost(0.25)),
        row(format!("{mb} MB, ours"), "s", seconds(&ours.wall)),
        row(format!("{mb} MB, *pipe*"), "s", seconds(&pipe.wall)),
        row(format!("{mb} MB, *peer*"), "s", seconds(&peer.wall)),
        row(format!("{mb} MB, CPU of ours"), "s", seconds(&ours.cpu)),
        row(format!("{mb} MB, CPU of *pipe*"), "s", seconds(&pipe.cpu)),
        row(format!("{mb} MB, CPU of *peer*"), "s", seconds(&peer.cpu)),
        row(format!("{mb} MB, source alone"), "s", seconds(&source)),
    ])
}

/// One copy by the copier; wall and CPU seconds.
async fn once(bed: &Bed, copier: &mut crate::runtime::Instance, sid: &str) -> Result<(f64, f64), Failure> {
    bed.server.forget(&names::object_key(sid));
    let (begun, before) = (Instant::now(), copier.process.cpu_s()?);
    copy(copier, sid).await?;
    Ok((begun.elapsed().as_secs_f64(), copier.process.cpu_s()? - before))
}

/// One copy by a yardstick.
async fn once_pipe(bed: &Bed, worker: &mut Worker, sid: &str) -> Result<(f64, f64), Failure> {
    let key = names::object_key(sid);
    bed.server.forget(&key);
    let source = format!("{}{}", bed.server.url(), names::media_path(sid));
    let job = json!({"source": source, "bucket": names::BUCKET, "key": key});
    let (begun, before) = (Instant::now(), worker.process.cpu_s()?);
    worker.run(&job).await?;
    let took = (begun.elapsed().as_secs_f64(), worker.process.cpu_s()? - before);
    if bed.server.object_len(&key).is_none() {
        return Err("a yardstick stored nothing".into());
    }
    Ok(took)
}
