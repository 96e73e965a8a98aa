//! Other inputs of the queue model: the sequential waits of a copy, and the reconciliation.

use std::time::{Duration, Instant};

use serde_json::json;

use super::GROUP;
use crate::{
    Failure,
    bed::{Bed, copy},
    measure::{Figure, Row, Sample},
    names,
    server::{Answered, Api, sequential},
};

pub(crate) const COPY_WAITS: &str = "a copy with its receipt and entries: sequential requests to AWS";
pub(crate) const RECONCILIATION: &str = "a stored recording reconciled";

/// One page of the reconciliation.
const PAGE: u64 = 200;

/// Long enough that requests which are sent together overlap.
const S3_ANSWERS: Duration = Duration::from_millis(15);

pub(super) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    Ok(vec![copy_waits(bed).await?, reconciliation(bed).await?])
}

async fn copy_waits(bed: &Bed) -> Result<Row, Failure> {
    let mut copier = bed.copier(&bed.server.plain()).await?;
    let [first, second] = [(); 2].map(|()| bed.new_sid(1_000));
    copy(&mut copier, &first).await?;
    bed.server.requests().take();
    bed.server.delay(S3_ANSWERS);
    let copied = copy(&mut copier, &second).await;
    bed.server.delay(Duration::ZERO);
    copied?;
    let to_aws = |request: &Answered| matches!(request.api, Api::S3 | Api::Kms);
    let requests: Vec<_> = bed.server.requests().take().into_iter().filter(to_aws).collect();
    for sid in [first, second] {
        bed.server.forget(&names::object_key(&sid));
    }
    let waits = sequential(&requests) as f64;
    let figure = Figure {
        median: waits,
        min: waits,
        max: waits,
    };
    Ok(Row::new(GROUP, COPY_WAITS, "", figure))
}

/// The time of a recording in a page whose recordings are all stored, as on most nights.
async fn reconciliation(bed: &Bed) -> Result<Row, Failure> {
    let mut operator = bed.operator(&bed.server.plain()).await?;
    // What other measurements left would be reconciled too.
    forget(bed);
    for _ in 0..PAGE {
        let sid = bed.new_sid(0);
        bed.server.generate(&names::object_key(&sid), "", Vec::new());
        bed.server.generate(&format!("receipts/{sid}.json"), "{}", Vec::new());
    }
    let mut ms = Vec::new();
    // The first run reads the secret and opens connections.
    for round in 0..=bed.rounds() {
        let begun = Instant::now();
        let answer = operator.invoke(&json!({"reconcile": {"restart": true}})).await?;
        if answer["status"] != "done" || answer["work"]["reconcile"]["counts"]["stored"] != PAGE {
            return Err(format!("the reconciliation answered {answer}").into());
        }
        if round > 0 {
            ms.push(begun.elapsed().as_secs_f64() * 1e3 / PAGE as f64);
        }
    }
    forget(bed);
    Ok(Row::new(GROUP, RECONCILIATION, "ms", Sample::new(ms).figure()))
}

fn forget(bed: &Bed) {
    for prefix in ["recordings/", "receipts/", "operations/"] {
        bed.server.forget_below(prefix);
    }
}
