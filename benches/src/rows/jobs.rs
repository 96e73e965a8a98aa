//! Single warm jobs of the callback function, which are the inputs of the queue model (`queue_model`).

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    Failure,
    bed::{Bed, copy},
    measure::{Row, Sample},
    names,
    runtime::Instance,
};

pub(crate) const GROUP: &str = "jobs";
pub(crate) const WEBHOOK: &str = "a callback taken";
pub(crate) const LINK: &str = "a task linked";
pub(crate) const SMALL_COPY: &str = "a recording of 1 kB copied";

/// The sample events of docs/REFERENCE.md.
const CALLBACK: &str = include_str!("../../../events/http-api-post-text.json");
const LINK_TASK: &str = include_str!("../../../events/sqs-link-task.json");

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let rounds = if bed.quick { 10 } else { 500 };
    let way = bed.server.plain();
    let (callback, link_task) = (serde_json::from_str(CALLBACK)?, serde_json::from_str(LINK_TASK)?);
    let (mut webhook, mut linker, mut copier) = (
        bed.webhook(&way).await?,
        bed.linker(&way).await?,
        bed.copier(&way).await?,
    );
    let [mut callbacks, mut links, mut copies] = [(); 3].map(|()| Vec::new());
    for round in 0..=rounds {
        let taken = timed(&mut webhook, &callback, "/statusCode", &json!(204)).await?;
        let linked = timed(&mut linker, &link_task, "/batchItemFailures", &json!([])).await?;
        let begun = Instant::now();
        let sid = bed.new_sid(1000);
        copy(&mut copier, &sid).await?;
        bed.server.forget(&names::object_key(&sid));
        // The first invocation of each reads secrets and opens connections.
        if round > 0 {
            callbacks.push(taken);
            links.push(linked);
            copies.push(begun.elapsed().as_secs_f64());
        }
    }
    let row = |name, seconds: Vec<f64>| {
        let ms = seconds.into_iter().map(|seconds| seconds * 1e3);
        Row::new(GROUP, name, "ms", Sample::new(ms).figure())
    };
    Ok(vec![row(WEBHOOK, callbacks), row(LINK, links), row(SMALL_COPY, copies)])
}

/// The seconds of an invocation. Checks its answer.
async fn timed(function: &mut Instance, event: &Value, field: &str, expected: &Value) -> Result<f64, Failure> {
    let begun = Instant::now();
    let answer = function.invoke(event).await?;
    let took = begun.elapsed().as_secs_f64();
    if answer.pointer(field) == Some(expected) {
        Ok(took)
    } else {
        Err(format!("an invocation answered {answer}").into())
    }
}
