//! Links, routes and cross-origin access.

use std::time::{SystemTime, UNIX_EPOCH};

use http::Method;
use playback_link::{Expiry, KeyRing, SignedLink};
use serde_json::json;
use sid::RecordingSid;

use crate::fakes::{Flex, Keys, LINK_KEYS, RECORDING, Shelf, World, link, link_until, plaintext, request, supervisor};

fn world() -> World {
    World::new(Shelf::with(&plaintext(100)))
}

#[tokio::test]
async fn every_invalid_link_gets_the_same_answer_and_reaches_nothing() {
    const OTHER: &str = "RE00000000000000000000000000000002";
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let other_keys = LINK_KEYS.replace("a-key", "b-key");
    let signed = |keys: &str| {
        let recording = RecordingSid::parse(RECORDING).unwrap();
        playback_link::sign(&KeyRing::parse(keys).unwrap(), &recording, Expiry::At(now_s + 60))
    };
    let SignedLink { path, query, .. } = link();
    let on_its_path = |query: String| (path.clone(), query);
    let of_first_form = |sid: &str| ("/".to_owned(), format!("recordingSid={sid}&{query}"));
    let on_path = |path: String| (path, query.clone());
    let of = |link: SignedLink| (link.path, link.query);
    let bad = [
        on_its_path(String::new()),
        on_its_path(query.replace("v=1", "v=2")),
        on_its_path(format!("{query}&{query}")),
        on_its_path(query.to_uppercase()),
        on_its_path(format!("{query}&recordingSid={OTHER}")),
        on_its_path(format!("{query}&recordingSid={RECORDING}&recordingSid={RECORDING}")),
        on_its_path(format!("{query}&recordingSid")),
        on_path(format!("/recordings/{OTHER}")),
        on_path("/recordings/".to_owned()),
        on_path(format!("{path}/")),
        on_path(format!("{path}{path}")),
        on_path(path.replace("RE", "re")),
        on_path(path.replace("RE", "%52%45")),
        on_path(path.replace("RE", "..%2FRE")),
        on_path("/".to_owned()),
        of_first_form(""),
        of_first_form(OTHER),
        of_first_form(&format!("{RECORDING}&recordingSid={RECORDING}")),
        ("/".to_owned(), format!("recordingSid={RECORDING}")),
        ("/".to_owned(), String::new()),
        of(link_until(Expiry::At(now_s - 60))),
        of(link_until(Expiry::Never)),
        of(signed(&other_keys)),
        on_path("/recordings/RE1".to_owned()),
    ];
    let world = world();
    let mut bodies = Vec::new();
    for (path, query) in &bad {
        let answer = world
            .send(request(&Method::GET, path, query, &[("range", "bytes=0-")]))
            .await;
        assert_eq!(answer.error(), (403, "link_not_valid".to_owned()), "{path}?{query}");
        bodies.push((answer.headers, answer.body));
        let answer = world.send(request(&Method::HEAD, path, query, &[])).await;
        assert_eq!(answer.status, 403, "{path}?{query}");
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert!(world.shelf.log().is_empty());
}

#[tokio::test]
async fn links_of_both_forms_play() {
    let SignedLink { path, query, .. } = link();
    let with_sid = format!("recordingSid={RECORDING}&{query}");
    let world = world();
    for (path, query) in [(&*path, &query), (&path, &with_sid), ("/", &with_sid), ("", &with_sid)] {
        let answer = world.send(request(&Method::GET, path, query, &[])).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, plaintext(100)), "{path}");
        let answer = world.send(request(&Method::HEAD, path, query, &[])).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0), "{path}");
    }
}

/// `X-Amz-Expires` is only for Twilio's Player and is not signed.
#[tokio::test]
async fn the_lifetime_that_a_link_shows_to_the_player_decides_nothing() {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let world = world();
    for (link, status) in [(link(), 200), (link_until(Expiry::At(now_s - 60)), 403)] {
        let SignedLink { path, query, .. } = link;
        for more in [
            "",
            "X-Amz-Expires=3600",
            "X-Amz-Expires=0",
            "X-Amz-Expires",
            "X-Amz-Expires=1&X-Amz-Expires=never",
        ] {
            for query in [format!("{query}&{more}"), format!("{more}&{query}")] {
                let answer = world.send(request(&Method::GET, &path, &query, &[])).await;
                assert_eq!(answer.status, status, "{query}");
            }
        }
    }
}

#[tokio::test]
async fn segment_links_play_where_they_are_accepted() {
    let flex = Flex::answering(supervisor);
    let settings = [("ACCEPT_SEGMENT_LINKS", "true")];
    let world = World::with(Shelf::with(&plaintext(100)), flex, Keys(Some(LINK_KEYS)), &settings);
    let link = link_until(Expiry::Never);
    assert_eq!(world.follow(&Method::GET, &link, &[]).await.status, 200);
}

#[tokio::test]
async fn without_link_keys_nothing_plays() {
    for keys in [None, Some("change-me"), Some(r#"{"current":"k1","k1":"short"}"#)] {
        let world = World::with(
            Shelf::with(&plaintext(100)),
            Flex::answering(supervisor),
            Keys(keys),
            &[],
        );
        let answer = world.get(&[]).await;
        assert_eq!(answer.error(), (503, "not_configured".to_owned()));
        assert!(world.shelf.log().is_empty());
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let world = world();
    let SignedLink { path, query, .. } = link();
    for path in [&*path, "/", "/recordings/"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = world.send(request(&method, path, &query, &[])).await;
            assert_eq!(
                answer.error(),
                (405, "method_not_allowed".to_owned()),
                "{method} {path}"
            );
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
    for path in ["/recordings", "//recordings/RE1", &path.to_uppercase()] {
        let answer = world.send(request(&Method::GET, path, &query, &[])).await;
        assert_eq!(answer.error(), (404, "not_found".to_owned()), "{path}");
        assert_eq!(answer.json()["requestId"], "request-1");
    }
    assert!(world.shelf.log().is_empty());
}

#[tokio::test]
async fn pages_of_flex_may_read_every_answer() {
    const FLEX: &str = "https://flex.twilio.com";
    let world = world();
    let origin = [("origin", FLEX)];
    let SignedLink { path, query, .. } = link();
    for (method, path, query, status) in [
        (Method::GET, &*path, query.clone(), 200),
        (Method::HEAD, &path, query, 200),
        (Method::GET, &path, String::new(), 403),
        (Method::GET, "/media-url", format!("recordingSid={RECORDING}"), 401),
        (Method::GET, "/nowhere", String::new(), 404),
        (Method::PATCH, "/", String::new(), 405),
    ] {
        let answer = world.send(request(&method, path, &query, &origin)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(FLEX),
            "{method} {path}"
        );
        let vary = answer.header("vary").unwrap().to_lowercase();
        assert!(vary.split(", ").any(|name| name == "origin"), "{method} {path}: {vary}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in ["Content-Range", "Accept-Ranges", "ETag"] {
            assert!(exposed.contains(name), "{name}");
        }
    }
}

#[tokio::test]
async fn other_pages_may_not() {
    let world = world();
    for origin in [None, Some(("origin", "https://flex.twilio.com.example.com"))] {
        let answer = world.get(origin.as_slice()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert!(answer.header("vary").unwrap().to_lowercase().starts_with("origin"));
    }
}

#[tokio::test]
async fn a_preflight_allows_the_players_header() {
    let world = world();
    let headers = [
        ("origin", "https://flex.twilio.com"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = world
        .send(request(&Method::OPTIONS, "/media-url", "recordingSid=RE1", &headers))
        .await;
    assert_eq!(answer.status, 200);
    // An empty streamed reply hangs behind some proxies.
    assert_eq!(answer.json(), json!({"allow": "GET, OPTIONS"}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://flex.twilio.com")
    );
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, OPTIONS"));
    assert!(
        answer
            .header("access-control-allow-headers")
            .unwrap()
            .contains("Authorization")
    );
    assert_eq!(answer.header("access-control-max-age"), Some("7200"));
    assert_eq!(world.flex.validations(), 0);
}
