//! Signed links: issued to listeners who may listen, and verified before any other step.

use std::fmt;

use playback_link::{Expiry, KeyRing, Link, LinkError, SignedLink};
use service::secrets::{SecretSource, retry_refused};
use sid::RecordingSid;

use crate::refusal::Refusal;

/// Verifies links and makes new ones.
pub(crate) struct LinkGate {
    keys: Box<dyn SecretSource<KeyRing>>,
    ttl_s: u64,
    accepts_segment_links: bool,
}

/// The access that a verified link gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) recording: RecordingSid,
    pub(crate) link_id: String,
}

impl LinkGate {
    pub(crate) fn new(keys: impl SecretSource<KeyRing> + 'static, ttl_s: u64, accepts_segment_links: bool) -> Self {
        Self {
            keys: Box::new(keys),
            ttl_s,
            accepts_segment_links,
        }
    }

    /// How long a new link plays, in seconds.
    pub(crate) const fn ttl_s(&self) -> u64 {
        self.ttl_s
    }

    /// Verifies the link of the raw `path` and `query` at `now_s` (Unix seconds).
    pub(crate) async fn admit(&self, path: &str, query: &str, now_s: u64) -> Result<Admission, Refusal> {
        let link = self.verify(path, query, now_s).await?;
        if link.expiry == Expiry::Never && !self.accepts_segment_links {
            return Err(Refusal::SegmentLink);
        }
        Ok(Admission {
            recording: link.recording,
            link_id: link.id,
        })
    }

    /// Makes a link to `recording` at `now_s` (Unix seconds).
    pub(crate) async fn issue(&self, recording: &RecordingSid, now_s: u64) -> Result<SignedLink, Refusal> {
        let keys = self.keys.current().await?;
        let expiry = Expiry::At(now_s.saturating_add(self.ttl_s));
        Ok(playback_link::sign(&keys, recording, expiry))
    }

    /// The keys are read again only for an unknown key, which may have been added meanwhile. A known key is never replaced,
    /// so that a wrong signature is refused as fast as an expired link, and without a call.
    async fn verify(&self, path: &str, query: &str, now_s: u64) -> Result<Link, Refusal> {
        let mut has_verdict = false;
        let verify = |keys: KeyRing| {
            has_verdict = true;
            async move { playback_link::verify(&keys, path, query, now_s) }
        };
        let is_unknown = |error: &LinkError| matches!(error, LinkError::UnknownKey);
        match retry_refused(&*self.keys, is_unknown, verify).await {
            Ok(verdict) => Ok(verdict?),
            // If the newest keys cannot be read, the verdict of the known ones holds.
            Err(_) if has_verdict => Err(LinkError::UnknownKey.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The keys are not shown.
impl fmt::Debug for LinkGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkGate")
            .field("ttl_s", &self.ttl_s)
            .field("accepts_segment_links", &self.accepts_segment_links)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::BoxFuture;
    use service::secrets::SecretError;

    use super::*;

    const NOW_S: u64 = 1_790_000_000;
    const ONE: &str = r#"{"current":"k1","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}"#;
    const TWO: &str = concat!(
        r#"{"current":"k2","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG","#,
        r#""k2":"GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210"}"#,
    );

    /// The known keys, and the newest. `None` is a secret that was never set.
    struct Keys {
        known: Option<&'static str>,
        newest: &'static str,
        refreshes: Arc<AtomicUsize>,
    }

    impl SecretSource<KeyRing> for Keys {
        fn current(&self) -> BoxFuture<'_, Result<KeyRing, SecretError>> {
            Box::pin(async { KeyRing::parse(self.known.unwrap_or_default()).map_err(|_| SecretError::Missing) })
        }

        fn refreshed(&self) -> BoxFuture<'_, Result<KeyRing, SecretError>> {
            self.refreshes.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { KeyRing::parse(self.newest).map_err(|_| SecretError::Missing) })
        }
    }

    fn gate(known: Option<&'static str>, newest: &'static str, accepts_segment_links: bool) -> LinkGate {
        counting_gate(known, newest, accepts_segment_links).0
    }

    /// The gate, and how often its keys are read again.
    fn counting_gate(
        known: Option<&'static str>,
        newest: &'static str,
        accepts_segment_links: bool,
    ) -> (LinkGate, Arc<AtomicUsize>) {
        let refreshes = Arc::default();
        let keys = Keys {
            known,
            newest,
            refreshes: Arc::clone(&refreshes),
        };
        (LinkGate::new(keys, 60, accepts_segment_links), refreshes)
    }

    fn recording() -> RecordingSid {
        RecordingSid::parse("RE00000000000000000000000000000001").unwrap()
    }

    async fn admit(gate: &LinkGate, link: &SignedLink, now_s: u64) -> Result<Admission, Refusal> {
        gate.admit(&link.path, &link.query, now_s).await
    }

    #[tokio::test]
    async fn an_issued_link_is_admitted_until_it_expires() {
        let gate = gate(Some(ONE), ONE, false);
        let link = gate.issue(&recording(), NOW_S).await.unwrap();
        let admission = Admission {
            recording: recording(),
            link_id: link.id.clone(),
        };
        assert_eq!(admit(&gate, &link, NOW_S + 60).await.unwrap(), admission);
        let late = admit(&gate, &link, NOW_S + 60 + 31).await;
        assert!(matches!(late, Err(Refusal::Link(_))));
    }

    #[tokio::test]
    async fn every_invalid_link_is_refused_alike() {
        let gate = gate(Some(ONE), ONE, false);
        let SignedLink { path, query, .. } = gate.issue(&recording(), NOW_S).await.unwrap();
        for (path, query) in [
            (&*path, ""),
            ("/", &*query),
            ("/", "recordingSid=RE00000000000000000000000000000001"),
            (&path.replace("0001", "0002"), &query),
            (&path, &query.replace("v=1", "v=2")),
            ("/recordings/RE1", &query),
        ] {
            let admitted = gate.admit(path, query, NOW_S).await;
            assert!(matches!(admitted, Err(Refusal::Link(_))), "{path} {query}");
        }
    }

    #[tokio::test]
    async fn segment_links_play_only_where_they_are_accepted() {
        let link = playback_link::sign(&KeyRing::parse(ONE).unwrap(), &recording(), Expiry::Never);
        assert!(matches!(
            admit(&gate(Some(ONE), ONE, false), &link, NOW_S).await,
            Err(Refusal::SegmentLink)
        ));
        assert!(admit(&gate(Some(ONE), ONE, true), &link, NOW_S).await.is_ok());
    }

    #[tokio::test]
    async fn a_key_added_meanwhile_is_found() {
        let ahead = gate(Some(TWO), TWO, false);
        let link = ahead.issue(&recording(), NOW_S).await.unwrap();
        let (behind, refreshes) = counting_gate(Some(ONE), TWO, false);
        assert!(admit(&behind, &link, NOW_S).await.is_ok());
        assert_eq!(refreshes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn only_an_unknown_key_causes_a_new_read_of_the_keys() {
        let (gate, refreshes) = counting_gate(Some(ONE), ONE, false);
        let SignedLink { path, query, .. } = gate.issue(&recording(), NOW_S).await.unwrap();
        gate.admit(&path, &query, NOW_S).await.unwrap();
        for (path, query, now_s) in [
            (&*path, &*query, NOW_S + 1000),
            (&path, "malformed", NOW_S),
            (&path.replace("0001", "0002"), &query, NOW_S),
            (&path, &query.replace("v=1", "v=2"), NOW_S),
            (&path, &format!("{query}A"), NOW_S),
        ] {
            gate.admit(path, query, now_s).await.unwrap_err();
        }
        assert_eq!(refreshes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn without_usable_keys_nothing_is_admitted_or_issued() {
        for known in [None, Some("{}"), Some("change-me")] {
            let gate = gate(known, "{}", true);
            for refusal in [
                gate.admit("/", "", NOW_S).await.unwrap_err(),
                gate.issue(&recording(), NOW_S).await.err().unwrap(),
            ] {
                assert_eq!(
                    refusal.status_and_code(),
                    (http::StatusCode::SERVICE_UNAVAILABLE, "not_configured")
                );
            }
        }
    }
}
