//! The cost of opening a conversation of ten segments in the Player, which shows the first of them and plays none.

use std::time::Duration;

use serde_json::json;

use super::{CALL_S, GROUP, S3_FIRST_BYTE, bring_in, browser::drive, serve, url_provider};
use crate::{
    Failure,
    bed::Bed,
    front::{Front, Invocation, Pace},
    measure::{Row, Sample},
    names,
    server::{Answered, Api},
};

const SEGMENTS: usize = 10;

/// The figures, one value a round.
#[derive(Debug, Default)]
struct Costs {
    invocations: Vec<f64>,
    billed_ms: Vec<f64>,
    billed_for_links_ms: Vec<f64>,
    sent_mb: Vec<f64>,
    from_s3_mb: Vec<f64>,
    s3_requests: Vec<f64>,
    kms_requests: Vec<f64>,
}

pub(super) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let rounds = if bed.quick { 1 } else { 5 };
    let front = Front::bind().await?;
    let origin = front.origin();
    let invocations = serve(bed, front, Pace::Lambda).await?;
    let mut costs = Costs::default();
    for _ in 0..rounds {
        let mut sids = Vec::new();
        for _ in 0..SEGMENTS {
            sids.push(bring_in(bed).await?);
        }
        let mut providers = sids.iter().map(|sid| [url_provider(&origin, sid)]);
        let opening = json!({"urlProviders": providers.next(), "otherSegments": providers.collect::<Vec<_>>()});
        bed.server.requests().take();
        invocations.take();
        bed.server.delay(S3_FIRST_BYTE);
        drive::<serde_json::Value>("click.mjs", json!({"openings": [opening], "lengthS": CALL_S})).await?;
        bed.server.delay(Duration::ZERO);
        let invoked = invocations.take();
        if let Some(refused) = invoked.iter().find(|invocation| invocation.status >= 400) {
            return Err(format!("{}: {}", refused.path, refused.status).into());
        }
        costs.add(&invoked, &bed.server.requests().take());
        for sid in &sids {
            bed.server.forget(&names::object_key(sid));
        }
    }
    Ok(costs.rows())
}

impl Costs {
    fn add(&mut self, invocations: &[Invocation], requests: &[Answered]) {
        self.invocations.push(invocations.len() as f64);
        let of_links = invocations.iter().filter(|invocation| invocation.path == "/media-url");
        self.billed_for_links_ms.push(of_links.map(billed_ms).sum());
        self.billed_ms.push(invocations.iter().map(billed_ms).sum());
        self.sent_mb
            .push(invocations.iter().map(|invocation| invocation.len as f64 / 1e6).sum());
        let of = |api| requests.iter().filter(move |request| request.api == api);
        self.from_s3_mb
            .push(of(Api::S3).map(|request| request.len as f64 / 1e6).sum());
        self.s3_requests.push(of(Api::S3).count() as f64);
        self.kms_requests.push(of(Api::Kms).count() as f64);
    }

    fn rows(self) -> Vec<Row> {
        let row = |what: &str, unit, values: Vec<f64>| {
            Row::new(
                GROUP,
                format!("conversation of {SEGMENTS} segments opened: {what}"),
                unit,
                Sample::new(values).figure(),
            )
        };
        vec![
            row("billed", "ms", self.billed_ms),
            row("billed for links", "ms", self.billed_for_links_ms),
            row("invocations", "", self.invocations),
            row("sent to the page", "MB", self.sent_mb),
            row("received from S3", "MB", self.from_s3_mb),
            row("requests to S3", "", self.s3_requests),
            row("requests to KMS", "", self.kms_requests),
        ]
    }
}

/// Lambda bills whole milliseconds.
fn billed_ms(invocation: &Invocation) -> f64 {
    ((invocation.ended - invocation.begun).as_secs_f64() * 1e3).ceil()
}
