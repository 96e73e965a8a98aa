//! The callback as Twilio sent it, before its signature is verified.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, header::CONTENT_TYPE};
use secrecy::SecretString;
use serde_json::{Map, Value};
use twilio::{
    callback::form_pairs,
    shared_keys::{SharedKey, SignatureSettings},
    signature::{SignatureError, SignedBody, verify, verify_shared},
};

use super::refusal::Refusal;

/// Twilio's callbacks are about 600 bytes long, or 1.5 kB with encryption details. The rest is room for what Twilio may add.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The end of the HTTP API's route. A stage or a custom domain's mapping may precede it.
const PATH: &str = "/recording-status-callback";

const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// Names the SharedKey that signed the request. Without this header, the Auth Token signed it.
const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// A request with the callback's path and method, and of an acceptable size. Its signature is not verified yet.
///
/// It is made from the event and not from `lambda_http::Request`. That type rebuilds the URL, panics if the result is not
/// a URL, and does not keep the raw query, but the signature covers the URL as it was sent. It has no `Debug`, because all
/// of it is confidential.
pub(crate) struct CallbackRequest {
    raw_path: String,
    raw_query: String,
    domain_name: String,
    signature: String,
    signed_by: SignedBy,
    body: CallbackBody,
}

/// The signer that a request claims.
pub(crate) enum SignedBy {
    AuthToken,
    SharedKey(SignatureSettings),
}

enum CallbackBody {
    /// A GET request has its parameters in the query.
    None,
    Form(Vec<(String, String)>),
    /// A JSON body is signed by its hash in the query.
    Json(Vec<u8>),
}

impl CallbackRequest {
    pub(crate) fn from_event(event: ApiGatewayV2httpRequest) -> Result<Self, Refusal> {
        let raw_path = event.raw_path.unwrap_or_default();
        if !raw_path.ends_with(PATH) {
            return Err(Refusal::NotFound);
        }
        let method = event.request_context.http.method;
        if method != Method::POST && method != Method::GET {
            return Err(Refusal::MethodNotAllowed);
        }
        let header = |name| event.headers.get(name).and_then(|value| value.to_str().ok());
        let body = decode(event.body.unwrap_or_default(), event.is_base64_encoded)?;
        Ok(Self {
            raw_path,
            raw_query: event.raw_query_string.unwrap_or_default(),
            domain_name: event.request_context.domain_name.unwrap_or_default(),
            signature: header(SIGNATURE_HEADER).ok_or(Refusal::Unsigned)?.to_owned(),
            signed_by: signed_by(&event.headers)?,
            body: if method == Method::GET {
                CallbackBody::None
            } else if header(CONTENT_TYPE.as_str()).is_some_and(is_json) {
                CallbackBody::Json(body)
            } else {
                CallbackBody::Form(form_pairs(&body))
            },
        })
    }

    /// The URL without its query, which must not be logged.
    pub(crate) fn public_url(&self, public_base_url: Option<&str>) -> String {
        match public_base_url {
            Some(base) => format!("{base}{}", self.raw_path),
            None => format!("https://{}{}", self.domain_name, self.raw_path),
        }
    }

    pub(crate) const fn signed_by(&self) -> &SignedBy {
        &self.signed_by
    }

    /// Whether one of the Auth Tokens signed this request.
    pub(crate) fn verify(&self, public_base_url: Option<&str>, tokens: &[SecretString]) -> Result<(), SignatureError> {
        verify(&self.url(public_base_url), &self.signed_body(), &self.signature, tokens)
    }

    /// Whether the SharedKey signed this request.
    pub(crate) fn verify_shared(&self, public_base_url: Option<&str>, key: &SharedKey) -> Result<(), SignatureError> {
        verify_shared(&self.url(public_base_url), &self.signed_body(), &self.signature, key)
    }

    fn url(&self, public_base_url: Option<&str>) -> String {
        let mut url = self.public_url(public_base_url);
        if !self.raw_query.is_empty() {
            url.push('?');
            url.push_str(&self.raw_query);
        }
        url
    }

    fn signed_body(&self) -> SignedBody<'_> {
        match &self.body {
            CallbackBody::None => SignedBody::None,
            CallbackBody::Form(pairs) => SignedBody::Form(pairs),
            CallbackBody::Json(bytes) => SignedBody::Raw(bytes),
        }
    }

    /// The callback's parameters, from the query or the body.
    pub(crate) fn parameters(&self) -> Result<Vec<(String, String)>, Refusal> {
        match &self.body {
            CallbackBody::None => Ok(self.query()),
            CallbackBody::Form(pairs) => Ok(pairs.clone()),
            CallbackBody::Json(bytes) => serde_json::from_slice(bytes)
                .map(json_pairs)
                .map_err(|_| Refusal::Malformed("the body is not a JSON object".to_owned())),
        }
    }

    /// The query's pairs, decoded.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        form_pairs(self.raw_query.as_bytes())
    }
}

/// An empty header counts as absent, as in Twilio's libraries. A header that cannot be read never does, because then a
/// request could choose its signer.
fn signed_by(headers: &HeaderMap) -> Result<SignedBy, Refusal> {
    let Some(header) = headers.get(SETTINGS_HEADER) else {
        return Ok(SignedBy::AuthToken);
    };
    let unreadable = || Refusal::Signature(SignatureError::Settings);
    let text = header.to_str().map_err(|_| unreadable())?;
    if text.trim().is_empty() {
        return Ok(SignedBy::AuthToken);
    }
    SignatureSettings::parse(text)
        .map(SignedBy::SharedKey)
        .ok_or_else(unreadable)
}

/// HTTP APIs always send form bodies in base64.
fn decode(body: String, is_base64: bool) -> Result<Vec<u8>, Refusal> {
    let bytes = if is_base64 {
        STANDARD
            .decode(body)
            .map_err(|_| Refusal::Malformed("the body is not valid base64".to_owned()))?
    } else {
        body.into_bytes()
    };
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Refusal::BodyTooLarge { limit: MAX_BODY_BYTES });
    }
    Ok(bytes)
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// The pairs that a form of the same fields would have.
fn json_pairs(fields: Map<String, Value>) -> Vec<(String, String)> {
    fields
        .into_iter()
        .filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name, text)),
            other => Some((name, other.to_string())),
        })
        .collect()
}

#[cfg(test)]
mod tests;
