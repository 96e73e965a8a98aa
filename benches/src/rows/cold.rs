//! A cold start as a listener feels it: from exec to the first audio byte of a link, with TLS to S3, KMS and Secrets
//! Manager at a distance.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    Failure,
    bed::Bed,
    distance::{self, Trips},
    measure::{Goal, Row, Sample, ratios},
    names,
    rows::ranges::check,
    runtime::Instance,
    server::Way,
};

/// A round trip within a Region, between availability zones and through a balancer.
const ROUND_TRIP: Duration = Duration::from_millis(5);

/// A call of five minutes.
const RECORDING: u64 = 9_600_000;

/// The first second of it.
const WANTED: u64 = 32_000;

/// The measurements of one side.
#[derive(Debug, Default)]
struct Starts {
    waits: Vec<f64>,
    first_byte_ms: Vec<f64>,
    ready_ms: Vec<f64>,
}

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let rounds = if bed.quick { 3 } else { 31 };
    let trips = Trips::default();
    let way = far(bed, &trips)?;
    let sid = bed.bring_in(RECORDING).await?;
    let link = bed.link(&sid);
    let range = format!("bytes=0-{}", WANTED - 1);
    let of_ours = names::get_event(&link.path, &link.query, Some(&range));
    let of_bare = names::get_event("/", &names::object_key(&sid), Some(&range));
    let (mut ours, mut bare) = (Starts::default(), Starts::default());
    for _ in 0..rounds {
        ours.measure(bed.playback(&way), &of_ours, &trips).await?;
        bare.measure(bed.bare(&way), &of_bare, &trips).await?;
    }
    bed.server.forget(&names::object_key(&sid));

    let figure = |values: &[f64]| Sample::new(values.iter().copied()).figure();
    let row = |what: &str, unit, figure| Row::new("cold", what, unit, figure);
    Ok(vec![
        row(
            "exec to the first audio byte, sequential waits",
            "",
            figure(&ours.waits),
        )
        .goal(Goal::AtMost(6.0)),
        row(
            "exec to the first audio byte, sequential waits of *bare*",
            "",
            figure(&bare.waits),
        ),
        row(
            "exec to the first audio byte against *bare*",
            "×",
            ratios(&ours.first_byte_ms, &bare.first_byte_ms),
        )
        .goal(Goal::AtMost(0.7)),
        row("exec to the first audio byte", "ms", figure(&ours.first_byte_ms)),
        row(
            "exec to the first audio byte, *bare*",
            "ms",
            figure(&bare.first_byte_ms),
        ),
        row("of that, exec to /next", "ms", figure(&ours.ready_ms)),
        row("of that, exec to /next, *bare*", "ms", figure(&bare.ready_ms)),
    ])
}

/// The way to the server with TLS and the distance, and with an address of its own for each service, as on AWS.
fn far(bed: &Bed, trips: &Trips) -> Result<Way, Failure> {
    let relay = || distance::relay(bed.server.tls_port(), ROUND_TRIP, trips);
    let ports = [relay()?, relay()?, relay()?];
    let mut way = bed.server.tls();
    way.settings.extend(names::endpoints("https", ports));
    Ok(way)
}

impl Starts {
    /// The event is there before the function asks for it, as in an on-demand start.
    async fn measure(
        &mut self,
        start: impl Future<Output = Result<Instance, Failure>>,
        event: &Value,
        trips: &Trips,
    ) -> Result<(), Failure> {
        let exec = Instant::now();
        let mut instance = start.await?;
        let begun = Instant::now();
        let got = instance.stream(event).await?;
        check("a first playback", got.status, got.len, 206, WANTED)?;
        let first_byte = begun + got.first_byte;
        self.waits.push(trips.sequential(exec, first_byte) as f64);
        self.first_byte_ms
            .push(instance.since_exec(first_byte).as_secs_f64() * 1e3);
        self.ready_ms.push(instance.until_ready().await?.as_secs_f64() * 1e3);
        Ok(())
    }
}
