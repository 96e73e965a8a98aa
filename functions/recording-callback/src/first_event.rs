//! The connections that the first event certainly needs, made while Lambda initializes the function.

use aws_config::SdkConfig;
use futures_util::future::OptionFuture;
use service::{aws::connect_only, secrets::Secrets};

use crate::config::Config;

/// A callback sends both of its messages at the same time.
const TO_SQS: usize = 2;

/// What the first event of a role needs. No request is sent for it: the webhook must not call SQS before a signature
/// verifies, and the copier needs a job.
pub(crate) struct FirstEvent {
    /// The webhook's Auth Token, or the API key of jobs.
    secret: bool,
    /// The URL of a queue, if callbacks become messages.
    queue: Option<String>,
    /// The bucket, if recordings are copied. A copy needs KMS too.
    bucket: Option<String>,
}

impl FirstEvent {
    pub(crate) fn of(config: &Config) -> Self {
        let queues = config.webhook.as_ref().and_then(|webhook| webhook.queues.as_ref());
        let copier = config.jobs.as_ref().and_then(|jobs| jobs.copier.as_ref());
        let is_linker = config.jobs.as_ref().is_some_and(|jobs| jobs.linker.is_some());
        Self {
            // Not every command of an operator needs a secret.
            secret: config.webhook.is_some() || is_linker || copier.is_some(),
            queue: queues.map(|queues| queues.copies.clone()),
            bucket: copier.map(|copier| copier.vault.bucket.clone()),
        }
    }

    pub(crate) async fn connect(self, aws: &SdkConfig) {
        let secret = self.secret.then_some(async { Secrets::new(aws).connect_ahead().await });
        let queue = self.queue.map(|url| async {
            let message = aws_sdk_sqs::Client::new(aws)
                .send_message()
                .queue_url(url)
                .message_body("-");
            // Each outcome is an error in any case.
            let _ = message.customize().mutate_request(connect_only(TO_SQS)).send().await;
        });
        let vault = self.bucket.map(|bucket| async {
            let object = aws_sdk_s3::Client::new(aws).head_object().bucket(bucket).key("-");
            let key = aws_sdk_kms::Client::new(aws).generate_data_key().key_id("-");
            let _ = tokio::join!(
                object.customize().mutate_request(connect_only(1)).send(),
                key.customize().mutate_request(connect_only(1)).send(),
            );
        });
        // Boxed, because the SDK's futures are nested so deeply.
        tokio::join!(
            Box::pin(OptionFuture::from(secret)),
            Box::pin(OptionFuture::from(queue)),
            Box::pin(OptionFuture::from(vault)),
        );
    }
}
