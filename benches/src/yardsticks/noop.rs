//! *noop*: a Lambda function that streams the requested number of constant bytes. Its cost is the cost of the runtime.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use lambda_http::{Request, run_with_streaming_response, service_fn};
use service::runtime_socket::RuntimeSocket;

/// One frame at a time, as playback sends.
const CHUNK_LEN: u64 = 64 * 1024;

static CONSTANT: [u8; CHUNK_LEN as usize] = [7; CHUNK_LEN as usize];

/// Answers the query `LEN` with that many bytes.
pub(crate) async fn run() -> Result<(), lambda_http::Error> {
    let socket = RuntimeSocket::from_env();
    let answer = |request: Request| async move {
        socket.send_at_once();
        let left = request.uri().query().and_then(|query| query.parse().ok());
        Ok::<_, Infallible>(Response::new(Body {
            left: left.unwrap_or_default(),
        }))
    };
    run_with_streaming_response(service_fn(answer)).await
}

#[derive(Debug)]
struct Body {
    left: u64,
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let len = self.left.min(CHUNK_LEN);
        self.left -= len;
        Poll::Ready((len > 0).then(|| Ok(Frame::data(Bytes::from_static(&CONSTANT[..len as usize])))))
    }
}
