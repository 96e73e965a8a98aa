//! What a listener waits for, step by step, as the data of `docs/click-to-sound.svg`.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::browser::Played;
use crate::server::{Answered, Api};

/// Puts the harness's times on the page's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    instant: Instant,
    unix_ms: f64,
}

impl Clock {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            instant: Instant::now(),
            unix_ms: since.as_secs_f64() * 1e3,
        }
    }

    pub(super) fn unix_ms(&self, at: Instant) -> f64 {
        self.unix_ms + at.saturating_duration_since(self.instant).as_secs_f64() * 1e3
    }
}

/// The steps of each side's opening, in milliseconds since its request for a link.
pub(super) fn timeline(sides: &[&str], openings: &[&Played], requests: &[Answered], clock: &Clock) -> Value {
    let pairs = sides.iter().zip(openings);
    let panels: Vec<_> = pairs
        .map(|(side, played)| panel(side, played, requests, clock))
        .collect();
    json!({ "panels": panels })
}

fn panel(side: &str, played: &Played, requests: &[Answered], clock: &Clock) -> Value {
    let zero = played.click.begun;
    let is_before_the_sound = |at: f64| (zero - 1.0..=played.click.playing).contains(&at);
    let rounded = |at: f64| ((at - zero) * 10.0).round() / 10.0;
    let mut bars = Vec::new();
    for request in played
        .requests
        .iter()
        .filter(|request| is_before_the_sound(request.begun))
    {
        let what = match (&*request.path, &request.range) {
            ("/media-url", _) => "page: link".to_owned(),
            (_, None) => "page: whole recording, for the waveform".to_owned(),
            (_, Some(range)) => format!("audio element: {range}"),
        };
        bars.push(json!({
            "what": what,
            "begin": rounded(request.begun),
            "first_byte": rounded(request.first_byte),
            "end": request.ended.map(rounded),
        }));
    }
    for request in requests {
        let (begun, ended) = (clock.unix_ms(request.begun), clock.unix_ms(request.ended));
        let what = match request.api {
            Api::S3 => "S3",
            Api::Kms => "KMS",
            Api::Secrets => "Secrets Manager",
            Api::FlexTokens => "Twilio: token",
            _ => continue,
        };
        if is_before_the_sound(begun) {
            bars.push(json!({"what": what, "begin": rounded(begun), "end": rounded(ended)}));
        }
    }
    let events = played.events.iter().filter(|event| is_before_the_sound(event.at));
    let marks = events.map(|event| json!({"what": event.kind, "at": rounded(event.at)}));
    json!({"side": side, "bars": bars, "marks": marks.collect::<Vec<_>>(), "sound": rounded(played.click.playing)})
}
