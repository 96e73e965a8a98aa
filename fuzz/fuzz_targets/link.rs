//! Any path and query as a link. It plays only the signed recording, only until it expires, and only in one spelling.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use playback_link::{Expiry, KeyRing, is_link_path, verify};

/// The keys of the sample events. One seed contains a link that they signed.
static KEYS: LazyLock<KeyRing> = LazyLock::new(|| {
    KeyRing::parse(r#"{"current":"k1","k1":"a-key-for-tests-only-a-key-for-tests-only-a-key"}"#).unwrap()
});

/// Unix time, a line feed, path and query.
fn input(text: &str) -> Option<(u64, &str, &str)> {
    let (now_s, link) = text.split_once('\n')?;
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    Some((now_s.parse().ok()?, path, query))
}

fuzz_target!(|text: &str| {
    let Some((now_s, path, query)) = input(text) else {
        return;
    };
    let Ok(link) = verify(&KEYS, path, query, now_s) else {
        return;
    };
    assert!(is_link_path(path));
    let values = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    // Each field has only one spelling, and occurs once.
    let [signature] = *values("signature") else {
        panic!("expected exactly one signature");
    };
    assert_eq!(values("expires"), [link.expiry.to_string()]);
    assert_eq!(values("id"), [&*link.id]);
    assert_eq!(values("key"), [&*link.key_id]);
    assert!(values("recordingSid").iter().all(|sid| *sid == link.recording.as_str()));
    if let Expiry::At(expires_s) = link.expiry {
        assert!(now_s <= expires_s.saturating_add(30));
    }

    // The link alone still plays, but not with another recording, time or id.
    let rewritten = |recording: &str, expires: &str, id: &str| {
        let query = format!(
            "expires={expires}&id={id}&key={}&v=1&signature={signature}",
            link.key_id
        );
        verify(&KEYS, &format!("/recordings/{recording}"), &query, 0)
    };
    let expires = link.expiry.to_string();
    assert_eq!(rewritten(link.recording.as_str(), &expires, &link.id).as_ref(), Ok(&link));
    assert!(rewritten(&format!("{}0", link.recording), &expires, &link.id).is_err());
    assert!(rewritten(link.recording.as_str(), "never", &link.id).is_err() || link.expiry == Expiry::Never);
    assert!(rewritten(link.recording.as_str(), &expires, "AAAAAAAAAAAAAAAAAAAAAA").is_err());
});
