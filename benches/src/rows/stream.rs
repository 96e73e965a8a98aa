//! Streams of a whole recording.

use crate::{
    Failure,
    bed::Bed,
    direct::Direct,
    measure::{Goal, Row, Sample, ratios},
    names,
    rows::ranges::check,
};

/// The longest reply without a range is 190 MB.
const LEN: u64 = 180_000_000;

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = if bed.quick { LEN / 10 } else { LEN };
    let sid = bed.bring_in(len).await?;
    let key = names::object_key(&sid);
    let link = bed.link(&sid);
    let ours_event = names::get_event(&link.path, &link.query, None);
    let noop_event = names::get_event("/", &len.to_string(), None);
    let relay_event = names::get_event("/", &key, None);
    let mut playback = bed.playback(&bed.server.plain()).await?;
    let mut noop = bed.noop().await?;
    let mut relay = bed.relay(&bed.server.plain()).await?;
    let proxy = bed.peer("proxy.mjs", &bed.server.plain()).await?;
    let mut proxied = Direct::connect(proxy.ready.parse()?).await?;
    let mut direct = Direct::connect(bed.server.port()).await?;
    let object_len = bed.server.object_len(&key).unwrap_or_default();
    let [mut ours, mut constant, mut relayed, mut peer, mut straight] = [(); 5].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        let got = noop.stream(&noop_event).await?;
        check("noop", got.status, got.len, 200, len)?;
        let constant_s = got.took.as_secs_f64();
        let got = relay.stream(&relay_event).await?;
        check("relay", got.status, got.len, 200, object_len)?;
        let relayed_s = got.took.as_secs_f64();
        let got = playback.stream(&ours_event).await?;
        check("playback", got.status, got.len, 200, len)?;
        let ours_s = got.took.as_secs_f64();
        let got = proxied.get(&format!("/{key}"), None).await?;
        check("peer", got.status, got.len, 200, object_len)?;
        let peer_s = got.took.as_secs_f64();
        let got = direct.get(&format!("/{}/{key}", names::BUCKET), None).await?;
        if round > 0 {
            ours.push(ours_s);
            constant.push(constant_s);
            relayed.push(relayed_s);
            peer.push(peer_s);
            straight.push(got.took.as_secs_f64());
        }
    }
    bed.server.forget(&key);
    let mb = len as f64 / 1e6;
    let row = |what: &str, unit, figure| Row::new("stream", format!("{mb:.0} MB, {what}"), unit, figure);
    let rate = |seconds: &[f64]| Sample::new(seconds.iter().map(|s| mb / s)).figure();
    Ok(vec![
        row("throughput against *noop*", "×", ratios(&constant, &ours)).goal(Goal::AtLeast(0.8)),
        row("throughput against *peer*", "×", ratios(&peer, &ours)).goal(Goal::AtLeast(1.0)),
        row("throughput against *relay*", "×", ratios(&relayed, &ours)),
        row("ours", "MB/s", rate(&ours)),
        row("*noop*", "MB/s", rate(&constant)),
        row("*relay*", "MB/s", rate(&relayed)),
        row("*peer*", "MB/s", rate(&peer)),
        row("direct", "MB/s", rate(&straight)),
    ])
}
