//! Single warm jobs of the callback function. Alone, they are inputs of the queue model (`queue_model`). With realistic
//! answers from Twilio and SQS, they are compared with their own network waits.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::bare::Bare;
use crate::{
    Failure,
    bed::{Bed, copy},
    measure::{Goal, Row, Sample, Sides, ratios},
    names,
    runtime::Instance,
    server::Api,
};

mod bare;
mod for_model;

pub(crate) const GROUP: &str = "jobs";
pub(crate) const WEBHOOK: &str = "a callback taken";
pub(crate) const LINK: &str = "a task linked";
pub(crate) const SMALL_COPY: &str = "a recording of 1 kB copied";
pub(crate) use self::for_model::{COPY_WAITS, RECONCILIATION};

/// Both answer more slowly in production (docs/COST.md assumes 150 and 20 ms), where our part of the time is even less.
const TWILIO_ANSWERS: Duration = Duration::from_millis(25);
const SQS_ANSWERS: Duration = Duration::from_millis(5);

/// The sample events of docs/REFERENCE.md.
const CALLBACK: &str = include_str!("../../../events/http-api-post-text.json");
const LINK_TASK: &str = include_str!("../../../events/sqs-link-task.json");

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let mut rows = alone(bed).await?;
    rows.extend(for_model::rows(bed).await?);
    bed.server.delay_of(&[Api::TaskRouter], TWILIO_ANSWERS);
    bed.server.delay_of(&[Api::Sqs], SQS_ANSWERS);
    let against = against_waits(bed).await;
    bed.server.delay_of(&[Api::TaskRouter, Api::Sqs], Duration::ZERO);
    rows.extend(against?);
    Ok(rows)
}

/// The time that is ours: nobody waits for an answer.
async fn alone(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let rounds = if bed.quick { 10 } else { 500 };
    let way = bed.server.plain();
    let (callback, link_task) = (callback()?, link_task()?);
    let (mut webhook, mut linker, mut copier) = (
        bed.webhook(&way).await?,
        bed.linker(&way).await?,
        bed.copier(&way).await?,
    );
    let [mut callbacks, mut links, mut copies] = [(); 3].map(|()| Vec::new());
    for round in 0..=rounds {
        let taken = take_callback(&mut webhook, &callback).await?;
        let linked = link(&mut linker, &link_task).await?;
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

/// A link by search and a webhook's answer, each alternately with its own network waits.
async fn against_waits(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let (rounds, jobs) = if bed.quick { (2, 10) } else { (5, 100) };
    let way = bed.server.plain();
    let (callback, search) = (callback()?, link_by_search()?);
    let (mut webhook, mut linker, bare) = (bed.webhook(&way).await?, bed.linker(&way).await?, Bare::new(&way)?);
    take_callback(&mut webhook, &callback).await?;
    link(&mut linker, &search).await?;
    let [mut links, mut waits_of_links, mut answers, mut waits_of_answers] = [(); 4].map(|()| Percentiles::default());
    for _ in 0..rounds {
        let mut round = [(); 4].map(|()| Vec::new());
        for _ in 0..jobs {
            bed.server.requests().take();
            round[0].push(link(&mut linker, &search).await?);
            let ours = sent(bed);
            round[1].push(bare.link().await?);
            same(&ours, &sent(bed))?;
            round[2].push(take_callback(&mut webhook, &callback).await?);
            let ours = sent(bed);
            round[3].push(bare.webhook().await?);
            same(&ours, &sent(bed))?;
        }
        let sides = [&mut links, &mut waits_of_links, &mut answers, &mut waits_of_answers];
        for (percentiles, seconds) in sides.into_iter().zip(round) {
            percentiles.push(seconds);
        }
    }
    let twilio = format!(
        "a link by search, Twilio answers after {} ms",
        TWILIO_ANSWERS.as_millis()
    );
    let sqs = format!("a callback taken, SQS answers after {} ms", SQS_ANSWERS.as_millis());
    let row = |what: &str, percentile: &str, ours: &[f64], waits: &[f64]| {
        let measure = format!("{what}: {percentile} against its network waits");
        let ms = |seconds: &[f64]| Sample::new(seconds.iter().copied()).median() * 1e3;
        Row::new(GROUP, measure, "×", ratios(ours, waits)).sides(Sides {
            unit: "ms",
            ours: ms(ours),
            yardstick: ms(waits),
            name: "its network waits",
        })
    };
    Ok(vec![
        row(&twilio, "p50", &links.p50, &waits_of_links.p50),
        row(&twilio, "p99", &links.p99, &waits_of_links.p99).goal(Goal::AtMost(1.5)),
        row(&sqs, "p50", &answers.p50, &waits_of_answers.p50),
        row(&sqs, "p99", &answers.p99, &waits_of_answers.p99).goal(Goal::AtMost(1.3)),
    ])
}

/// The median and the 99th percentile of each round.
#[derive(Debug, Default)]
struct Percentiles {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Percentiles {
    fn push(&mut self, values: Vec<f64>) {
        let sample = Sample::new(values);
        self.p50.push(sample.percentile(0.5));
        self.p99.push(sample.percentile(0.99));
    }
}

/// The APIs of the requests since the last call.
fn sent(bed: &Bed) -> Vec<Api> {
    let requests = bed.server.requests().take();
    requests.iter().map(|request| request.api).collect()
}

/// The waits of other requests would not be those of the job.
fn same(ours: &[Api], bare: &[Api]) -> Result<(), Failure> {
    if ours == bare {
        Ok(())
    } else {
        Err(format!("the job sent {ours:?}, and the bare client {bare:?}").into())
    }
}

pub(crate) fn callback() -> Result<Value, Failure> {
    Ok(serde_json::from_str(CALLBACK)?)
}

fn link_task() -> Result<Value, Failure> {
    Ok(serde_json::from_str(LINK_TASK)?)
}

/// The event of a callback that does not name its task.
pub(crate) fn link_by_search() -> Result<Value, Failure> {
    let mut event = link_task()?;
    let body = event["Records"][0]["body"]
        .as_str()
        .ok_or("a sample event without a job")?;
    let mut job: Value = serde_json::from_str(body)?;
    job.as_object_mut().and_then(|job| job.remove("taskSid"));
    event["Records"][0]["body"] = job.to_string().into();
    Ok(event)
}

pub(crate) async fn take_callback(webhook: &mut Instance, callback: &Value) -> Result<f64, Failure> {
    timed(webhook, callback, "/statusCode", &json!(204)).await
}

pub(crate) async fn link(linker: &mut Instance, job: &Value) -> Result<f64, Failure> {
    timed(linker, job, "/batchItemFailures", &json!([])).await
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
