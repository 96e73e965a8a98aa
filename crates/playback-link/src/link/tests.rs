use super::*;

const NOW_S: u64 = 1_763_900_000;
const RECORDING: &str = "RE00000000000000000000000000000001";
const OTHER: &str = "RE00000000000000000000000000000002";
const OLD: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
const NEW: &str = "GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210";

fn ring(current: &str) -> KeyRing {
    KeyRing::parse(&format!(r#"{{"current":"{current}","k1":"{OLD}","k2":"{NEW}"}}"#)).unwrap()
}

fn recording() -> RecordingSid {
    RecordingSid::parse(RECORDING).unwrap()
}

fn link(expiry: Expiry) -> SignedLink {
    sign(&ring("k1"), &recording(), expiry)
}

fn verified(link: &SignedLink, now_s: u64) -> Result<Link, LinkError> {
    verify(&ring("k1"), &link.path, &link.query, now_s)
}

#[test]
fn a_signed_link_verifies_and_says_what_was_signed() {
    let signed = link(Expiry::At(NOW_S));
    let expected = Link {
        recording: recording(),
        expiry: Expiry::At(NOW_S),
        id: signed.id.clone(),
        key_id: "k1".to_owned(),
    };
    assert_eq!(verified(&signed, NOW_S), Ok(expected));
}

#[test]
fn a_link_is_a_path_of_its_own_below_the_base() {
    let signed = link(Expiry::Never);
    assert!(is_link_path(&signed.path));
    assert_eq!(signed.path, format!("/recordings/{RECORDING}"));
    let url = signed.url("https://listen.example.com");
    let expected = format!("https://listen.example.com/recordings/{RECORDING}?expires=never&");
    assert!(url.starts_with(&expected));
    assert!(!url.contains("recordingSid"));
}

#[test]
fn links_that_were_signed_before_recordings_had_paths_verify() {
    // Made by version 0.1.0 with the key below.
    let keys = r#"{"current":"k1","k1":"a-key-for-tests-only-a-key-for-tests-only-a-key"}"#;
    let keys = KeyRing::parse(keys).unwrap();
    let query = "recordingSid=RE00000000000000000000000000000001&expires=4102444800&id=c2FtcGxlLWxpbmstd2hvbA&key=k1&v=1\
                 &signature=QFzdA3U7PHxwcaL1-yO-H79MlxMWZ7mcOTEhC1oXAYQ";
    for path in ["/", "", "/recordings/RE00000000000000000000000000000001"] {
        let link = verify(&keys, path, query, NOW_S).unwrap();
        assert_eq!(
            (link.recording.as_str(), &*link.id),
            (RECORDING, "c2FtcGxlLWxpbmstd2hvbA"),
            "{path}"
        );
    }
}

#[test]
fn a_path_and_a_query_that_disagree_are_no_link() {
    let SignedLink { path, query, .. } = link(Expiry::Never);
    let verified = |path: &str, query: &str| verify(&ring("k1"), path, query, NOW_S).map(|link| link.recording);
    let with = |sid: &str| format!("recordingSid={sid}&{query}");
    assert_eq!(verified(&path, &with(RECORDING)), Ok(recording()));
    assert_eq!(verified("/", &with(RECORDING)), Ok(recording()));
    for (path, query) in [
        (&*path, &*with(OTHER)),
        (&path, &with("")),
        (&path, &format!("recordingSid&{query}")),
        (&path, &format!("{}&recordingSid={RECORDING}", with(RECORDING))),
        (&path, &format!("{}&recordingSid={OTHER}", with(RECORDING))),
        ("/", &query),
        ("/", &format!("{}&recordingSid={OTHER}", with(RECORDING))),
        ("/recordings/", &query),
        ("/recordings/", &with(RECORDING)),
        ("/media-url", &with(RECORDING)),
        (&format!("{path}/"), &query),
        (&format!("{path}.wav"), &query),
        (&format!("/recordings/{RECORDING}/{RECORDING}"), &query),
        (&path.replace("RE", "%52E"), &query),
        (&path.replace("RE", "re"), &query),
        (&path.replace("recordings", "Recordings"), &query),
        (&format!("/{path}"), &query),
        (&format!("/vault{path}"), &query),
    ] {
        assert_eq!(verified(path, query), Err(LinkError::Malformed), "{path} {query}");
    }
    for (path, query) in [(&*path.replace(RECORDING, OTHER), &query), ("/", &with(OTHER))] {
        assert_eq!(verified(path, query), Err(LinkError::Signature), "{path} {query}");
    }
}

#[test]
fn a_link_plays_until_its_expiry_and_the_clock_skew() {
    let expiring = link(Expiry::At(NOW_S));
    let at = |now_s| verified(&expiring, now_s).map(|_| ());
    assert_eq!(at(NOW_S + CLOCK_SKEW_S), Ok(()));
    assert_eq!(at(NOW_S + CLOCK_SKEW_S + 1), Err(LinkError::Expired));
    assert!(verified(&link(Expiry::Never), u64::MAX).is_ok());
    assert!(verified(&link(Expiry::At(u64::MAX)), u64::MAX).is_ok());
}

#[test]
fn a_link_outlives_the_key_that_was_current_when_it_was_made() {
    let SignedLink { path, query, .. } = link(Expiry::Never);
    assert!(verify(&ring("k2"), &path, &query, NOW_S).is_ok());
}

#[test]
fn a_key_that_was_never_in_the_ring_is_refused() {
    let other = KeyRing::parse(&format!(r#"{{"current":"k9","k9":"{OLD}"}}"#)).unwrap();
    let signed = sign(&other, &recording(), Expiry::Never);
    assert_eq!(verified(&signed, NOW_S), Err(LinkError::UnknownKey));
}

#[test]
fn every_changed_character_is_refused() {
    let SignedLink { path, query, .. } = link(Expiry::At(NOW_S));
    let target = format!("{path}?{query}");
    for at in 0..target.len() {
        for replacement in ["x", "1", "&", "=", "%", "/", "?", ""] {
            let mut forged = target.clone();
            forged.replace_range(at..=at, replacement);
            let (path, query) = forged.split_once('?').unwrap_or((&forged, ""));
            if forged != target {
                let verdict = verify(&ring("k1"), path, query, NOW_S);
                assert!(verdict.is_err(), "character {at} became {replacement:?}");
            }
        }
    }
}

#[test]
fn a_signature_does_not_fit_another_link() {
    let (one, other) = (link(Expiry::Never), link(Expiry::At(NOW_S)));
    let (fields, _) = one.query.rsplit_once('=').unwrap();
    let (_, signature) = other.query.rsplit_once('=').unwrap();
    let swapped = format!("{fields}={signature}");
    assert_eq!(
        verify(&ring("k1"), &one.path, &swapped, NOW_S),
        Err(LinkError::Signature)
    );
}

#[test]
fn other_parameters_are_ignored_and_doubled_fields_are_not() {
    let SignedLink { path, query, .. } = link(Expiry::Never);
    assert!(verify(&ring("k1"), &path, &format!("download=1&{query}"), NOW_S).is_ok());
    for field in query.split('&') {
        let (name, _) = field.split_once('=').unwrap();
        for more in [field, name] {
            assert_eq!(
                verify(&ring("k1"), &path, &format!("{query}&{more}"), NOW_S),
                Err(LinkError::Malformed),
                "{more}"
            );
        }
    }
}

#[test]
fn a_number_has_one_spelling() {
    for text in ["+1", "01", " 1", "1 ", "-1", "1.0", "18446744073709551616", "Never", ""] {
        assert_eq!(text.parse::<Expiry>(), Err(LinkError::Malformed), "{text:?}");
    }
}

#[test]
fn links_that_expire_have_ids_that_differ() {
    let [one, other] = [link(Expiry::At(NOW_S)), link(Expiry::At(NOW_S))];
    assert_eq!(one.id.len(), ID_CHARS);
    assert_ne!(one.id, other.id);
}

#[test]
fn a_link_that_never_expires_is_a_function_of_recording_and_key() {
    let made = |key, recording| sign(&ring(key), &RecordingSid::parse(recording).unwrap(), Expiry::Never);
    let one = made("k1", RECORDING);
    assert_eq!(one.id.len(), ID_CHARS);
    assert_eq!(one.url(""), made("k1", RECORDING).url(""));
    assert_ne!(one.id, made("k1", OTHER).id);
    assert_ne!(one.id, made("k2", RECORDING).id);
    // The link contains the id, so the id must reveal nothing of the signature.
    assert!(!one.query.contains(&format!("signature={}", one.id)));
}
