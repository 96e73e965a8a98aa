//! Where the jobs of a callback go: into the queues, or, without queues, through this very invocation.

use std::time::Instant;

use aws_sdk_sqs::Client;

use super::refusal::Refusal;
use crate::{
    config::QueueUrls,
    job::Job,
    jobs::{JobError, Jobs, Try, taken},
};

pub(crate) enum Delivery {
    Queues(Queues),
    Inline,
}

/// One queue a job kind, because Lambda wants a queue's visibility timeout to outlast its function's timeout: a link
/// that failed must come back within seconds, a copy may run for 15 minutes.
pub(crate) struct Queues {
    sqs: Client,
    urls: QueueUrls,
}

impl Delivery {
    /// Returns once every job is durable or done: only then may Twilio hear a 2xx.
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
    pub(crate) const fn new(sqs: Client, urls: QueueUrls) -> Self {
        Self { sqs, urls }
    }

    async fn send_both(&self, [first, second]: &[Job; 2]) -> Result<(), Refusal> {
        let (first, second) = tokio::join!(self.send(first), self.send(second));
        first.and(second)
    }

    async fn send(&self, job: &Job) -> Result<(), Refusal> {
        let url = match job {
            Job::LinkTask(_) => &self.urls.links,
            Job::CopyRecording(_) | Job::DeleteOriginal(_) => &self.urls.copies,
        };
        let message = self.sqs.send_message().queue_url(url).message_body(job.to_message());
        taken(message.send().await).map_err(|error| {
            tracing::error!(recordingSid = %job.recording_sid(), kind = job.kind(), error, "SQS did not take the job");
            Refusal::NotQueued
        })
    }
}

/// The jobs are independent: one that fails doesn't keep the other from being tried.
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
