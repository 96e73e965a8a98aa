//! Any request, any signature: Twilio's own is accepted whatever it signs, and no other is.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use twilio::signature::{SignatureError, SignedBody, sign, verify};

static TOKENS: LazyLock<[SecretString; 2]> = LazyLock::new(|| ["the old token".into(), "the token".into()]);
static OTHERS: LazyLock<[SecretString; 1]> = LazyLock::new(|| ["another account's".into()]);

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    url: &'a str,
    body: Body<'a>,
    /// Of another request, or made up.
    header: &'a str,
}

#[derive(Arbitrary, Debug)]
enum Body<'a> {
    None,
    Form(Vec<(String, String)>),
    Raw(&'a [u8]),
}

fuzz_target!(|input: Input<'_>| {
    let body = match &input.body {
        Body::None => SignedBody::None,
        Body::Form(pairs) => SignedBody::Form(pairs),
        Body::Raw(bytes) => SignedBody::Raw(bytes),
    };
    let [_, token] = &*TOKENS;
    let check = |header: &str| verify(input.url, &body, header, &*TOKENS);

    let signature = sign(input.url, &body, token);
    match check(&signature) {
        Ok(()) => {}
        // Signed, but not for this body.
        Err(SignatureError::BodyHash) => assert!(matches!(body, SignedBody::Raw(_))),
        Err(error) => panic!("Twilio's own signature: {error}"),
    }
    assert_eq!(verify(input.url, &body, &signature, &*OTHERS), Err(SignatureError::Mismatch));
    assert_eq!(verify(input.url, &body, &signature, &[]), Err(SignatureError::Mismatch));
    assert!(matches!(
        check(input.header),
        Err(SignatureError::Malformed | SignatureError::Mismatch)
    ));

    // The order of a form does not count; what is in it does.
    if let Body::Form(pairs) = &input.body {
        let reversed: Vec<_> = pairs.iter().rev().cloned().collect();
        assert_eq!(sign(input.url, &SignedBody::Form(&reversed), token), signature);
        let mut longer = pairs.clone();
        longer.push(("a parameter that is new".to_owned(), input.header.to_owned()));
        assert_eq!(
            verify(input.url, &SignedBody::Form(&longer), &signature, &*TOKENS),
            Err(SignatureError::Mismatch)
        );
    }

    // Neither does the signature of another URL count.
    let longer = format!("{}x", input.url);
    assert_eq!(verify(&longer, &body, &signature, &*TOKENS), Err(SignatureError::Mismatch));
});
