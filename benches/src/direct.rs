//! *direct*: a GET request for the stored object over a kept connection, without anything in between.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Failure;

/// An HTTP client with one connection.
#[derive(Debug)]
pub(crate) struct Direct {
    sender: SendRequest<Empty<Bytes>>,
}

/// The response's measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) len: u64,
    pub(crate) first_byte: Duration,
    pub(crate) took: Duration,
}

impl Direct {
    pub(crate) async fn connect(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub(crate) async fn get(&mut self, path: &str, range: Option<&str>) -> Result<Received, Failure> {
        let mut request = Request::get(path).header(header::HOST, "127.0.0.1");
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        // The connection's task may still be ending the request before.
        self.sender.ready().await?;
        let begun = Instant::now();
        let response = self.sender.send_request(request.body(Empty::new())?).await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let (mut len, mut first_byte) = (0, None);
        while let Some(frame) = body.frame().await {
            if let Ok(chunk) = frame?.into_data() {
                first_byte.get_or_insert_with(|| begun.elapsed());
                len += chunk.len() as u64;
            }
        }
        let took = begun.elapsed();
        Ok(Received {
            status,
            len,
            first_byte: first_byte.unwrap_or(took),
            took,
        })
    }
}
