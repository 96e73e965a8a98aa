//! The measurements, with one module per question. All sides of a row are measured alternately in one run.

mod cipher;
pub(crate) mod click;
mod cold;
mod copy;
mod find;
pub(crate) mod growth;
pub(crate) mod jobs;
pub(crate) mod ranges;
mod readers;
mod real;
mod server;
mod start;
mod stream;
mod tls;

use crate::{Failure, bed::Bed, measure::Row};

/// The names of the groups in the order of the report.
pub(crate) const GROUPS: [&str; 14] = [
    "copy", "growth", "ranges", "click", "stream", "readers", "tls", "real", "server", "cipher", "start", "cold",
    "jobs", "find",
];

/// Measures one group.
pub(crate) async fn of(bed: &Bed, group: &str) -> Result<Vec<Row>, Failure> {
    match group {
        "copy" => copy::rows(bed).await,
        "growth" => growth::rows(bed).await,
        "ranges" => ranges::rows(bed).await,
        "click" => click::rows(bed).await,
        "stream" => stream::rows(bed).await,
        "readers" => readers::rows(bed).await,
        "tls" => tls::rows(bed).await,
        "real" => real::rows(bed).await,
        "server" => server::rows(bed).await,
        "cipher" => cipher::rows(bed).await,
        "start" => start::rows(bed).await,
        "cold" => cold::rows(bed).await,
        "jobs" => jobs::rows(bed).await,
        "find" => find::rows(bed).await,
        _ => Err(format!("no group {group}: there are {}", GROUPS.join(", ")).into()),
    }
}
