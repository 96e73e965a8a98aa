//! A recording status callback, as Twilio posts it.

use audio::{Recogniser, Verdict};
use bytes::Bytes;

use crate::sign::signature;
use crate::{Stack, values};

/// A callback to post: a form and a query, signed when it's posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    parameters: Vec<(String, String)>,
    query: String,
    auth_token: String,
}

impl Callback {
    /// What Twilio posts when a call's dual-channel recording is ready.
    pub fn completed(recording_sid: &str) -> Self {
        let url = format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Recordings/{recording_sid}",
            values::ACCOUNT_SID
        );
        let parameters = [
            ("AccountSid", values::ACCOUNT_SID),
            ("CallSid", "CA00000000000000000000000000000001"),
            ("ErrorCode", "0"),
            ("From", values::CUSTOMER_NUMBER),
            ("RecordingChannels", "2"),
            ("RecordingDuration", "180"),
            ("RecordingSid", recording_sid),
            ("RecordingSource", "OutboundAPI"),
            ("RecordingStartTime", "Mon, 23 Nov 2026 06:00:00 +0000"),
            ("RecordingStatus", "completed"),
            ("RecordingTrack", "both"),
            ("RecordingUrl", &url),
            ("To", values::CONTACT_CENTRE_NUMBER),
        ];
        Self {
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            query: String::new(),
            auth_token: values::AUTH_TOKEN.to_owned(),
        }
    }

    /// With a parameter, in the place of one of the same name.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(other, _)| other != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Telling what Twilio tells of this media: its channels and its seconds. Nothing changes where it's no audio.
    #[must_use]
    pub fn telling_of(self, media: &[u8]) -> Self {
        let mut recogniser = Recogniser::new();
        recogniser.update(&Bytes::copy_from_slice(media));
        let Verdict::Audio(audio) = recogniser.finish() else {
            return self;
        };
        self.parameter("RecordingChannels", &audio.channels.to_string())
            .parameter("RecordingDuration", &format!("{:.0}", audio.duration.as_secs_f64()))
    }

    /// With this query, without the question mark, encoded already.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Signed with another token than the account's.
    #[must_use]
    pub fn auth_token(mut self, auth_token: &str) -> Self {
        auth_token.clone_into(&mut self.auth_token);
        self
    }

    fn url(&self, base: &str) -> String {
        if self.query.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", self.query)
        }
    }

    fn signature(&self, public_url: &str) -> String {
        let parameters = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        signature(&self.auth_token, &self.url(public_url), parameters)
    }
}

impl Stack {
    /// Posts a callback as Twilio does: to the callback's address, signed over its public URL.
    pub async fn post_callback(&self, callback: &Callback) -> reqwest::Result<reqwest::Response> {
        reqwest::Client::new()
            .post(callback.url(&self.callback_url()))
            .header("X-Twilio-Signature", callback.signature(&self.public_callback_url()))
            .header("User-Agent", "TwilioProxy/1.1")
            .form(&callback.parameters)
            .send()
            .await
    }
}
