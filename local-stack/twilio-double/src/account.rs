//! The account itself.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{dates::rfc_2822, problem::Problem, query::Query, recordings::Account};

/// The links of the resource, and the last segments of their paths.
const SUBRESOURCES: [(&str, &str); 18] = [
    ("addresses", "Addresses"),
    ("applications", "Applications"),
    ("authorized_connect_apps", "AuthorizedConnectApps"),
    ("available_phone_numbers", "AvailablePhoneNumbers"),
    ("calls", "Calls"),
    ("conferences", "Conferences"),
    ("connect_apps", "ConnectApps"),
    ("incoming_phone_numbers", "IncomingPhoneNumbers"),
    ("keys", "Keys"),
    ("notifications", "Notifications"),
    ("outgoing_caller_ids", "OutgoingCallerIds"),
    ("queues", "Queues"),
    ("recordings", "Recordings"),
    ("short_codes", "SMS/ShortCodes"),
    ("signing_keys", "SigningKeys"),
    ("sip", "SIP"),
    ("transcriptions", "Transcriptions"),
    ("usage", "Usage"),
];

/// Every field of the OpenAPI schema `api.v2010.account`, which include the Auth Token.
///
/// # Errors
/// 400 for a parameter.
pub(super) fn fetch(account: &Account<'_>, auth_token: &str, query: &Query) -> Result<Response, Problem> {
    query.only(&[])?;
    let root = format!("/2010-04-01/Accounts/{}", account.sid);
    let links: Map<String, Value> = SUBRESOURCES
        .into_iter()
        .map(|(name, path)| (name.to_owned(), json!(format!("{root}/{path}.json"))))
        .collect();
    let created = rfc_2822(OffsetDateTime::UNIX_EPOCH);
    Ok(Json(json!({
        "auth_token": auth_token,
        "date_created": created,
        "date_updated": created,
        "friendly_name": "Contact center",
        "owner_account_sid": account.sid,
        "sid": account.sid,
        "status": "active",
        "subresource_uris": links,
        "type": "Full",
        "uri": format!("{root}.json"),
    }))
    .into_response())
}
