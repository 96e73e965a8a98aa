//! The function put together.

use aws_config::SdkConfig;
use service::secrets::Secrets;
use twilio::client::{Client, ClientError};
use vault::Reader;

use crate::{
    access::{LinkGate, SecretLinkKeys, TokenGate},
    config::Config,
    cors::FlexOrigins,
    ports::{LinkKeys, Recordings, TokenCheck},
};

/// Everything a request is answered with; made once, used by one request after the other.
#[derive(Debug)]
pub struct App<R, C, K> {
    pub(crate) recordings: R,
    pub(crate) tokens: TokenGate<C>,
    pub(crate) links: LinkGate<K>,
    pub(crate) max_range_bytes: u64,
    pub(crate) base_url: Option<String>,
    pub(crate) flex_origins: FlexOrigins,
}

impl<R: Recordings, C: TokenCheck, K: LinkKeys> App<R, C, K> {
    /// Puts the function together from given parts.
    pub fn new(config: Config, recordings: R, token_check: C, link_keys: K) -> Self {
        Self {
            recordings,
            tokens: TokenGate::new(token_check, config.allowed_roles),
            links: LinkGate::new(link_keys, config.link_ttl_s, config.accept_segment_links),
            max_range_bytes: config.max_range_bytes,
            base_url: config.base_url,
            flex_origins: config.flex_origins,
        }
    }
}

impl App<Reader, Client, SecretLinkKeys> {
    /// Puts the function together with clients of AWS and Twilio. Calls neither.
    ///
    /// # Errors
    /// [`ClientError`] where the HTTP client for Twilio can't be made.
    pub fn connect(config: Config, aws: &SdkConfig) -> Result<Self, ClientError> {
        let s3 = aws_sdk_s3::Client::new(aws);
        let kms = aws_sdk_kms::Client::new(aws);
        let reader = Reader::new(s3, kms, config.vault.clone());
        let twilio = Client::new(config.twilio_account.clone(), config.twilio_endpoints.clone())?;
        let link_keys = SecretLinkKeys::new(Secrets::new(aws), config.link_keys_secret.clone());
        Ok(Self::new(config, reader, twilio, link_keys))
    }
}
