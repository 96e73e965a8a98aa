//! Checks that recordings arrive at all. A schedule runs the check at times at which there should be some.
//!
//! S3 cannot list a bucket's newest objects. So the check lists the recordings of the last hours at Twilio, and looks
//! for them in the bucket. One stored recording is enough: its callback came, and its copy was made.

use std::{future, pin::pin, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use service::metrics::{self, Unit};
use twilio::recordings::{CreatedBetween, MAX_PAGE_SIZE, RecordingResource};
use vault::Presence;

use super::{
    backfill::{CONCURRENCY, presence},
    clients::Clients,
    command::Arrivals,
    day::Day,
    piece::WorkError,
};
use crate::clock;

/// The result of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Arrived {
    /// Unix milliseconds.
    since_ms: i64,
    /// The number of recordings at Twilio that began since then and were looked at.
    at_twilio: u64,
    /// Whether one of them is stored, or was stored before.
    arrived: bool,
}

/// Looks for one recording that began in the last hours and is stored. The metric is 1 if there is none.
pub(super) async fn find_arrivals(clients: &Clients, request: Arrivals) -> Result<Arrived, WorkError> {
    let within = Duration::from_secs(u64::from(request.within_hours) * 60 * 60);
    let found = find_arrival(clients, within).await?;
    let Arrived {
        since_ms,
        at_twilio,
        arrived,
    } = found;
    if arrived {
        tracing::info!(sinceMs = since_ms, atTwilio = at_twilio, "recordings arrive");
    } else {
        tracing::error!(sinceMs = since_ms, atTwilio = at_twilio, "no recording has arrived");
    }
    metrics::emit(&[("NothingArrived", f64::from(!arrived), Unit::Count)]);
    Ok(found)
}

async fn find_arrival(clients: &Clients, within: Duration) -> Result<Arrived, WorkError> {
    let now_ms = clock::now_ms();
    let since_ms = now_ms.saturating_sub(i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
    let created = CreatedBetween {
        from: Day::of_unix_ms(since_ms).0,
        to: Day::of_unix_ms(now_ms).0,
    };
    let (mut at_twilio, mut next) = (0, None);
    loop {
        let page = clients
            .twilio
            .list_recordings(&created, next.as_ref(), MAX_PAGE_SIZE)
            .await?;
        let recent = page
            .recordings
            .into_iter()
            .filter(|recording| is_since(recording, since_ms));
        let recent: Vec<_> = recent.collect();
        at_twilio += recent.len() as u64;
        let arrived = has_any(clients, recent).await?;
        next = page.next;
        if arrived || next.is_none() {
            return Ok(Arrived {
                since_ms,
                at_twilio,
                arrived,
            });
        }
    }
}

/// Whether one of the recordings is stored. A recording that was erased or has expired had arrived before.
async fn has_any(clients: &Clients, recordings: Vec<RecordingResource>) -> Result<bool, WorkError> {
    let arrived = stream::iter(recordings)
        .map(|recording| presence(clients, recording))
        .buffered(CONCURRENCY)
        .try_filter(|(_, presence)| future::ready(*presence != Presence::Absent));
    Ok(pin!(arrived).try_next().await?.is_some())
}

fn is_since(recording: &RecordingResource, since_ms: i64) -> bool {
    let began_ms = recording.facts.start_time_ms.or(recording.date_created_ms);
    began_ms.is_some_and(|began_ms| began_ms >= since_ms)
}
