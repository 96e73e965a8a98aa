//! Requests to the functions and the playback function's calls to AWS, as they happen.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::response::sse::Event;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    Role,
    exchange::{Exchange, Exchanges},
    wire::{Call, Wire},
};

/// Ten times a second looks immediate and costs nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The following requests and calls, in order, as server-sent events of JSON.
pub(super) fn events(exchanges: Exchanges, wire: Wire) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let now = (exchanges.mark(), wire.mark());
    stream::unfold(now, move |(answered, called)| {
        let (exchanges, wire) = (exchanges.clone(), wire.clone());
        async move {
            sleep(LOOK_EVERY).await;
            let (new_exchanges, answered) = exchanges.timed_since(answered);
            let (new_calls, called) = wire.timed_since(called);
            let exchanges = new_exchanges
                .iter()
                .map(|(time, exchange)| (*time, of_exchange(exchange)));
            let calls = new_calls
                .iter()
                .filter(|(_, call)| call.role == Role::Playback)
                .map(|(time, call)| (*time, of_call(call)));
            let mut happened: Vec<(Instant, Value)> = exchanges.chain(calls).collect();
            happened.sort_by_key(|(time, _)| *time);
            Some((stream::iter(happened), (answered, called)))
        }
    })
    .flatten()
    .map(|(_, event)| Ok(Event::default().data(event.to_string())))
}

fn of_exchange(exchange: &Exchange) -> Value {
    let Exchange {
        request,
        status,
        content_range,
    } = exchange;
    json!({
        "kind": "exchange",
        "method": request.method.as_str(),
        "path": request.path,
        "recordingSid": request.recording_sid,
        "range": request.range,
        "fetchDest": request.fetch_dest,
        "status": status.as_u16(),
        "contentRange": content_range,
    })
}

fn of_call(call: &Call) -> Value {
    json!({
        "kind": "call",
        "service": call.service,
        "operation": call.operation,
        "range": call.range,
    })
}
