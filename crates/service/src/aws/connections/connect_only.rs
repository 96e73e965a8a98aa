//! Requests that only connect to their service.

use std::{future::poll_fn, sync::Arc, task::Poll};

use aws_smithy_http_client::pool::OriginKey;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use http::Uri;

use super::{Connections, PARTITION, Pool};

/// Lets a request only connect to its service, `connections` times. The request is never sent, and its outcome is always
/// an error. The address is the one that the client uses, with all its settings. A service to which there is a connection
/// gets no other.
///
/// Only the clients of [`sdk_config`](super::super::sdk_config) know this. Others would send the request.
///
/// ```no_run
/// # use service::aws::connect_only;
/// # async fn connect(secrets: aws_sdk_secretsmanager::Client) {
/// let _ = secrets.list_secrets().customize().mutate_request(connect_only(1)).send().await;
/// # }
/// ```
pub fn connect_only(connections: usize) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    move |request| request.add_extension(ConnectOnly { connections })
}

#[derive(Clone, Copy, Debug)]
struct ConnectOnly {
    connections: usize,
}

/// Sends the requests of one attempt, or only connects for them.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    connections: Arc<Connections>,
    components: RuntimeComponents,
}

impl Requests {
    pub(super) fn new(connections: Arc<Connections>, components: RuntimeComponents) -> Self {
        Self {
            connections,
            components,
        }
    }
}

impl HttpConnector for Requests {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let origin = match origin_of(&request) {
            Ok(origin) => origin,
            Err(error) => return HttpConnectorFuture::ready(Err(error)),
        };
        let pool = self.connections.young_pool(&origin);
        let connector = self.connections.connector(&pool, &self.components);
        match request.extension() {
            Some(&ConnectOnly { connections }) => {
                let uri = request.uri().to_owned();
                HttpConnectorFuture::new(async move { connect(&pool, &connector, &origin, &uri, connections).await })
            }
            None => connector.call(request),
        }
    }
}

fn origin_of(request: &HttpRequest) -> Result<OriginKey, ConnectorError> {
    let uri = request
        .uri()
        .parse::<Uri>()
        .map_err(|error| ConnectorError::user(error.into()))?;
    OriginKey::from_uri(&uri).map_err(|error| ConnectorError::user(error.into()))
}

async fn connect(
    pool: &Pool,
    connector: &SharedHttpConnector,
    origin: &OriginKey,
    uri: &str,
    connections: usize,
) -> Result<HttpResponse, ConnectorError> {
    let empty = || HttpRequest::get(uri).map_err(|error| ConnectorError::user(error.into()));
    let requests: Result<Vec<_>, _> = (0..connections).map(|_| empty()).collect();
    let requests = requests?
        .into_iter()
        .map(|request| until_it_could_send(connector.call(request)));
    let mut connecting: FuturesUnordered<_> = requests.collect();
    let mut woken = Vec::new();
    // A request that found a connection would send itself. While the gate is closed, no connection can become ready
    // between the look at the pool and the last of the requests.
    poll_fn(|context| {
        pool.gate.closed(|| {
            if is_connected(pool, origin) {
                connecting.clear();
            }
            while let Poll::Ready(Some(request)) = connecting.poll_next_unpin(context) {
                woken.push(request);
            }
        });
        Poll::Ready(())
    })
    .await;
    // A request that is dropped gives its connection to one that still waits. So all of them are kept until the last has
    // a connection of its own.
    woken.extend(connecting.collect::<Vec<_>>().await);
    drop(woken);
    Err(ConnectorError::user("connected, and sent no request".into()))
}

fn is_connected(pool: &Pool, origin: &OriginKey) -> bool {
    let stats = pool.connections.partition_stats(PARTITION, origin).unwrap_or_default();
    stats.pending_acquisitions() + stats.establishing_connections() + stats.physically_live_connections() > 0
}

/// Polls `request` once, so that the pool begins to connect for it, and returns it when it is woken: the connection is ready,
/// or has failed. If it were polled again, it would send itself, so it must be dropped. The pool keeps its connection.
async fn until_it_could_send(mut request: HttpConnectorFuture) -> HttpConnectorFuture {
    let mut is_woken = false;
    poll_fn(|context| {
        if is_woken {
            return Poll::Ready(());
        }
        is_woken = true;
        request.poll_unpin(context).map(drop)
    })
    .await;
    request
}
