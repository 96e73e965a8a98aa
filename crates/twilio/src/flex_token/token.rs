//! The Player's header with its Flex token.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::TokenError;

/// The Flex token in the Player's `Authorization: Basic base64("token:" + JWE)`. `Debug` never shows it.
#[derive(Clone)]
pub struct FlexToken(SecretString);

impl fmt::Debug for FlexToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlexToken([REDACTED])")
    }
}

/// Twilio's own sample header has the wrong padding, so any padding and spare bits are accepted.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Twilio says that a token may exceed 4 KB, which was the limit of Twilio Functions on all headers. All headers of a request
/// to a function URL share a few times as much.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

impl FlexToken {
    /// Reads the token from the value of an `Authorization` header. `None` if the scheme isn't Basic, if the rest isn't base64
    /// (with or without padding), or if the user isn't `token`.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] if the password doesn't have the shape of a Flex token.
    pub fn from_authorization(header: &str) -> Result<Option<Self>, TokenError> {
        match password(header) {
            Some(token) if is_compact_jwe(&token) => Ok(Some(Self(SecretString::from(token)))),
            Some(_) => Err(TokenError::Malformed),
            None => Ok(None),
        }
    }

    /// The token itself, for a request to Twilio.
    pub(super) fn secret(&self) -> &str {
        self.0.expose_secret()
    }

    /// SHA-256 of the token, as the key of a cache.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose_secret()).into()
    }
}

/// The password, if the user is `token`.
fn password(header: &str) -> Option<String> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let standard = encoded.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
    let decoded = String::from_utf8(LENIENT.decode(standard).ok()?).ok()?;
    // The user ends at the first colon (RFC 7617 section 2).
    let (user, password) = decoded.split_once(':')?;
    (user == "token" && !password.is_empty()).then(|| password.to_owned())
}

/// Whether the text has five parts in Base64url, the first of which is a JSON object with `alg` and `enc` (RFC 7516 sections
/// 4 and 7.1). Only Twilio can decide whether it is authentic.
fn is_compact_jwe(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
        enc: String,
    }
    if token.len() > MAX_TOKEN_BYTES {
        return false;
    }
    let parts: Vec<_> = token.splitn(6, '.').collect();
    let [header, encrypted_key, iv, ciphertext, tag] = parts[..] else {
        return false;
    };
    let is_base64url = |part: &str| {
        part.bytes()
            .all(|byte| matches!(byte, b'-' | b'_') || byte.is_ascii_alphanumeric())
    };
    let header = URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    header.is_some_and(|header| !header.alg.is_empty() && !header.enc.is_empty())
        // Direct encryption, which Flex uses, has no encrypted key.
        && is_base64url(encrypted_key)
        && [iv, ciphertext, tag].iter().all(|part| !part.is_empty() && is_base64url(part))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    /// `{"alg":"dir","enc":"A256GCM"}`, directly encrypted.
    const TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.Y2lwaGVydGV4dA.dGFn";

    fn token_in(header: &str) -> Option<String> {
        let token = FlexToken::from_authorization(header).unwrap()?;
        Some(token.secret().to_owned())
    }

    fn header_of(token: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("token:{token}")))
    }

    proptest! {
        #[test]
        fn any_token_is_found_in_any_base64(ciphertext in "[A-Za-z0-9_-]{1,64}", key in "[A-Za-z0-9_-]{0,8}") {
            let token = format!("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.{key}.aXY.{ciphertext}.dGFn");
            let plain = format!("token:{token}");
            for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                for scheme in ["Basic", "basic", "BASIC"] {
                    let header = format!("{scheme} {}", engine.encode(&plain));
                    prop_assert_eq!(token_in(&header), Some(token.clone()));
                }
            }
            let overpadded = format!("Basic {}==", STANDARD.encode(&plain));
            prop_assert_eq!(token_in(&overpadded), Some(token));
        }

        #[test]
        fn headers_never_panic(header in "(Basic )?\\PC{0,40}") {
            let _ = FlexToken::from_authorization(&header);
        }

        #[test]
        fn tokens_never_panic(token in "[!-~]{0,20}(\\.[!-~]{0,20}){0,6}") {
            let _ = FlexToken::from_authorization(&header_of(&token));
        }
    }

    #[test]
    fn other_headers_hold_no_token() {
        for plain in ["token:", "token", "", "Token:x", "user:x", " token:x"] {
            assert_eq!(
                token_in(&format!("Basic {}", STANDARD.encode(plain))),
                None,
                "{plain:?}"
            );
        }
        let good = STANDARD.encode(format!("token:{TOKEN}"));
        for header in [
            good.clone(),
            format!("Bearer {good}"),
            format!("Basic{good}"),
            format!("Basic {good} {good}"),
            "Basic".to_owned(),
            "Basic !".to_owned(),
            format!("Basic {}", STANDARD.encode(b"token:\xff")),
        ] {
            assert_eq!(token_in(&header), None, "{header:?}");
        }
    }

    #[test]
    fn a_token_that_is_no_compact_jwe_is_malformed() {
        let with_header = |json: &str| format!("{}..aXY.Y2lwaGVydGV4dA.dGFn", URL_SAFE_NO_PAD.encode(json));
        assert!(token_in(&header_of(TOKEN)).is_some());
        for token in [
            "x".to_owned(),
            "a.b.c".to_owned(),
            "a:b".to_owned(),
            // A signed token of three parts, one part too few and one too many.
            "eyJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned(),
            TOKEN[..TOKEN.rfind('.').unwrap()].to_owned(),
            format!("{TOKEN}.dGFn"),
            format!("{TOKEN} "),
            format!("{TOKEN}\n"),
            format!("{TOKEN}="),
            format!("{TOKEN}\u{e9}"),
            TOKEN.replace("aXY", ""),
            TOKEN.replace("Y2lwaGVydGV4dA", ""),
            TOKEN.replace("dGFn", ""),
            TOKEN.replace("aXY", "a+Y"),
            TOKEN.replace("..", ".!."),
            TOKEN.replacen('e', "", 1),
            with_header("[]"),
            with_header("null"),
            with_header("{}"),
            with_header(r#"{"alg":"dir"}"#),
            with_header(r#"{"enc":"A256GCM"}"#),
            with_header(r#"{"alg":"","enc":"A256GCM"}"#),
            with_header(r#"{"alg":"dir","enc":256}"#),
            with_header(r#"{"alg":"dir","enc":"A256GCM"}x"#),
            TOKEN.replace("Y2lwaGVydGV4dA", &"A".repeat(MAX_TOKEN_BYTES)),
        ] {
            let refused = FlexToken::from_authorization(&header_of(&token));
            assert!(matches!(refused, Err(TokenError::Malformed)), "{token:?}");
        }
        let longest = TOKEN.replace("Y2lwaGVydGV4dA", "");
        let longest = longest.replace("aXY.", &format!("aXY.{}", "A".repeat(MAX_TOKEN_BYTES - longest.len())));
        assert_eq!(token_in(&header_of(&longest)), Some(longest));
    }

    #[test]
    fn the_fingerprint_is_the_token_s_alone() {
        let of = |token: &str| {
            let token = FlexToken::from_authorization(&header_of(token)).unwrap();
            token.unwrap().fingerprint()
        };
        // printf %s "$TOKEN" | sha256sum
        let known = "3d46a0db6877f2c93b1a854d34bba31bd5c94497e06e0cb1e765c167a2f0bd7b";
        assert_eq!(hex::encode(of(TOKEN)), known);
        assert_ne!(of(TOKEN), of(&TOKEN.replace("dGFn", "dGFo")));
    }

    #[test]
    fn debug_hides_the_token() {
        let token = FlexToken::from_authorization(&header_of(TOKEN)).unwrap().unwrap();
        assert_eq!(format!("{token:?}"), "FlexToken([REDACTED])");
    }
}
