//! `GET /2010-04-01/Accounts/{AC}/Calls.json`: the calls of the account, found by a telephone number.

use std::sync::{Mutex, PoisonError};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    dates::rfc_2822,
    paging::{self, Page},
    problem::Problem,
    query::Query,
    recordings::Account,
};

/// The parameters of the list that the double accepts.
pub(crate) const PARAMETERS: [&str; 5] = [
    "From",
    "To",
    paging::PARAMETERS[0],
    paging::PARAMETERS[1],
    paging::PARAMETERS[2],
];

/// The completed calls.
#[derive(Debug, Default)]
pub(crate) struct PhoneCalls(Mutex<Vec<PhoneCall>>);

#[derive(Clone, Debug)]
struct PhoneCall {
    sid: String,
    from: String,
    to: String,
}

impl PhoneCalls {
    pub(crate) fn add(&self, sid: &str, from: &str, to: &str) {
        let call = PhoneCall {
            sid: sid.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// # Errors
    /// 400 for a malformed page or an unknown parameter.
    pub(crate) fn list(&self, account: &Account<'_>, query: &Query) -> Result<Response, Problem> {
        query.only(&PARAMETERS)?;
        let page = Page::parse(query)?;
        let is = |name: &str, value: &str| query.first(name).is_none_or(|wanted| wanted == value);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let matching = all.into_iter();
        let matching = matching
            .filter(|call| is("From", &call.from) && is("To", &call.to))
            .collect();
        let sheet = page.of(matching);
        let list = format!("/2010-04-01/Accounts/{}/Calls.json", account.sid);
        let calls: Vec<Value> = sheet.items.iter().map(|call| shown(account, call)).collect();
        Ok(Json(json!({
            "calls": calls,
            "end": sheet.start + calls.len().saturating_sub(1),
            "first_page_uri": page.first().link(&list, query),
            "next_page_uri": sheet.next.map(|page| page.link(&list, query)),
            "page": page.index,
            "page_size": page.size,
            "previous_page_uri": sheet.previous.map(|page| page.link(&list, query)),
            "start": sheet.start,
            "uri": page.link(&list, query),
        }))
        .into_response())
    }
}

/// Every field of the OpenAPI schema `api.v2010.account.call`.
fn shown(account: &Account<'_>, call: &PhoneCall) -> Value {
    let path = format!("/2010-04-01/Accounts/{}/Calls/{}", account.sid, call.sid);
    let time = rfc_2822(OffsetDateTime::UNIX_EPOCH);
    json!({
        "account_sid": account.sid,
        "answered_by": null,
        "api_version": "2010-04-01",
        "caller_name": null,
        "date_created": time,
        "date_updated": time,
        "direction": "inbound",
        "duration": "4",
        "end_time": time,
        "forwarded_from": null,
        "from": call.from,
        "from_formatted": call.from,
        "group_sid": null,
        "parent_call_sid": null,
        "phone_number_sid": null,
        "price": null,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": call.sid,
        "start_time": time,
        "status": "completed",
        "subresource_uris": {"recordings": format!("{path}/Recordings.json")},
        "to": call.to,
        "to_formatted": call.to,
        "trunk_sid": null,
        "uri": format!("{path}.json"),
    })
}
