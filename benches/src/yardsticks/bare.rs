//! *bare*: the skeleton of a function that plays recordings. It makes the clients that playback makes, with the SDK's usual
//! connector, and nothing else. Each event makes the calls of a first playback one after the other: the secret, the object
//! and the key. The answer is the stored bytes.

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use http::{Response, StatusCode, header};
use lambda_http::{Request, run_with_streaming_response, service_fn};
use service::{
    aws::{Timeouts, sdk_config},
    runtime_socket::RuntimeSocket,
};

use crate::{Failure, names};

struct Clients {
    secrets: aws_sdk_secretsmanager::Client,
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
}

/// Answers the query `KEY` with the requested range of that object.
pub(crate) async fn run() -> Result<(), lambda_http::Error> {
    let tls = Provider::Rustls(CryptoMode::AwsLc);
    let connector = SharedHttpConnector::new(Connector::builder().tls_provider(tls).build());
    let aws = sdk_config(Timeouts::FOR_JOBS)?.into_builder();
    let aws = aws.http_client(http_client_fn(move |_, _| connector.clone())).build();
    let clients = Clients {
        secrets: aws_sdk_secretsmanager::Client::new(&aws),
        s3: aws_sdk_s3::Client::new(&aws),
        kms: aws_sdk_kms::Client::new(&aws),
    };
    let socket = RuntimeSocket::from_env();
    let answer = |request: Request| {
        socket.send_at_once();
        Box::pin(answer(&clients, request))
    };
    run_with_streaming_response(service_fn(answer)).await
}

async fn answer(clients: &Clients, request: Request) -> Result<Response<SdkBody>, Failure> {
    let secret = clients.secrets.get_secret_value().secret_id(names::LINK_KEYS_SECRET);
    secret.send().await?;
    let range = request.headers().get(header::RANGE);
    let object = clients
        .s3
        .get_object()
        .bucket(names::BUCKET)
        .key(request.uri().query().unwrap_or_default())
        .set_range(range.map(|range| range.to_str().map(str::to_owned)).transpose()?)
        .send()
        .await?;
    let wrapped = aws_sdk_kms::primitives::Blob::new([7; 184]);
    let key = clients.kms.decrypt().key_id(names::KMS_KEY).ciphertext_blob(wrapped);
    key.send().await?;
    let mut response = Response::new(object.body.into_inner());
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    Ok(response)
}
