//! The double's endpoints, with a record of the received requests.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::request::Parts,
    middleware::{Next, from_fn},
};

use super::Bench;
use crate::{
    front,
    server::{Port, Server},
};

/// A request as the double received it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

pub(super) struct Listening {
    server: Server,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Listening {
    pub(super) async fn on(bench: &Bench) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let capture = move |request: Request, next: Next| {
            let log = Arc::clone(&log);
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                log.lock().unwrap().push(Received {
                    parts: parts.clone(),
                    body: body.clone(),
                });
                next.run(Request::from_parts(parts, Body::from(body))).await
            }
        };
        let routes = front::routes(Arc::clone(&bench.double.twilio)).layer(from_fn(capture));
        let server = Port::take().await.unwrap().serve(routes);
        Self { server, received }
    }

    pub(super) fn base(&self) -> String {
        self.server.base()
    }

    /// The requests since the previous call.
    pub(super) fn take(&self) -> Vec<Received> {
        mem::take(&mut self.received.lock().unwrap())
    }
}
