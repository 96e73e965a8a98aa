//! TLS to Twilio, S3 and KMS, as in production: its cost for our programs and for the yardsticks.

use crate::{
    Failure,
    bed::Bed,
    measure::{Row, Sample, ratios},
    names,
    rows::{
        copy::{Bucket, Copies},
        ranges::check,
    },
};

const STREAM: u64 = 180_000_000;

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let way = bed.server.tls();
    let len = bed.long();
    let copies = Copies::measure(bed, &way, &Bucket::InMemory(&bed.server), len).await?;
    let copy =
        |what: &str, unit, figure| Row::new("tls", format!("copy of {} MB, {what}", len / 1_000_000), unit, figure);
    let mut rows = copies.against(copy);
    rows.extend(copies.seconds(copy));
    rows.extend(stream(bed).await?);
    Ok(rows)
}

/// Streams a whole recording from S3 with and without TLS. The Runtime API never uses TLS.
async fn stream(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = if bed.quick { STREAM / 10 } else { STREAM };
    let sid = bed.bring_in(len).await?;
    let link = bed.link(&sid);
    let event = names::get_event(&link.path, &link.query, None);
    let key = names::object_key(&sid);
    let mut plain = bed.playback(&bed.server.plain()).await?;
    let mut ours = bed.playback(&bed.server.tls()).await?;
    let mut relay = bed.relay(&bed.server.tls()).await?;
    let relay_event = names::get_event("/", &key, None);
    let object_len = bed.server.object_len(&key).unwrap_or_default();
    let mut turns = [(); 3].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        for (side, instance) in [&mut plain, &mut ours, &mut relay].into_iter().enumerate() {
            let (event, len) = if side == 2 {
                (&relay_event, object_len)
            } else {
                (&event, len)
            };
            let got = instance.stream(event).await?;
            check("a stream's function", got.status, got.len, 200, len)?;
            if round > 0 {
                turns[side].push(got.took.as_secs_f64());
            }
        }
    }
    bed.server.forget(&key);
    let [plain, ours, relay] = turns;
    let mb = len as f64 / 1e6;
    let row = |what: &str, unit, figure| Row::new("tls", format!("stream of {mb:.0} MB, {what}"), unit, figure);
    Ok(vec![
        row("throughput against ours without TLS", "×", ratios(&plain, &ours)),
        row("throughput against *relay*", "×", ratios(&relay, &ours)),
        row("ours", "MB/s", Sample::new(ours.iter().map(|s| mb / s)).figure()),
    ])
}
