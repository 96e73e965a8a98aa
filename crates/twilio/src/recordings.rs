//! Recordings as the REST API has them: fetch, list, delete.
//!
//! Source: Twilio, *Recordings resource* (`twilio.com/docs/voice/api/recording`).

use std::{fmt, time::Duration};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sid::RecordingSid;
use time::Date;
use url::Url;

use crate::{
    client::{ApiError, Client, Credentials, authorize, join, json, json_up_to},
    retry::{patiently, patiently_within},
};

mod resource;
pub use self::resource::RecordingResource;

/// Days of which the recordings are asked for, in UTC, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedBetween {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// One page of a list of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingPage {
    /// Newest first, as Twilio orders them. May be empty although more pages follow.
    pub recordings: Vec<RecordingResource>,
    /// Elements that are no recording, or one without a status or a date that can be read, by their SID where they have
    /// one. One odd element must not cost the page.
    pub skipped: Vec<Option<RecordingSid>>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<PageToken>,
}

/// Where a list goes on: the query of Twilio's `next_page_uri`, opaque. Host and path are this client's own, so that
/// credentials go nowhere else, whatever an answer or a stored token says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageToken(String);

/// Query strings aren't shown.
impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageToken").finish_non_exhaustive()
    }
}

/// What became of a recording that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Twilio deleted its media; the metadata stays readable for 40 days.
    Deleted,
    /// There was no such recording, or it was deleted before.
    AlreadyGone,
}

/// Twilio's own limit.
pub const MAX_PAGE_SIZE: u16 = 1000;

/// A recording takes 1.2 KiB as JSON and at most another one for how it's encrypted; twice that allows for fields to
/// come.
const MAX_PAGE_BYTES: usize = MAX_PAGE_SIZE as usize * 4 * 1024;

/// Limit on a whole page: a list is read by jobs of minutes, not by the linker.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// The recording's metadata. A missing or deleted one is [`ApiError::NotFound`], an answer about another one
    /// [`ApiError::Unexpected`].
    pub async fn fetch_recording(
        &self,
        credentials: &Credentials,
        recording: &RecordingSid,
    ) -> Result<RecordingResource, ApiError> {
        let url = self.recording_url(recording);
        let response = patiently(|| authorize(self.http.get(url.clone()), credentials)).await?;
        let answered: RecordingResource = json(response).await?;
        if answered.sid == *recording {
            Ok(answered)
        } else {
            Err(ApiError::Unexpected("another recording"))
        }
    }

    /// The page that `after` leads to, else the first one of at most `page_size` (1 to [`MAX_PAGE_SIZE`]) recordings.
    /// Deleted recordings aren't listed. A page that leads to itself is [`ApiError::Unexpected`]: the list would never end.
    pub async fn list_recordings(
        &self,
        credentials: &Credentials,
        created: &CreatedBetween,
        after: Option<&PageToken>,
        page_size: u16,
    ) -> Result<RecordingPage, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            recordings: Vec<Value>,
            next_page_uri: Option<String>,
        }

        let mut url = self.recordings_url("Recordings.json");
        match after {
            Some(PageToken(query)) => url.set_query(Some(query)),
            None => first_page(&mut url, created, page_size),
        }
        let request = || authorize(self.http.get(url.clone()), credentials);
        let response = patiently_within(PAGE_TIMEOUT, request).await?;
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
            let recording = RecordingResource::deserialize(element).ok();
            match recording.as_ref().and_then(|recording| created.contains(recording)) {
                Some(true) => page.recordings.extend(recording),
                Some(false) => {}
                None => page.skipped.push(recording.map(|recording| recording.sid)),
            }
        }
        Ok(page)
    }

    /// Deletes the recording's media for good. Only a completed recording can be deleted. Twilio answers 204; another success
    /// is somebody else's, which proves nothing: [`ApiError::Unexpected`].
    pub async fn delete_recording(
        &self,
        credentials: &Credentials,
        recording: &RecordingSid,
    ) -> Result<Deletion, ApiError> {
        let url = self.recording_url(recording);
        match patiently(|| authorize(self.http.delete(url.clone()), credentials)).await {
            Ok(response) if response.status() == StatusCode::NO_CONTENT => Ok(Deletion::Deleted),
            Ok(_) => Err(ApiError::Unexpected("a deletion answered by another success than 204")),
            Err(ApiError::NotFound) => Ok(Deletion::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    fn page_token(&self, uri: &str) -> Result<PageToken, ApiError> {
        let account = &self.account;
        uri.strip_prefix(&format!("/2010-04-01/Accounts/{account}/Recordings.json?"))
            .map(|query| PageToken(query.to_owned()))
            .ok_or(ApiError::Unexpected("a next page that isn't of this list"))
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

/// Twilio takes `DateCreated<` as up to midnight of the day and doesn't say which midnight: the day after the last one
/// is asked for, and what's too much is left out of the page.
fn first_page(url: &mut Url, created: &CreatedBetween, page_size: u16) {
    let CreatedBetween { from, to } = created;
    let end = to.next_day().unwrap_or(*to);
    url.query_pairs_mut()
        .append_pair("DateCreated>", &format!("{from}T00:00:00Z"))
        .append_pair("DateCreated<", &format!("{end}T00:00:00Z"))
        .append_pair("PageSize", &page_size.clamp(1, MAX_PAGE_SIZE).to_string());
}

impl CreatedBetween {
    /// `None` where the recording has no status or no date to tell by.
    fn contains(&self, recording: &RecordingResource) -> Option<bool> {
        recording.status.as_ref()?;
        Some((self.from..=self.to).contains(&recording.created_on()?))
    }
}
