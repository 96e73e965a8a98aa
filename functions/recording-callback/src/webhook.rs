//! The webhook: a signed callback in, durable jobs out, an answer at once.
//!
//! Nothing in a request is believed, and nobody else is called because of it, before its signature has been verified.

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
    /// Answers one request, at `deadline` at the latest. `jobs` run in here where there are no queues.
    pub(crate) async fn answer(
        &self,
        event: Result<Box<ApiGatewayV2httpRequest>, Malformed>,
        jobs: &Jobs,
        request_id: &str,
        deadline: Instant,
    ) -> ApiGatewayV2httpResponse {
        // Whatever is down or silent: without an answer of ours Twilio hears of a timeout, and the log says nothing.
        let outcome = tokio::time::timeout_at(deadline.into(), self.take(event, jobs, deadline))
            .await
            .unwrap_or(Err(Refusal::OutOfTime));
        if let Err(refusal) = &outcome {
            tell(refusal);
        }
        respond::respond(&outcome, request_id)
    }

    async fn take(
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
            tracing::warn!(recordingSid = %recording_sid, parameters, "parameters not readable, taken as absent");
        }
        match decision {
            Decision::Run(callback_jobs) => {
                self.delivery.deliver(&callback_jobs, jobs, deadline).await?;
                tracing::info!(recordingSid = %recording_sid, "callback taken");
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
            Decision::PassOver => {
                tracing::warn!(recordingSid = %recording_sid, "unknown recording status, callback passed over");
                metrics::emit(&[("RecordingStatusUnknown", 1.0, Unit::Count)]);
            }
        }
        Ok(())
    }

    async fn authenticate(&self, request: &CallbackRequest) -> Result<(), Refusal> {
        let base = self.public_base_url.as_deref();
        let outcome = self.signers.verify(request, base).await;
        if let Err(Refusal::Signature(SignatureError::Mismatch)) = &outcome {
            // A base URL other than the one Twilio was given is the usual mistake of a deployment.
            tracing::warn!(url = request.public_url(base), "not signed for this URL");
        }
        outcome
    }
}

/// One line for the log, with the reason that the sender isn't told, and a count of those who were turned away.
fn tell(refusal: &Refusal) {
    let status = refusal.status();
    let code = refusal.code();
    let reason = refusal
        .source()
        .map_or_else(|| refusal.to_string(), ToString::to_string);
    if status.is_server_error() {
        tracing::error!(status = status.as_u16(), code, reason, "callback not taken");
    } else {
        tracing::warn!(status = status.as_u16(), code, reason, "callback refused");
        metrics::emit(&[("CallbackDenied", 1.0, Unit::Count)]);
    }
}

#[cfg(test)]
mod tests;
