//! Issues links for the Player, as Flex Insights' `url_provider` ("Playback of recordings from custom storage", Twilio
//! Docs).

use futures_util::future::join;
use http::{Response, header::AUTHORIZATION};
use sid::RecordingSid;
use twilio::flex_token::Listener;

use crate::{
    app::App,
    audit,
    body::Body,
    fetch_dest::FetchDest,
    ports::{Recordings, TokenCheck},
    refusal::Refusal,
    request::Request,
    respond,
};

/// The parameter that gives Twilio's Player the link's lifetime, in seconds. The Player requests a new link after nine
/// tenths of that time and continues at its position. Without this parameter, it never requests another
/// (`ConversationsService` of `@twilio/flex-ui` 2.17). The parameter is not signed, because it decides nothing here: a
/// link ends at its signed `expires`.
const TTL_FOR_THE_PLAYER: &str = "X-Amz-Expires";

/// Answers `GET /media-url?recordingSid=RE…`.
pub(crate) async fn answer<R: Recordings, C: TokenCheck>(
    app: &App<R, C>,
    request: &Request<'_>,
) -> Result<Response<Body>, Refusal> {
    let recording = request
        .parameter("recordingSid")
        .and_then(|sid| RecordingSid::parse(&sid).ok());
    let mut listener = None;
    let outcome = grant(app, request, recording.as_ref(), &mut listener).await;
    let (link_id, outcome_code) = match &outcome {
        Ok(granted) => (Some(granted.link_id.as_str()), "granted"),
        Err(refusal) => (None, refusal.status_and_code().1),
    };
    audit::media_url(
        request.request_id(),
        listener.as_ref(),
        recording.as_ref(),
        link_id,
        FetchDest::of(request.headers()),
        outcome_code,
    );
    outcome.map(|granted| respond::media_url(&granted.url))
}

struct Granted {
    url: String,
    link_id: String,
}

/// The order keeps unauthorized requests cheap: Twilio is called only with a token, S3 only for a listener who may listen. `listener` is set even if they may not listen, for the audit line.
async fn grant<R: Recordings, C: TokenCheck>(
    app: &App<R, C>,
    request: &Request<'_>,
    recording: Option<&RecordingSid>,
    listener: &mut Option<Listener>,
) -> Result<Granted, Refusal> {
    let recording = recording.ok_or(Refusal::RecordingSid)?;
    let authorization = request.headers().get(AUTHORIZATION);
    let known = listener.insert(app.tokens.listener(authorization).await?);
    if !app.tokens.allows(known) {
        return Err(Refusal::Role);
    }
    let base = base_url(app.base_url.as_deref(), request.domain())?;
    // A missing recording gets no link. It is not opened, because Flex requests links to all recordings of a conversation,
    // twice, and plays few of them. The first range has KMS decrypt the key while S3 sends the bytes.
    let issued = app.links.issue(recording, request.now.as_secs());
    let (link, found) = join(issued, app.recordings.find(recording)).await;
    let link = link?;
    found?;
    Ok(Granted {
        url: format!("{}&{TTL_FOR_THE_PLAYER}={}", link.url(&base), app.links.ttl_s()),
        link_id: link.id,
    })
}

fn base_url(configured: Option<&str>, domain: Option<&str>) -> Result<String, Refusal> {
    match (configured, domain) {
        (Some(base), _) => Ok(base.to_owned()),
        (None, Some(domain)) => Ok(format!("https://{domain}")),
        (None, None) => Err(Refusal::NoBaseUrl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_configured_base_or_to_the_events_own_domain() {
        let domain = Some("abc.lambda-url.eu-central-1.on.aws");
        assert_eq!(
            base_url(Some("https://a.example.com/b"), domain).unwrap(),
            "https://a.example.com/b"
        );
        assert_eq!(
            base_url(None, domain).unwrap(),
            "https://abc.lambda-url.eu-central-1.on.aws"
        );
        assert!(matches!(base_url(None, None), Err(Refusal::NoBaseUrl)));
    }
}
