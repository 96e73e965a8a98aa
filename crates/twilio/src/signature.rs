//! `X-Twilio-Signature`: the HMAC of the URL and the parameters, in base64. The default is HMAC-SHA1 under the Auth
//! Token. If the account is configured so, it is HMAC-SHA256 or HMAC-SHA1 under a [`SharedKey`].
//!
//! Source: Twilio, *Security*, *Webhooks security* and *Sign webhooks with shared keys*
//! (`twilio.com/docs/usage/security`, `…/usage/webhooks/webhooks-security`, `…/usage/webhooks/webhook-shared-keys`),
//! and Twilio's Python and Node libraries for details that the pages leave open. SHA-1 is Twilio's choice. HMAC doesn't
//! depend on its collision resistance.

mod forms;

use std::{collections::BTreeSet, fmt, slice};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::shared_keys::{Algorithm, SharedKey};

/// The part of a request that the signature covers besides the URL.
pub enum SignedBody<'a> {
    /// GET, or no body.
    None,
    /// `application/x-www-form-urlencoded`: the decoded pairs in any order, with repeated names.
    Form(&'a [(String, String)]),
    /// Any other body. It is compared with `bodySHA256` in the query.
    Raw(&'a [u8]),
}

/// Bodies hold phone numbers, so only the kind and size are shown.
impl fmt::Debug for SignedBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Form(pairs) => write!(f, "Form({} pairs)", pairs.len()),
            Self::Raw(bytes) => write!(f, "Raw({} bytes)", bytes.len()),
        }
    }
}

/// Why a request isn't from Twilio. All of these errors mean 403.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The header isn't the strict standard base64 of a MAC of the algorithm's length.
    #[error("the signature header is not base64 of {0} bytes")]
    Malformed(usize),
    /// The signature doesn't belong to this URL and these parameters under any of the keys.
    #[error("the signature does not match")]
    Mismatch,
    /// The URL is signed, but its `bodySHA256` is missing or belongs to another body.
    #[error("the body does not match bodySHA256")]
    BodyHash,
    /// The settings header doesn't have the form that Twilio documents.
    #[error("the signature settings name no key or no known algorithm")]
    Settings,
    /// No SharedKey has this id and this algorithm.
    #[error("the signature settings name an unknown key")]
    UnknownKey,
    /// No secret is configured for this kind of signature.
    #[error("signed in a way that is not accepted here")]
    NotAccepted,
}

/// Verifies that `header` is Twilio's signature of this request under one of `tokens`.
///
/// `url` is the URL as configured at Twilio, from the scheme to the end of the query, with its percent-encoding
/// unchanged. Twilio may have signed another form of it: with or without a port, or as Node's `URL` and `querystring`
/// write it. Each comparison takes constant time.
///
/// # Errors
/// [`SignatureError`] if the request isn't signed so.
pub fn verify(url: &str, body: &SignedBody<'_>, header: &str, tokens: &[SecretString]) -> Result<(), SignatureError> {
    verify_by(Algorithm::HmacSha1, tokens, url, body, header)
}

/// As [`verify`], under the SharedKey that the request's settings header names.
///
/// # Errors
/// As [`verify`].
pub fn verify_shared(url: &str, body: &SignedBody<'_>, header: &str, key: &SharedKey) -> Result<(), SignatureError> {
    verify_by(key.algorithm, slice::from_ref(&key.secret), url, body, header)
}

/// The value that Twilio sends in `X-Twilio-Signature` for exactly this URL.
#[must_use]
pub fn sign(url: &str, body: &SignedBody<'_>, token: &SecretString) -> String {
    sign_by(Algorithm::HmacSha1, token, url, body)
}

/// As [`sign`], under a SharedKey.
#[must_use]
pub fn sign_shared(url: &str, body: &SignedBody<'_>, key: &SharedKey) -> String {
    sign_by(key.algorithm, &key.secret, url, body)
}

fn verify_by(
    algorithm: Algorithm,
    secrets: &[SecretString],
    url: &str,
    body: &SignedBody<'_>,
    header: &str,
) -> Result<(), SignatureError> {
    let signature = STANDARD
        .decode(header)
        .ok()
        .filter(|signature| signature.len() == algorithm.mac_len())
        .ok_or_else(|| SignatureError::Malformed(algorithm.mac_len()))?;
    let parameters = signed_parameters(body);
    let is_signed = |url: &str| {
        secrets
            .iter()
            // Anyone can sign with an empty secret, and an unfilled one is empty.
            .filter(|secret| !secret.expose_secret().is_empty())
            .any(|secret| match algorithm {
                Algorithm::HmacSha1 => is_mac::<Hmac<Sha1>>(secret, url, &parameters, &signature),
                Algorithm::HmacSha256 => is_mac::<Hmac<Sha256>>(secret, url, &parameters, &signature),
            })
    };
    let signed = forms::as_received(url).iter().any(|url| is_signed(url))
        || forms::rewritten(url).iter().any(|url| is_signed(url));
    if !signed {
        return Err(SignatureError::Mismatch);
    }
    match body {
        SignedBody::Raw(bytes) if !is_hash_in_query(url, bytes) => Err(SignatureError::BodyHash),
        _ => Ok(()),
    }
}

fn sign_by(algorithm: Algorithm, secret: &SecretString, url: &str, body: &SignedBody<'_>) -> String {
    let parameters = signed_parameters(body);
    match algorithm {
        Algorithm::HmacSha1 => STANDARD.encode(mac::<Hmac<Sha1>>(secret, url, &parameters).finalize().into_bytes()),
        Algorithm::HmacSha256 => STANDARD.encode(mac::<Hmac<Sha256>>(secret, url, &parameters).finalize().into_bytes()),
    }
}

/// The text that is signed after the URL.
fn signed_parameters(body: &SignedBody<'_>) -> String {
    match body {
        // Names are in byte order, and the values of each name are a set in byte order. That is one ordered set of
        // pairs.
        SignedBody::Form(pairs) => {
            let pairs: BTreeSet<_> = pairs.iter().collect();
            pairs.iter().flat_map(|(name, value)| [&**name, &**value]).collect()
        }
        SignedBody::None | SignedBody::Raw(_) => String::new(),
    }
}

fn is_mac<M: Mac + KeyInit>(secret: &SecretString, url: &str, parameters: &str, signature: &[u8]) -> bool {
    mac::<M>(secret, url, parameters).verify_slice(signature).is_ok()
}

fn mac<M: Mac + KeyInit>(secret: &SecretString, url: &str, parameters: &str) -> M {
    <M as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length (RFC 2104 section 3)")
        .chain_update(url)
        .chain_update(parameters)
}

/// Twilio appends `bodySHA256=<lower-case hex>` to the query and signs it with the URL. Its libraries read the first
/// one.
fn is_hash_in_query(url: &str, body: &[u8]) -> bool {
    let Some((_, query)) = url.split_once('?') else {
        return false;
    };
    let announced = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "bodySHA256")
        .map(|(_, value)| value);
    announced.is_some_and(|announced| {
        let computed = hex::encode(Sha256::digest(body));
        verify_slices_are_equal(announced.as_bytes(), computed.as_bytes()).is_ok()
    })
}

#[cfg(test)]
mod tests;
