//! The time from exec to the first `/invocation/next`.

use std::{fs, path::Path};

use crate::{
    Failure,
    bed::Bed,
    measure::{Goal, Row, Sample, ratios},
    runtime::Instance,
    server::{Api, Way},
};

/// Debian's bundle. It has as many certificates as Lambda's.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let rounds = if bed.quick { 3 } else { 31 };
    let [mut callback, mut playback, mut bare, mut peer] = [(); 4].map(|()| Vec::new());
    let way = with_one_bundle(bed.server.plain_by_service());
    bed.server.requests().take();
    for _ in 0..rounds {
        callback.push(ready_ms(bed.copier(&way).await?).await?);
        requested(bed, &[])?;
        playback.push(ready_ms(bed.playback(&way).await?).await?);
        requested(bed, &[Api::Secrets])?;
        bare.push(ready_ms(bed.bare(&way).await?).await?);
        requested(bed, &[])?;
        if let Some(function) = bed.peer_function().await? {
            peer.push(ready_ms(function).await?);
        }
    }
    let figure = |values: &[f64]| Sample::new(values.iter().copied()).figure();
    let row = |what: &str, unit, figure| Row::new("start", format!("exec to /next, {what}"), unit, figure);
    let mut rows = vec![
        row("recording-callback against *bare*", "×", ratios(&callback, &bare)).goal(Goal::AtMost(1.3)),
        row("recording-playback against *bare*", "×", ratios(&playback, &bare)).goal(Goal::AtMost(1.3)),
        row("recording-callback", "ms", figure(&callback)),
        row("recording-playback", "ms", figure(&playback)),
        row("*bare*", "ms", figure(&bare)),
    ];
    if !peer.is_empty() {
        rows.push(row("recording-callback against *peer*", "×", ratios(&callback, &peer)).goal(Goal::AtMost(0.1)));
        rows.push(row("recording-playback against *peer*", "×", ratios(&playback, &peer)).goal(Goal::AtMost(0.1)));
        rows.push(row("*peer*", "ms", figure(&peer)));
    }
    for function in ["recording-callback", "recording-playback"] {
        let mb = fs::metadata(bed.functions.join(function))?.len() as f64 / 1e6;
        let size = Sample::new([mb]).figure();
        rows.push(Row::new("start", format!("binary, {function}"), "MB", size).goal(Goal::AtMost(10.0)));
    }
    Ok(rows)
}

/// The root certificates in one file, as on Lambda. Debian also has a folder of them, which takes several times as long to
/// read.
fn with_one_bundle(mut way: Way) -> Way {
    if Path::new(BUNDLE).exists() {
        way.settings.push(("SSL_CERT_FILE".to_owned(), BUNDLE.to_owned()));
    }
    way
}

async fn ready_ms(mut function: Instance) -> Result<f64, Failure> {
    Ok(function.until_ready().await?.as_secs_f64() * 1e3)
}

/// Fails if a start sent other requests. Playback reads the link keys ahead, and nothing else: a request to S3 or KMS that
/// no link has caused would break a promise of `docs/THREATS.md`.
fn requested(bed: &Bed, allowed: &[Api]) -> Result<(), Failure> {
    let sent: Vec<Api> = bed.server.requests().take().iter().map(|request| request.api).collect();
    if sent == allowed {
        return Ok(());
    }
    Err(format!("{sent:?} were called before the first invocation, instead of {allowed:?}").into())
}
