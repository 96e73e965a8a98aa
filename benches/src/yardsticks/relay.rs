//! *relay*: a Lambda function that streams a stored object in its encrypted form. A plain function between S3 and the
//! Runtime API has this cost. *noop* has less, because it receives nothing.

use aws_sdk_s3::{Client, primitives::SdkBody};
use http::{Response, StatusCode, header};
use lambda_http::{Request, run_with_streaming_response, service_fn};
use service::runtime_socket::RuntimeSocket;

use crate::{Failure, names};

/// Answers the query `KEY` with that object, or the requested range of it.
pub(crate) async fn run() -> Result<(), lambda_http::Error> {
    let s3 = Client::new(&service::aws::sdk_config(service::aws::Timeouts::FOR_JOBS)?);
    let socket = RuntimeSocket::from_env();
    let answer = |request: Request| {
        socket.send_at_once();
        Box::pin(answer(&s3, request))
    };
    run_with_streaming_response(service_fn(answer)).await
}

async fn answer(s3: &Client, request: Request) -> Result<Response<SdkBody>, Failure> {
    let range = request.headers().get(header::RANGE);
    let object = s3
        .get_object()
        .bucket(names::BUCKET)
        .key(request.uri().query().unwrap_or_default())
        .set_range(range.map(|range| range.to_str().map(str::to_owned)).transpose()?)
        .send()
        .await?;
    let mut response = Response::new(object.body.into_inner());
    if object.content_range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}
