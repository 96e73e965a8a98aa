//! The steps of the demonstration with one recording. Each step is checked.

use std::{
    fs,
    time::{Duration, Instant},
};

use local_stack::{Callback, Stack, values};
use twilio_double::wav;

use crate::{
    Error,
    arguments::Arguments,
    checks::{Reply, StoredObject, compare, expect},
    narration,
};

const RECORDING: &str = "RE00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000001";
const TASK: &str = "WT00000000000000000000000000000001";

/// The length of the sample recording. Three minutes are 32 kB/s × 180 s = 5.8 MB, five times the most that a browser
/// gets at once.
const SECONDS: u32 = 180;

/// Linking and copying take a second. A machine that is busy with a build may take many times as long.
const JOBS_BOUND: Duration = Duration::from_secs(120);

/// The pause between two checks for a finished job.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes a recording through the whole service. Returns a link that plays.
pub(crate) async fn take(stack: &Stack, arguments: &Arguments) -> Result<String, Error> {
    let (recording, seconds) = match &arguments.recording {
        Some(file) => (
            fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?,
            None,
        ),
        None => (wav::duet(SECONDS), Some(SECONDS)),
    };
    expect(!recording.is_empty(), "the recording has bytes to play")?;
    let format = arguments.format();
    fs::write(stack.recordings_dir().join(format!("{RECORDING}.{format}")), &recording)?;
    narration::recording(RECORDING, format, recording.len(), seconds);

    let attributes = format!(r#"{{"call_sid":"{CALL}","direction":"inbound","language":"en"}}"#);
    stack.twilio().add_task(TASK, &attributes);
    narration::task_before(TASK, &attributes);

    let posted = Instant::now();
    let callback = Callback::completed(RECORDING)
        .parameter("CallSid", CALL)
        .for_media(&recording)
        .query(&format!("taskSid={TASK}"));
    let status = stack.post_callback(&callback).await?.status();
    narration::callback(status, posted.elapsed());
    expect(status == 204, "the callback is answered with 204")?;

    let linked = eventually("the task's link", || async { Ok(linked_attributes(stack)) }).await?;
    narration::task_after(&linked, posted.elapsed());

    let object = eventually("the stored object", || StoredObject::look(stack, RECORDING)).await?;
    narration::object(&object, posted.elapsed());
    object.check(RECORDING, recording.len())?;

    let mark = stack.wire().mark();
    let link = media_url(stack).await?;
    narration::link(&link, &stack.wire().since(mark));
    play(stack, &link, &recording).await?;
    narration::all_equal();
    Ok(link)
}

fn linked_attributes(stack: &Stack) -> Option<String> {
    let attributes = stack.twilio().task(TASK)?.attributes;
    attributes.contains(RECORDING).then_some(attributes)
}

async fn media_url(stack: &Stack) -> Result<String, Error> {
    let answer = stack
        .media_url(RECORDING, values::FLEX_TOKEN)
        .await?
        .error_for_status()?;
    let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(answer["media_url"]
        .as_str()
        .ok_or("the answer to /media-url has no media_url")?
        .to_owned())
}

/// Three ranges as a player requests them (the start, a seek, the end), then the whole recording.
async fn play(stack: &Stack, link: &str, recording: &[u8]) -> Result<(), Error> {
    let len = recording.len();
    let (seek, tail) = (len / 2, len.min(32_000));
    let ranges = [
        (format!("bytes=0-{}", 65_535.min(len - 1)), 0..len.min(65_536)),
        (
            format!("bytes={seek}-{}", (seek + 99_999).min(len - 1)),
            seek..(seek + 100_000).min(len),
        ),
        (format!("bytes=-{tail}"), len - tail..len),
    ];
    for (range, bytes) in ranges {
        let mark = stack.wire().mark();
        let reply = Reply::fetch(link, Some(&range)).await?;
        narration::reply(&range, &reply, &stack.wire().since(mark));
        let expected = format!("bytes {}-{}/{len}", bytes.start, bytes.end - 1);
        expect(reply.status == 206, "a range is answered with 206")?;
        expect(
            reply.content_range.as_deref() == Some(&*expected),
            "the Content-Range is exact",
        )?;
        compare(&reply.body, &recording[bytes])?;
    }
    let mark = stack.wire().mark();
    let reply = Reply::fetch(link, None).await?;
    narration::reply("everything", &reply, &stack.wire().since(mark));
    expect(reply.status == 200, "a request without a range is answered with 200")?;
    compare(&reply.body, recording)
}

async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<Option<T>, Error>>,
{
    let deadline = Instant::now() + JOBS_BOUND;
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if Instant::now() > deadline {
            return Err(format!("{what} did not appear within {} s", JOBS_BOUND.as_secs()).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
