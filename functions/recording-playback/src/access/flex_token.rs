//! Identifies the listener by a Flex token.

use std::time::Duration;

use cache::{Cache, Clock};
use http::HeaderValue;
use twilio::flex_token::{FlexToken, Listener, TokenError};

use crate::{ports::TokenCheck, refusal::Refusal};

/// How long a token validation is reused. A user who loses a role can still get links for a minute at most.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// More tokens than one function instance sees in a minute.
const MAX_REMEMBERED: usize = 256;

/// Finds the listener that a token belongs to, and decides whether they may listen.
#[derive(Debug)]
pub(crate) struct TokenGate<C> {
    check: C,
    allowed_roles: Vec<String>,
    clock: Clock,
    /// Keyed by the SHA-256 of the token. The tokens themselves are not stored.
    listeners: Cache<[u8; 32], Listener>,
}

impl<C: TokenCheck> TokenGate<C> {
    pub(crate) fn new(check: C, allowed_roles: Vec<String>, clock: Clock) -> Self {
        Self {
            check,
            allowed_roles,
            listeners: Cache::new(MAX_REMEMBERED, TRUSTED_FOR, clock.clone()),
            clock,
        }
    }

    /// The listener whose token is in the `Authorization` header.
    ///
    /// Only validations of valid tokens are reused. Without an answer from Twilio, access is denied. A value without a
    /// token's shape is refused without a call.
    pub(crate) async fn listener(&self, authorization: Option<&HeaderValue>) -> Result<Listener, Refusal> {
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .map(FlexToken::from_authorization)
            .transpose()?
            .flatten()
            .ok_or(Refusal::NoToken)?;
        let mut place = self.listeners.place(&token.fingerprint()).await;
        let listener = match place.get() {
            Some(known) => known.clone(),
            None => {
                let listener = self.check.check(&token).await?;
                place.put(listener.clone());
                listener
            }
        };
        if listener.expires_ms <= self.clock.unix_ms() {
            return Err(TokenError::Invalid.into());
        }
        Ok(listener)
    }

    /// Whether one of the listener's roles is allowed to listen.
    pub(crate) fn allows(&self, listener: &Listener) -> bool {
        listener.roles.iter().any(|role| self.allowed_roles.contains(role))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicI64, AtomicUsize, Ordering},
        },
        time::UNIX_EPOCH,
    };

    use base64::{Engine, engine::general_purpose::STANDARD};
    use twilio::client::ApiError;

    use super::*;
    use crate::ports::CheckError;

    const NOW_MS: i64 = 1_790_000_000_000;

    /// Gives the same answer for every token and counts the calls.
    struct Issuer {
        answer: fn() -> Result<Listener, TokenError>,
        calls: AtomicUsize,
    }

    impl TokenCheck for Issuer {
        async fn check(&self, _: &FlexToken) -> Result<Listener, CheckError> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            Ok((self.answer)()?)
        }
    }

    /// A gate with a wall clock that the test sets. The monotonic clock does not move.
    struct Gate {
        gate: TokenGate<Issuer>,
        now_ms: Arc<AtomicI64>,
    }

    fn gate(answer: fn() -> Result<Listener, TokenError>) -> Gate {
        let calls = AtomicUsize::new(0);
        let now_ms = Arc::new(AtomicI64::new(NOW_MS));
        let set_now_ms = Arc::clone(&now_ms);
        let clock = Clock::new(move || {
            let now_ms = set_now_ms.load(Ordering::Relaxed);
            UNIX_EPOCH + Duration::from_millis(now_ms.try_into().unwrap())
        });
        Gate {
            gate: TokenGate::new(Issuer { answer, calls }, vec!["supervisor".to_owned()], clock),
            now_ms,
        }
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
        // `{"alg":"dir","enc":"A256GCM"}`, and the token's name where its ciphertext would be.
        let pair = STANDARD.encode(format!(
            "token:eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.{token}.dGFn"
        ));
        HeaderValue::from_str(&format!("Basic {pair}")).unwrap()
    }

    impl Gate {
        async fn listener_at(&self, token: &str, now_ms: i64) -> Result<Listener, Refusal> {
            self.now_ms.store(now_ms, Ordering::Relaxed);
            self.gate.listener(Some(&header(token))).await
        }

        fn calls(&self) -> usize {
            self.gate.check.calls.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_valid_token_is_validated_once_a_minute() {
        let gate = gate(|| Ok(listener(NOW_MS + 3_600_000, &["supervisor"])));
        gate.listener_at("one", NOW_MS).await.unwrap();
        gate.listener_at("one", NOW_MS + 59_999).await.unwrap();
        assert_eq!(gate.calls(), 1);
        gate.listener_at("two", NOW_MS + 59_999).await.unwrap();
        assert_eq!(gate.calls(), 2);
        gate.listener_at("one", NOW_MS + 60_000).await.unwrap();
        assert_eq!(gate.calls(), 3);
        // A clock that steps back makes the answer old.
        gate.listener_at("one", NOW_MS).await.unwrap();
        assert_eq!(gate.calls(), 4);
    }

    #[tokio::test]
    async fn a_token_is_never_trusted_past_its_expiry() {
        let gate = gate(|| Ok(listener(NOW_MS + 10, &["supervisor"])));
        gate.listener_at("one", NOW_MS).await.unwrap();
        gate.listener_at("one", NOW_MS + 9).await.unwrap();
        for now_ms in [NOW_MS + 10, NOW_MS + 50_000, NOW_MS + 120_000] {
            let refusal = gate.listener_at("one", now_ms).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Token(TokenError::Invalid)), "{refusal:?}");
        }
    }

    #[tokio::test]
    async fn refusals_are_not_remembered() {
        let invalid = gate(|| Err(TokenError::Invalid));
        let unavailable = gate(|| Err(TokenError::Unavailable(ApiError::Status { status: 500 })));
        for (gate, status) in [(invalid, 401), (unavailable, 503)] {
            for _ in 0..2 {
                assert_eq!(
                    gate.listener_at("one", NOW_MS).await.unwrap_err().status_and_code().0,
                    status
                );
            }
            assert_eq!(gate.calls(), 2);
        }
    }

    #[tokio::test]
    async fn without_a_token_no_request_is_sent() {
        let gate = gate(|| Ok(listener(i64::MAX, &["supervisor"])));
        for value in [
            None,
            Some("Bearer abc"),
            Some("Basic"),
            Some("Basic !"),
            Some("Basic dXNlcjpwYXNz"),
        ] {
            let value = value.map(HeaderValue::from_static);
            let refusal = gate.gate.listener(value.as_ref()).await.unwrap_err();
            assert!(matches!(refusal, Refusal::NoToken), "{value:?}");
        }
        assert_eq!(gate.calls(), 0);
    }

    #[tokio::test]
    async fn a_value_that_is_no_token_causes_no_request() {
        let gate = gate(|| Ok(listener(i64::MAX, &["supervisor"])));
        for junk in ["x", "a.b.c", "a.b.c.d.e", &"x".repeat(20_000)] {
            let pair = STANDARD.encode(format!("token:{junk}"));
            let value = HeaderValue::from_str(&format!("Basic {pair}")).unwrap();
            let refusal = gate.gate.listener(Some(&value)).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Token(TokenError::Malformed)), "{junk}");
            assert_eq!(refusal.status_and_code().0, 401);
        }
        assert_eq!(gate.calls(), 0);
    }

    #[test]
    fn one_allowed_role_is_enough() {
        let gate = gate(|| Err(TokenError::Invalid));
        assert!(gate.gate.allows(&listener(0, &["agent", "supervisor"])));
        for roles in [&["agent"][..], &["Supervisor"], &["supervisor "], &[]] {
            assert!(!gate.gate.allows(&listener(0, roles)), "{roles:?}");
        }
    }
}
