use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_secretsmanager::Client;
use loopback::Server;
use tokio::{net::TcpStream, sync::mpsc};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A wall clock that tests move. The monotonic clock doesn't move meanwhile, as in a frozen instance.
#[derive(Default)]
struct Wall(Arc<AtomicU64>);

impl Wall {
    fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Clock::new(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds.load(Ordering::Relaxed))
        })
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A client without retries, so that a request which failed on an old connection would be seen.
fn client(endpoint: &str, wall: &Wall) -> Client {
    client_with(endpoint, wall, RetryConfig::disabled())
}

fn client_with(endpoint: &str, wall: &Wall, retries: RetryConfig) -> Client {
    Client::new(&config(wall, retries).into_builder().endpoint_url(endpoint).build())
}

fn config(wall: &Wall, retries: RetryConfig) -> SdkConfig {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(MINUTE)
        .read_timeout(MINUTE)
        .build();
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .http_client(shared(settings, wall.clock()))
        .build()
}

async fn connect(client: &Client, connections: usize) {
    let request = client
        .list_secrets()
        .customize()
        .mutate_request(connect_only(connections));
    request.send().await.unwrap_err();
}

async fn request(client: &Client) {
    client.list_secrets().send().await.unwrap();
}

/// The server counts a connection when it accepts it, which may be after the client uses it.
async fn accepted(server: &Server, connections: usize) {
    while server.connections() < connections {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.connections(), connections);
}

#[tokio::test]
async fn connections_are_made_without_a_request_and_used_by_the_next_ones() {
    let server = Server::answering(200, &[], "{}").await;
    let client = client(server.endpoint(), &Wall::default());
    connect(&client, 2).await;
    accepted(&server, 2).await;
    assert_eq!(server.requests().len(), 0);
    tokio::join!(request(&client), request(&client));
    assert_eq!((server.connections(), server.requests().len()), (2, 2));
}

#[tokio::test]
async fn an_unused_connection_is_enough() {
    let server = Server::answering(200, &[], "{}").await;
    let client = client(server.endpoint(), &Wall::default());
    request(&client).await;
    connect(&client, 1).await;
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

/// On several threads, a connection could become ready before the next request to the same address looks for one. It
/// would then send that request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_is_sent_however_the_threads_run() {
    for _ in 0..200 {
        let server = Server::answering(200, &[], "{}").await;
        let client = client(server.endpoint(), &Wall::default());
        let tasks = [(); 4].map(|()| {
            let client = client.clone();
            tokio::spawn(async move { connect(&client, 4).await })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(server.requests().len(), 0);
    }
}

/// 90 s and more by the wall clock, or a clock that went backwards.
#[tokio::test]
async fn connections_that_are_old_by_the_wall_clock_are_replaced() {
    let server = Server::answering(200, &[], "{}").await;
    let wall = Wall::default();
    let client = client(server.endpoint(), &wall);
    connect(&client, 1).await;
    wall.pass(89);
    request(&client).await;
    assert_eq!(server.connections(), 1);
    wall.pass(90);
    request(&client).await;
    assert_eq!(server.connections(), 2);
    wall.0.fetch_sub(1, Ordering::Relaxed);
    request(&client).await;
    assert_eq!((server.connections(), server.requests().len()), (3, 3));
}

/// A listener's ranges keep the connection to S3 in use. That to KMS may have died meanwhile.
#[tokio::test]
async fn the_connections_to_each_service_have_an_age_of_their_own() {
    let [busy, idle] = [
        Server::answering(200, &[], "{}").await,
        Server::answering(200, &[], "{}").await,
    ];
    let wall = Wall::default();
    let shared = config(&wall, RetryConfig::disabled());
    let [to_busy, to_idle] =
        [&busy, &idle].map(|server| Client::new(&shared.to_builder().endpoint_url(server.endpoint()).build()));
    request(&to_idle).await;
    for _ in 0..3 {
        request(&to_busy).await;
        wall.pass(60);
    }
    request(&to_idle).await;
    request(&to_busy).await;
    assert_eq!((busy.connections(), idle.connections()), (1, 2));
}

/// The SDK sends the request again if the client had not noticed that yet.
#[tokio::test]
async fn a_connection_that_the_service_has_closed_is_replaced() {
    let (listener, port) = loopback::listen().await.unwrap();
    let (accepting, mut connections) = mpsc::channel::<TcpStream>(1);
    let accept = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        accepting.send(connection).await.unwrap();
        listener
    });
    let endpoint = format!("http://127.0.0.1:{port}");
    let client = client_with(&endpoint, &Wall::default(), RetryConfig::standard());
    connect(&client, 1).await;
    drop(connections.recv().await.unwrap());
    let listener = accept.await.unwrap();
    loopback::serve(listener, |_| async { Ok(loopback::answer(200, &[], "{}")) });
    request(&client).await;
}

#[tokio::test]
async fn a_service_that_refuses_or_is_silent_does_not_stop_the_start() {
    let absent = client(loopback::absent().await.as_str(), &Wall::default());
    tokio::time::timeout(MINUTE, connect(&absent, 2)).await.unwrap();
    // TLS with a silent service never becomes ready.
    let silent = loopback::silent().await.as_str().replace("http:", "https:");
    let silent = client(&silent, &Wall::default());
    tokio::time::timeout(MINUTE, ahead(connect(&silent, 1))).await.unwrap();
}
