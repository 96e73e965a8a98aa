//! What the vault relies on S3 and KMS for, each expectation tied to AWS's documentation and tried on several servers.
//!
//! A test on a lax server proves nothing where it's lax. So each server has a list of what it's known to do instead of
//! what AWS documents, in [`gaps`], and the list is exact: the suite fails where a server falls short of it, and also
//! where a newer version has become better than it. Where two servers disagree, the documentation decides.
//!
//! - ministack, which all other tests run on, and localemu, the stricter one, are started by their tests;
//! - `CONTRACT_ENDPOINT=http://127.0.0.1:PORT cargo test -p vault --test contract` tries any other server, with no gaps
//!   allowed. It's left with this run's buckets and keys.
//!
//! # Enforced by no local server
//!
//! - `metadata_over_2_kb`: S3 refuses it, both servers store it.
//!
//! And what isn't tried, because no local server can be brought to do it: 409 ConditionalRequestConflict for a write
//! that another one crosses, 503 SlowDown and KMS throttling (the tests' proxy gives these answers), and any refusal by
//! policy, for the servers check no identity: 403 instead of 404 without `s3:ListBucket`, a key policy's condition on
//! the encryption context.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod checksums;
mod conditions;
mod expectation;
mod gaps;
mod kms;
mod kms_rsa;
mod multipart;
mod objects;
mod ranges;
mod server;
mod verdict;
mod versions;

use std::{
    env,
    io::{Write, stderr},
};

use toolbox::{Localemu, Ministack};

use self::{expectation::Expectation, gaps::Gap, server::Server, verdict::judge};

fn expectations() -> impl Iterator<Item = &'static Expectation> {
    [
        conditions::EXPECTATIONS,
        multipart::EXPECTATIONS,
        checksums::EXPECTATIONS,
        ranges::EXPECTATIONS,
        objects::EXPECTATIONS,
        versions::EXPECTATIONS,
        kms::EXPECTATIONS,
        kms_rsa::EXPECTATIONS,
    ]
    .into_iter()
    .flatten()
}

#[tokio::test]
async fn ministack_keeps_the_contract() {
    let ministack = Ministack::start().unwrap();
    hold("ministack", ministack.endpoint(), gaps::MINISTACK).await;
}

#[tokio::test]
async fn localemu_keeps_the_contract() {
    let localemu = Localemu::start().unwrap();
    hold("localemu", localemu.endpoint(), gaps::LOCALEMU).await;
}

#[tokio::test]
async fn contract_against_an_endpoint() {
    match env::var("CONTRACT_ENDPOINT") {
        Ok(endpoint) => hold(&endpoint, &endpoint, &[]).await,
        Err(_) => say("contract: skipped, CONTRACT_ENDPOINT is not set"),
    }
}

#[test]
fn what_no_local_server_enforces_is_told_above() {
    for name in gaps::enforced_by_nobody() {
        assert!(include_str!("main.rs").contains(&format!("//! - `{name}`: ")), "{name}");
    }
}

/// Tries every expectation on the server at `endpoint`, one after the other.
async fn hold(name: &str, endpoint: &str, gaps: &[Gap]) {
    let server = Server::at(endpoint).await;
    let mut trials = Vec::new();
    for expectation in expectations() {
        trials.push((expectation.name, expectation.try_on(&server).await));
    }
    let verdict = judge(&trials, gaps);
    say(&format!("{name}: {verdict}"));
    let nobody: Vec<_> = gaps::enforced_by_nobody().collect();
    say(&format!("enforced by no local server: {}", nobody.join(", ")));
    assert!(verdict.complaints.is_empty(), "{}", verdict.complaints.join("\n"));
}

/// Past the capture of a test's output, so that CI's log has the figures.
fn say(line: &str) {
    let mut uncaptured = stderr().lock();
    writeln!(uncaptured, "{line}").unwrap();
}
