//! The output of the demonstration.

use std::time::Duration;

use local_stack::{Call, Role, Stack, values};

use crate::checks::{Reply, StoredObject};

pub(crate) fn recording(sid: &str, format: &str, len: usize, seconds: Option<u32>) {
    let length = seconds
        .map(|seconds| format!(", {seconds} s, 8 kHz, 16 bits, two channels"))
        .unwrap_or_default();
    println!("\nRecording   {sid}.{format} at Twilio: {}{length}", bytes(len as u64));
}

pub(crate) fn task_before(task: &str, attributes: &str) {
    println!("Task        {task}\n  before    {attributes}");
}

pub(crate) fn callback(status: reqwest::StatusCode, took: Duration) {
    println!("Callback    signed and posted: {} in {}", status.as_u16(), ms(took));
}

pub(crate) fn task_after(attributes: &str, took: Duration) {
    println!(
        "  after     {attributes}\n            linked {} after the callback",
        ms(took)
    );
}

pub(crate) fn object(object: &StoredObject, took: Duration) {
    let encryption = object.encryption.as_deref().unwrap_or("none");
    let version = object.version.as_deref().unwrap_or("none");
    println!(
        "Object      s3://{}/{}: {}, stored {} after the callback",
        values::BUCKET,
        object.key,
        bytes(object.len),
        ms(took)
    );
    println!("            server-side encryption {encryption}, version {version}");
    let first: Vec<_> = object.first_bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "            first bytes {} (a WAV file begins with 52 49 46 46, RIFF)",
        first.join(" ")
    );
    for (name, value) in &object.context {
        println!("            encryption context {name} = {value}");
    }
}

pub(crate) fn link(link: &str, made: &[Call]) {
    // The signature is only for the listener, even here.
    let shown = link.split_once("signature=").map_or(link, |(shown, _)| shown);
    println!("Link        {shown}signature=… ({})", calls(made));
}

pub(crate) fn reply(requested: &str, reply: &Reply, made: &[Call]) {
    println!(
        "Playback    {requested}: {} {}, {}; first byte after {}, last after {} ({})",
        reply.status,
        reply.content_range.as_deref().unwrap_or("whole"),
        bytes(reply.body.len() as u64),
        ms(reply.first_byte),
        ms(reply.whole),
        calls(made),
    );
}

pub(crate) fn all_equal() {
    println!("Compared    every byte of every reply equals the original");
}

pub(crate) fn serving(stack: &Stack, link: &str) -> Result<(), toolbox::ToolError> {
    let cargo_lambda = toolbox::tool(toolbox::Venv::Stack, "cargo-lambda")?;
    println!(
        "\nServing until Ctrl-C. Play the recording in a browser, as Flex Insights does:\n  {page}\n\
         or open its link:\n  {link}\n\
         Put RE….wav files into {recordings} and POST callbacks to {callbacks}\n\n\
         The sample events, from another terminal in the project's folder (docs/REFERENCE.md, \"Local invokes\"):\n  \
         export PATH={tools}:$PATH\n  \
         cargo lambda watch --env-file {callback_settings} -P 9000\n  \
         cargo lambda watch --env-file {playback_settings} -P 9001",
        page = stack.page_url(),
        recordings = stack.recordings_dir().display(),
        callbacks = stack.callback_url(),
        tools = cargo_lambda.parent().unwrap_or(&cargo_lambda).display(),
        callback_settings = stack.settings_file(Role::Webhook).display(),
        playback_settings = stack.settings_file(Role::Playback).display(),
    );
    Ok(())
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1_000.0)
}

fn calls(made: &[Call]) -> String {
    let count = |service: &str| made.iter().filter(|call| call.service == service).count();
    format!("{} S3 and {} KMS calls", count("s3"), count("kms"))
}

/// Formats a number with separators between thousands.
fn bytes(count: u64) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    format!("{} bytes", groups.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (count, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1 000 bytes"),
            (5_760_044, "5 760 044 bytes"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
