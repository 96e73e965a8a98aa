//! Requests for a link, as the Flex Insights Player makes them.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::Stack;

impl Stack {
    /// Calls `url_provider` with a Flex token: Basic auth with the user `token`.
    pub async fn media_url(&self, recording_sid: &str, flex_token: &str) -> reqwest::Result<reqwest::Response> {
        let credentials = STANDARD.encode(format!("token:{flex_token}"));
        reqwest::Client::new()
            .get(format!(
                "{}/media-url?recordingSid={recording_sid}",
                self.playback_url()
            ))
            .header("Authorization", format!("Basic {credentials}"))
            .header("Origin", "https://flex.twilio.com")
            .send()
            .await
    }
}
