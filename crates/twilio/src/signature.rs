//! `X-Twilio-Signature`: base64(HMAC-SHA1(Auth Token, URL + parameters)).
//!
//! Source: Twilio, *Security* and *Webhooks security* (`twilio.com/docs/usage/security`,
//! `…/usage/webhooks/webhooks-security`), and Twilio's Python and Node libraries for what the pages leave open.
//! SHA-1 is Twilio's choice; HMAC doesn't rest on its collision resistance.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What the signature covers besides the URL.
pub enum SignedBody<'a> {
    /// GET, or no body.
    None,
    /// `application/x-www-form-urlencoded`: decoded pairs in any order, repeats included.
    Form(&'a [(String, String)]),
    /// Anything else: checked through the query's `bodySHA256`.
    Raw(&'a [u8]),
}

/// Bodies hold phone numbers: only the kind and size are shown.
impl fmt::Debug for SignedBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Form(pairs) => write!(f, "Form({} pairs)", pairs.len()),
            Self::Raw(bytes) => write!(f, "Raw({} bytes)", bytes.len()),
        }
    }
}

/// Why a request isn't Twilio's. All three mean 403.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not strict standard base64 of a SHA-1 MAC.
    #[error("the signature header is not base64 of 20 bytes")]
    Malformed,
    /// No token signs this URL and these parameters so.
    #[error("the signature does not match")]
    Mismatch,
    /// The URL is signed, the body isn't the one it was signed for (or the URL names none).
    #[error("the body does not match bodySHA256")]
    BodyHash,
}

/// Whether `header` is Twilio's signature of this request by one of `tokens`.
///
/// `url` is the URL as configured at Twilio, scheme to end of query, percent-encoding untouched. It's accepted as it
/// is, and with its port taken away or, where it has none, with the scheme's default port: which of them Twilio
/// signs differs by product and scheme. The query is never re-encoded. Each comparison takes constant time.
pub fn verify(url: &str, body: &SignedBody<'_>, header: &str, tokens: &[SecretString]) -> Result<(), SignatureError> {
    let signature: [u8; 20] = STANDARD
        .decode(header)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SignatureError::Malformed)?;

    let urls = [Cow::Borrowed(url), other_port_form(url)];
    let signed = tokens
        .iter()
        // Anyone can sign with an empty token, and an unfilled secret is one.
        .filter(|token| !token.expose_secret().is_empty())
        .any(|token| {
            urls.iter()
                .any(|url| mac(url, body, token).verify_slice(&signature).is_ok())
        });
    if !signed {
        return Err(SignatureError::Mismatch);
    }
    match body {
        SignedBody::Raw(bytes) if !is_hash_in_query(url, bytes) => Err(SignatureError::BodyHash),
        _ => Ok(()),
    }
}

/// What Twilio would send in `X-Twilio-Signature` for exactly this URL.
pub fn sign(url: &str, body: &SignedBody<'_>, token: &SecretString) -> String {
    STANDARD.encode(mac(url, body, token).finalize().into_bytes())
}

fn mac(url: &str, body: &SignedBody<'_>, token: &SecretString) -> Hmac<Sha1> {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length (RFC 2104 section 3)");
    mac.update(url.as_bytes());
    if let SignedBody::Form(pairs) = body {
        // Names in byte order, and for each name the set of its values in byte order: one ordered set of pairs.
        let pairs: BTreeSet<_> = pairs.iter().collect();
        for (name, value) in pairs {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
    }
    mac
}

/// The same URL without its port, or with the scheme's default port where it has none.
fn other_port_form(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url);
    };
    let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_len);
    // Neither userinfo (`user:password@`) nor an IPv6 address (`[::1]`) may lend its colons to the port.
    let host_start = authority.rfind(['@', ']']).map_or(0, |at| at + 1);
    match authority[host_start..].rfind(':') {
        Some(colon) => {
            let without_port = &authority[..host_start + colon];
            Cow::Owned(format!("{scheme}://{without_port}{tail}"))
        }
        None => {
            let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
            Cow::Owned(format!("{scheme}://{authority}:{port}{tail}"))
        }
    }
}

/// Twilio appends `bodySHA256=<lower-case hex>` to the query and signs it with the URL; its libraries read the first.
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
