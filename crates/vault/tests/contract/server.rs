//! Clients for a server, and requests that several expectations share.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::{
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    operation::{
        get_object::builders::GetObjectFluentBuilder, head_object::builders::HeadObjectFluentBuilder,
        put_object::builders::PutObjectFluentBuilder,
    },
};

/// A server with an empty bucket for this run.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) bucket: String,
    keys: AtomicU32,
}

impl Server {
    /// Requests are not retried, because the expectations are about single replies.
    pub(crate) async fn at(endpoint: &str) -> Self {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials.clone())
            .endpoint_url(endpoint)
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .build();
        let kms = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .build();
        let server = Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            kms: aws_sdk_kms::Client::from_conf(kms),
            bucket: format!("contract-{}", std::process::id()),
            keys: AtomicU32::new(0),
        };
        server.s3.create_bucket().bucket(&server.bucket).send().await.unwrap();
        server
    }

    /// An object key under which nothing is stored.
    pub(crate) fn free_key(&self) -> String {
        format!("key-{:04}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn get(&self, key: &str) -> GetObjectFluentBuilder {
        self.s3.get_object().bucket(&self.bucket).key(key)
    }

    pub(crate) fn head(&self, key: &str) -> HeadObjectFluentBuilder {
        self.s3.head_object().bucket(&self.bucket).key(key)
    }

    pub(crate) fn put(&self, key: &str, body: &[u8]) -> PutObjectFluentBuilder {
        let request = self.s3.put_object().bucket(&self.bucket).key(key);
        request.body(body.to_vec().into())
    }

    /// Stores `body` under `key`, and returns its ETag.
    pub(crate) async fn store(&self, key: &str, body: &[u8]) -> String {
        self.put(key, body).send().await.unwrap().e_tag.unwrap()
    }

    pub(crate) async fn body(&self, key: &str) -> Vec<u8> {
        let reply = self.get(key).send().await.unwrap();
        reply.body.collect().await.unwrap().to_vec()
    }
}
