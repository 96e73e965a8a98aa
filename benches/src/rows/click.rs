//! From the click to the sound: Flex UI's own Player in Chromium plays a call from the function and from nginx, in turn.

mod audio;
mod browser;
mod conversation;
mod nginx;
mod timeline;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;

use self::{
    browser::{Played, drive},
    nginx::Nginx,
    timeline::{Clock, timeline},
};
use crate::{
    Failure,
    bed::Bed,
    front::{Front, Invocations, Pace},
    measure::{Goal, Row, Sample, ratios},
    names,
    runtime::Instance,
    server::sequential,
};

pub(crate) const GROUP: &str = "click";

/// The row that has the timeline.
pub(crate) const TO_SOUND: &str = "from `/media-url` to sound, against *nginx*";

/// S3's usual time to the first byte.
const S3_FIRST_BYTE: Duration = Duration::from_millis(15);

/// A call of five minutes.
const CALL_S: usize = 300;

/// The object that *nginx before S3* forwards to.
const PLAINTEXT: &str = "plaintext.wav";

/// Where a page gets its links and recordings, in the order of the report.
const SIDES: [&str; 3] = ["ours", "*nginx*", "*nginx before S3*"];

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let audio = audio::call(CALL_S);
    bed.server.record(Some(audio.clone()));
    bed.server.generate(PLAINTEXT, audio.clone(), Vec::new());
    let mut rows = to_sound(bed, &audio).await?;
    rows.extend(round_trips(bed).await?);
    rows.extend(conversation::rows(bed).await?);
    bed.server.record(None);
    bed.server.forget(PLAINTEXT);
    Ok(rows)
}

/// The milliseconds of one side, one value a round.
#[derive(Debug, Default)]
struct Waits {
    to_sound: Vec<f64>,
    seek: Vec<f64>,
}

async fn to_sound(bed: &Bed, audio: &Bytes) -> Result<Vec<Row>, Failure> {
    // The first opening of each side loads the page's code.
    let rounds = 1 + if bed.quick { 1 } else { bed.rounds() };
    let front = Front::bind().await?;
    let [file, before_s3] = [Nginx::serving(audio)?, Nginx::before(bed.server.port(), PLAINTEXT)?];
    let origins = [front.origin(), file.origin(), before_s3.origin()];
    let mut sids = Vec::new();
    for _ in 0..rounds {
        sids.push(bring_in(bed).await?);
    }
    let _invocations = serve(bed, front, Pace::Full).await?;
    bed.server.requests().take();
    bed.server.delay(S3_FIRST_BYTE);
    let clock = Clock::now();
    let turns = (0..rounds).flat_map(|round| (0..SIDES.len()).map(move |turn| (round, (round + turn) % SIDES.len())));
    let turns: Vec<_> = turns.collect();
    let openings = turns
        .iter()
        .map(|(round, side)| json!({"urlProviders": [url_provider(&origins[*side], &sids[*round])], "plays": true}));
    let seen: Vec<Played> = drive(
        "click.mjs",
        json!({"openings": openings.collect::<Vec<_>>(), "lengthS": CALL_S}),
    )
    .await?;
    bed.server.delay(Duration::ZERO);
    let requests = bed.server.requests().take();
    for sid in &sids {
        bed.server.forget(&names::object_key(sid));
    }

    let mut waits = SIDES.map(|_| Waits::default());
    let mut heard: [Vec<&Played>; 3] = Default::default();
    for ((round, side), played) in turns.into_iter().zip(&seen) {
        played.tell_failures(SIDES[side]);
        if round > 0 {
            waits[side].to_sound.push(played.click.ms());
            waits[side].seek.push(played.seek.ms());
            heard[side].push(played);
        }
    }
    let median = heard.map(|mut heard| {
        heard.sort_by(|one, other| one.click.ms().total_cmp(&other.click.ms()));
        heard[heard.len() / 2]
    });
    let picture = timeline(&SIDES, &median, &requests, &clock);
    Ok(report(&waits, picture))
}

fn report(waits: &[Waits; 3], picture: serde_json::Value) -> Vec<Row> {
    let [ours, file, before_s3] = waits;
    let row = |what: String, unit, figure| Row::new(GROUP, what, unit, figure);
    let mut rows = vec![
        row(TO_SOUND.to_owned(), "×", ratios(&ours.to_sound, &file.to_sound))
            .goal(Goal::AtMost(1.3))
            .details(picture),
        row(
            "from a seek to 90 % to sound, against *nginx*".to_owned(),
            "×",
            ratios(&ours.seek, &file.seek),
        )
        .goal(Goal::AtMost(1.3)),
        row(
            "from `/media-url` to sound, against *nginx before S3*".to_owned(),
            "×",
            ratios(&ours.to_sound, &before_s3.to_sound),
        ),
        row(
            "from a seek to 90 % to sound, against *nginx before S3*".to_owned(),
            "×",
            ratios(&ours.seek, &before_s3.seek),
        ),
    ];
    for (side, waits) in SIDES.iter().zip(waits) {
        let figure = |values: &[f64]| Sample::new(values.iter().copied()).figure();
        rows.push(row(
            format!("from `/media-url` to sound, {side}"),
            "ms",
            figure(&waits.to_sound),
        ));
        rows.push(row(
            format!("from a seek to 90 % to sound, {side}"),
            "ms",
            figure(&waits.seek),
        ));
    }
    rows
}

/// The requests to S3 and KMS that wait for others, from the link to the first byte: on the instance that gave the link, and
/// on another one. Both know the token and the link keys.
async fn round_trips(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let (other, sid) = (bring_in(bed).await?, bring_in(bed).await?);
    let link = bed.link(&sid);
    let for_a_link = names::media_url_event(&sid, browser::TOKEN);
    let first_range = names::get_event(&link.path, &link.query, Some("bytes=0-99"));
    let seek = names::get_event(&link.path, &link.query, Some("bytes=8640000-8640099"));
    let [mut one, mut two] = [
        warm(bed, &other, "http://127.0.0.1").await?,
        warm(bed, &other, "http://127.0.0.1").await?,
    ];
    bed.server.delay(S3_FIRST_BYTE);
    let count = async |instance: &mut Instance, event| {
        bed.server.requests().take();
        instance.stream(event).await?;
        Ok::<_, Failure>(sequential(&bed.server.requests().take()))
    };
    let for_link = count(&mut one, &for_a_link).await?;
    let on_the_same = count(&mut one, &first_range).await?;
    let for_seek = count(&mut one, &seek).await?;
    let on_another = count(&mut two, &first_range).await?;
    bed.server.delay(Duration::ZERO);
    for sid in [other, sid] {
        bed.server.forget(&names::object_key(&sid));
    }
    let row = |what: &str, trips: usize| {
        let figure = Sample::new([trips as f64]).figure();
        Row::new(
            GROUP,
            format!("sequential round trips to S3 and KMS, {what}"),
            "",
            figure,
        )
    };
    Ok(vec![
        row("a link and its first range", for_link + on_the_same),
        row("a link, and its first range on another instance", for_link + on_another),
        row("a seek", for_seek),
    ])
}

/// Playback that has answered a request, and knows the token and the link keys.
async fn warm(bed: &Bed, sid: &str, origin: &str) -> Result<Instance, Failure> {
    let mut instance = bed.playback_at(&bed.server.plain(), origin).await?;
    let answer = instance.stream(&names::media_url_event(sid, browser::TOKEN)).await?;
    match answer.status {
        200 => Ok(instance),
        status => Err(format!("/media-url: {status}").into()),
    }
}

/// Puts warm instances behind a function URL.
async fn serve(bed: &Bed, front: Front, pace: Pace) -> Result<Arc<Invocations>, Failure> {
    /// As many as Chromium opens connections to one host.
    const INSTANCES: usize = 6;
    let sid = bring_in(bed).await?;
    let mut instances = Vec::new();
    for _ in 0..INSTANCES {
        instances.push(warm(bed, &sid, &front.origin()).await?);
    }
    bed.server.forget(&names::object_key(&sid));
    Ok(front.serve(instances, pace))
}

/// Stores the call as another recording.
async fn bring_in(bed: &Bed) -> Result<String, Failure> {
    let sid = bed.new_sid(0);
    let mut copier = bed.copier(&bed.server.plain()).await?;
    let event = names::copy_event_of(&sid, 2, Some(CALL_S as u64));
    let answer = copier.invoke(&event).await?;
    if answer == json!({"batchItemFailures": []}) {
        Ok(sid)
    } else {
        Err(format!("the copier answered {answer}").into())
    }
}

fn url_provider(origin: &str, sid: &str) -> String {
    format!("{origin}/media-url?recordingSid={sid}")
}
