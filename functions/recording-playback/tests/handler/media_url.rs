//! `GET /media-url`.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use http::{Method, Uri};
use playback_link::KeyRing;
use recording_playback::TokenCheck;
use service::secrets::{SecretError, SecretSource};
use twilio::{
    client::ApiError,
    flex_token::{Listener, TokenError},
};
use vault::{Damage, Outage, ReadError};

use crate::fakes::{
    Answer, DOMAIN, Flex, Keys, LINK_KEYS, RECORDING, Shelf, Verdict, World, plaintext, request, supervisor,
};

/// `{"alg":"dir","enc":"A256GCM"}`, and a word in place of the ciphertext.
pub(crate) const TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.some-token.dGFn";

fn world(answer: Verdict, settings: &[(&str, &str)]) -> World {
    let shelf = Shelf::with(&plaintext(100));
    World::with(shelf, Flex::answering(answer), Keys(Some(LINK_KEYS)), settings)
}

impl<C: TokenCheck + Clone> World<C> {
    /// Requests a link with [`TOKEN`].
    pub(crate) async fn request_link(&self, recording: &str) -> Answer {
        let authorization = format!("Basic {}", STANDARD.encode(format!("token:{TOKEN}")));
        let query = format!("recordingSid={recording}");
        let headers = [("authorization", authorization.as_str())];
        self.send(request(&Method::GET, "/media-url", &query, &headers)).await
    }
}

#[tokio::test]
async fn a_listener_with_an_allowed_role_gets_a_link_that_plays() {
    let world = world(supervisor, &[]);
    let answer = world.request_link(RECORDING).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(world.shelf.log(), ["find"]);
    let said = answer.json();
    assert_eq!(said.as_object().unwrap().len(), 1);
    let url = said["media_url"].as_str().unwrap();
    let url: Uri = url.strip_prefix(&format!("https://{DOMAIN}")).unwrap().parse().unwrap();
    let answer = world
        .send(request(&Method::GET, url.path(), url.query().unwrap(), &[]))
        .await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, plaintext(100)));
}

/// Twilio's Player compares origin and path of a new URL with those of the old one (`componentDidUpdate` of
/// `@twilio/player`). If they are the same, it is the same recording with a new link. If not, it is another recording.
#[tokio::test]
async fn the_player_distinguishes_recordings_and_a_fresh_link_from_another_recording() {
    const SECOND: &str = "RE00000000000000000000000000000002";
    let world = world(supervisor, &[]);
    world.shelf.duplicate_as(SECOND);
    let requested_url = async |sid| -> Uri {
        world.request_link(sid).await.json()["media_url"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    let (first, again, second) = (
        requested_url(RECORDING).await,
        requested_url(RECORDING).await,
        requested_url(SECOND).await,
    );
    let compared = |url: &Uri| {
        let origin = (url.scheme().cloned(), url.authority().cloned());
        (origin, url.path().to_owned())
    };
    assert_eq!(compared(&first), compared(&again));
    assert_ne!(first.query(), again.query());
    assert_ne!(compared(&first), compared(&second));
}

/// The Player plans its next request by `X-Amz-Expires`, in seconds. The value is the signed lifetime.
#[tokio::test]
async fn the_player_learns_how_long_its_link_plays() {
    for (settings, life_s) in [(&[][..], 3_600), (&[("MEDIA_URL_TTL", "20")], 20)] {
        let world = world(supervisor, settings);
        let before_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let said = world.request_link(RECORDING).await.json();
        let query = said["media_url"].as_str().unwrap().split_once('?').unwrap().1;
        let number = |name: &str| -> u64 {
            let values: Vec<_> = query.split('&').filter_map(|pair| pair.strip_prefix(name)).collect();
            let [value] = *values else { panic!("{name} {values:?}") };
            value.parse().unwrap()
        };
        assert_eq!(number("X-Amz-Expires="), life_s);
        let expires_s = number("expires=");
        assert!(
            (before_s + life_s..before_s + life_s + 60).contains(&expires_s),
            "{expires_s}"
        );
    }
}

#[tokio::test]
async fn links_lead_where_the_deployment_says() {
    let world = world(supervisor, &[("PLAYBACK_BASE_URL", "https://listen.example.com/")]);
    let said = world.request_link(RECORDING).await.json();
    let url = said["media_url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("https://listen.example.com/recordings/{RECORDING}?")),
        "{url}"
    );
}

#[tokio::test]
async fn without_a_token_no_request_is_sent() {
    let world = world(supervisor, &[]);
    let query = format!("recordingSid={RECORDING}");
    for header in [
        None,
        Some("Bearer abc"),
        Some("Basic"),
        Some("Basic %%%"),
        Some("Basic dXNlcjpwYXNz"),
    ] {
        let headers: Vec<_> = header.map(|value| ("authorization", value)).into_iter().collect();
        let answer = world.send(request(&Method::GET, "/media-url", &query, &headers)).await;
        assert_eq!(answer.error(), (401, "token_required".to_owned()), "{header:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
    }
    assert_eq!(world.flex.validations(), 0);
    assert!(world.shelf.log().is_empty());
}

#[tokio::test]
async fn a_malformed_recording_sid_sends_no_request() {
    let world = world(supervisor, &[]);
    for sid in [
        "",
        "RE1",
        "CA00000000000000000000000000000001",
        "../erased/RE00000000000000000000000000000001",
    ] {
        assert_eq!(
            world.request_link(sid).await.error(),
            (400, "recording_sid_not_valid".to_owned()),
            "{sid}"
        );
    }
    assert_eq!(world.flex.validations(), 0);
    assert!(world.shelf.log().is_empty());
}

#[tokio::test]
async fn a_listener_without_access_reaches_nothing() {
    let refusals: [(Verdict, u16, &str); 6] = [
        (|| Err(TokenError::Invalid), 401, "token_not_valid"),
        (
            || {
                supervisor().map(|listener| Listener {
                    expires_ms: 0,
                    ..listener
                })
            },
            401,
            "token_not_valid",
        ),
        (
            || {
                supervisor().map(|listener| Listener {
                    roles: vec!["agent".to_owned()],
                    ..listener
                })
            },
            403,
            "role_not_allowed",
        ),
        (
            || {
                supervisor().map(|listener| Listener {
                    roles: vec![],
                    ..listener
                })
            },
            403,
            "role_not_allowed",
        ),
        (
            || Err(ApiError::Status { status: 500 }.into()),
            503,
            "token_not_checked",
        ),
        (|| Err(ApiError::Unexpected("no JSON").into()), 503, "token_not_checked"),
    ];
    for (answer, status, code) in refusals {
        let world = world(answer, &[]);
        assert_eq!(world.request_link(RECORDING).await.error(), (status, code.to_owned()));
        assert_eq!(world.flex.validations(), 1);
        assert!(world.shelf.log().is_empty());
    }
}

#[tokio::test]
async fn allowed_roles_are_a_setting() {
    let agent = || {
        supervisor().map(|listener| Listener {
            roles: vec!["agent".to_owned()],
            ..listener
        })
    };
    let world = world(agent, &[("ALLOWED_ROLES", "agent")]);
    assert_eq!(world.request_link(RECORDING).await.status, 200);
}

#[tokio::test]
async fn a_token_is_validated_once() {
    let world = world(supervisor, &[]);
    for _ in 0..3 {
        assert_eq!(world.request_link(RECORDING).await.status, 200);
    }
    assert_eq!(world.flex.validations(), 1);
}

#[tokio::test]
async fn a_recording_that_cannot_be_played_gets_no_link() {
    let world = world(supervisor, &[]);
    let missing = world.request_link("RE00000000000000000000000000000002").await;
    assert_eq!(missing.error(), (404, "recording_not_found".to_owned()));
    assert_eq!(missing.header("retry-after"), Some("30"));
    for (fault, status, code) in [
        (ReadError::Archived, 409, "archived"),
        (Damage::Empty.into(), 502, "damaged"),
        (Outage::RangeRefused.into(), 503, "unavailable"),
    ] {
        world.shelf.fail_open(fault);
        assert_eq!(world.request_link(RECORDING).await.error(), (status, code.to_owned()));
    }
}

/// Link keys that arrive only after the recording was asked for.
struct KeysAfterTheRecording(Shelf);

impl SecretSource<KeyRing> for KeysAfterTheRecording {
    fn current(&self) -> BoxFuture<'_, Result<KeyRing, SecretError>> {
        Box::pin(async {
            for _ in 0..100 {
                if self.0.log().contains(&"find".to_owned()) {
                    return Keys(Some(LINK_KEYS)).current().await;
                }
                tokio::task::yield_now().await;
            }
            Err(SecretError::Missing)
        })
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<KeyRing, SecretError>> {
        self.current()
    }
}

#[tokio::test]
async fn the_link_keys_and_the_recording_are_asked_for_at_once() {
    let shelf = Shelf::with(&plaintext(100));
    let keys = KeysAfterTheRecording(shelf.clone());
    let world = World::with(shelf, Flex::answering(supervisor), keys, &[]);
    assert_eq!(world.request_link(RECORDING).await.status, 200);
}

#[tokio::test]
async fn without_link_keys_there_is_no_link() {
    let shelf = Shelf::with(&plaintext(100));
    let world = World::with(shelf, Flex::answering(supervisor), Keys(None), &[]);
    assert_eq!(
        world.request_link(RECORDING).await.error(),
        (503, "not_configured".to_owned())
    );
}
