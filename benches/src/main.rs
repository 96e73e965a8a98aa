//! Measures the two binaries and their yardsticks alternately in one run, and writes the report.

mod bed;
mod cgroup;
mod direct;
mod distance;
mod front;
mod instructions;
mod measure;
mod memory;
mod names;
mod process;
mod report;
mod rows;
mod runtime;
mod server;
mod surroundings;
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
        ["bare"] => as_playback()?.block_on(yardsticks::bare::run()),
        ["noop"] => as_playback()?.block_on(yardsticks::noop::run()),
        ["relay"] => as_playback()?.block_on(yardsticks::relay::run()),
        ["lean-pipe"] => Runtime::new()?.block_on(yardsticks::lean_pipe::run()),
        ["queue", ref inputs @ ..] => model(inputs),
        ["instructions", arm64] => {
            let bed = Bed::new(true)?;
            Runtime::new()?.block_on(instructions::run(&bed, &bed.functions, arm64.as_ref()))
        }
        ["memory"] => memory(false),
        ["memory", "--quick"] => memory(true),
        [] => write(false, "docs"),
        ["--quick"] => write(true, QUICK_REPORT),
        ["--quick", ref groups @ ..] => measure(true, groups).map(drop),
        ref groups => measure(false, groups).map(drop),
    }
}

/// A runtime with one thread, like that of the playback function.
fn as_playback() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Measures the functions with several sizes of memory. The bed is a quick one, because no peer takes part.
fn memory(quick: bool) -> Result<(), Failure> {
    Runtime::new()?.block_on(memory::run(&Bed::new(true)?, quick))
}

/// Prints the model's report for measured values.
fn model(inputs: &[&str]) -> Result<(), Failure> {
    let values = inputs
        .iter()
        .map(|input| input.parse())
        .collect::<Result<Vec<f64>, _>>()?;
    let [webhook_s, link_s, copy_start_s, copy_waits, copy_s_per_mb, reconcile_s] = values[..] else {
        let usage = "cargo benchmarks queue WEBHOOK_S LINK_S COPY_START_S COPY_WAITS COPY_S_PER_MB RECONCILE_S";
        return Err(format!("usage: {usage}").into());
    };
    let inputs = queue_model::Inputs {
        webhook_s,
        link_s,
        copy_start_s,
        copy_waits,
        copy_s_per_mb,
        reconcile_s,
    };
    println!("{}", queue_model::report(&inputs));
    Ok(())
}

/// Measures all groups and writes the report.
fn write(quick: bool, folder: &str) -> Result<(), Failure> {
    let start = surroundings::Start::now()?;
    let rows = measure(quick, &rows::GROUPS)?;
    report::write(&workspace_root().join(folder), &rows, start.end()?)
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
