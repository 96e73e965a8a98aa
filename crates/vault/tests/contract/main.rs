//! What the vault relies on S3 and KMS for, each expectation tied to AWS's documentation, against local servers.
//!
//! Where a server is laxer than AWS, that's listed here by name, and the list is exact: a test that relies on such a
//! server's strictness would prove nothing. Where two servers disagree, the documentation decides.
//!
//! - `cargo test -p vault --test contract` runs it against ministack, which the other tests use;
//! - `… -- --ignored localemu` against localemu (needs Python 3.13), as `.ci/run` does;
//! - `VAULT_CONTRACT_ENDPOINT=http://127.0.0.1:… … -- --ignored named` against any other.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod kms;
mod s3;
mod server;

use std::{future::Future, pin::Pin};

use server::Server;

/// One thing that AWS promises.
struct Promise {
    name: &'static str,
    /// Where AWS says so.
    source: &'static str,
    expected: &'static str,
    /// Tries it out, and says what was seen.
    seen: fn(Server) -> Seen,
}

type Seen = Pin<Box<dyn Future<Output = String>>>;

/// What no local server enforces. The writer refuses such metadata by itself, and a unit test holds it to that.
const ALL_LACK: &str = "metadata-over-2-kb";

/// Promises that ministack 1.4.21 doesn't keep, in the order of [`s3::PROMISES`] and [`kms::PROMISES`].
///
/// The vault doesn't lean on the last two: it compares the key that KMS says it used, and a data key that isn't the
/// message's fails the commitment check.
const MINISTACK_LACKS: &[&str] = &[
    "complete-min-part-size",
    "put-wrong-checksum",
    "part-wrong-checksum",
    ALL_LACK,
    "decrypt-under-another-key",
    "decrypt-of-a-changed-ciphertext",
];

/// The same for localemu 1.3.2.
const LOCALEMU_LACKS: &[&str] = &[ALL_LACK];

/// The names of the promises that `server` doesn't keep, with what was seen instead on stderr.
async fn broken_promises(server: &Server) -> Vec<&'static str> {
    let mut broken = Vec::new();
    let promises = s3::PROMISES.iter().chain(kms::PROMISES);
    let total = promises.clone().count();
    for promise in promises {
        let seen = (promise.seen)(server.clone()).await;
        if seen != promise.expected {
            eprintln!(
                "{}: {seen}, not {} ({})",
                promise.name, promise.expected, promise.source
            );
            broken.push(promise.name);
        }
    }
    eprintln!("{} of {total} promises kept", total - broken.len());
    broken
}

#[tokio::test]
async fn ministack_keeps_all_promises_but_these() {
    let (_process, server) = Server::ministack().await;
    assert_eq!(broken_promises(&server).await, MINISTACK_LACKS);
}

#[tokio::test]
#[ignore = "needs Python 3.13; .ci/run runs it"]
async fn localemu_keeps_all_promises_but_these() {
    let (_process, server) = Server::localemu().await;
    assert_eq!(broken_promises(&server).await, LOCALEMU_LACKS);
}

#[tokio::test]
#[ignore = "needs VAULT_CONTRACT_ENDPOINT"]
async fn the_named_server_keeps_all_promises() {
    let endpoint = std::env::var("VAULT_CONTRACT_ENDPOINT").expect("VAULT_CONTRACT_ENDPOINT names a server");
    assert_eq!(broken_promises(&Server::at(&endpoint).await).await, [""; 0]);
}
