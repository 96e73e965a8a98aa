//! Any request with any signature. Twilio's own signature is always accepted, and no other one is.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use twilio::{
    callback::form_pairs,
    signature::{SignatureError, SignedBody, sign, verify},
};

static TOKENS: LazyLock<[SecretString; 2]> = LazyLock::new(|| ["the old token".into(), "the token".into()]);
static OTHERS: LazyLock<[SecretString; 1]> = LazyLock::new(|| ["another account's".into()]);

// The URL, a line feed, a made-up signature or one of another request, a line feed, the body. The body is a form after
// `form ` and raw after `raw `.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let (Some(url), Some(header), Some(body)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let pairs = body.strip_prefix("form ").map(|form| form_pairs(form.as_bytes()));
    let body = match (&pairs, body.strip_prefix("raw ")) {
        (Some(pairs), _) => SignedBody::Form(pairs),
        (None, Some(raw)) => SignedBody::Raw(raw.as_bytes()),
        (None, None) => SignedBody::None,
    };
    let [_, token] = &*TOKENS;
    let check = |header: &str| verify(url, &body, header, &*TOKENS);

    let signature = sign(url, &body, token);
    match check(&signature) {
        Ok(()) => {}
        // The signature is valid, but not for this body.
        Err(SignatureError::BodyHash) => assert!(matches!(body, SignedBody::Raw(_))),
        Err(error) => panic!("Twilio's own signature: {error}"),
    }
    assert_eq!(verify(url, &body, &signature, &*OTHERS), Err(SignatureError::Mismatch));
    assert_eq!(verify(url, &body, &signature, &[]), Err(SignatureError::Mismatch));
    assert!(matches!(
        check(header),
        Err(SignatureError::Malformed(_) | SignatureError::Mismatch)
    ));

    // The order of a form's parameters does not matter, but their content does.
    if let Some(pairs) = &pairs {
        let reversed: Vec<_> = pairs.iter().rev().cloned().collect();
        assert_eq!(sign(url, &SignedBody::Form(&reversed), token), signature);
        let mut longer = pairs.clone();
        longer.push(("the parameter is new".to_owned(), header.to_owned()));
        assert_eq!(
            verify(url, &SignedBody::Form(&longer), &signature, &*TOKENS),
            Err(SignatureError::Mismatch)
        );
    }

    // The signature of another URL is not accepted either.
    let longer = format!("{}x", url);
    assert_eq!(
        verify(&longer, &body, &signature, &*TOKENS),
        Err(SignatureError::Mismatch)
    );
});
