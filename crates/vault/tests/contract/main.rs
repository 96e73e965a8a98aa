//! The behavior of S3 and KMS that the vault relies on. Each expectation cites AWS's documentation and is tested on
//! several servers.
//!
//! A test on a lax server proves nothing where the server is lax. Therefore, each server has a list of its known
//! differences from AWS's documentation in [`gaps`]. The list is exact: the suite also fails if a newer version of the
//! server has closed a gap. Where two servers disagree, the documentation decides.
//!
//! - The tests start ministack, which all other tests use, and localemu, which is stricter.
//! - `CONTRACT_ENDPOINT=http://127.0.0.1:PORT cargo test -p vault --test contract` tests any other server, and allows no
//!   gaps. The buckets and keys of the run remain on the server.
//!
//! # Enforced by no local server
//!
//! - `metadata_over_2_kb`: S3 refuses it, but both servers store it.
//!
//! Some behavior is not tested, because no local server can produce it on request:
//!
//! - 409 ConditionalRequestConflict for a write that overlaps with another one, 503 SlowDown, and KMS throttling. The
//!   proxy of the tests gives these answers.
//! - Refusals by a policy, because the servers check no identity: 403 instead of 404 without `s3:ListBucket`, or a key
//!   policy's condition on the encryption context.

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
fn rules_that_no_local_server_enforces_are_listed_above() {
    for name in gaps::enforced_by_nobody() {
        assert!(include_str!("main.rs").contains(&format!("//! - `{name}`: ")), "{name}");
    }
}

/// Tests every expectation on the server at `endpoint`, one after the other.
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

/// Prints without the capture of test output, so that CI's log has the figures.
fn say(line: &str) {
    let mut uncaptured = stderr().lock();
    writeln!(uncaptured, "{line}").unwrap();
}
