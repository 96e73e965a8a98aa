//! Flex tokens: who asks for a link.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use http::HeaderValue;
use twilio::flex_token::{FlexToken, Listener, TokenError};

use crate::{ports::TokenCheck, refusal::Refusal};

/// How long an answer of Twilio's is gone by without asking again: a user who lost a role listens for a minute at most.
const TRUSTED_FOR_MS: i64 = 60_000;

/// More tokens than one function instance sees in a minute; past it the one nearest its end makes room.
const MAX_REMEMBERED: usize = 256;

/// Tells who a token belongs to and whether they may listen.
#[derive(Debug)]
pub(crate) struct TokenGate<C> {
    check: C,
    allowed_roles: Vec<String>,
    remembered: Mutex<Remembered>,
}

impl<C: TokenCheck> TokenGate<C> {
    pub(crate) fn new(check: C, allowed_roles: Vec<String>) -> Self {
        Self {
            check,
            allowed_roles,
            remembered: Mutex::default(),
        }
    }

    /// Whose token stands in the `Authorization` header, at `now_ms` (Unix milliseconds).
    ///
    /// Only what Twilio said of a valid token is remembered. Without an answer of Twilio's there's no listener.
    pub(crate) async fn listener(&self, authorization: Option<&HeaderValue>, now_ms: i64) -> Result<Listener, Refusal> {
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .and_then(FlexToken::from_authorization)
            .ok_or(Refusal::NoToken)?;
        let fingerprint = token.fingerprint();
        if let Some(listener) = self.remembered(|all| all.find(&fingerprint, now_ms)) {
            return Ok(listener);
        }
        let listener = self.check.check(&token).await?;
        if listener.expires_ms <= now_ms {
            return Err(TokenError::Invalid.into());
        }
        self.remembered(|all| all.insert(fingerprint, listener.clone(), now_ms));
        Ok(listener)
    }

    /// Whether one of the listener's roles is allowed to listen.
    pub(crate) fn allows(&self, listener: &Listener) -> bool {
        listener.roles.iter().any(|role| self.allowed_roles.contains(role))
    }

    fn remembered<T>(&self, act: impl FnOnce(&mut Remembered) -> T) -> T {
        // Every change to the map is whole before anything can panic, so a poisoned lock guards a good map.
        act(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Listeners by their tokens' SHA-256; the tokens themselves are kept nowhere.
#[derive(Debug, Default)]
struct Remembered(HashMap<[u8; 32], Entry>);

#[derive(Debug)]
struct Entry {
    listener: Listener,
    until_ms: i64,
}

impl Remembered {
    fn find(&mut self, fingerprint: &[u8; 32], now_ms: i64) -> Option<Listener> {
        self.0.retain(|_, entry| now_ms < entry.until_ms);
        self.0.get(fingerprint).map(|entry| entry.listener.clone())
    }

    fn insert(&mut self, fingerprint: [u8; 32], listener: Listener, now_ms: i64) {
        if self.0.len() >= MAX_REMEMBERED
            && let Some(nearest) = self
                .0
                .iter()
                .min_by_key(|(_, entry)| entry.until_ms)
                .map(|(key, _)| *key)
        {
            self.0.remove(&nearest);
        }
        let until_ms = listener.expires_ms.min(now_ms.saturating_add(TRUSTED_FOR_MS));
        self.0.insert(fingerprint, Entry { listener, until_ms });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::{Engine, engine::general_purpose::STANDARD};
    use twilio::client::ApiError;

    use super::*;
    use crate::ports::CheckError;

    const NOW_MS: i64 = 1_790_000_000_000;

    /// Answers every token alike and counts the questions.
    struct Issuer {
        answer: fn() -> Result<Listener, TokenError>,
        asked: AtomicUsize,
    }

    impl TokenCheck for Issuer {
        async fn check(&self, _: &FlexToken) -> Result<Listener, CheckError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Ok((self.answer)()?)
        }
    }

    fn gate(answer: fn() -> Result<Listener, TokenError>) -> TokenGate<Issuer> {
        let asked = AtomicUsize::new(0);
        TokenGate::new(Issuer { answer, asked }, vec!["supervisor".to_owned()])
    }

    fn listener(expires_ms: i64, roles: &[&str]) -> Listener {
        Listener {
            identity: Some("user".to_owned()),
            worker_sid: None,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            expires_ms,
        }
    }

    fn header(token: &str) -> HeaderValue {
        let pair = STANDARD.encode(format!("token:{token}"));
        HeaderValue::from_str(&format!("Basic {pair}")).unwrap()
    }

    impl TokenGate<Issuer> {
        async fn ask(&self, token: &str, now_ms: i64) -> Result<Listener, Refusal> {
            self.listener(Some(&header(token)), now_ms).await
        }

        fn asked(&self) -> usize {
            self.check.asked.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_valid_token_is_asked_about_once_a_minute() {
        let gate = gate(|| Ok(listener(NOW_MS + 3_600_000, &["supervisor"])));
        gate.ask("one", NOW_MS).await.unwrap();
        gate.ask("one", NOW_MS + 59_999).await.unwrap();
        assert_eq!(gate.asked(), 1);
        gate.ask("two", NOW_MS + 59_999).await.unwrap();
        assert_eq!(gate.asked(), 2);
        gate.ask("one", NOW_MS + 60_000).await.unwrap();
        assert_eq!(gate.asked(), 3);
    }

    #[tokio::test]
    async fn a_token_is_never_remembered_past_its_expiry() {
        let gate = gate(|| Ok(listener(NOW_MS + 10, &["supervisor"])));
        gate.ask("one", NOW_MS).await.unwrap();
        gate.ask("one", NOW_MS + 9).await.unwrap();
        assert_eq!(gate.asked(), 1);
        let refusal = gate.ask("one", NOW_MS + 10).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Token(TokenError::Invalid)), "{refusal:?}");
        assert_eq!(gate.asked(), 2);
    }

    #[tokio::test]
    async fn refusals_are_not_remembered() {
        let invalid = gate(|| Err(TokenError::Invalid));
        let unavailable = gate(|| Err(TokenError::Unavailable(ApiError::Status { status: 500 })));
        for (gate, status) in [(invalid, 401), (unavailable, 503)] {
            for _ in 0..2 {
                assert_eq!(gate.ask("one", NOW_MS).await.unwrap_err().terms().0, status);
            }
            assert_eq!(gate.asked(), 2);
        }
    }

    #[tokio::test]
    async fn without_a_token_nobody_is_asked() {
        let gate = gate(|| Ok(listener(i64::MAX, &["supervisor"])));
        for value in [
            None,
            Some("Bearer abc"),
            Some("Basic"),
            Some("Basic !"),
            Some("Basic dXNlcjpwYXNz"),
        ] {
            let value = value.map(HeaderValue::from_static);
            let refusal = gate.listener(value.as_ref(), NOW_MS).await.unwrap_err();
            assert!(matches!(refusal, Refusal::NoToken), "{value:?}");
        }
        assert_eq!(gate.asked(), 0);
    }

    #[test]
    fn one_allowed_role_is_enough() {
        let gate = gate(|| Err(TokenError::Invalid));
        assert!(gate.allows(&listener(0, &["agent", "supervisor"])));
        for roles in [&["agent"][..], &["Supervisor"], &["supervisor "], &[]] {
            assert!(!gate.allows(&listener(0, roles)), "{roles:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_nearest_to_its_end_goes_first() {
        let mut all = Remembered::default();
        let key = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            key
        };
        for n in 0..MAX_REMEMBERED + 10 {
            let expires_ms = NOW_MS + 1 + i64::try_from(n).unwrap();
            all.insert(key(n), listener(expires_ms, &[]), NOW_MS);
            assert!(all.0.len() <= MAX_REMEMBERED);
        }
        assert!(all.find(&key(9), NOW_MS).is_none());
        assert!(all.find(&key(10), NOW_MS).is_some());
    }
}
