//! Authentication of a caller: HTTP Basic with an API key, with the Auth Token, or with a Flex token as the Player
//! sends it.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::options::TwilioOptions;

/// The account's Auth Token. A promotion at Twilio replaces it.
pub(super) struct AuthToken(Mutex<String>);

impl AuthToken {
    pub(super) fn new(token: &str) -> Self {
        Self(Mutex::new(token.to_owned()))
    }

    pub(super) fn replace(&self, token: &str) {
        token.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken([REDACTED])")
    }
}

/// How a request was authenticated, without the secret (`snake_case` in JSON).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// No `Authorization` header.
    None,
    /// The API key's SID and secret.
    ApiKey,
    /// The AccountSid and its Auth Token.
    AuthToken,
    /// User `token`. The password may be a Flex token that is not valid.
    FlexToken,
    /// Anything else.
    Wrong,
}

/// The caller of one request.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Caller {
    Nobody,
    ApiKey,
    AuthToken,
    FlexToken(String),
    Wrong,
}

impl Caller {
    pub(super) fn of(headers: &HeaderMap, options: &TwilioOptions, auth_token: &AuthToken) -> Self {
        let Some(header) = headers.get(header::AUTHORIZATION) else {
            return Self::Nobody;
        };
        let Some((user, password)) = header.to_str().ok().and_then(basic) else {
            return Self::Wrong;
        };
        if user == options.api_key_sid && password == options.api_key_secret {
            Self::ApiKey
        } else if user == options.account_sid && password == auth_token.text() {
            Self::AuthToken
        } else if user == "token" {
            Self::FlexToken(password)
        } else {
            Self::Wrong
        }
    }

    pub(super) fn kind(&self) -> AuthKind {
        match self {
            Self::Nobody => AuthKind::None,
            Self::ApiKey => AuthKind::ApiKey,
            Self::AuthToken => AuthKind::AuthToken,
            Self::FlexToken(_) => AuthKind::FlexToken,
            Self::Wrong => AuthKind::Wrong,
        }
    }

    /// Whether the caller used the account's own credentials, which every operation except token validation requires.
    pub(super) fn is_account(&self) -> bool {
        matches!(self, Self::ApiKey | Self::AuthToken)
    }
}

/// RFC 7617 section 2: the password is everything after the first colon. `@twilio/flex-sdk` 3.0.0 sends a `)` after the
/// Base64 text, and Flex works with it.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.strip_suffix(')').unwrap_or(header).split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::options;

    fn kind(authorization: &str) -> AuthKind {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        let known = options("/nowhere".as_ref());
        Caller::of(&headers, &known, &AuthToken::new(&known.auth_token)).kind()
    }

    fn pair(user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }

    #[test]
    fn each_pair_is_recognized() {
        let known = options("/nowhere".as_ref());
        assert_eq!(kind(&pair(&known.api_key_sid, &known.api_key_secret)), AuthKind::ApiKey);
        assert_eq!(kind(&pair(&known.account_sid, &known.auth_token)), AuthKind::AuthToken);
        assert_eq!(kind(&pair("token", "a:b")), AuthKind::FlexToken);
        assert_eq!(kind(&pair(&known.api_key_sid, &known.auth_token)), AuthKind::Wrong);
        for wrong in ["Basic", "Basic !!", "Bearer abc", "Basic bm9jb2xvbg=="] {
            assert_eq!(kind(wrong), AuthKind::Wrong, "{wrong}");
        }
        let nobody = Caller::of(&HeaderMap::new(), &known, &AuthToken::new(&known.auth_token));
        assert_eq!(nobody.kind(), AuthKind::None);
    }

    #[test]
    fn a_replaced_auth_token_is_nobodys() {
        let known = options("/nowhere".as_ref());
        let auth_token = AuthToken::new(&known.auth_token);
        auth_token.replace("promoted");
        for (password, kind) in [(&*known.auth_token, AuthKind::Wrong), ("promoted", AuthKind::AuthToken)] {
            let mut headers = HeaderMap::new();
            let pair = pair(&known.account_sid, password);
            headers.insert(header::AUTHORIZATION, pair.parse().unwrap());
            assert_eq!(Caller::of(&headers, &known, &auth_token).kind(), kind, "{password}");
        }
    }
}
