//! Base URLs: the addresses of other servers and of the deployment itself, as an operator configures them.
//!
//! A base URL is `https`, or `http` on a loopback address. It has no query, no fragment and no credentials, so that paths
//! can be appended to it and it can be logged.

use url::{Host, Url};

/// Why a text or a URL is not a base URL or an origin. The text itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBaseUrl {
    /// It cannot be parsed.
    #[error("is not a URL")]
    NotAUrl,
    /// It has no host, as in `data:text/plain,`.
    #[error("has no host")]
    NoHost,
    /// Its scheme is not `https`, nor `http` on a loopback address.
    #[error("must be https (http only on a loopback address)")]
    NotHttps,
    /// It has a query or a fragment.
    #[error("must have no query and no fragment")]
    QueryOrFragment,
    /// It has a user name or a password.
    #[error("must have no credentials")]
    Credentials,
    /// It has a path, which an origin must not have.
    #[error("must have no path")]
    Path,
}

/// Parses a base URL, which may have a path.
///
/// # Errors
/// [`InvalidBaseUrl`] for the first rule that the text breaks.
pub fn parse(text: &str) -> Result<Url, InvalidBaseUrl> {
    let url = Url::parse(text).map_err(|_| InvalidBaseUrl::NotAUrl)?;
    check(&url)?;
    Ok(url)
}

/// Checks that a URL is a base URL.
///
/// # Errors
/// [`InvalidBaseUrl`] for the first rule that the URL breaks.
pub fn check(url: &Url) -> Result<(), InvalidBaseUrl> {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(InvalidBaseUrl::NoHost),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        _ => return Err(InvalidBaseUrl::NotHttps),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidBaseUrl::QueryOrFragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidBaseUrl::Credentials);
    }
    Ok(())
}

/// Parses a base URL without a path, and returns it as browsers write origins: `https://host`, or `https://host:port`. A
/// slash at the end of the text is ignored.
///
/// # Errors
/// [`InvalidBaseUrl`] for the first rule that the text breaks.
pub fn origin(text: &str) -> Result<String, InvalidBaseUrl> {
    let url = parse(text)?;
    if url.path() != "/" {
        return Err(InvalidBaseUrl::Path);
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_https_or_loopback() {
        for good in [
            "https://example.com",
            "https://example.com/stage/",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("", InvalidBaseUrl::NotAUrl),
            ("example.com", InvalidBaseUrl::NotAUrl),
            ("http://example.com", InvalidBaseUrl::NotHttps),
            ("http://127.0.0.1.example.com", InvalidBaseUrl::NotHttps),
            ("ftp://127.0.0.1", InvalidBaseUrl::NotHttps),
            ("https://example.com/?a=b", InvalidBaseUrl::QueryOrFragment),
            ("https://example.com/#f", InvalidBaseUrl::QueryOrFragment),
            ("https://user@example.com", InvalidBaseUrl::Credentials),
            ("https://u:p@example.com", InvalidBaseUrl::Credentials),
            ("data:text/plain,", InvalidBaseUrl::NoHost),
        ] {
            assert_eq!(parse(bad), Err(error), "{bad}");
            assert_eq!(origin(bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_a_base_url_without_a_path() {
        for (text, expected) in [
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.com:443/", "https://example.com"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(expected));
        }
        for bad in [
            "https://example.com/vault",
            "https://example.com/vault/",
            "https://example.com//",
        ] {
            assert_eq!(origin(bad), Err(InvalidBaseUrl::Path), "{bad}");
        }
    }
}
