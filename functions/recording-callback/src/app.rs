//! Makes the clients once, and dispatches each event to the part that handles it.

use std::fmt;

use aws_config::SdkConfig;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;
use service::{
    secrets::{MAX_OUTAGE_OF_LINK_KEYS, Secret, Secrets},
    settings::Settings,
};
use sid::AccountSid;
use twilio::{
    auth_tokens::AuthTokens,
    client::{Client, ClientError, Credentials},
    shared_keys::SharedKeys,
};
use vault::{
    Bucket, Catalog, DeletedOriginals, DeletionNotices, PendingDeletions, Reader, ReaderConfig, Records, Writer,
};

use crate::{
    clock,
    config::{Config, CopierConfig, LinkMode, LinkerConfig, WebhookConfig},
    first_event::FirstEvent,
    invocation::{Invocation, InvocationError, Reply},
    jobs::{Copier, Jobs, LinkKind, Linker, Links, LinksQueue, MediaKeys, OriginalDeleter, process_batch},
    operator::{Invoked, Operator},
    schedules::Deletions,
    secret::key_ring,
    twilio_account::TwilioAccount,
    webhook::{Delivery, Queues, Signers, Webhook},
};

/// Reads the settings, makes the clients, and handles events until Lambda ends the process.
///
/// # Errors
/// All invalid settings together, a client that cannot be made, or a Runtime API that cannot be reached.
pub async fn serve() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_settings(Settings::from_env())?;
    let aws = service::aws::sdk_config(config.aws_timeouts)?;
    let first = FirstEvent::of(&config);
    // Elsewhere, because the client for Twilio reads the root certificates, which takes about as long as a round trip to AWS.
    let making = tokio::task::spawn_blocking({
        let aws = aws.clone();
        || App::new(config, aws)
    });
    service::aws::ahead(first.connect(&aws)).await;
    let app = making
        .await
        .expect("making the clients neither panics nor is canceled")?;
    // Boxed, because the compiler limits how deeply the runtime's futures and these may nest.
    lambda_runtime::run(service_fn(|event| Box::pin(app.invoke(event)))).await
}

/// One running instance, in the role that its configuration gives it.
pub struct App {
    webhook: Option<Webhook>,
    jobs: Jobs,
    /// Unset, a failed link comes back when its queue's visibility timeout ends.
    links_queue: Option<LinksQueue>,
    operator: Option<Operator>,
}

impl App {
    /// Makes the clients that the role needs. Makes no network call.
    ///
    /// # Errors
    /// All invalid settings together, or a client that cannot be made.
    pub fn connect(settings: Settings, aws: SdkConfig) -> Result<Self, lambda_runtime::Error> {
        Ok(Self::new(Config::from_settings(settings)?, aws)?)
    }

    /// Handles one event as the runtime delivers it, and returns the answer that the runtime sends.
    ///
    /// # Errors
    /// The error that the invoker gets for an event that this role does not handle.
    pub async fn invoke(&self, event: LambdaEvent<Box<RawValue>>) -> Result<impl Serialize + use<>, Diagnostic> {
        Ok(self.handle(event).await?)
    }

    fn new(config: Config, aws: SdkConfig) -> Result<Self, ClientError> {
        let aws = Aws::new(aws);
        let Config {
            account, webhook, jobs, ..
        } = config;
        let webhook = webhook.map(|webhook| aws.webhook(account.clone(), webhook));
        let Some(config) = jobs else {
            return Ok(Self {
                webhook,
                jobs: Jobs::default(),
                links_queue: None,
                operator: None,
            });
        };
        let client = Client::new(account, config.endpoints)?;
        let twilio = || {
            let api_key = Secret::new(&aws.secrets, config.api_key_secret.clone(), Credentials::parse_api_key);
            TwilioAccount::new(client.clone(), api_key)
        };
        let links_queue = config.linker.as_ref().and_then(|linker| aws.links_queue(linker));
        Ok(Self {
            webhook,
            jobs: Jobs {
                linker: config
                    .linker
                    .map(|linker| aws.linker(twilio(), linker, links_queue.is_some())),
                deleter: config
                    .copier
                    .as_ref()
                    .map(|copier| aws.deleter(twilio(), &copier.verification)),
                copier: config.copier.map(|copier| aws.copier(twilio(), copier)),
            },
            links_queue,
            operator: config
                .operator
                .map(|operator| Operator::new(&aws.config, twilio(), operator)),
        })
    }

    /// Handles one event.
    ///
    /// # Errors
    /// [`InvocationError`] for an event that this role does not handle. The [`Reply`] covers refused requests and failed
    /// jobs.
    async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Reply, InvocationError> {
        let LambdaEvent { payload, context } = event;
        let reply = self.dispatch(&payload, &context).await;
        if let Err(error) = &reply {
            tracing::error!(%error, "invocation failed");
        }
        reply
    }

    async fn dispatch(&self, event: &RawValue, context: &Context) -> Result<Reply, InvocationError> {
        let deadline = clock::work_deadline(context);
        match Invocation::parse(event)? {
            Invocation::Http(request) => {
                let webhook = self
                    .webhook
                    .as_ref()
                    .ok_or(InvocationError::OtherRole("HTTP requests"))?;
                let response = webhook.answer(request, &self.jobs, &context.request_id, deadline).await;
                Ok(Reply::Http(Box::new(response)))
            }
            Invocation::Messages(batch) => {
                let links_queue = self.links_queue.as_ref();
                let response = process_batch(&self.jobs, links_queue, batch, deadline).await;
                Ok(Reply::Messages(response))
            }
            Invocation::Command(command) => {
                let operator = self
                    .operator
                    .as_ref()
                    .ok_or(InvocationError::OtherRole("an operator's commands"))?;
                let invoked = Invoked {
                    function_arn: &context.invoked_function_arn,
                    request_id: &context.request_id,
                    deadline,
                };
                Ok(Reply::Command(operator.run(command, invoked).await?))
            }
        }
    }
}

/// The parts hold clients with credentials, so none of them is shown.
impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

/// Makes the parts, each with its AWS clients.
struct Aws {
    config: SdkConfig,
    secrets: Secrets,
}

impl Aws {
    fn new(config: SdkConfig) -> Self {
        Self {
            secrets: Secrets::new(&config),
            config,
        }
    }

    fn webhook(&self, account: AccountSid, config: WebhookConfig) -> Webhook {
        Webhook {
            account,
            signers: Signers {
                auth_tokens: config
                    .auth_token_secret
                    .map(|id| Secret::new(&self.secrets, id, AuthTokens::parse)),
                shared_keys: config
                    .shared_keys_secret
                    .map(|id| Secret::new(&self.secrets, id, SharedKeys::parse)),
            },
            public_base_url: config.public_base_url,
            delivery: match config.queues {
                Some(urls) => Delivery::Queues(Queues::new(&self.sqs(), urls)),
                None => Delivery::Inline,
            },
        }
    }

    fn links_queue(&self, config: &LinkerConfig) -> Option<LinksQueue> {
        let urls = config.queue.clone()?;
        Some(LinksQueue::new(&self.sqs(), urls))
    }

    fn linker(&self, twilio: TwilioAccount, config: LinkerConfig, waits_for_task: bool) -> Linker {
        let kind = match config.mode {
            LinkMode::Media => LinkKind::Media,
            LinkMode::SegmentLink { keys_secret } => {
                let keys = Secret::new(&self.secrets, keys_secret, key_ring);
                LinkKind::SegmentLink(keys.with_max_outage(MAX_OUTAGE_OF_LINK_KEYS))
            }
        };
        Linker {
            twilio,
            workspace: config.workspace,
            links: Links {
                kind,
                playback_base_url: config.playback_base_url,
                channels: config.channels,
            },
            waits_for_task,
            deletions: config.deletion.map(|deletion| Deletions::new(&self.config, deletion)),
        }
    }

    fn copier(&self, twilio: TwilioAccount, config: CopierConfig) -> Copier {
        Copier {
            twilio,
            max_receives: config.max_receives,
            records: Records::new(Bucket::new(self.s3(), &config.vault.bucket)),
            reader: Reader::new(self.s3(), self.kms(), config.verification),
            writer: Writer::new(self.s3(), self.kms(), config.vault),
            formats: config.formats,
            media_keys: config.media_keys.map(|keys| MediaKeys::new(self.kms(), keys)),
        }
    }

    fn deleter(&self, twilio: TwilioAccount, config: &ReaderConfig) -> OriginalDeleter {
        let bucket = Bucket::new(self.s3(), &config.bucket);
        OriginalDeleter {
            twilio,
            catalog: Catalog::new(bucket.clone()),
            notices: DeletionNotices::new(bucket.clone()),
            pending: PendingDeletions::new(bucket.clone()),
            records: Records::new(bucket.clone()),
            deleted: DeletedOriginals::new(bucket),
            reader: Reader::new(self.s3(), self.kms(), config.clone()),
        }
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.config)
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample_events::{COPY_RECORDING, POST_TEXT};

    /// Accepts messages and fails every job.
    const WITHOUT_PARTS: App = App {
        webhook: None,
        jobs: Jobs {
            linker: None,
            copier: None,
            deleter: None,
        },
        links_queue: None,
        operator: None,
    };

    fn event(text: &str) -> LambdaEvent<Box<RawValue>> {
        LambdaEvent::new(serde_json::from_str(text).unwrap(), Context::default())
    }

    #[tokio::test]
    async fn a_function_that_is_no_webhook_takes_no_requests() {
        let error = WITHOUT_PARTS.handle(event(POST_TEXT)).await.unwrap_err();
        assert_eq!(error.to_string(), "this role does not accept HTTP requests");
    }

    #[tokio::test]
    async fn a_function_that_is_no_operators_takes_no_commands() {
        let error = WITHOUT_PARTS.handle(event(r#"{"reconcile":{}}"#)).await.unwrap_err();
        assert_eq!(error.to_string(), "this role does not accept an operator's commands");
    }

    #[tokio::test]
    async fn a_message_is_answered_in_the_shape_of_its_source() {
        let reply = WITHOUT_PARTS.handle(event(COPY_RECORDING)).await.unwrap();
        assert_eq!(
            serde_json::to_value(reply).unwrap(),
            serde_json::json!({"batchItemFailures": [{"itemIdentifier": "00000000-0000-0000-0000-000000000001"}]})
        );
    }

    #[tokio::test]
    async fn an_event_of_another_shape_is_an_error_that_names_the_known_ones() {
        let error = WITHOUT_PARTS
            .handle(event(r#"{"paint":"the fence"}"#))
            .await
            .unwrap_err();
        assert!(matches!(error, InvocationError::UnknownShape));
    }
}
