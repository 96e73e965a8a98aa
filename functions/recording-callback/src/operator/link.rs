//! Makes a link for a person without Flex, who opens it in a browser. Anyone who has the link may listen until it expires.
//!
//! A refusal is an answer and not an error, because Lambda counts errors, and an alarm goes off for them.

mod checks;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use playback_link::{Expiry, KeyRing, SignedLink, sign};
use serde_json::{Value, json};
use service::{
    secrets::{MAX_OUTAGE_OF_LINK_KEYS, Secret, SecretError, Secrets},
    telemetry::AUDIT,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use vault::{Expectation, Presence, ReadError, ServiceError};

use self::checks::{MOST_MINUTES, NameError, check_name, is_caller_arn, lifetime};
use super::{clients::Clients, command::Link};
use crate::{config::OperatorLinksConfig, secret::key_ring};

/// The parameter that playback reads from a link that a browser should save.
const DOWNLOAD: &str = "&download=1";

/// Signs links for this deployment's playback.
pub(crate) struct LinkMaker {
    keys: Secret<KeyRing>,
    /// An origin.
    playback_base_url: String,
}

/// Why no link was made on purpose. The same command later, or another one, may get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error(
        "links for people without Flex are off. To turn them on, deploy with the parameter OperatorLinks=true. Anyone who may \
         invoke this function may then listen"
    )]
    Off,
    #[error("minutes must be from 1 to {MOST_MINUTES} (a week)")]
    Minutes,
    #[error("the name in \"for\": {0}")]
    Name(NameError),
    #[error("requestedBy is not the ARN of a user, a role or a session")]
    RequestedBy,
    #[error("the recording was erased")]
    Erased,
    #[error("the recording was stored and then deleted, for example by retention")]
    Expired,
    #[error("the recording is not stored here")]
    NotStored,
}

/// Why it is not known whether the recording can be played, or the link could not be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("no link was made: the vault: {0}")]
    Catalog(#[from] ServiceError),
    #[error("no link was made: the stored recording: {0}")]
    Read(ReadError),
    #[error("no link was made: the link keys: {0}")]
    Keys(#[from] SecretError),
    #[error("no link was made: deadline reached, invoke again")]
    Deadline,
}

/// A new link. It is not shown, because its holder may listen.
struct Made {
    url: String,
    id: String,
    expires_at: String,
    length: u64,
    media_type: &'static str,
}

enum Outcome {
    Made(Made),
    Refused(Refusal),
}

impl LinkMaker {
    pub(super) fn new(secrets: &Secrets, config: OperatorLinksConfig) -> Self {
        Self {
            keys: Secret::new(secrets, config.keys_secret, key_ring).with_max_outage(MAX_OUTAGE_OF_LINK_KEYS),
            playback_base_url: config.playback_base_url,
        }
    }

    async fn sign(&self, request: &Link, expires_s: u64) -> Result<SignedLink, SecretError> {
        let keys = self.keys.current().await?;
        Ok(sign(&keys, &request.recording_sid, Expiry::At(expires_s)))
    }
}

impl Refusal {
    /// The value in the answer and in the audit trail.
    const fn code(self) -> &'static str {
        match self {
            Self::Off => "links_off",
            Self::Minutes => "minutes_not_valid",
            Self::Name(_) => "name_not_valid",
            Self::RequestedBy => "requested_by_not_valid",
            Self::Erased => "erased",
            Self::Expired => "expired",
            Self::NotStored => "not_stored",
        }
    }
}

/// Makes the link, or refuses it, and writes its audit line. Ends at `deadline` at the latest. Returns the answer.
pub(super) async fn link(clients: &Clients, request: &Link, deadline: Instant) -> Result<Value, LinkError> {
    let outcome = tokio::time::timeout_at(deadline.into(), decide(clients, request))
        .await
        .unwrap_or(Err(LinkError::Deadline));
    report(request, &outcome);
    outcome.map(|outcome| answer(request, outcome))
}

async fn decide(clients: &Clients, request: &Link) -> Result<Outcome, LinkError> {
    let Some(maker) = &clients.links else {
        return Ok(Outcome::Refused(Refusal::Off));
    };
    let lifetime = match checked(request) {
        Ok(lifetime) => lifetime,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let sid = &request.recording_sid;
    let refusal = match clients.catalog.presence(sid).await? {
        Presence::Stored => None,
        Presence::Erased => Some(Refusal::Erased),
        Presence::Expired => Some(Refusal::Expired),
        Presence::Absent => Some(Refusal::NotStored),
    };
    if let Some(refusal) = refusal {
        return Ok(Outcome::Refused(refusal));
    }
    // The header and the length verify, so the link leads to a recording that can be opened.
    let opened = match clients.reader.open(sid, Expectation::Facts).await {
        Ok(opened) => opened,
        Err(ReadError::NotFound) => return Ok(Outcome::Refused(Refusal::NotStored)),
        Err(error) => return Err(LinkError::Read(error)),
    };
    let expires_s = unix_time(SystemTime::now() + lifetime);
    let signed = maker.sign(request, expires_s).await?;
    let url = signed.url(&maker.playback_base_url);
    Ok(Outcome::Made(Made {
        url: if request.download { url + DOWNLOAD } else { url },
        id: signed.id,
        expires_at: rfc3339(expires_s),
        length: opened.len(),
        media_type: opened.content_type().as_str(),
    }))
}

/// How long the link is to play.
fn checked(request: &Link) -> Result<Duration, Refusal> {
    let lifetime = lifetime(request.minutes).ok_or(Refusal::Minutes)?;
    check_name(&request.listener).map_err(Refusal::Name)?;
    match request.requested_by.as_deref() {
        Some(text) if !is_caller_arn(text) => Err(Refusal::RequestedBy),
        _ => Ok(lifetime),
    }
}

/// Texts that are not valid are not repeated. The URL is in no line.
fn report(request: &Link, outcome: &Result<Outcome, LinkError>) {
    let (code, made, error) = match outcome {
        Ok(Outcome::Made(made)) => ("made", Some(made), None),
        Ok(Outcome::Refused(refusal)) => (refusal.code(), None, Some(refusal.to_string())),
        Err(error) => ("failed", None, Some(error.to_string())),
    };
    let listener = Some(request.listener.as_str()).filter(|name| check_name(name).is_ok());
    tracing::info!(
        target: AUDIT,
        event = "link_made",
        outcome = code,
        recordingSid = %request.recording_sid,
        linkId = made.map(|made| made.id.as_str()),
        listener,
        requestedBy = request.requested_by.as_deref().filter(|text| is_caller_arn(text)),
        expiresAt = made.map(|made| made.expires_at.as_str()),
        download = request.download,
        error,
        "link requested by an operator"
    );
}

fn answer(request: &Link, outcome: Outcome) -> Value {
    let recording = &request.recording_sid;
    json!({ "link": match outcome {
        Outcome::Made(made) => json!({
            "url": made.url,
            "linkId": made.id,
            "expiresAt": made.expires_at,
            "recordingSid": recording,
            "length": made.length,
            "mediaType": made.media_type,
        }),
        Outcome::Refused(refusal) => json!({
            "recordingSid": recording,
            "refused": refusal.code(),
            "problem": refusal.to_string(),
        }),
    }})
}

/// Seconds since 1970. A clock before that makes a link that has expired.
fn unix_time(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn rfc3339(unix_s: u64) -> String {
    i64::try_from(unix_s)
        .ok()
        .and_then(|unix_s| OffsetDateTime::from_unix_timestamp(unix_s).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .expect("a week from now is before the year 10000")
}
