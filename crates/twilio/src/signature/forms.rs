//! The forms of a URL that Twilio may have signed. The URL has arrived in one of them.
//!
//! The form that Twilio signs depends on the product, the scheme and the characters of the query. These are exactly the
//! forms that Twilio's own library for Node.js tries (`twilio` 6.3.1, `lib/webhooks/webhooks.js`). With any further
//! form, the same signature would be valid for another URL.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// The characters that `encodeURIComponent` escapes, and also Node's `querystring.stringify` (ECMA-262, "URI Handling
/// Functions").
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The most fields that Node's `querystring.parse` reads. Empty ones count.
const MAX_FIELDS: usize = 1000;

/// The URL as it is, and with its port removed. If it has no port, the second form has the scheme's default port.
pub(super) fn as_received(url: &str) -> [Cow<'_, str>; 2] {
    [Cow::Borrowed(url), other_port_form(url)]
}

/// The same two forms of the URL as browsers and Node's `URL` write it, and both with the query decoded and encoded
/// again.
pub(super) fn rewritten(url: &str) -> Vec<String> {
    let Ok(normal) = Url::parse(url).map(String::from) else {
        return Vec::new();
    };
    let [one, other] = as_received(&normal);
    let mut forms = vec![with_query_encoded_again(&one), with_query_encoded_again(&other)];
    forms.extend([one.into_owned(), other.into_owned()]);
    forms
}

/// The URL without its port. If it has none, the URL with the scheme's default port.
pub(super) fn other_port_form(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url);
    };
    let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_len);
    // A colon in userinfo (`user:password@`) or in an IPv6 address (`[::1]`) doesn't begin a port.
    let host_start = authority.rfind(['@', ']']).map_or(0, |at| at + 1);
    match authority[host_start..].rfind(':') {
        Some(colon) => {
            let without_port = &authority[..host_start + colon];
            Cow::Owned(format!("{scheme}://{without_port}{tail}"))
        }
        None => {
            let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
            Cow::Owned(format!("{scheme}://{authority}:{port}{tail}"))
        }
    }
}

/// The query as Node's `querystring` writes it after parsing it.
fn with_query_encoded_again(url: &str) -> String {
    match url.split_once('?') {
        Some((base, query)) if !query.is_empty() => format!("{base}?{}", encoded_again(query)),
        _ => url.to_owned(),
    }
}

fn encoded_again(query: &str) -> String {
    let end = query
        .match_indices('&')
        .nth(MAX_FIELDS - 1)
        .map_or(query.len(), |(at, _)| at);
    let mut fields: Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> = Vec::new();
    // The fields of a JavaScript object: each name once, at its first place.
    for (name, value) in form_urlencoded::parse(&query.as_bytes()[..end]) {
        match fields.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    // JavaScript puts array indices first, in numerical order.
    fields.sort_by_key(|(name, _)| array_index(name).map_or(u64::MAX, u64::from));
    let encoded = fields.iter().flat_map(|(name, values)| {
        let name = utf8_percent_encode(name, COMPONENT);
        values
            .iter()
            .map(move |value| format!("{name}={}", utf8_percent_encode(value, COMPONENT)))
    });
    encoded.collect::<Vec<_>>().join("&")
}

/// An array index: `0`, `1`, … up to 2^32 - 2, as JavaScript writes it (ECMA-262, "array index").
fn array_index(name: &str) -> Option<u32> {
    let canonical = name == "0" || (!name.starts_with('0') && name.bytes().all(|b| b.is_ascii_digit()));
    let index = name.parse().ok().filter(|_| canonical)?;
    (index < u32::MAX).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_any_authority() {
        for (url, other) in [
            ("https://h", "https://h:443"),
            ("https://h:8443", "https://h"),
            ("http://h?q=a:1", "http://h:80?q=a:1"),
            ("http://h/p:1", "http://h:80/p:1"),
            ("https://u:p@h:1/x@y:2", "https://u:p@h/x@y:2"),
            ("https://[::1]/x", "https://[::1]:443/x"),
            ("https://[::1]:8/x", "https://[::1]/x"),
            ("no scheme", "no scheme"),
        ] {
            assert_eq!(other_port_form(url), other);
        }
    }

    /// The right-hand sides are the results of `querystring.stringify(querystring.parse(…))` in Node 20.
    #[test]
    fn a_query_is_encoded_again_as_node_does_it() {
        for (query, again) in [
            ("=x", "=x"),
            ("a", "a="),
            ("a=1&b=2&a=3", "a=1&a=3&b=2"),
            (
                "b=1&2=x&1=y&01=z&4294967294=a&4294967295=b&-1=c",
                "1=y&2=x&4294967294=a&b=1&01=z&4294967295=b&-1=c",
            ),
            ("a=%zz%41", "a=%25zzA"),
            ("a=%4", "a=%254"),
            ("a=%C3%28", "a=%EF%BF%BD("),
            ("a=b=c", "a=b%3Dc"),
            ("a+b=c+d%2B", "a%20b=c%20d%2B"),
            ("'=!()*~'", "'=!()*~'"),
            ("x=%ED%A0%80", "x=%EF%BF%BD%EF%BF%BD%EF%BF%BD"),
        ] {
            assert_eq!(encoded_again(query), again);
        }
        let many = |names: std::ops::Range<u32>| names.map(|n| format!("k{n}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(encoded_again(&many(0..1500)), many(0..1000));
        assert_eq!(
            encoded_again(&format!("{}{}", "&".repeat(500), many(0..1500))),
            many(0..500)
        );
    }

    #[test]
    fn a_text_that_is_no_url_has_no_other_form() {
        assert_eq!(rewritten("no scheme"), [""; 0]);
        assert_eq!(rewritten("https://h:port/"), [""; 0]);
    }
}
