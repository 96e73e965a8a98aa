use proptest::prelude::*;

use super::{
    forms::{other_port_form, rewritten},
    *,
};

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const JSON_BODY: &[u8] = br#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

/// The token of all published vectors.
fn published_token() -> SecretString {
    SecretString::from("12345")
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn call() -> Vec<(String, String)> {
    pairs(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ])
}

fn accepts(url: &str, body: &SignedBody<'_>, header: &str) -> Result<(), SignatureError> {
    verify(url, body, header, &[published_token()])
}

/// The signature equals the published one, and verifies for the same URL.
fn assert_vector(url: &str, body: &SignedBody<'_>, signature: &str) {
    assert_eq!(sign(url, body, &published_token()), signature);
    assert_eq!(accepts(url, body, signature), Ok(()));
}

#[test]
fn vector_1_https_form_and_the_same_seen_with_a_port() {
    let call = call();
    let body = SignedBody::Form(&call);
    assert_vector(URL, &body, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let with_port = "https://mycompany.com:1234/myapp.php?foo=1&bar=2";
    assert_eq!(accepts(with_port, &body, "RSOYDt4T1cUTdK1PDd93/VVr8B8="), Ok(()));
}

#[test]
fn vector_2_http_keeps_its_port() {
    let call = call();
    assert_vector(
        "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
        &SignedBody::Form(&call),
        "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
    );
}

#[test]
fn vector_3_https_signed_with_its_default_port() {
    let call = call();
    let body = SignedBody::Form(&call);
    assert_vector(
        "https://mycompany.com:443/myapp.php?foo=1&bar=2",
        &body,
        "kvajT1Ptam85bY51eRf/AJRuM3w=",
    );
    assert_eq!(accepts(URL, &body, "kvajT1Ptam85bY51eRf/AJRuM3w="), Ok(()));
}

#[test]
fn vector_4_http_signed_with_its_default_port() {
    let call = call();
    let body = SignedBody::Form(&call);
    assert_vector(
        "http://mycompany.com:80/myapp.php?foo=1&bar=2",
        &body,
        "0ZXoZLH/DfblKGATFgpif+LLRf4=",
    );
    let seen = "http://mycompany.com/myapp.php?foo=1&bar=2";
    assert_eq!(accepts(seen, &body, "0ZXoZLH/DfblKGATFgpif+LLRf4="), Ok(()));
}

#[test]
fn vector_5_userinfo_is_signed_as_given() {
    let call = call();
    assert_vector(
        "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2",
        &SignedBody::Form(&call),
        "CukzLTc1tT5dXEDIHm/tKBanW10=",
    );
}

#[test]
fn vector_6_userinfo_without_a_password() {
    let call = call();
    assert_vector(
        "https://user@mycompany.com/myapp.php?foo=1&bar=2",
        &SignedBody::Form(&call),
        "2YRLlVAflCqxaNicjMpJcSTgzSs=",
    );
}

#[test]
fn vector_7_userinfo_and_the_default_port() {
    let call = call();
    let body = SignedBody::Form(&call);
    assert_vector(
        "https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2",
        &body,
        "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=",
    );
    let seen = "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2";
    assert_eq!(accepts(seen, &body, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="), Ok(()));
}

/// The apostrophe as a browser and Node's `URL` write it.
#[test]
fn vector_8_an_apostrophe_that_was_signed_escaped() {
    let call = call();
    let body = SignedBody::Form(&call);
    let signed = format!("{URL}&Body=It%27s+amazing");
    assert_vector(&signed, &body, "TfZzewPq8wqrGlMfyAud8+/IvJ0=");
    let seen = format!("{URL}&Body=It's+amazing");
    assert_eq!(accepts(&seen, &body, "TfZzewPq8wqrGlMfyAud8+/IvJ0="), Ok(()));
}

/// The URL in Flex's configuration has `{taskSid}` in it. Flex UI replaces it, but other senders may not.
#[test]
fn braces_in_a_query_count_signed_raw_and_signed_escaped() {
    let call = call();
    let body = SignedBody::Form(&call);
    let [raw, escaped] =
        ["{taskSid}", "%7BtaskSid%7D"].map(|task| format!("https://mycompany.com/callback?taskSid={task}"));
    for (seen, signed) in [(&raw, &raw), (&raw, &escaped), (&escaped, &escaped)] {
        let signature = sign(signed, &body, &published_token());
        assert_eq!(accepts(seen, &body, &signature), Ok(()), "{seen} {signed}");
    }
}

#[test]
fn vector_9_json_body_by_its_hash() {
    assert_vector(
        &format!("{URL}&bodySHA256={JSON_HASH}"),
        &SignedBody::Raw(JSON_BODY),
        "a9nBmqA0ju/hNViExpshrM61xv4=",
    );
}

#[test]
fn vector_10_json_body_by_a_hash_alone_in_the_query() {
    assert_vector(
        &format!("https://mycompany.com/myapp.php?bodySHA256={JSON_HASH}"),
        &SignedBody::Raw(JSON_BODY),
        "y77kIzt2vzLz71DgmJGsen2scGs=",
    );
}

#[test]
fn vector_11_empty_json_object_signed_with_the_default_port() {
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let signature = "Ldidvp12m26NI7eqEvxnEpkd9Hc=";
    let signed = format!("https://mycompany.com:443/myapp.php?foo=1&bar=2&bodySHA256={hash}");
    assert_vector(&signed, &SignedBody::Raw(b"{}"), signature);
    let seen = format!("{URL}&bodySHA256={hash}");
    assert_eq!(accepts(&seen, &SignedBody::Raw(b"{}"), signature), Ok(()));
}

#[test]
fn vector_12_repeated_name_in_any_order() {
    let signature = "83O6e2vORAoJHUNzJjDWN1jz+BA=";
    let mut addresses = pairs(&[
        ("MessagingBinding.Address", "+1325xxxxxxx"),
        ("MessagingBinding.Address", "+1415xxxxxxx"),
    ]);
    assert_vector(URL, &SignedBody::Form(&addresses), signature);
    addresses.reverse();
    assert_vector(URL, &SignedBody::Form(&addresses), signature);
}

#[test]
fn vector_13_repeated_values_count_once() {
    let digits = pairs(&[
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ]);
    assert_vector(URL, &SignedBody::Form(&digits), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
}

#[test]
fn vector_14_the_example_of_the_security_page() {
    let call = pairs(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
        ("To", "+18005551212"),
    ]);
    assert_vector(
        "https://example.com/myapp.php?foo=1&bar=2",
        &SignedBody::Form(&call),
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    );
}

#[test]
fn a_header_that_is_not_strict_base64_of_20_bytes_is_malformed() {
    let call = call();
    for header in [
        "",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8",   // no padding
        "RSOYDt4T1cUTdK1PDd93/VVr8B9=",  // bits after the end
        "RSOYDt4T1cUTdK1PDd93_VVr8B8=",  // the URL-safe alphabet
        " RSOYDt4T1cUTdK1PDd93/VVr8B8=", // white space
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=, RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "RSOYDt4T1cUTdK1PDd93/VVr8A==", // 19 bytes
        "RSOYDt4T1cUTdK1PDd93/VVr8B8A", // 21 bytes
    ] {
        assert_eq!(
            accepts(URL, &SignedBody::Form(&call), header),
            Err(SignatureError::Malformed(20)),
            "{header:?}"
        );
    }
}

#[test]
fn any_of_several_tokens_may_have_signed() {
    let [old, new, other] = ["old", "new", "other"].map(SecretString::from);
    let header = sign(URL, &SignedBody::None, &new);
    let verify = |tokens: &[SecretString]| verify(URL, &SignedBody::None, &header, tokens);
    assert_eq!(verify(&[old.clone(), new]), Ok(()));
    assert_eq!(verify(&[old, other]), Err(SignatureError::Mismatch));
    assert_eq!(verify(&[]), Err(SignatureError::Mismatch));
}

/// The signed query, and the same query as it arrives in another form.
#[test]
fn a_query_that_was_rewritten_on_its_way_is_taken_in_the_forms_that_twilios_node_library_tries() {
    let call = call();
    let body = SignedBody::Form(&call);
    for (signed, seen) in [
        ("a=it%27s", "a=it's"),
        ("a=it's", "a=it%27s"),
        ("a=b%20c", "a=b c"),
        ("a=b%20c", "a=b+c"),
        ("a=(x)!*~", "a=%28x%29%21%2A%7E"),
        ("a=%C3%A9", "a=%c3%a9"),
        ("a=%C3%A9", "a=\u{e9}"),
        ("a=%3A%40", "a=:@"),
        ("a=&b=", "a&b"),
    ] {
        for (of_signed, of_seen) in [("", ""), (":443", ""), ("", ":8443"), (":443", ":443")] {
            let signed = format!("https://mycompany.com{of_signed}/callback?{signed}");
            let seen = format!("https://mycompany.com{of_seen}/callback?{seen}");
            let header = sign(&signed, &body, &published_token());
            assert_eq!(accepts(&seen, &body, &header), Ok(()), "{signed} as {seen}");
        }
    }
}

#[test]
fn no_other_form_of_a_query_is_taken() {
    let call = call();
    let body = SignedBody::Form(&call);
    for (signed, seen) in [
        ("b=1&a=2", "a=2&b=1"),
        ("a=2&b=1", "b=1&a=2"),
        ("a=b+c", "a=b%20c"),
        ("a=%c3%a9", "a=%C3%A9"),
        ("a=1", "a=2"),
        ("a=%252B", "a=%2B"),
        ("", "a=1"),
    ] {
        let [signed, seen] = [signed, seen].map(|query| format!("https://mycompany.com/callback?{query}"));
        let header = sign(&signed, &body, &published_token());
        assert_eq!(
            accepts(&seen, &body, &header),
            Err(SignatureError::Mismatch),
            "{signed} as {seen}"
        );
    }
}

#[test]
fn a_shared_key_signs_with_its_own_algorithm() {
    let call = call();
    let body = SignedBody::Form(&call);
    let key = |algorithm| SharedKey::new(algorithm, published_token());
    let (sha1, sha256) = (key(Algorithm::HmacSha1), key(Algorithm::HmacSha256));
    // The first signature is the same as under the Auth Token. The second one is from `openssl dgst -sha256 -hmac 12345
    // -binary | base64`.
    assert_eq!(sign_shared(URL, &body, &sha1), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let header = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    assert_eq!(sign_shared(URL, &body, &sha256), header);
    assert_eq!(verify_shared(URL, &body, header, &sha256), Ok(()));
    assert_eq!(
        verify_shared(URL, &body, header, &sha1),
        Err(SignatureError::Malformed(20))
    );
    let by_sha1 = sign_shared(URL, &body, &sha1);
    assert_eq!(
        verify_shared(URL, &body, &by_sha1, &sha256),
        Err(SignatureError::Malformed(32))
    );
    let other = SharedKey::new(Algorithm::HmacSha256, "another".into());
    assert_eq!(verify_shared(URL, &body, header, &other), Err(SignatureError::Mismatch));
    let empty = SharedKey::new(Algorithm::HmacSha256, "".into());
    let by_empty = sign_shared(URL, &body, &empty);
    assert_eq!(
        verify_shared(URL, &body, &by_empty, &empty),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn an_empty_token_signs_nothing() {
    let empty = SecretString::from("");
    let header = sign(URL, &SignedBody::None, &empty);
    assert_eq!(
        verify(URL, &SignedBody::None, &header, &[empty]),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn a_signed_url_does_not_authenticate_another_body() {
    let token = published_token();
    for query in [
        format!("bodySHA256={JSON_HASH}"),
        format!("bodySHA256={}", JSON_HASH.to_uppercase()),
        "bodySHA256=".to_owned(),
        "other=1".to_owned(),
    ] {
        let url = format!("https://mycompany.com/app?{query}");
        let body = SignedBody::Raw(b"another body");
        let header = sign(&url, &body, &token);
        assert_eq!(accepts(&url, &body, &header), Err(SignatureError::BodyHash), "{query}");
    }
    let without_query = "https://mycompany.com/app";
    let header = sign(without_query, &SignedBody::Raw(b""), &token);
    assert_eq!(
        accepts(without_query, &SignedBody::Raw(b""), &header),
        Err(SignatureError::BodyHash)
    );
}

#[test]
fn debug_shows_no_parameter() {
    let secret = pairs(&[("From", "+15550100canary")]);
    assert_eq!(format!("{:?}", SignedBody::Form(&secret)), "Form(1 pairs)");
    assert_eq!(format!("{:?}", SignedBody::Raw(b"canary")), "Raw(6 bytes)");
}

fn any_url() -> impl Strategy<Value = String> {
    (
        prop_oneof![Just("http"), Just("https")],
        "[a-z]{1,8}\\.[a-z]{2,3}",
        proptest::option::of(1u16..),
        "(/[ -~&&[^?#]]{0,8}){0,3}",
        "(\\?[ -~&&[^#]]{0,24})?",
    )
        .prop_map(|(scheme, host, port, path, query)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}://{host}{port}{path}{query}")
        })
}

fn any_form() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec(("\\PC{1,8}", "\\PC{0,12}"), 0..8)
}

proptest! {
    #[test]
    fn a_signature_verifies_in_any_order_of_parameters(
        url in any_url(), form in any_form(), token in "[0-9a-f]{32}", seed in any::<prop::sample::Index>(),
    ) {
        let token = SecretString::from(token);
        let header = sign(&url, &SignedBody::Form(&form), &token);
        let mut shuffled = form;
        if !shuffled.is_empty() {
            let by = seed.index(shuffled.len());
            shuffled.rotate_left(by);
            // A repeated pair is sent twice, but signed once.
            shuffled.push(shuffled[by].clone());
        }
        prop_assert_eq!(verify(&url, &SignedBody::Form(&shuffled), &header, &[token]), Ok(()));
    }

    #[test]
    fn a_changed_character_of_the_url_fails(
        url in any_url(), at in any::<prop::sample::Index>(), form in any_form(),
    ) {
        let header = sign(&url, &SignedBody::Form(&form), &published_token());
        let mut changed = url.clone();
        let at = at.index(url.len());
        let other = if &url[at..=at] == "x" { "y" } else { "x" };
        changed.replace_range(at..=at, other);
        prop_assume!(other_port_form(&changed) != url && other_port_form(&changed) != other_port_form(&url));
        prop_assume!(!rewritten(&changed).contains(&url));
        prop_assert_eq!(
            accepts(&changed, &SignedBody::Form(&form), &header),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn a_changed_parameter_fails(
        form in any_form(), at in any::<prop::sample::Index>(), of_name in any::<bool>(),
    ) {
        prop_assume!(!form.is_empty());
        let header = sign(URL, &SignedBody::Form(&form), &published_token());
        let mut changed = form.clone();
        let (name, value) = &mut changed[at.index(form.len())];
        if of_name { name.push('\u{0}') } else { value.push('\u{0}') }
        prop_assert_eq!(
            accepts(URL, &SignedBody::Form(&changed), &header),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn a_flipped_bit_of_the_body_fails(
        body in proptest::collection::vec(any::<u8>(), 1..64), bit in any::<prop::sample::Index>(),
    ) {
        let url = format!("{URL}&bodySHA256={}", hex::encode(Sha256::digest(&body)));
        let header = sign(&url, &SignedBody::Raw(&body), &published_token());
        prop_assert_eq!(accepts(&url, &SignedBody::Raw(&body), &header), Ok(()));
        let bit = bit.index(body.len() * 8);
        let mut flipped = body;
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(
            accepts(&url, &SignedBody::Raw(&flipped), &header),
            Err(SignatureError::BodyHash)
        );
    }

    #[test]
    fn a_changed_character_of_the_token_fails(token in "[0-9a-f]{32}", at in 0usize..32) {
        let header = sign(URL, &SignedBody::None, &SecretString::from(token.clone()));
        let mut other = token;
        other.replace_range(at..=at, "x");
        prop_assert_eq!(
            verify(URL, &SignedBody::None, &header, &[SecretString::from(other)]),
            Err(SignatureError::Mismatch)
        );
    }
}

#[test]
fn every_flipped_bit_of_the_signature_fails() {
    let header = sign(URL, &SignedBody::None, &published_token());
    let signature = STANDARD.decode(header).unwrap();
    for bit in 0..signature.len() * 8 {
        let mut flipped = signature.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            accepts(URL, &SignedBody::None, &STANDARD.encode(flipped)),
            Err(SignatureError::Mismatch),
            "bit {bit}"
        );
    }
}
