//! Recordings in the REST API: fetch, list, delete.
//!
//! Source: Twilio, *Recordings resource* (`twilio.com/docs/voice/api/recording`).

use std::{fmt, time::Duration};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sid::{CallSid, ConferenceSid, RecordingSid};
use time::Date;
use url::Url;

use crate::{
    client::{ApiError, Client, Credentials, authorize, join, json, json_up_to},
    retry::{call_with_retries, call_with_retries_within},
};

mod resource;
pub use self::resource::RecordingResource;

/// The days in UTC whose recordings are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedBetween {
    /// The first day, inclusive.
    pub from: Date,
    /// The last day, inclusive.
    pub to: Date,
}

/// The call or the conference whose recordings are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedIn {
    /// One leg of a call.
    Call(CallSid),
    /// A conference. Its recording may name no call.
    Conference(ConferenceSid),
}

/// One page of a list of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingPage {
    /// The recordings in Twilio's order, newest first. May be empty even if more pages follow.
    pub recordings: Vec<RecordingResource>,
    /// The elements that aren't recordings, or that lack a readable status or date. Each is listed by its SID, if it
    /// has one. One odd element must not make the page unusable.
    pub skipped: Vec<Option<RecordingSid>>,
    /// The token of the next page. `None` on the last page.
    pub next: Option<PageToken>,
}

/// The token of a list's next page: the opaque query of Twilio's `next_page_uri`. The host and the path come from this
/// client, so that no response and no stored token can send the credentials elsewhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageToken(String);

/// Query strings must not be logged.
impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageToken").finish_non_exhaustive()
    }
}

/// The result of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Twilio has deleted the media. The metadata stays readable for 40 days.
    Deleted,
    /// The recording doesn't exist, or it was deleted before.
    AlreadyGone,
}

/// The most recordings that Twilio returns on one page.
pub const MAX_PAGE_SIZE: u16 = 1000;

/// A recording needs 1.2 KiB as JSON, and at most another KiB for its encryption details. The limit is almost twice as
/// high, for fields that Twilio may add.
const MAX_PAGE_BYTES: usize = MAX_PAGE_SIZE as usize * 4 * 1024;

/// Limit on the request for a page. Lists are read by jobs that may take minutes, not by the linker.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// Fetches the recording's metadata.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] if the recording is missing or deleted. [`ApiError::Unexpected`] if the response is about another
    /// recording.
    pub async fn fetch_recording(
        &self,
        credentials: &Credentials,
        recording: &RecordingSid,
    ) -> Result<RecordingResource, ApiError> {
        let url = self.recording_url(recording);
        let response = call_with_retries(|| authorize(self.http.get(url.clone()), credentials)).await?;
        let answered: RecordingResource = json(response).await?;
        if answered.sid == *recording {
            Ok(answered)
        } else {
            Err(ApiError::Unexpected("another recording"))
        }
    }

    /// Fetches the page that `after` names, or else the first page of at most `page_size` (1 to [`MAX_PAGE_SIZE`])
    /// recordings. Deleted recordings aren't listed.
    ///
    /// # Errors
    /// [`ApiError::Unexpected`] if the page names itself as the next one, because the list would never end.
    pub async fn list_recordings(
        &self,
        credentials: &Credentials,
        created: &CreatedBetween,
        after: Option<&PageToken>,
        page_size: u16,
    ) -> Result<RecordingPage, ApiError> {
        let first_page = |url: &mut Url| first_page(url, created, page_size);
        let RecordingPage {
            recordings,
            mut skipped,
            next,
        } = self.page(credentials, after, first_page).await?;
        let mut within = Vec::with_capacity(recordings.len());
        for recording in recordings {
            match created.contains(&recording) {
                Some(true) => within.push(recording),
                Some(false) => {}
                None => skipped.push(Some(recording.sid)),
            }
        }
        Ok(RecordingPage {
            recordings: within,
            skipped,
            next,
        })
    }

    /// Fetches a page of the recordings of a call or of a conference, like [`list_recordings`](Self::list_recordings).
    /// They may have any status. An element without a SID is skipped.
    ///
    /// # Errors
    /// [`ApiError::Unexpected`] if Twilio lists a recording of another call or conference: who erases what is listed must
    /// not erase that.
    pub async fn list_recordings_in(
        &self,
        credentials: &Credentials,
        origin: &RecordedIn,
        after: Option<&PageToken>,
        page_size: u16,
    ) -> Result<RecordingPage, ApiError> {
        let first_page = |url: &mut Url| {
            let (name, sid) = origin.parameter();
            url.query_pairs_mut()
                .append_pair(name, sid)
                .append_pair("PageSize", &page_size.clamp(1, MAX_PAGE_SIZE).to_string());
        };
        let page = self.page(credentials, after, first_page).await?;
        if page.recordings.iter().any(|recording| !origin.is_of(recording)) {
            return Err(ApiError::Unexpected("a recording of another call or conference"));
        }
        Ok(page)
    }

    async fn page(
        &self,
        credentials: &Credentials,
        after: Option<&PageToken>,
        first_page: impl FnOnce(&mut Url),
    ) -> Result<RecordingPage, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            recordings: Vec<Value>,
            next_page_uri: Option<String>,
        }

        let mut url = self.recordings_url("Recordings.json");
        match after {
            Some(PageToken(query)) => url.set_query(Some(query)),
            None => first_page(&mut url),
        }
        let request = || authorize(self.http.get(url.clone()), credentials);
        let response = call_with_retries_within(PAGE_TIMEOUT, request).await?;
        let Body {
            recordings: elements,
            next_page_uri,
        } = json_up_to(MAX_PAGE_BYTES, response).await?;
        let mut page = RecordingPage {
            recordings: Vec::with_capacity(elements.len()),
            skipped: Vec::new(),
            next: next_page_uri.map(|uri| self.page_token(&uri)).transpose()?,
        };
        if page.next.is_some() && page.next.as_ref() == after {
            return Err(ApiError::Unexpected("a page that leads to itself"));
        }
        for element in elements {
            match RecordingResource::deserialize(element) {
                Ok(recording) => page.recordings.push(recording),
                Err(_) => page.skipped.push(None),
            }
        }
        Ok(page)
    }

    /// Deletes the recording's media permanently. Only a completed recording can be deleted.
    ///
    /// # Errors
    /// [`ApiError::Unexpected`] for another success than Twilio's 204. It comes from another server and proves nothing.
    pub async fn delete_recording(
        &self,
        credentials: &Credentials,
        recording: &RecordingSid,
    ) -> Result<Deletion, ApiError> {
        let url = self.recording_url(recording);
        match call_with_retries(|| authorize(self.http.delete(url.clone()), credentials)).await {
            Ok(response) if response.status() == StatusCode::NO_CONTENT => Ok(Deletion::Deleted),
            Ok(_) => Err(ApiError::Unexpected(
                "a deletion answered with another success than 204",
            )),
            Err(ApiError::NotFound) => Ok(Deletion::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    fn page_token(&self, uri: &str) -> Result<PageToken, ApiError> {
        let account = &self.account;
        uri.strip_prefix(&format!("/2010-04-01/Accounts/{account}/Recordings.json?"))
            .map(|query| PageToken(query.to_owned()))
            .ok_or(ApiError::Unexpected("a next page of another list"))
    }

    fn recording_url(&self, recording: &RecordingSid) -> Url {
        self.recordings_url(&format!("Recordings/{recording}.json"))
    }

    fn recordings_url(&self, rest: &str) -> Url {
        let path = ["2010-04-01", "Accounts", self.account.as_str()];
        join(
            &self.endpoints.api,
            &path.into_iter().chain(rest.split('/')).collect::<Vec<_>>(),
        )
    }
}

/// Twilio reads `DateCreated<` as up to midnight of the day, but doesn't say which midnight. The request therefore
/// names the day after the last one, and the page leaves out the surplus.
fn first_page(url: &mut Url, created: &CreatedBetween, page_size: u16) {
    let CreatedBetween { from, to } = created;
    let end = to.next_day().unwrap_or(*to);
    url.query_pairs_mut()
        .append_pair("DateCreated>", &format!("{from}T00:00:00Z"))
        .append_pair("DateCreated<", &format!("{end}T00:00:00Z"))
        .append_pair("PageSize", &page_size.clamp(1, MAX_PAGE_SIZE).to_string());
}

impl RecordedIn {
    /// The name and the value of Twilio's parameter.
    fn parameter(&self) -> (&'static str, &str) {
        match self {
            Self::Call(call) => ("CallSid", call.as_str()),
            Self::Conference(conference) => ("ConferenceSid", conference.as_str()),
        }
    }

    fn is_of(&self, recording: &RecordingResource) -> bool {
        match self {
            Self::Call(call) => recording.facts.call_sid.as_ref() == Some(call),
            Self::Conference(conference) => recording.facts.conference_sid.as_ref() == Some(conference),
        }
    }
}

impl CreatedBetween {
    /// `None` if the recording has no status or no date.
    fn contains(&self, recording: &RecordingResource) -> Option<bool> {
        recording.status.as_ref()?;
        Some((self.from..=self.to).contains(&recording.created_on()?))
    }
}
