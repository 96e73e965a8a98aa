//! The Recording resource: fetch, list, delete.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::store::{Recording, Recordings};
use crate::{
    dates::{parse_filter, rfc_2822},
    paging::{self, Page},
    problem::Problem,
    query::Query,
};

/// The account's address, for the URLs of its recordings.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    pub(crate) sid: &'a str,
    pub(crate) api_base: &'a str,
}

impl Recordings {
    /// # Errors
    /// 404 for a recording that is missing, or deleted and not requested with `IncludeSoftDeleted`.
    pub(crate) async fn fetch(&self, account: &Account<'_>, sid: &str, query: &Query) -> Result<Response, Problem> {
        query.only(&["IncludeSoftDeleted"])?;
        let recording = self
            .find(sid)
            .await?
            .filter(|recording| !recording.deleted || query.is_true("IncludeSoftDeleted"));
        let recording = recording.ok_or_else(Problem::not_found)?;
        Ok(Json(account.recording(&recording)).into_response())
    }

    /// # Errors
    /// 400 for a malformed filter or page.
    pub(crate) async fn list(&self, account: &Account<'_>, query: &Query) -> Result<Response, Problem> {
        query.only(&PARAMETERS)?;
        let page = Page::parse(query)?;
        let filter = Filter::parse(query)?;
        let matching = self
            .all()
            .await?
            .into_iter()
            .filter(|recording| filter.takes(recording))
            .collect();
        let sheet = page.of(matching);

        let list = format!("{}/Recordings.json", account.root());
        let recordings: Vec<Value> = sheet
            .items
            .iter()
            .map(|recording| account.recording(recording))
            .collect();
        Ok(Json(json!({
            "end": sheet.start + recordings.len().saturating_sub(1),
            "first_page_uri": page.first().link(&list, query),
            "next_page_uri": sheet.next.map(|page| page.link(&list, query)),
            "page": page.index,
            "page_size": page.size,
            "previous_page_uri": sheet.previous.map(|page| page.link(&list, query)),
            "recordings": recordings,
            "start": sheet.start,
            "uri": page.link(&list, query),
        }))
        .into_response())
    }

    /// # Errors
    /// 404 for a recording that's missing or deleted.
    pub(crate) async fn remove(&self, sid: &str) -> Result<Response, Problem> {
        if self.find(sid).await?.is_some() && self.delete(sid) {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(Problem::not_found())
        }
    }
}

impl Account<'_> {
    fn root(&self) -> String {
        format!("/2010-04-01/Accounts/{}", self.sid)
    }

    /// Every field of the OpenAPI schema `api.v2010.account.recording`.
    fn recording(&self, recording: &Recording) -> Value {
        let path = format!("{}/Recordings/{}", self.root(), recording.sid);
        json!({
            "account_sid": self.sid,
            "api_version": "2010-04-01",
            "call_sid": recording.origin.call_sid,
            "conference_sid": recording.origin.conference_sid,
            "channels": recording.audio.channels,
            "date_created": rfc_2822(recording.started()),
            "date_updated": rfc_2822(recording.modified),
            "start_time": rfc_2822(recording.started()),
            "price": "-0.00250",
            "price_unit": "USD",
            "duration": recording.audio.seconds.to_string(),
            "sid": recording.sid,
            "source": "OutboundAPI",
            "status": if recording.deleted { "deleted" } else { "completed" },
            "error_code": null,
            "uri": format!("{path}.json"),
            "subresource_uris": {
                "add_on_results": format!("{path}/AddOnResults.json"),
                "transcriptions": format!("{path}/Transcriptions.json"),
            },
            "encryption_details": recording.encryption_details,
            "media_url": format!("{}{path}", self.api_base),
        })
    }
}

/// The parameters of a list that the double accepts.
pub(crate) const PARAMETERS: [&str; 9] = [
    "CallSid",
    "ConferenceSid",
    "DateCreated",
    "DateCreated<",
    "DateCreated>",
    "IncludeSoftDeleted",
    paging::PARAMETERS[0],
    paging::PARAMETERS[1],
    paging::PARAMETERS[2],
];

#[derive(Debug, Default)]
struct Filter {
    call: Option<String>,
    conference: Option<String>,
    day: Option<OffsetDateTime>,
    /// Both limits are inclusive: `DateCreated>=2026-11-20` arrives as a parameter named `DateCreated>`.
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
    deleted_too: bool,
}

impl Filter {
    fn parse(query: &Query) -> Result<Self, Problem> {
        let date = |name: &str| match query.first(name) {
            Some(text) => parse_filter(text)
                .map(Some)
                .ok_or_else(|| Problem::invalid(format!("{name} is neither a day nor a time"))),
            None => Ok(None),
        };
        Ok(Self {
            call: query.first("CallSid").map(str::to_owned),
            conference: query.first("ConferenceSid").map(str::to_owned),
            day: date("DateCreated")?,
            from: date("DateCreated>")?,
            to: date("DateCreated<")?,
            deleted_too: query.is_true("IncludeSoftDeleted"),
        })
    }

    fn takes(&self, recording: &Recording) -> bool {
        let created = recording.started();
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        is(&self.call, &recording.origin.call_sid)
            && is(&self.conference, &recording.origin.conference_sid)
            && self.day.is_none_or(|day| day.date() == created.date())
            && self.from.is_none_or(|from| created >= from)
            && self.to.is_none_or(|to| created <= to)
            && (self.deleted_too || !recording.deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordings::{audio::Audio, store::Origin};

    /// It began at 21:56:34 on 14 Oct 2016 and lasted 4 s.
    fn recording() -> Recording {
        Recording {
            sid: "RE0123456789abcdef0123456789abcdef".to_owned(),
            audio: Audio {
                channels: 2,
                seconds: 4,
            },
            len: 128_044,
            modified: parse_filter("2016-10-14T21:56:38Z").unwrap(),
            deleted: false,
            encryption_details: Value::Null,
            origin: Origin::of("RE0123456789abcdef0123456789abcdef"),
        }
    }

    #[test]
    fn a_recording_of_a_conference_is_found_by_it_and_not_by_a_call() {
        let conference = "CF0123456789abcdef0123456789abcdef";
        let recording = Recording {
            origin: Origin {
                call_sid: None,
                conference_sid: Some(conference.to_owned()),
            },
            ..recording()
        };
        for (query, taken) in [
            (format!("ConferenceSid={conference}"), true),
            (format!("ConferenceSid={}", conference.replace('0', "1")), false),
            ("CallSid=CA0123456789abcdef0123456789abcdef".to_owned(), false),
        ] {
            let filter = Filter::parse(&Query::parse(query.as_bytes())).unwrap();
            assert_eq!(filter.takes(&recording), taken, "{query}");
        }
    }

    #[test]
    fn each_filter_selects_the_documented_recordings() {
        let cases = [
            ("", true),
            ("DateCreated=2016-10-14", true),
            ("DateCreated=2016-10-15", false),
            ("DateCreated%3E=2016-10-14", true),
            ("DateCreated%3E=2016-10-14T21:56:34Z", true),
            ("DateCreated%3E=2016-10-14T21:56:35Z", false),
            ("DateCreated%3C=2016-10-14T21:56:34Z", true),
            ("DateCreated%3C=2016-10-14", false),
            ("CallSid=CA0123456789abcdef0123456789abcdef", true),
            ("CallSid=CAffffffffffffffffffffffffffffffff", false),
            ("ConferenceSid=CF0123456789abcdef0123456789abcdef", false),
        ];
        for (query, taken) in cases {
            let filter = Filter::parse(&Query::parse(query.as_bytes())).unwrap();
            assert_eq!(filter.takes(&recording()), taken, "{query}");
        }
        assert!(Filter::parse(&Query::parse(b"DateCreated=soon")).is_err());
    }

    #[test]
    fn a_deleted_recording_shows_only_when_requested() {
        let deleted = Recording {
            deleted: true,
            ..recording()
        };
        let takes = |query: &[u8]| Filter::parse(&Query::parse(query)).unwrap().takes(&deleted);
        assert!(!takes(b""));
        assert!(takes(b"IncludeSoftDeleted=true"));
    }
}
