//! Signed links: given out to who may listen, verified before anything else happens.

use playback_link::{Expiry, Link, LinkError, SignedLink};
use sid::RecordingSid;

use crate::{ports::LinkKeys, refusal::Refusal};

/// Verifies links and makes new ones.
#[derive(Debug)]
pub(crate) struct LinkGate<K> {
    keys: K,
    ttl_s: u64,
    accepts_segment_links: bool,
}

/// What a verified link gives access to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) recording: RecordingSid,
    pub(crate) link_id: String,
}

impl<K: LinkKeys> LinkGate<K> {
    pub(crate) const fn new(keys: K, ttl_s: u64, accepts_segment_links: bool) -> Self {
        Self {
            keys,
            ttl_s,
            accepts_segment_links,
        }
    }

    /// How long a link plays that is made here, in seconds.
    pub(crate) const fn life_s(&self) -> u64 {
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

    /// An unknown key may have been added since the keys were fetched here, so it's looked for once more. A known key is
    /// never replaced: what it didn't sign is refused as fast as what has expired, with no call to anybody.
    async fn verify(&self, path: &str, query: &str, now_s: u64) -> Result<Link, Refusal> {
        let known = self.keys.current().await?;
        match playback_link::verify(&known, path, query, now_s) {
            Err(LinkError::UnknownKey) => match self.keys.refreshed().await {
                Ok(newest) => Ok(playback_link::verify(&newest, path, query, now_s)?),
                // Where the newest keys can't be had, the known ones have the say.
                Err(_) => Err(LinkError::UnknownKey.into()),
            },
            verdict => Ok(verdict?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use playback_link::KeyRing;
    use service::secrets::SecretError;

    use super::*;

    const NOW_S: u64 = 1_790_000_000;
    const ONE: &str = r#"{"current":"k1","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}"#;
    const TWO: &str = concat!(
        r#"{"current":"k2","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG","#,
        r#""k2":"GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210"}"#,
    );

    /// Keys here and keys as they are now; `None` is a secret that was never set.
    struct Keys {
        known: Option<&'static str>,
        newest: &'static str,
        refreshes: AtomicUsize,
    }

    impl LinkKeys for Keys {
        async fn current(&self) -> Result<KeyRing, SecretError> {
            KeyRing::parse(self.known.unwrap_or_default()).map_err(|_| SecretError::Missing)
        }

        async fn refreshed(&self) -> Result<KeyRing, SecretError> {
            self.refreshes.fetch_add(1, Ordering::Relaxed);
            KeyRing::parse(self.newest).map_err(|_| SecretError::Missing)
        }
    }

    fn gate(known: Option<&'static str>, newest: &'static str, accepts_segment_links: bool) -> LinkGate<Keys> {
        let refreshes = AtomicUsize::new(0);
        let keys = Keys {
            known,
            newest,
            refreshes,
        };
        LinkGate::new(keys, 60, accepts_segment_links)
    }

    fn recording() -> RecordingSid {
        RecordingSid::parse("RE00000000000000000000000000000001").unwrap()
    }

    async fn admit(gate: &LinkGate<Keys>, link: &SignedLink, now_s: u64) -> Result<Admission, Refusal> {
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
    async fn whatever_is_wrong_with_a_link_is_refused_alike() {
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
        let behind = gate(Some(ONE), TWO, false);
        assert!(admit(&behind, &link, NOW_S).await.is_ok());
        assert_eq!(behind.keys.refreshes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn only_an_unknown_key_asks_for_newer_keys() {
        let gate = gate(Some(ONE), ONE, false);
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
        assert_eq!(gate.keys.refreshes.load(Ordering::Relaxed), 0);
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
                    refusal.terms(),
                    (http::StatusCode::SERVICE_UNAVAILABLE, "not_configured")
                );
            }
        }
    }
}
