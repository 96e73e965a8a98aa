//! The double's endpoints, with a record of what they were asked.

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
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

pub(super) struct Listening {
    server: Server,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Listening {
    pub(super) async fn on(bench: &Bench) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let capture = move |request: Request, next: Next| {
            let log = Arc::clone(&log);
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                log.lock().unwrap().push(Asked {
                    parts: parts.clone(),
                    body: body.clone(),
                });
                next.run(Request::from_parts(parts, Body::from(body))).await
            }
        };
        let routes = front::routes(Arc::clone(&bench.double.twilio)).layer(from_fn(capture));
        let server = Port::take().await.unwrap().serve(routes);
        Self { server, asked }
    }

    pub(super) fn base(&self) -> String {
        self.server.base()
    }

    /// The requests since it was last asked for them.
    pub(super) fn take(&self) -> Vec<Asked> {
        mem::take(&mut self.asked.lock().unwrap())
    }
}
