//! Recording media as a stream.
//!
//! Source: Twilio, *Recordings resource* (`twilio.com/docs/voice/api/recording`). Redirects, ranges and lengths aren't
//! documented there. They are checked and used if Twilio offers them, and none is required.

use std::fmt;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream::BoxStream};
use http::{HeaderMap, StatusCode, header};
use reqwest::Response;
use sid::RecordingSid;
use url::Url;

use crate::client::{ApiError, Client, Credentials, authorize, checked, join, send, transport};

mod content_range;
use self::content_range::ContentRange;

/// The file format to request from Twilio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFormat {
    /// 16-bit PCM at 8 kHz.
    Wav,
    /// MPEG audio at 32 kbit/s.
    Mp3,
}

impl MediaFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }
}

/// A recording's media. Its headers have been received, and its body follows as a stream.
pub struct Media {
    /// The offset of the body's first byte. It is the requested offset, or 0 if Twilio ignored the range.
    pub start: u64,
    /// The length of the whole media in bytes, if Twilio sent it.
    pub total_len: Option<u64>,
    /// The strong ETag, if Twilio sent one.
    pub etag: Option<String>,
    /// The bytes. The stream ends with an error if the connection breaks before the announced end.
    pub body: BoxStream<'static, Result<Bytes, ApiError>>,
}

/// The media to request, and the credentials.
struct MediaRequest<'a> {
    credentials: &'a Credentials,
    recording: &'a RecordingSid,
    format: MediaFormat,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("start", &self.start)
            .field("total_len", &self.total_len)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// Media may need one redirect to another Twilio host. More than three look like a loop.
const MAX_REDIRECTS: usize = 3;

impl Client {
    /// Requests `…/Recordings/{RE}.wav?RequestedChannels=2`. If Twilio refuses two channels and the recording has only
    /// one, 1 is requested instead. `from > 0` requests `Range: bytes=from-`, with If-Range if an ETag is given. If the
    /// server can't answer the range, the whole media is requested.
    ///
    /// Without the parameter, Twilio mixes a conference down to one channel. With 2, it answers 400 if there is only
    /// one channel. But a 400 can have other reasons, and a stored recording is never replaced. Two channels are
    /// therefore requested twice, and then the recording's metadata decides. Each call uses the same order, so that a
    /// resumed download gets the same media as its beginning.
    pub async fn media(
        &self,
        credentials: &Credentials,
        recording: &RecordingSid,
        format: MediaFormat,
        from: u64,
        etag: Option<&str>,
    ) -> Result<Media, ApiError> {
        let request = MediaRequest {
            credentials,
            recording,
            format,
        };
        let response = self.most_channels(&request, &range_headers(from, etag)?).await?;
        if from > 0 && !is_usable_part(&response, from) && cannot_answer_range(&response) {
            let response = self.most_channels(&request, &range_headers(0, None)?).await?;
            return open(checked(response).await?, 0);
        }
        open(checked(response).await?, from)
    }

    /// The response with two channels, or with one if the recording has only one.
    async fn most_channels(&self, request: &MediaRequest<'_>, range: &HeaderMap) -> Result<Response, ApiError> {
        let MediaRequest {
            credentials,
            recording,
            format,
        } = *request;
        for _ in 0..2 {
            let dual = self.media_url(recording, format, 2);
            let response = self.follow(credentials, dual, range).await?;
            if response.status() != StatusCode::BAD_REQUEST {
                return Ok(response);
            }
        }
        if self.fetch_recording(credentials, recording).await?.facts.channels != Some(1) {
            return Err(ApiError::Unexpected(
                "400 for the number of channels that the recording has",
            ));
        }
        let mono = self.media_url(recording, format, 1);
        self.follow(credentials, mono, range).await
    }

    fn media_url(&self, recording: &RecordingSid, format: MediaFormat, channels: u8) -> Url {
        let file = format!("{recording}.{}", format.extension());
        let account = self.account.as_str();
        let mut url = join(
            &self.endpoints.api,
            &["2010-04-01", "Accounts", account, "Recordings", &file],
        );
        url.set_query(Some(&format!("RequestedChannels={channels}")));
        url
    }

    /// Sends a GET and follows redirects to Twilio's hosts. Credentials go to the configured API host alone.
    async fn follow(&self, credentials: &Credentials, mut url: Url, range: &HeaderMap) -> Result<Response, ApiError> {
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http.get(url.clone()).headers(range.clone());
            if url.origin() == self.endpoints.api.origin() {
                request = authorize(request, credentials);
            }
            let response = send(request).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            url = redirect_target(&response)?;
            if !self.may_fetch(&url) {
                return Err(ApiError::Unexpected("a redirect to a host that isn't Twilio's"));
            }
        }
        Err(ApiError::Unexpected("more redirects than media needs"))
    }

    fn may_fetch(&self, url: &Url) -> bool {
        let configured = self.endpoints.all();
        let is_configured = configured.iter().any(|(_, base)| base.origin() == url.origin());
        // Userinfo would be sent as credentials that the redirecting server has chosen.
        (is_configured || is_twilio(url)) && url.username().is_empty() && url.password().is_none()
    }
}

fn is_twilio(url: &Url) -> bool {
    url.scheme() == "https"
        && url.port_or_known_default() == Some(443)
        && url.domain().is_some_and(|host| host.ends_with(".twilio.com"))
}

fn redirect_target(response: &Response) -> Result<Url, ApiError> {
    response
        .headers()
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| response.url().join(location).ok())
        .ok_or(ApiError::Unexpected("a redirect without a location"))
}

fn range_headers(from: u64, etag: Option<&str>) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    // Without this header, any content coding is acceptable (RFC 9110 section 12.5.3). The copy must be the audio
    // itself.
    headers.insert(header::ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
    if from > 0 {
        let invalid = |_| ApiError::Unexpected("an ETag that does not fit into a header");
        headers.insert(header::RANGE, format!("bytes={from}-").try_into().map_err(invalid)?);
        if let Some(etag) = etag {
            headers.insert(header::IF_RANGE, etag.try_into().map_err(invalid)?);
        }
    }
    Ok(headers)
}

/// Whether the response has the bytes from `from` on.
fn is_usable_part(response: &Response, from: u64) -> bool {
    ContentRange::of(response.headers()).is_some_and(|range| range.first == from)
}

/// Whether the server can't answer the range: a 206 with other bytes, or a 416. The media may still be readable without
/// a range.
fn cannot_answer_range(response: &Response) -> bool {
    matches!(
        response.status(),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
    )
}

/// Compares the response's headers with the request before any byte of the body is used.
fn open(response: Response, from: u64) -> Result<Media, ApiError> {
    let headers = response.headers();
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(ApiError::Unexpected("media in a content coding that was not requested"));
    }
    let (start, total_len) = match response.status() {
        StatusCode::OK => (0, response.content_length()),
        StatusCode::PARTIAL_CONTENT => {
            let range = ContentRange::of(headers).ok_or(ApiError::Unexpected("206 without a valid Content-Range"))?;
            if from == 0 || range.first != from {
                return Err(ApiError::Unexpected("another range than the requested one"));
            }
            (from, range.total)
        }
        _ => return Err(ApiError::Unexpected("a success without media")),
    };
    Ok(Media {
        start,
        total_len,
        etag: strong_etag(headers),
        body: Box::pin(response.bytes_stream().map_err(transport)),
    })
}

/// The strong ETag. If-Range must not have a weak one (RFC 9110 section 13.1.5).
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let mut etags = headers.get_all(header::ETAG).iter();
    let etag = etags.next()?.to_str().ok()?;
    // If there are two ETags, it is unknown which one is right.
    let is_only = etags.next().is_none();
    let opaque = etag.strip_prefix('"')?.strip_suffix('"')?;
    (is_only && !opaque.is_empty() && !opaque.contains('"')).then(|| etag.to_owned())
}

#[cfg(test)]
mod tests {
    use sid::AccountSid;

    use super::*;
    use crate::client::Endpoints;

    #[test]
    fn only_twilio_s_hosts_over_tls_and_the_configured_ones_are_fetched() {
        let account = AccountSid::parse(&format!("AC{}", "0".repeat(32))).unwrap();
        let api = Url::parse("http://127.0.0.1:8080").unwrap();
        let client = Client::new(
            account,
            Endpoints {
                api,
                ..Endpoints::default()
            },
        )
        .unwrap();
        let may_fetch = |url| client.may_fetch(&Url::parse(url).unwrap());
        for good in [
            "https://api.twilio.com/x?y",
            "https://media.us1.twilio.com/x",
            "https://API.TWILIO.COM:443/",
            "http://127.0.0.1:8080/other",
        ] {
            assert!(may_fetch(good), "{good}");
        }
        for bad in [
            "http://api.twilio.com/",
            "https://api.twilio.com:8443/",
            "https://eviltwilio.com/",
            "https://api.twilio.com.evil.example/",
            "https://evil.example/.twilio.com",
            "https://evil.example#.twilio.com",
            "https://user@api.twilio.com/",
            "https://:password@api.twilio.com/",
            "http://127.0.0.1:8081/",
            "http://127.0.0.1/",
            "https://127.0.0.1:8080/",
            "http://169.254.169.254/latest/meta-data",
            "ftp://api.twilio.com/",
        ] {
            assert!(!may_fetch(bad), "{bad}");
        }
    }
}
