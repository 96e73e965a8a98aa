//! Puts the function together.

use aws_config::SdkConfig;
use cache::Clock;
use playback_link::KeyRing;
use service::secrets::{MAX_OUTAGE_OF_LINK_KEYS, Secret, SecretSource, Secrets};
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
    /// Puts the function together with clients of AWS and Twilio. Makes no network call.
    ///
    /// # Errors
    /// [`ClientError`] if the HTTP client for Twilio cannot be made.
    pub fn connect(config: Config, aws: &SdkConfig) -> Result<Self, ClientError> {
        let s3 = aws_sdk_s3::Client::new(aws);
        let kms = aws_sdk_kms::Client::new(aws);
        let reader = Reader::new(s3, kms, config.vault.clone());
        let twilio = Client::new(config.vault.account.clone(), config.twilio_endpoints.clone())?;
        let secrets = Secrets::new(aws);
        let method = match config.token_validation.clone() {
            TokenValidation::Flex => ValidationMethod::Flex,
            TokenValidation::Player => ValidationMethod::Player,
            TokenValidation::Account { auth_token_secret } => {
                let secret = Secret::new(&secrets, auth_token_secret, AuthTokens::parse);
                let source = AccountAuthToken::new(config.vault.account.clone(), secret);
                ValidationMethod::Account(CredentialKind::AuthToken, Box::new(source))
            }
            TokenValidation::ApiKey { api_key_secret } => {
                let secret = Secret::new(&secrets, api_key_secret, Credentials::parse_api_key);
                ValidationMethod::Account(CredentialKind::ApiKey, Box::new(secret))
            }
        };
        let link_keys = Secret::new(&secrets, config.link_keys_secret.clone(), |text| {
            KeyRing::parse(text).ok()
        })
        .with_max_outage(MAX_OUTAGE_OF_LINK_KEYS);
        let tokens = TwilioTokens::new(twilio, method);
        Ok(Self::new(config, reader, tokens, link_keys))
    }
}
