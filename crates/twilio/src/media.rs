//! Recording media as a stream.
//!
//! Source: Twilio, *Recordings resource* (`twilio.com/docs/voice/api/recording`). Redirects, ranges and lengths aren't
//! documented there: each is taken where it's offered and checked, and none is relied on.

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

/// The file format Twilio is asked for.
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

/// A recording's media, its head received and its body still to come.
pub struct Media {
    /// Byte the body starts at: what was asked for, or 0 where Twilio ignored the range.
    pub start: u64,
    /// Bytes of the whole media, where Twilio announced them.
    pub total_len: Option<u64>,
    /// Strong ETag, if any.
    pub etag: Option<String>,
    /// The bytes. Ends with an error where the connection broke before the announced end.
    pub body: BoxStream<'static, Result<Bytes, ApiError>>,
}

/// Which media is asked for, and as whom.
struct Asked<'a> {
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

/// Media may live behind one redirect to another Twilio host; more than three look like a loop.
const MAX_REDIRECTS: usize = 3;

impl Client {
    /// GET …/Recordings/{RE}.wav?RequestedChannels=2, or with 1 where Twilio refuses two and says that there is but one.
    /// `from > 0` asks `Range: bytes=from-`, with If-Range when an ETag is given; a server that makes nothing of it is
    /// asked for the whole.
    ///
    /// Without the parameter Twilio mixes a conference down to one channel, and 400 is its answer where there's only
    /// one. A 400 can have other reasons, and what is stored is stored for good: so two are asked for again, and then the
    /// recording's own description decides. The same order on every call asks a resumed download for the same media as
    /// its beginning.
    pub async fn media(
        &self,
        credentials: &Credentials,
        recording: &RecordingSid,
        format: MediaFormat,
        from: u64,
        etag: Option<&str>,
    ) -> Result<Media, ApiError> {
        let asked = Asked {
            credentials,
            recording,
            format,
        };
        let response = self.most_channels(&asked, &range_headers(from, etag)?).await?;
        if from > 0 && !is_usable_part(&response, from) && makes_nothing_of_ranges(&response) {
            let response = self.most_channels(&asked, &range_headers(0, None)?).await?;
            return open(checked(response).await?, 0);
        }
        open(checked(response).await?, from)
    }

    /// The answer for two channels, or for one where there's only one.
    async fn most_channels(&self, asked: &Asked<'_>, range: &HeaderMap) -> Result<Response, ApiError> {
        let Asked {
            credentials,
            recording,
            format,
        } = *asked;
        for _ in 0..2 {
            let dual = self.media_url(recording, format, 2);
            let response = self.follow(credentials, dual, range).await?;
            if response.status() != StatusCode::BAD_REQUEST {
                return Ok(response);
            }
        }
        if self.fetch_recording(credentials, recording).await?.channels != Some(1) {
            return Err(ApiError::Unexpected("400 to the channels that the recording has"));
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

    /// GET, following redirects to Twilio's hosts. Credentials go to the configured API host alone.
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
        // Userinfo would become credentials of somebody else's choice.
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
    // RFC 9110 section 12.5.3: without this line any coding is acceptable, and the copy must be of the audio itself.
    headers.insert(header::ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
    if from > 0 {
        let invalid = |_| ApiError::Unexpected("an ETag that no header can hold");
        headers.insert(header::RANGE, format!("bytes={from}-").try_into().map_err(invalid)?);
        if let Some(etag) = etag {
            headers.insert(header::IF_RANGE, etag.try_into().map_err(invalid)?);
        }
    }
    Ok(headers)
}

/// Whether it answers a request for the bytes from `from` on with these.
fn is_usable_part(response: &Response, from: u64) -> bool {
    ContentRange::of(response.headers()).is_some_and(|range| range.first == from)
}

/// A 206 of something else, or a 416 although the media was longer before: what comes without a range can still be read.
fn makes_nothing_of_ranges(response: &Response) -> bool {
    matches!(
        response.status(),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
    )
}

/// Checks the head of an answer against what was asked, before any of its bytes are used.
fn open(response: Response, from: u64) -> Result<Media, ApiError> {
    let headers = response.headers();
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(ApiError::Unexpected("media in a content coding that wasn't asked for"));
    }
    let (start, total_len) = match response.status() {
        StatusCode::OK => (0, response.content_length()),
        StatusCode::PARTIAL_CONTENT => {
            let range = ContentRange::of(headers).ok_or(ApiError::Unexpected("206 without a valid Content-Range"))?;
            if from == 0 || range.first != from {
                return Err(ApiError::Unexpected("another range than was asked for"));
            }
            (from, range.total)
        }
        _ => return Err(ApiError::Unexpected("a success that carries no media")),
    };
    Ok(Media {
        start,
        total_len,
        etag: strong_etag(headers),
        body: Box::pin(response.bytes_stream().map_err(transport)),
    })
}

/// Only a strong validator may stand in If-Range (RFC 9110 section 13.1.5).
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let mut etags = headers.get_all(header::ETAG).iter();
    let etag = etags.next()?.to_str().ok()?;
    // Of two, nobody knows which is meant.
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
