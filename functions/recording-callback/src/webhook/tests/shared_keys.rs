//! Callbacks that are signed under a SharedKey, and accounts that have no Auth Token here.

use twilio::{
    shared_keys::{Algorithm, SharedKey, SharedKeys},
    signature::sign_shared,
};

use super::*;

const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// Secrets Manager with the local stack's token under `auth-token`, and two keys under `shared-keys`.
fn with_shared_keys(received: &Received) -> AwsAnswer {
    if received.what == GET_SECRET && received.json()["SecretId"] == "shared-keys" {
        let keys = json!({
            "old": {"algorithm": "HMAC_SHA1", "secret": "old-secret"},
            "new": {"algorithm": "HMAC_SHA256", "secret": "new-secret"},
        });
        return (200, None, json!({"SecretString": keys.to_string()}));
    }
    aws(received)
}

/// A webhook that accepts SharedKeys, and optionally the Auth Token too.
fn accepting(aws: &Loopback, auth_token: bool) -> Webhook {
    let webhook = webhook(aws, true);
    let secrets = Secrets::new(&aws.aws());
    Webhook {
        signers: Signers {
            auth_tokens: webhook.signers.auth_tokens.filter(|_| auth_token),
            shared_keys: Some(Secret::new(&secrets, "shared-keys".to_owned(), SharedKeys::parse)),
        },
        ..webhook
    }
}

/// The sample callback, signed with this secret and algorithm, with these settings.
fn signed_with(algorithm: Algorithm, secret: &str, settings: &str) -> ApiGatewayV2httpRequest {
    let mut event = http_request(POST_TEXT);
    let url = format!(
        "https://callback.local.test/recording-status-callback?{}",
        event.raw_query_string.as_deref().unwrap()
    );
    let pairs = form_pairs(event.body.as_deref().unwrap().as_bytes());
    let key = SharedKey::new(algorithm, secret.into());
    let signature = sign_shared(&url, &SignedBody::Form(&pairs), &key);
    event.headers.insert(SIGNATURE, signature.parse().unwrap());
    event.headers.insert(SETTINGS, settings.parse().unwrap());
    event
}

#[tokio::test]
async fn a_callback_under_a_shared_key_is_taken_with_or_without_an_auth_token() {
    for auth_token in [true, false] {
        for (algorithm, secret, settings) in [
            (Algorithm::HmacSha256, "new-secret", "key=new,algorithm=HMAC_SHA256"),
            (Algorithm::HmacSha1, "old-secret", "key=old,algorithm=HMAC_SHA1"),
        ] {
            let aws = Loopback::start(with_shared_keys).await;
            let event = signed_with(algorithm, secret, settings);
            assert_eq!(answer(&accepting(&aws, auth_token), event).await, (204, None));
            assert_eq!((aws.count(GET_SECRET), aws.count(SEND)), (1, 2));
        }
    }
}

#[tokio::test]
async fn a_key_signs_with_its_own_algorithm_and_under_its_own_id_alone() {
    for (algorithm, secret, settings) in [
        // An algorithm other than the key's, whatever the header says.
        (Algorithm::HmacSha1, "new-secret", "key=new,algorithm=HMAC_SHA1"),
        (Algorithm::HmacSha1, "new-secret", "key=new,algorithm=HMAC_SHA256"),
        (Algorithm::HmacSha256, "new-secret", "key=new"),
        // Another key's secret, and unknown ids.
        (Algorithm::HmacSha256, "old-secret", "key=new,algorithm=HMAC_SHA256"),
        (Algorithm::HmacSha256, "new-secret", "key=old,algorithm=HMAC_SHA256"),
        (Algorithm::HmacSha256, "new-secret", "key=newer,algorithm=HMAC_SHA256"),
        (Algorithm::HmacSha256, "", "key=newer,algorithm=HMAC_SHA256"),
        // The Auth Token is not a SharedKey, and it is not tried for an unknown key.
        (
            Algorithm::HmacSha1,
            "local-stack-auth-token",
            "key=newer,algorithm=HMAC_SHA1",
        ),
        (
            Algorithm::HmacSha1,
            "local-stack-auth-token",
            "key=new,algorithm=HMAC_SHA1",
        ),
        (
            Algorithm::HmacSha1,
            "local-stack-auth-token",
            "key=old,algorithm=HMAC_SHA1",
        ),
        (Algorithm::HmacSha1, "local-stack-auth-token", "algorithm=HMAC_SHA1"),
        (Algorithm::HmacSha1, "local-stack-auth-token", "anything"),
    ] {
        let aws = Loopback::start(with_shared_keys).await;
        let event = signed_with(algorithm, secret, settings);
        assert_eq!(
            answer(&accepting(&aws, true), event).await,
            refused(403, "invalid_signature"),
            "{secret} {settings}"
        );
        assert_eq!(aws.count(SEND), 0);
    }
}

#[tokio::test]
async fn an_empty_settings_header_is_none() {
    let aws = Loopback::start(with_shared_keys).await;
    let webhook = accepting(&aws, true);
    for settings in ["", " "] {
        let event = signed_with(Algorithm::HmacSha1, "local-stack-auth-token", settings);
        assert_eq!(answer(&webhook, event).await, (204, None));
    }
}

#[tokio::test]
async fn without_an_auth_token_a_request_without_settings_is_refused_and_no_service_is_called() {
    let aws = Loopback::start(with_shared_keys).await;
    let event = http_request(POST_TEXT);
    assert_eq!(
        answer(&accepting(&aws, false), event).await,
        refused(403, "invalid_signature")
    );
    assert_eq!(aws.received().len(), 0);
}

#[tokio::test]
async fn without_shared_keys_a_request_with_settings_is_refused_and_no_service_is_called() {
    let aws = Loopback::start(with_shared_keys).await;
    let event = signed_with(
        Algorithm::HmacSha1,
        "local-stack-auth-token",
        "key=new,algorithm=HMAC_SHA1",
    );
    assert_eq!(
        answer(&webhook(&aws, true), event).await,
        refused(403, "invalid_signature")
    );
    assert_eq!(aws.received().len(), 0);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_reads_the_secret_once() {
    let aws = Loopback::start(with_shared_keys).await;
    let webhook = accepting(&aws, true);
    for number in 0..10 {
        let settings = format!("key=k{number},algorithm=HMAC_SHA256");
        let event = signed_with(Algorithm::HmacSha256, "new-secret", &settings);
        assert_eq!(answer(&webhook, event).await, refused(403, "invalid_signature"));
    }
    assert_eq!(aws.count(GET_SECRET), 1);
}

#[tokio::test]
async fn a_secret_without_usable_keys_is_503() {
    for secret in [
        json!({}),
        json!({"new": "new-secret"}),
        json!({"new": {"algorithm": "HMAC_SHA256", "secret": ""}}),
        json!({"new": {"algorithm": "HMAC_SHA256", "secret": "change-me"}}),
        json!({"new": {"algorithm": "HMAC_MD5", "secret": "new-secret"}}),
    ] {
        let aws = Loopback::start(move |_| (200, None, json!({"SecretString": secret.to_string()}))).await;
        let event = signed_with(Algorithm::HmacSha256, "new-secret", "key=new,algorithm=HMAC_SHA256");
        assert_eq!(
            answer(&accepting(&aws, true), event).await,
            refused(503, "shared_keys_unavailable")
        );
    }
}
