//! The time from exec to the first `/invocation/next`.

use crate::{
    Failure,
    bed::Bed,
    measure::{Goal, Row, Sample, ratios},
};

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let rounds = if bed.quick { 3 } else { 31 };
    let [mut callback, mut playback, mut peer] = [(); 3].map(|()| Vec::new());
    bed.server.requests().take();
    for _ in 0..rounds {
        callback.push(
            bed.copier(&bed.server.plain())
                .await?
                .until_ready()
                .await?
                .as_secs_f64()
                * 1e3,
        );
        playback.push(
            bed.playback(&bed.server.plain())
                .await?
                .until_ready()
                .await?
                .as_secs_f64()
                * 1e3,
        );
        if let Some(mut function) = bed.peer_function().await? {
            peer.push(function.until_ready().await?.as_secs_f64() * 1e3);
        }
    }
    // Secrets and keys are fetched on first use. A start that sends requests would break the template's promise.
    let sent = bed.server.requests().take().len();
    if sent > 0 {
        return Err(format!("{sent} requests were sent to AWS before the first invocation").into());
    }
    let figure = |values: &[f64]| Sample::new(values.iter().copied()).figure();
    let row = |what: &str, unit, figure| Row::new("start", format!("exec to /next, {what}"), unit, figure);
    let mut rows = vec![
        row("recording-callback", "ms", figure(&callback)).goal(Goal::AtMost(15.0)),
        row("recording-playback", "ms", figure(&playback)).goal(Goal::AtMost(15.0)),
    ];
    if !peer.is_empty() {
        rows.push(row("recording-callback against *peer*", "×", ratios(&callback, &peer)).goal(Goal::AtMost(0.1)));
        rows.push(row("recording-playback against *peer*", "×", ratios(&playback, &peer)).goal(Goal::AtMost(0.1)));
        rows.push(row("*peer*", "ms", figure(&peer)));
    }
    Ok(rows)
}
