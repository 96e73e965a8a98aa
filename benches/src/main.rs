//! Measures the two binaries and their yardsticks alternately in one run, and writes the report.

mod bed;
mod direct;
mod measure;
mod names;
mod process;
mod report;
mod rows;
mod runtime;
mod server;
mod yardsticks;

use tokio::runtime::Runtime;
use toolbox::workspace_root;

use self::{bed::Bed, measure::Row};

/// The figures of a quick run are meaningless. Therefore, they are not written to `docs`.
const QUICK_REPORT: &str = "target/benchmarks-quick";

/// Any error, for the person who runs the benchmarks.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["noop"] => as_playback()?.block_on(yardsticks::noop::run()),
        ["relay"] => as_playback()?.block_on(yardsticks::relay::run()),
        ["pipe"] => Runtime::new()?.block_on(yardsticks::pipe::run()),
        ["queue", ref inputs @ ..] => model(inputs),
        [] => report::write(&workspace_root().join("docs"), &measure(false, &rows::GROUPS)?),
        ["--quick"] => report::write(&workspace_root().join(QUICK_REPORT), &measure(true, &rows::GROUPS)?),
        ["--quick", ref groups @ ..] => measure(true, groups).map(drop),
        ref groups => measure(false, groups).map(drop),
    }
}

/// A runtime with one thread, like that of the playback function.
fn as_playback() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Prints the model's report for measured seconds.
fn model(inputs: &[&str]) -> Result<(), Failure> {
    let seconds = inputs
        .iter()
        .map(|input| input.parse())
        .collect::<Result<Vec<f64>, _>>()?;
    let [webhook_s, link_s, copy_start_s, copy_s_per_mb] = seconds[..] else {
        return Err("usage: cargo benchmarks queue WEBHOOK_S LINK_S COPY_START_S COPY_S_PER_MB".into());
    };
    let inputs = queue_model::Inputs {
        webhook_s,
        link_s,
        copy_start_s,
        copy_s_per_mb,
    };
    println!("{}", queue_model::report(&inputs));
    Ok(())
}

fn measure(quick: bool, groups: &[&str]) -> Result<Vec<Row>, Failure> {
    let runtime = Runtime::new()?;
    let bed = Bed::new(quick)?;
    let mut all = Vec::new();
    for group in groups {
        let rows = runtime.block_on(rows::of(&bed, group))?;
        report::print(&rows);
        all.extend(rows);
    }
    Ok(all)
}
