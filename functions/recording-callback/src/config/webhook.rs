//! Settings of the function that accepts callbacks.

use service::settings::{InvalidBaseUrl, Settings, base_url};

use super::text::text;

/// Settings of the function that accepts callbacks.
#[derive(Debug)]
pub(crate) struct WebhookConfig {
    /// At least one of the two secrets is set. Unset, signatures under the Auth Token are not accepted.
    pub(crate) auth_token_secret: Option<String>,
    /// Unset, signatures under a SharedKey are not accepted.
    pub(crate) shared_keys_secret: Option<String>,
    /// The URL that Twilio calls, without the path. Unset, the event's domain.
    pub(crate) public_base_url: Option<String>,
    /// Unset, jobs run inside the webhook's invocation.
    pub(crate) queues: Option<QueueUrls>,
}

#[derive(Debug)]
pub(crate) struct QueueUrls {
    pub(crate) links: String,
    pub(crate) copies: String,
}

pub(super) fn webhook(settings: &mut Settings, runs_jobs: bool) -> Option<WebhookConfig> {
    let public_base_url = settings.optional("PUBLIC_BASE_URL", base);
    let links = settings.optional("LINKS_QUEUE_URL", text);
    let copies = settings.optional("COPIES_QUEUE_URL", text);
    if links.is_some() != copies.is_some() {
        settings.problem("LINKS_QUEUE_URL and COPIES_QUEUE_URL: set both or neither".to_owned());
    } else if links.is_none() && !runs_jobs {
        settings.problem("LINKS_QUEUE_URL and COPIES_QUEUE_URL are missing: this role runs no jobs itself".to_owned());
    }
    let auth_token_secret = settings.optional("TWILIO_AUTH_TOKEN_SECRET", text);
    let shared_keys_secret = settings.optional("TWILIO_SHARED_KEYS_SECRET", text);
    if auth_token_secret.is_none() && shared_keys_secret.is_none() {
        settings.problem("TWILIO_AUTH_TOKEN_SECRET and TWILIO_SHARED_KEYS_SECRET: set one of them or both".to_owned());
    }
    Some(WebhookConfig {
        auth_token_secret,
        shared_keys_secret,
        public_base_url,
        queues: links.zip(copies).map(|(links, copies)| QueueUrls { links, copies }),
    })
}

/// A base URL without a slash at its end. It may have a path: a custom domain's API mapping is part of the URL that Twilio
/// signs, but API Gateway leaves it out of `rawPath`.
fn base(text: &str) -> Result<String, InvalidBaseUrl> {
    base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
}
