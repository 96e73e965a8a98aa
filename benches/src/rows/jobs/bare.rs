//! The network waits of a job: a bare client sends the job's requests in the job's order, and does nothing else.

use std::time::Instant;

use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};

use crate::{Failure, names, server::Way};

/// The search of a link whose callback names only the call.
const SEARCH: &str = "conference.participants.worker == 'CA00000000000000000000000000000001' OR \
                      conference.participants.customer == 'CA00000000000000000000000000000001' OR \
                      call_sid == 'CA00000000000000000000000000000001'";

pub(super) struct Bare {
    http: Client,
    base: String,
}

impl Bare {
    pub(super) fn new(way: &Way) -> Result<Self, Failure> {
        Ok(Self {
            http: Client::builder().build()?,
            base: way.url.clone(),
        })
    }

    /// The seconds of a link by search: the search, the task, and its update.
    pub(super) async fn link(&self) -> Result<f64, Failure> {
        let tasks = format!("{}/v1/Workspaces/{}/Tasks", self.base, names::WORKSPACE);
        let task = format!("{tasks}/{}", names::TASK);
        let search = form_urlencoded::Serializer::for_suffix(format!("{tasks}?"), tasks.len() + 1)
            .append_pair("EvaluateTaskAttributes", SEARCH)
            .append_pair("Ordering", "DateCreated:desc")
            .append_pair("PageSize", "1")
            .finish();
        let begun = Instant::now();
        let found = body(self.http.get(search)).await?;
        let fetched = body(self.http.get(&task)).await?;
        let update = self.http.post(&task).header(header::IF_MATCH, "\"e\"");
        let updated = body(update.form(&[("Attributes", fetched["attributes"].as_str())])).await?;
        let took = begun.elapsed().as_secs_f64();
        if found["tasks"][0]["sid"] == names::TASK && updated["sid"] == names::TASK {
            Ok(took)
        } else {
            Err("the bare client did not find and update the task".into())
        }
    }

    /// The seconds of a webhook's answer: both messages at once.
    pub(super) async fn webhook(&self) -> Result<f64, Failure> {
        let message = |queue: &str| {
            let url = format!("{}/{queue}", self.base);
            let message = json!({"QueueUrl": url, "MessageBody": "a job"});
            let request = self.http.post(&self.base);
            body(request.header("x-amz-target", "AmazonSQS.SendMessage").json(&message))
        };
        let begun = Instant::now();
        let (first, second) = tokio::join!(message("links"), message("copies"));
        let took = begun.elapsed().as_secs_f64();
        first.and(second)?;
        Ok(took)
    }
}

async fn body(request: RequestBuilder) -> Result<Value, Failure> {
    let bytes = request.send().await?.error_for_status()?.bytes().await?;
    Ok(serde_json::from_slice(&bytes)?)
}
