//! Puts the function together.

use aws_config::SdkConfig;
use cache::Clock;
use playback_link::KeyRing;
use service::{
    aws::{ahead, connect_only},
    secrets::{MAX_OUTAGE_OF_LINK_KEYS, Secret, SecretSource, Secrets},
};
use tokio::task::spawn_blocking;
use twilio::{
    auth_tokens::AuthTokens,
    client::{Client, ClientError, Credentials},
};
use vault::Reader;

use crate::{
    access::{AccountAuthToken, CredentialKind, LinkGate, TokenGate, TwilioTokens, ValidationMethod},
    config::{Config, TokenValidation},
    cors::FlexOrigins,
    ports::{Recordings, TokenCheck},
};

/// The requests that a cold open sends to S3 at the same time: the head with the first frames, and the tail (`vault`'s
/// `plan.rs`). Only a listener who begins in the middle causes a third one.
const TO_S3: usize = 2;

/// Everything that answers requests. It is made once, and one request after the other uses it.
#[derive(Debug)]
pub struct App<R, C> {
    pub(crate) recordings: R,
    pub(crate) tokens: TokenGate<C>,
    pub(crate) links: LinkGate,
    pub(crate) max_range_bytes: u64,
    pub(crate) base_url: Option<String>,
    pub(crate) flex_origins: FlexOrigins,
}

impl<R: Recordings, C: TokenCheck> App<R, C> {
    /// Puts the function together from given parts.
    pub fn new(config: Config, recordings: R, token_check: C, link_keys: impl SecretSource<KeyRing> + 'static) -> Self {
        Self {
            recordings,
            tokens: TokenGate::new(token_check, config.allowed_roles, Clock::wall()),
            links: LinkGate::new(link_keys, config.link_ttl_s, config.accept_segment_links),
            max_range_bytes: config.max_range_bytes,
            base_url: config.base_url,
            flex_origins: config.flex_origins,
        }
    }
}

impl App<Reader, TwilioTokens> {
    /// Puts the function together, and does for the first request what can be done before it arrives: it connects to S3 and
    /// KMS, and reads the link keys. If that fails or takes too long, the first request does it.
    ///
    /// # Errors
    /// [`ClientError`] if the HTTP client for Twilio cannot be made.
    pub async fn start(config: Config, aws: &SdkConfig) -> Result<Self, ClientError> {
        // Elsewhere, because it reads the root certificates, which takes about as long as a round trip to AWS.
        let (account, endpoints) = (config.vault.account.clone(), config.twilio_endpoints.clone());
        let twilio = spawn_blocking(|| Client::new(account, endpoints));
        let clients = Clients::new(aws);
        ahead(clients.prepare(&config.vault.bucket, &config.link_keys_secret)).await;
        let twilio = twilio.await.expect("making a client neither panics nor is canceled")?;
        Ok(Self::with_clients(config, &clients, twilio))
    }

    /// Puts the function together with clients of AWS and Twilio. Makes no network call.
    ///
    /// # Errors
    /// [`ClientError`] if the HTTP client for Twilio cannot be made.
    pub fn connect(config: Config, aws: &SdkConfig) -> Result<Self, ClientError> {
        let twilio = Client::new(config.vault.account.clone(), config.twilio_endpoints.clone())?;
        Ok(Self::with_clients(config, &Clients::new(aws), twilio))
    }

    fn with_clients(config: Config, clients: &Clients, twilio: Client) -> Self {
        let Clients { s3, kms, secrets } = clients;
        let reader = Reader::new(s3.clone(), kms.clone(), config.vault.clone());
        let method = match config.token_validation.clone() {
            TokenValidation::Flex => ValidationMethod::Flex,
            TokenValidation::Player => ValidationMethod::Player,
            TokenValidation::Account { auth_token_secret } => {
                let secret = Secret::new(secrets, auth_token_secret, AuthTokens::parse);
                let source = AccountAuthToken::new(config.vault.account.clone(), secret);
                ValidationMethod::Account(CredentialKind::AuthToken, Box::new(source))
            }
            TokenValidation::ApiKey { api_key_secret } => {
                let secret = Secret::new(secrets, api_key_secret, Credentials::parse_api_key);
                ValidationMethod::Account(CredentialKind::ApiKey, Box::new(secret))
            }
        };
        let link_keys = Secret::new(secrets, config.link_keys_secret.clone(), |text| {
            KeyRing::parse(text).ok()
        })
        .with_max_outage(MAX_OUTAGE_OF_LINK_KEYS);
        let tokens = TwilioTokens::new(twilio, method);
        Self::new(config, reader, tokens, link_keys)
    }
}

/// The clients of AWS.
struct Clients {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    secrets: Secrets,
}

impl Clients {
    fn new(aws: &SdkConfig) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(aws),
            kms: aws_sdk_kms::Client::new(aws),
            secrets: Secrets::new(aws),
        }
    }

    /// Makes the connections of a first playback, and reads the link keys. Neither S3 nor KMS gets a request, because only
    /// a verified link may cause one.
    async fn prepare(&self, bucket: &str, link_keys: &str) {
        let object = self.s3.get_object().bucket(bucket).key("-").customize();
        let s3 = object.mutate_request(connect_only(TO_S3)).send();
        let kms = self.kms.decrypt().customize().mutate_request(connect_only(1)).send();
        // The link keys come first, because they take a round trip more. The outcome of the others is an error in any case.
        // Boxed, because the SDK's futures are nested so deeply.
        let _ = tokio::join!(self.secrets.read_ahead(link_keys), Box::pin(s3), Box::pin(kms));
    }
}
