//! The events in `events/`, with which docs/REFERENCE.md invokes the function. Each goes through the real dispatch and
//! verification in this crate's tests, so that a change of a shape also changes its sample.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;

use crate::invocation::Invocation;

pub(crate) const POST_BASE64: &str = include_str!("../../../../events/http-api-post-base64.json");
pub(crate) const POST_TEXT: &str = include_str!("../../../../events/http-api-post-text.json");
pub(crate) const GET: &str = include_str!("../../../../events/http-api-get.json");
pub(crate) const LINK_TASK: &str = include_str!("../../../../events/sqs-link-task.json");
pub(crate) const COPY_RECORDING: &str = include_str!("../../../../events/sqs-copy-recording.json");
pub(crate) const DELETE_ORIGINAL: &str = include_str!("../../../../events/sqs-delete-original.json");
pub(crate) const BACKFILL: &str = include_str!("../../../../events/operator-backfill.json");
pub(crate) const ERASE: &str = include_str!("../../../../events/operator-erase.json");
pub(crate) const ERASE_LIST: &str = include_str!("../../../../events/operator-erase-list.json");
pub(crate) const ERASE_CALL: &str = include_str!("../../../../events/operator-erase-call.json");
pub(crate) const LINK: &str = include_str!("../../../../events/operator-link.json");
pub(crate) const VERIFY: &str = include_str!("../../../../events/operator-verify.json");
pub(crate) const FIND: &str = include_str!("../../../../events/operator-find.json");
pub(crate) const INDEX: &str = include_str!("../../../../events/operator-index.json");
pub(crate) const RECONCILE: &str = include_str!("../../../../events/scheduler-reconcile.json");
pub(crate) const ARRIVALS: &str = include_str!("../../../../events/scheduler-arrivals.json");
pub(crate) const SWEEP: &str = include_str!("../../../../events/scheduler-sweep.json");
pub(crate) const CATALOG: &str = include_str!("../../../../events/operator-catalog.json");

pub(crate) fn invocation(event: &str) -> Invocation {
    Invocation::parse(serde_json::from_str(event).unwrap()).unwrap()
}

pub(crate) fn http_request(event: &str) -> ApiGatewayV2httpRequest {
    match invocation(event) {
        Invocation::Http(Ok(request)) => *request,
        _ => panic!("not an HTTP API request"),
    }
}
