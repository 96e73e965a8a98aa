//! Streams of a whole recording, with and without TLS to S3. The Runtime API never uses TLS.

use crate::{
    Failure,
    bed::Bed,
    direct::Direct,
    measure::{Goal, Row, Sample, ratios},
    names,
    rows::ranges::check,
    server::Way,
    yardsticks::raw_opening::raw_opening,
};

/// The longest reply without a range is 190 MB.
const LEN: u64 = 180_000_000;

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = if bed.quick { LEN / 10 } else { LEN };
    let sid = bed.bring_in(len).await?;
    let stored = Stored {
        len,
        key: names::object_key(&sid),
        sid,
    };
    let mut rows = against_relay(bed, &bed.server.plain(), &stored, "").await?;
    rows.extend(against_relay(bed, &bed.server.tls(), &stored, "TLS, ").await?);
    rows.extend(against_peer(bed, &stored).await?);
    bed.server.forget(&stored.key);
    Ok(rows)
}

struct Stored {
    sid: String,
    key: String,
    len: u64,
}

/// Compares with a relay of the same bytes that is followed by the bare cipher over them.
async fn against_relay(bed: &Bed, way: &Way, stored: &Stored, how: &str) -> Result<Vec<Row>, Failure> {
    let link = bed.link(&stored.sid);
    let ours_event = names::get_event(&link.path, &link.query, None);
    let relay_event = names::get_event("/", &stored.key, None);
    let mut playback = bed.playback(way).await?;
    let mut relay = bed.relay(way).await?;
    let object_len = bed.server.object_len(&stored.key).unwrap_or_default();
    let [mut ours, mut relayed, mut raw, mut limit, mut ours_cpu, mut relay_cpu] = [(); 6].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        let before = (relay.process.cpu_s()?, playback.process.cpu_s()?);
        let got = relay.stream(&relay_event).await?;
        check("relay", got.status, got.len, 200, object_len)?;
        let relay_s = got.took.as_secs_f64();
        let raw_s = raw_opening(stored.len, 1)?.as_secs_f64();
        let got = playback.stream(&ours_event).await?;
        check("playback", got.status, got.len, 200, stored.len)?;
        if round > 0 {
            relay_cpu.push(relay.process.cpu_s()? - before.0);
            ours_cpu.push(playback.process.cpu_s()? - before.1);
            ours.push(got.took.as_secs_f64());
            relayed.push(relay_s);
            raw.push(raw_s);
            limit.push(relay_s + raw_s);
        }
    }
    let mb = stored.len as f64 / 1e6;
    let row = |what: &str, unit, figure| Row::new("stream", format!("{how}{mb:.0} MB, {what}"), unit, figure);
    let ms = |seconds: &[f64]| Sample::new(seconds.iter().map(|s| s * 1e3)).figure();
    Ok(vec![
        row("time against *relay* and *raw opening*", "×", ratios(&ours, &limit)).goal(Goal::AtMost(1.1)),
        row("time against *relay* alone", "×", ratios(&ours, &relayed)),
        row("ours", "ms", ms(&ours)),
        row("*relay*", "ms", ms(&relayed)),
        row("*raw opening*", "ms", ms(&raw)),
        row("CPU of ours", "ms", ms(&ours_cpu)),
        row("CPU of *relay*", "ms", ms(&relay_cpu)),
    ])
}

async fn against_peer(bed: &Bed, stored: &Stored) -> Result<Vec<Row>, Failure> {
    let link = bed.link(&stored.sid);
    let event = names::get_event(&link.path, &link.query, None);
    let mut playback = bed.playback(&bed.server.plain()).await?;
    let proxy = bed.peer("proxy.mjs", &bed.server.plain()).await?;
    let mut proxied = Direct::connect(proxy.ready.parse()?).await?;
    let mut direct = Direct::connect(bed.server.port()).await?;
    let object_len = bed.server.object_len(&stored.key).unwrap_or_default();
    let [mut ours, mut peer, mut straight] = [(); 3].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        let got = playback.stream(&event).await?;
        check("playback", got.status, got.len, 200, stored.len)?;
        let ours_s = got.took.as_secs_f64();
        let got = proxied.get(&format!("/{}", stored.key), None).await?;
        check("peer", got.status, got.len, 200, object_len)?;
        let peer_s = got.took.as_secs_f64();
        let got = direct.get(&format!("/{}/{}", names::BUCKET, stored.key), None).await?;
        if round > 0 {
            ours.push(ours_s);
            peer.push(peer_s);
            straight.push(got.took.as_secs_f64());
        }
    }
    let mb = stored.len as f64 / 1e6;
    let row = |what: &str, unit, figure| Row::new("stream", format!("{mb:.0} MB, {what}"), unit, figure);
    let rate = |seconds: &[f64]| Sample::new(seconds.iter().map(|s| mb / s)).figure();
    Ok(vec![
        row("throughput against *peer*", "×", ratios(&peer, &ours)).goal(Goal::AtLeast(1.0)),
        row("throughput, ours", "MB/s", rate(&ours)),
        row("throughput, *peer*", "MB/s", rate(&peer)),
        row("throughput, direct", "MB/s", rate(&straight)),
    ])
}
