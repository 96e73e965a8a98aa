//! Time, CPU and memory of copies of all lengths.

use std::time::{Duration, Instant};

use crate::{
    Failure,
    bed::{Bed, copy},
    measure::{Figure, Goal, Row, Sample},
    names,
};

/// A short call, a long one, four hours in stereo, and a length beyond any call.
const LENGTHS: [(&str, u64); 4] = [
    ("5 MB", 5_000_000),
    ("50 MB", 50_000_000),
    ("460 MB", 460_000_000),
    ("4 GB", 4_000_000_000),
];

/// A copy holds the most memory with the slowest S3, because all buffers are full. Four parts of 8 MiB in this time are
/// 320 MiB/s, less than the source sends.
const SLOW_S3: Duration = Duration::from_millis(100);

pub(crate) const GROUP: &str = "growth";
/// Seconds for each additional GB.
pub(crate) const TIME_SLOPE: &str = "seconds of time a GB, slope";

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let lengths = if bed.quick { &LENGTHS[..2] } else { &LENGTHS };
    bed.server.keep_uploads(false);
    let mut rows = Vec::new();
    let mut points = Vec::new();
    for &(name, len) in lengths {
        let rounds = rounds(bed, len);
        let (mut wall, mut cpu) = (Vec::new(), Vec::new());
        let mut copier = bed.copier(&bed.server.plain()).await?;
        copy(&mut copier, &bed.new_sid(1000)).await?;
        for _ in 0..rounds {
            let sid = bed.new_sid(len);
            let (begun, before) = (Instant::now(), copier.process.cpu_s()?);
            copy(&mut copier, &sid).await?;
            wall.push(begun.elapsed().as_secs_f64());
            cpu.push(copier.process.cpu_s()? - before);
            bed.server.forget(&names::object_key(&sid));
        }
        let (wall, cpu) = (Sample::new(wall).figure(), Sample::new(cpu).figure());
        points.push((len as f64 / 1e9, wall.median, cpu.median));
        rows.push(Row::new(GROUP, format!("{name}, a copy"), "s", wall));
        rows.push(Row::new(GROUP, format!("{name}, its CPU"), "s", cpu));
    }
    for (what, of) in [("time", 1), ("CPU", 2)] {
        let points: Vec<_> = points
            .iter()
            .map(|point| (point.0, if of == 1 { point.1 } else { point.2 }))
            .collect();
        let (slope, fit) = line(&points);
        rows.push(Row::new(
            GROUP,
            format!("seconds of {what} a GB, slope"),
            "s/GB",
            exactly(slope),
        ));
        rows.push(
            Row::new(GROUP, format!("{what} is linear: R² of the slope"), "", exactly(fit)).goal(Goal::AtLeast(0.99)),
        );
    }
    rows.extend(memory(bed, lengths).await?);
    bed.server.keep_uploads(true);
    Ok(rows)
}

/// The longest copies take minutes. Therefore, they get the minimum number of rounds for a median.
fn rounds(bed: &Bed, len: u64) -> usize {
    if len > 1_000_000_000 { 7 } else { bed.rounds() }
}

/// Each length has its own processes, so that the peaks are independent.
async fn memory(bed: &Bed, lengths: &[(&str, u64)]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for &(name, len) in lengths {
        let mut over = Vec::new();
        for _ in 0..rounds(bed, len) {
            let mut copier = bed.copier(&bed.server.plain()).await?;
            // The baseline is an idle process that has worked before, because connections and the SDK's caches belong
            // to it.
            copy(&mut copier, &bed.new_sid(1000)).await?;
            let idle = copier.process.resident_mib()?;
            bed.server.delay(SLOW_S3);
            let sid = bed.new_sid(len);
            copy(&mut copier, &sid).await?;
            bed.server.delay(Duration::ZERO);
            over.push(copier.process.peak_mib()? - idle);
            bed.server.forget(&names::object_key(&sid));
        }
        let figure = Sample::new(over).figure();
        rows.push(Row::new(GROUP, format!("{name}, peak memory over idle"), "MiB", figure).goal(Goal::AtMost(64.0)));
    }
    Ok(rows)
}

/// Least squares: the slope, and the share of the variance that the line explains.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|point| of(point.0 - x, point.1 - y)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    (xy / xx, xy * xy / (xx * yy))
}

fn exactly(value: f64) -> Figure {
    Figure {
        median: value,
        min: value,
        max: value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_fitted_and_a_curve_is_distinguished() {
        let (slope, fit) = line(&[(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)]);
        assert!((slope - 2.0).abs() < 1e-9 && (fit - 1.0).abs() < 1e-9);
        let (_, fit) = line(&[(1.0, 1.0), (2.0, 4.0), (4.0, 16.0), (8.0, 64.0)]);
        assert!(fit < 0.98, "{fit}");
    }
}
