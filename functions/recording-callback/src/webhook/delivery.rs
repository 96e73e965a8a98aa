//! Delivers the jobs of a callback: into the queues, or without queues within this invocation.

use std::time::Instant;

use aws_sdk_sqs::Client;

use super::refusal::Refusal;
use crate::{
    config::QueueUrls,
    job::Job,
    jobs::{JobError, Jobs, Try},
    queues::Queue,
};

pub(crate) enum Delivery {
    Queues(Queues),
    Inline,
}

/// Each function has a queue of its own, because Lambda requires a queue's visibility timeout to be longer than its
/// function's timeout: a link that failed must come back within seconds, and a copy may run for 15 minutes.
pub(crate) struct Queues {
    links: Queue,
    copies: Queue,
}

impl Delivery {
    /// Returns once every job is durable or done: only then may Twilio get a 2xx.
    pub(crate) async fn deliver(
        &self,
        callback_jobs: &[Job; 2],
        jobs: &Jobs,
        deadline: Instant,
    ) -> Result<(), Refusal> {
        match self {
            Self::Queues(queues) => queues.send_both(callback_jobs).await,
            Self::Inline => run_both(callback_jobs, jobs, deadline).await,
        }
    }
}

impl Queues {
    pub(crate) fn new(sqs: &Client, urls: QueueUrls) -> Self {
        Self {
            links: Queue::new(sqs.clone(), urls.links),
            copies: Queue::new(sqs.clone(), urls.copies),
        }
    }

    async fn send_both(&self, [first, second]: &[Job; 2]) -> Result<(), Refusal> {
        let (first, second) = tokio::join!(self.send(first), self.send(second));
        first.and(second)
    }

    async fn send(&self, job: &Job) -> Result<(), Refusal> {
        let queue = match job {
            Job::LinkTask(_) => &self.links,
            Job::CopyRecording(_) | Job::DeleteOriginal(_) => &self.copies,
        };
        queue.send(job.to_message()).await.map_err(|error| {
            let error = error.code();
            tracing::error!(recordingSid = %job.recording_sid(), kind = job.kind(), error, "SQS did not accept the job");
            Refusal::NotQueued
        })
    }
}

/// The jobs are independent: the second is tried even if the first fails.
async fn run_both(callback_jobs: &[Job; 2], jobs: &Jobs, deadline: Instant) -> Result<(), Refusal> {
    let [first, second] = callback_jobs;
    let first = jobs.run(first, Try::Only, deadline).await;
    let second = jobs.run(second, Try::Only, deadline).await;
    first.and(second).map_err(|error| refusal_of(&error))
}

fn refusal_of(error: &JobError) -> Refusal {
    if error.is_retryable() {
        Refusal::JobsUnfinished
    } else {
        Refusal::JobsFailed
    }
}
