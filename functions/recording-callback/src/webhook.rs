//! The webhook: it turns a signed callback into durable jobs and answers at once.
//!
//! Before the signature has been verified, the webhook trusts nothing in a request and calls only Secrets Manager.

mod decide;
mod delivery;
mod refusal;
mod request;
mod respond;
mod signers;

use std::{error::Error, time::Instant};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use service::{
    http_event::Malformed,
    metrics::{self, Unit},
};
use sid::AccountSid;
use twilio::{callback::RecordingStatus, signature::SignatureError};

use self::{
    decide::{Decided, Decision, decide},
    refusal::Refusal,
    request::CallbackRequest,
};
pub(crate) use self::{
    delivery::{Delivery, Queues},
    signers::Signers,
};
use crate::{clock, jobs::Jobs};

pub(crate) struct Webhook {
    pub(crate) account: AccountSid,
    pub(crate) signers: Signers,
    pub(crate) public_base_url: Option<String>,
    pub(crate) delivery: Delivery,
}

impl Webhook {
    /// Answers one request, at `deadline` at the latest. Without queues, `jobs` run within this call.
    pub(crate) async fn answer(
        &self,
        event: Result<Box<ApiGatewayV2httpRequest>, Malformed>,
        jobs: &Jobs,
        request_id: &str,
        deadline: Instant,
    ) -> ApiGatewayV2httpResponse {
        // Without an answer from here, Twilio would get a gateway timeout and the log would show no reason.
        let outcome = tokio::time::timeout_at(deadline.into(), self.process(event, jobs, deadline))
            .await
            .unwrap_or(Err(Refusal::OutOfTime));
        if let Err(refusal) = &outcome {
            report(refusal);
        }
        respond::respond(&outcome, request_id)
    }

    async fn process(
        &self,
        event: Result<Box<ApiGatewayV2httpRequest>, Malformed>,
        jobs: &Jobs,
        deadline: Instant,
    ) -> Result<(), Refusal> {
        let request = CallbackRequest::from_event(*event?)?;
        self.authenticate(&request).await?;
        let Decided {
            recording_sid,
            decision,
            unreadable,
        } = decide(&request, &self.account, clock::now_ms())?;
        if !unreadable.is_empty() {
            let parameters = unreadable.join(",");
            tracing::warn!(recordingSid = %recording_sid, parameters, "unreadable parameters treated as absent");
        }
        match decision {
            Decision::Run(callback_jobs) => {
                self.delivery.deliver(&callback_jobs, jobs, deadline).await?;
                tracing::info!(recordingSid = %recording_sid, "callback accepted");
            }
            Decision::Wait => tracing::info!(recordingSid = %recording_sid, "recording in progress"),
            Decision::GiveUp { status, error_code } => {
                tracing::warn!(recordingSid = %recording_sid, ?status, ?error_code, "there will be no recording");
                let name = match status {
                    RecordingStatus::Failed => "RecordingFailed",
                    _ => "RecordingAbsent",
                };
                metrics::emit(&[(name, 1.0, Unit::Count)]);
            }
            Decision::Ignore => {
                tracing::warn!(recordingSid = %recording_sid, "unknown recording status, callback ignored");
                metrics::emit(&[("RecordingStatusUnknown", 1.0, Unit::Count)]);
            }
        }
        Ok(())
    }

    async fn authenticate(&self, request: &CallbackRequest) -> Result<(), Refusal> {
        let base = self.public_base_url.as_deref();
        let outcome = self.signers.verify(request, base).await;
        if let Err(Refusal::Signature(SignatureError::Mismatch)) = &outcome {
            // A common mistake of a deployment is a base URL other than the one that Twilio calls.
            tracing::warn!(url = request.public_url(base), "not signed for this URL");
        }
        outcome
    }
}

/// Logs the refusal with the reason that the sender does not get, and counts denied requests.
fn report(refusal: &Refusal) {
    let status = refusal.status();
    let code = refusal.code();
    let reason = refusal
        .source()
        .map_or_else(|| refusal.to_string(), ToString::to_string);
    if status.is_server_error() {
        tracing::error!(status = status.as_u16(), code, reason, "callback not accepted");
    } else {
        tracing::warn!(status = status.as_u16(), code, reason, "callback refused");
        metrics::emit(&[("CallbackDenied", 1.0, Unit::Count)]);
    }
}

#[cfg(test)]
mod tests;
