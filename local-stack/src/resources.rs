//! The resources that `template.yaml` would create: the bucket, the key, the secrets and the queues.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use loopback::Error;
use serde_json::json;

use crate::values;

/// The resources of one stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resources {
    /// The key that encrypts the recordings.
    pub kms_key_arn: String,
    /// The RSA keys for Twilio's encryption, separated by a comma: the current one, then the previous one.
    pub twilio_encryption_key_arns: String,
    /// Secret with the account's Auth Token.
    pub auth_token_secret: String,
    /// Secret with the SharedKeys that may sign callbacks.
    pub shared_keys_secret: String,
    /// Secret with the API key.
    pub api_key_secret: String,
    /// Secret with the keys of playback links.
    pub link_keys_secret: String,
    /// Queue of links to write.
    pub links: Queue,
    /// Queue of links that are older than ten minutes. It shares its dead-letter queue with the links queue.
    pub late_links: Queue,
    /// Queue of recordings to copy.
    pub copies: Queue,
}

/// A queue and its dead-letter queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Queue {
    /// Its URL.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// The queue for messages that failed too often.
    pub dead_letters_url: String,
    /// Its ARN.
    pub dead_letters_arn: String,
}

/// The stack's RSA key that Twilio encrypts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The previous key.
    Before,
    /// The current key.
    After,
}

/// A client configuration for the emulator, with the stack's credentials.
///
/// Each client has its own connections, which belong to the runtime that uses them.
pub(crate) fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(
        values::ACCESS_KEY_ID,
        values::SECRET_ACCESS_KEY,
        None,
        None,
        "local stack",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(aws_config::Region::from_static(values::REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

impl Resources {
    /// The ARN of one of the RSA keys.
    pub(crate) fn encryption_key(&self, rotation: Rotation) -> &str {
        let keys = self.twilio_encryption_key_arns.split_once(',');
        keys.map_or("", |(new, old)| match rotation {
            Rotation::After => new,
            Rotation::Before => old,
        })
    }

    /// Their names in requests and in `template.yaml`.
    pub(crate) fn template_names(&self) -> Vec<(String, &'static str)> {
        [
            (values::BUCKET, "RecordingsBucket"),
            (&self.kms_key_arn, "RecordingsKey"),
            (self.encryption_key(Rotation::After), "TwilioEncryptionKeyPair"),
            (self.encryption_key(Rotation::Before), "PreviousTwilioEncryptionKeyArns"),
            (&self.auth_token_secret, "AuthTokenSecret"),
            (&self.shared_keys_secret, "SharedKeysSecret"),
            (&self.api_key_secret, "ApiKeySecret"),
            (&self.link_keys_secret, "LinkKeysSecret"),
            (&self.links.url, "LinksQueue"),
            (&self.late_links.url, "LateLinksQueue"),
            (&self.links.dead_letters_url, "LinksDeadLetters"),
            (&self.copies.url, "CopiesQueue"),
            (values::SCHEDULE_GROUP, "Schedules"),
            (values::SCHEDULE_ROLE_ARN, "SchedulerRole"),
        ]
        .map(|(request, template)| (request.to_owned(), template))
        .into()
    }

    /// Creates all of them in an empty account.
    pub(crate) async fn create(config: &SdkConfig) -> Result<Self, Error> {
        let kms_key_arn = create_key(config, KeySpec::SymmetricDefault).await?;
        create_bucket(config, &kms_key_arn).await?;
        let link_keys = json!({
            "current": values::LINK_KEY_ID,
            values::LINK_KEY_ID: values::LINK_KEY,
        });
        let shared_keys = json!({
            values::SHARED_KEY_SID: {"algorithm": "HMAC_SHA256", "secret": values::SHARED_KEY_SECRET},
        });
        let api_key = json!({"sid": values::API_KEY_SID, "secret": values::API_KEY_SECRET});
        // As in the template: links come back within a minute, and copies after the copier's timeout.
        let dead_links = create_plain_queue(config, "links-dead-letters").await?;
        let dead_copies = create_plain_queue(config, "copies-dead-letters").await?;
        Ok(Self {
            kms_key_arn,
            twilio_encryption_key_arns: [
                create_key(config, KeySpec::Rsa2048).await?,
                create_key(config, KeySpec::Rsa2048).await?,
            ]
            .join(","),
            auth_token_secret: create_secret(config, "auth-token", &json!({"primary": values::AUTH_TOKEN})).await?,
            shared_keys_secret: create_secret(config, "shared-keys", &shared_keys).await?,
            api_key_secret: create_secret(config, "api-key", &api_key).await?,
            link_keys_secret: create_secret(config, "link-keys", &link_keys).await?,
            links: create_queue(config, "links", &dead_links, 60, 1_000).await?,
            late_links: create_queue(config, "late-links", &dead_links, 60, 1_000).await?,
            copies: create_queue(config, "copies", &dead_copies, 20 * 60, 5).await?,
        })
    }
}

async fn create_bucket(config: &SdkConfig, kms_key_arn: &str) -> Result<(), Error> {
    let s3 = aws_sdk_s3::Client::new(config);
    s3.create_bucket().bucket(values::BUCKET).send().await?;
    let versioning = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    s3.put_bucket_versioning()
        .bucket(values::BUCKET)
        .versioning_configuration(versioning)
        .send()
        .await?;
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id(kms_key_arn)
        .build()?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .bucket_key_enabled(true)
        .build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    s3.put_bucket_encryption()
        .bucket(values::BUCKET)
        .server_side_encryption_configuration(encryption)
        .send()
        .await?;
    Ok(())
}

async fn create_key(config: &SdkConfig, spec: KeySpec) -> Result<String, Error> {
    let created = aws_sdk_kms::Client::new(config)
        .create_key()
        .description("recordings")
        .key_spec(spec)
        .key_usage(KeyUsageType::EncryptDecrypt)
        .send()
        .await?;
    Ok(created
        .key_metadata
        .and_then(|key| key.arn)
        .ok_or("KMS created a key without an ARN")?)
}

async fn create_secret(config: &SdkConfig, name: &str, value: &serde_json::Value) -> Result<String, Error> {
    let secrets = aws_sdk_secretsmanager::Client::new(config);
    let created = secrets
        .create_secret()
        .name(name)
        .secret_string(value.to_string())
        .send()
        .await?;
    Ok(created.arn.ok_or("Secrets Manager created a secret without an ARN")?)
}

async fn create_queue(
    config: &SdkConfig,
    name: &str,
    dead_letters_url: &str,
    visibility_seconds: u32,
    max_receives: u32,
) -> Result<Queue, Error> {
    let sqs = aws_sdk_sqs::Client::new(config);
    let dead_letters_arn = queue_arn(&sqs, dead_letters_url).await?;
    let redrive = json!({"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": max_receives});
    let queue = sqs
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::VisibilityTimeout, visibility_seconds.to_string())
        .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string())
        .send()
        .await?;
    let url = queue.queue_url.ok_or("SQS created a queue without a URL")?;
    Ok(Queue {
        arn: queue_arn(&sqs, &url).await?,
        url,
        dead_letters_url: dead_letters_url.to_owned(),
        dead_letters_arn,
    })
}

async fn create_plain_queue(config: &SdkConfig, name: &str) -> Result<String, Error> {
    let sqs = aws_sdk_sqs::Client::new(config);
    let queue = sqs.create_queue().queue_name(name).send().await?;
    Ok(queue.queue_url.ok_or("SQS created a queue without a URL")?)
}

async fn queue_arn(sqs: &aws_sdk_sqs::Client, url: &str) -> Result<String, Error> {
    let arn = QueueAttributeName::QueueArn;
    let answer = sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(arn.clone())
        .send()
        .await?;
    Ok(answer
        .attributes
        .and_then(|mut all| all.remove(&arn))
        .ok_or("SQS returned no ARN for a queue")?)
}
