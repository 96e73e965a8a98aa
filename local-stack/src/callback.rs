//! A recording status callback, as Twilio posts it.

use audio::{Recognizer, Verdict};
use bytes::Bytes;
use twilio_double::{shared_key_signature, signature};

use crate::{Stack, values};

/// A callback to post: a form and a query. It is signed when it is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    parameters: Vec<(String, String)>,
    query: String,
    signed_by: SignedBy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SignedBy {
    AuthToken(String),
    SharedKey { sid: String, secret: String },
}

impl Callback {
    /// The callback for a complete recording of a call with two channels.
    #[must_use]
    pub fn completed(recording_sid: &str) -> Self {
        let url = format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Recordings/{recording_sid}",
            values::ACCOUNT_SID
        );
        let parameters = [
            ("AccountSid", values::ACCOUNT_SID),
            ("CallSid", values::CALL_SID),
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
            ("To", values::CONTACT_CENTER_NUMBER),
        ];
        Self {
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            query: String::new(),
            signed_by: SignedBy::AuthToken(values::AUTH_TOKEN.to_owned()),
        }
    }

    /// Sets a parameter, and replaces one with the same name.
    #[must_use]
    pub fn parameter(self, name: &str, value: &str) -> Self {
        let mut callback = self.without(name);
        callback.parameters.push((name.to_owned(), value.to_owned()));
        callback
    }

    /// Removes a parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(other, _)| other != name);
        self
    }

    /// Makes it the callback of a conference: it has a ConferenceSid instead of a CallSid, and no track.
    #[must_use]
    pub fn of_conference(mut self, conference_sid: &str) -> Self {
        let of_a_call = ["CallSid", "From", "RecordingTrack", "To"];
        self.parameters.retain(|(name, _)| !of_a_call.contains(&name.as_str()));
        self.parameter("ConferenceSid", conference_sid)
            .parameter("RecordingSource", "Conference")
    }

    /// Sets the channels and the duration that Twilio would report for this media. Media that is not audio changes
    /// nothing.
    #[must_use]
    pub fn for_media(self, media: &[u8]) -> Self {
        let mut recognizer = Recognizer::new();
        recognizer.update(&Bytes::copy_from_slice(media));
        let Verdict::Audio(audio) = recognizer.finish() else {
            return self;
        };
        self.parameter("RecordingChannels", &audio.channels.to_string())
            .parameter("RecordingDuration", &format!("{:.0}", audio.duration.as_secs_f64()))
    }

    /// Sets the query, encoded and without the question mark.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Signs with a token other than the account's.
    #[must_use]
    pub fn auth_token(mut self, auth_token: &str) -> Self {
        self.signed_by = SignedBy::AuthToken(auth_token.to_owned());
        self
    }

    /// Signs with HMAC-SHA256 under this SharedKey, as Twilio does if a webhook rule requires it.
    #[must_use]
    pub fn shared_key(mut self, sid: &str, secret: &str) -> Self {
        self.signed_by = SignedBy::SharedKey {
            sid: sid.to_owned(),
            secret: secret.to_owned(),
        };
        self
    }

    /// Posts it to `url`, signed over `public_url`. Its query follows both.
    pub(crate) async fn post(
        &self,
        client: &reqwest::Client,
        url: &str,
        public_url: &str,
    ) -> reqwest::Result<reqwest::Response> {
        let request = client
            .post(self.url(url))
            .header("User-Agent", "TwilioProxy/1.1")
            .form(&self.parameters);
        let signature = self.signature(public_url);
        let sign = |request: reqwest::RequestBuilder, (name, value)| request.header(name, value);
        signature.into_iter().fold(request, sign).send().await
    }

    fn url(&self, base: &str) -> String {
        if self.query.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", self.query)
        }
    }

    /// The headers of the signature.
    fn signature(&self, public_url: &str) -> Vec<(&'static str, String)> {
        let url = self.url(public_url);
        let parameters = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        match &self.signed_by {
            SignedBy::AuthToken(token) => vec![("X-Twilio-Signature", signature(token, &url, parameters))],
            SignedBy::SharedKey { sid, secret } => vec![
                ("X-Twilio-Signature", shared_key_signature(secret, &url, parameters)),
                (
                    "X-Twilio-Webhooks-Signature-Settings",
                    format!("key={sid},algorithm=HMAC_SHA256"),
                ),
            ],
        }
    }
}

impl Stack {
    /// Posts a callback as Twilio does: to the callback's address, signed over its public URL.
    pub async fn post_callback(&self, callback: &Callback) -> reqwest::Result<reqwest::Response> {
        callback
            .post(
                &reqwest::Client::new(),
                &self.callback_url(),
                &self.public_callback_url(),
            )
            .await
    }
}
