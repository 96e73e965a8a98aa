//! The connections of all AWS clients, and what is done with them before the first request.

mod connect_only;
mod gate;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_smithy_http_client::{
    pool::{Client, ConnectionPool, DriverSpawner, OriginKey, Partition, PartitionId},
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
    runtime_components::RuntimeComponents,
};
use cache::Clock;

pub use self::connect_only::connect_only;
use self::{connect_only::Requests, gate::Gate};

/// How long a connection may be unused. The pool closes an older one by itself, but not while Lambda has the instance
/// frozen: its timer stands still then.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// Limit on what is done ahead, the same as for a connection and for a read of a secret. A healthy service in the same
/// Region needs a hundredth of it, and Lambda ends an initialization after 10 s.
const MAX_AHEAD: Duration = Duration::from_secs(2);

/// The only partition of a pool.
const PARTITION: PartitionId = PartitionId::from_index(0);

/// The connections of all clients. The timeouts for connecting and reading are part of them, so a client can't change
/// them. A client can change the timeouts for whole attempts and operations.
///
/// The SDK's usual connector can't connect without a request: if the request is dropped, so is its connection. Its newer
/// pool finishes the connection, and keeps it for the next request.
pub(super) fn shared(settings: HttpConnectorSettings, clock: Clock) -> SharedHttpClient {
    SharedHttpClient::new(Shared(Arc::new(Connections {
        settings,
        clock,
        first: Pool::new(),
        used: Mutex::default(),
    })))
}

/// Does `work` before the first event, but gives it up after two seconds. Its outcome does not matter, because the first
/// request does what is missing.
pub async fn ahead(work: impl Future<Output = ()>) {
    if tokio::time::timeout(MAX_AHEAD, work).await.is_err() {
        tracing::info!("AWS did not answer in time, so the first request connects itself");
    }
}

#[derive(Debug)]
struct Shared(Arc<Connections>);

impl HttpClient for Shared {
    /// The SDK calls this for each attempt.
    fn http_connector(&self, _: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Requests::new(Arc::clone(&self.0), components.clone()))
    }
}

#[derive(Debug)]
struct Connections {
    settings: HttpConnectorSettings,
    clock: Clock,
    /// The pool of every origin, until its connections to one are too old.
    first: Pool,
    /// A handful: the functions only call AWS.
    used: Mutex<HashMap<OriginKey, (Pool, SystemTime)>>,
}

impl Connections {
    /// The pool with the connections to `origin`. It is a new one if nobody has used them for too long by the wall clock,
    /// or if that clock went backwards. Lambda may initialize an instance long before its first event, and freezes it
    /// between two events. Connections that died meanwhile would only be noticed by the requests that fail on them.
    fn young_pool(&self, origin: &OriginKey) -> Pool {
        // A poisoned lock is usable, because no code that can panic runs while a pool is replaced.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let (pool, last_use) = used.entry(origin.clone()).or_insert_with(|| (self.first.clone(), now));
        let is_young = now.duration_since(*last_use).is_ok_and(|age| age < MAX_IDLE);
        if !is_young {
            *pool = Pool::new();
        }
        *last_use = now;
        pool.clone()
    }

    fn connector(&self, pool: &Pool, components: &RuntimeComponents) -> SharedHttpConnector {
        let client = Client::from_partition(&pool.connections, PARTITION).expect("each pool has this partition");
        client.http_connector(&self.settings, components)
    }
}

#[derive(Clone, Debug)]
struct Pool {
    connections: ConnectionPool,
    gate: Arc<Gate>,
}

impl Pool {
    fn new() -> Self {
        let gate = Arc::<Gate>::default();
        let spawner = Arc::clone(&gate);
        let spawner = DriverSpawner::from_fn(move |task| spawner.spawn(task));
        let connections = ConnectionPool::builder()
            .partitions([Partition::new(PARTITION, spawner)])
            .idle_timeout(MAX_IDLE)
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build_https()
            .expect("there is one partition, and Tokio has a timer");
        Self { connections, gate }
    }
}

#[cfg(test)]
mod tests;
