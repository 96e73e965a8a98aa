//! Twilio's list of recordings.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use ::twilio::client::Client;
use serde_json::{Value, json};

use crate::testing::loopback::{ACCOUNT, Loopback, Received};

const GET_SECRET: &str = "secretsmanager.GetSecretValue";

pub(super) struct Twilio {
    pub(super) server: Loopback,
    /// The status of every answer, unless it is 0.
    refusal: Arc<AtomicU16>,
}

/// A completed recording of five seconds that began on 1 May 2026.
pub(super) fn recording(sid: &str) -> Value {
    json!({
        "sid": sid,
        "account_sid": ACCOUNT,
        "status": "completed",
        "call_sid": "CA00000000000000000000000000000001",
        "channels": 2,
        "duration": "5",
        "source": "OutboundAPI",
        "start_time": "Fri, 01 May 2026 10:00:00 +0000",
        "date_created": "Fri, 01 May 2026 10:00:00 +0000",
    })
}

impl Twilio {
    /// An account with these recordings.
    pub(super) async fn with(recordings: Vec<Value>) -> Self {
        let refusal = Arc::new(AtomicU16::new(0));
        let status = Arc::clone(&refusal);
        let answer = move |received: &Received| match (status.load(Ordering::Relaxed), received.what.as_str()) {
            (_, GET_SECRET) => (200, None, json!({"SecretString": r#"{"sid":"SK1","secret":"s"}"#})),
            (0, what) if what.starts_with("DELETE ") => (204, None, json!(null)),
            (0, what) if what.contains("/Recordings/") => one(&recordings, what),
            (0, what) => (200, None, page(&recordings, what)),
            (refusal, _) => (refusal, None, json!({"code": 20001})),
        };
        Self {
            server: Loopback::start(answer).await,
            refusal,
        }
    }

    pub(super) fn client(&self) -> Client {
        self.server.twilio()
    }

    /// From now on, every call is answered with this status. With 0, calls are answered normally.
    pub(super) fn refuse(&self, status: u16) {
        self.refusal.store(status, Ordering::Relaxed);
    }

    pub(super) fn deletions(&self, recording: &str) -> usize {
        self.server.count(&format!(
            "DELETE /2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording}.json"
        ))
    }
}

/// The answer to a request for a recording.
fn one(recordings: &[Value], what: &str) -> (u16, Option<&'static str>, Value) {
    let named = |recording: &&Value| what.ends_with(&format!("/{}.json", recording["sid"].as_str().unwrap()));
    match recordings.iter().find(named) {
        Some(recording) => (200, None, recording.clone()),
        None => (404, None, json!({"code": 20404})),
    }
}

/// The answer to a request for a page.
fn page(recordings: &[Value], what: &str) -> Value {
    let url: url::Url = format!("http://twilio{}", what.split(' ').nth(1).unwrap())
        .parse()
        .unwrap();
    let parameter = |wanted: &str| {
        let (_, value) = url.query_pairs().find(|(name, _)| name == wanted)?;
        value.parse::<usize>().ok()
    };
    let (size, number) = (parameter("PageSize").unwrap(), parameter("Page").unwrap_or(0));
    let pages: Vec<_> = recordings.chunks(size).collect();
    let next = number + 1;
    let next_page_uri = (next < pages.len())
        .then(|| format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings.json?PageSize={size}&Page={next}"));
    json!({
        "recordings": pages.get(number).copied().unwrap_or_default(),
        "next_page_uri": next_page_uri,
    })
}
