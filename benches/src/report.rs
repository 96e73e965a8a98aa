//! The report: docs/BENCHMARKS.md, its plot, and the figures in a machine-readable form.

use std::{fs, path::Path, process::Command, thread};

use serde::Serialize;
use time::OffsetDateTime;
use toolbox::{Venv, workspace_root};

use crate::{
    Failure, instructions,
    measure::{Goal, Row},
    memory,
    rows::{growth, jobs},
    surroundings::Surroundings,
};

/// The hand-written text about the measurements.
const HOW: &str = include_str!("../report/how.md");
const FINDINGS: &str = include_str!("../report/findings.md");

/// Prints rows as soon as they are measured.
pub(crate) fn print(rows: &[Row]) {
    for row in rows {
        println!("{}", line(row));
    }
}

/// The figures in the form of `benchmarks.json`.
#[derive(Debug, Serialize)]
struct Results<'a> {
    date: String,
    machine: String,
    surroundings: Surroundings,
    rows: &'a [Row],
}

/// Writes the report into `folder` from the rows of all groups.
pub(crate) fn write(folder: &Path, rows: &[Row], surroundings: Surroundings) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let results = Results {
        date: OffsetDateTime::now_utc().date().to_string(),
        machine: machine()?,
        surroundings,
        rows,
    };
    let data = folder.join("benchmarks.json");
    fs::write(&data, serde_json::to_string_pretty(&results)? + "\n")?;
    plot("plot.py", &data, &folder.join("benchmarks.svg"))?;
    plot("timeline.py", &data, &folder.join("click-to-sound.svg"))?;
    let inputs = measured_inputs(rows).ok_or("the rows lack an input of the queue model")?;
    let recorded = [memory::RECORD, instructions::RECORD].map(|path| fs::read_to_string(workspace_root().join(path)));
    let [memory, instructions] = recorded;
    let sections = [render(&results), memory?, instructions?, queue_model::report(&inputs)];
    fs::write(folder.join("BENCHMARKS.md"), sections.join("\n"))?;
    Ok(())
}

/// The queue model's inputs from the rows of a full run; `None` if one of them was not measured.
fn measured_inputs(rows: &[Row]) -> Option<queue_model::Inputs> {
    let median = |group, measure| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.group == group && row.measure == measure)?;
        Some(row.figure.median)
    };
    Some(queue_model::Inputs {
        webhook_s: median(jobs::GROUP, jobs::WEBHOOK)? / 1e3,
        link_s: median(jobs::GROUP, jobs::LINK)? / 1e3,
        copy_start_s: median(jobs::GROUP, jobs::SMALL_COPY)? / 1e3,
        copy_waits: median(jobs::GROUP, jobs::COPY_WAITS)?,
        reconcile_s: median(jobs::GROUP, jobs::RECONCILIATION)? / 1e3,
        copy_s_per_mb: median(growth::GROUP, growth::TIME_SLOPE)? / 1e3,
    })
}

fn plot(script: &str, data: &Path, target: &Path) -> Result<(), Failure> {
    let script = workspace_root().join("benches/plot").join(script);
    let status = Command::new(toolbox::python(Venv::Plot)?)
        .args([&script, data, target])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the plot failed: python ended with {status}").into())
    }
}

pub(crate) fn machine() -> Result<String, Failure> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let field = |name: &str| {
        cpu.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(": "))
    };
    let model = field("model name").map_or("unknown", |(_, model)| model);
    let has = |flag: &str| field("flags").is_some_and(|(_, flags)| flags.split(' ').any(|of| of == flag));
    let flags: Vec<&str> = ["sha_ni", "vaes", "vpclmulqdq", "avx512f"]
        .into_iter()
        .filter(|flag| has(flag))
        .collect();
    let cores = thread::available_parallelism()?;
    Ok(format!("{model}, {cores} cores, {}", flags.join(", ")))
}

fn render(results: &Results<'_>) -> String {
    let Results {
        date,
        machine,
        surroundings,
        rows,
    } = results;
    let missed = rows.iter().filter(|row| verdict(row) == "**no**").count();
    let goals = rows.iter().filter(|row| row.goal.is_some()).count();
    let mut report = format!(
        "# Benchmarks\n\n{HOW}\n## Figures\n\n\
         ![Every measure that has a goal, with its limit](benchmarks.svg)\n\nMeasured {date} on one machine: {machine}. {} \
         {} of {goals} goals are met. A figure is the median, with the least and the greatest in parentheses. A goal \
         applies to the median. [benchmarks.json](benchmarks.json) has the same figures for programs.\n\n",
        also_ran(surroundings),
        goals - missed
    );
    report.push_str("| measure | goal | figure | met |\n| --- | --- | --- | --- |\n");
    report.extend(rows.iter().map(|row| line(row) + "\n"));
    report.push_str(
        "\n![What a listener waits for, from the request for a link to the sound](click-to-sound.svg)\n\nThe picture shows \
         the median opening of each side in group *click*: the page's requests, what waits behind the server, and the \
         steps of the audio element. Its figures are in benchmarks.json.\n\n",
    );
    report.push_str(FINDINGS);
    report
}

pub(crate) fn also_ran(surroundings: &Surroundings) -> String {
    format!(
        "The run took {:.0} minutes. The load average was {:.1} before it and {:.1} at its end, which includes the \
         benchmarks. Other processes used {:.1} % of the processors' time.",
        surroundings.minutes,
        surroundings.load_at_start,
        surroundings.load_at_end,
        surroundings.others_share * 100.0,
    )
}

fn line(row: &Row) -> String {
    let goal = match row.goal {
        Some(Goal::AtLeast(goal)) => format!("≥ {goal} {}", row.unit),
        Some(Goal::AtMost(goal)) => format!("≤ {goal} {}", row.unit),
        None => String::new(),
    };
    let [median, min, max] = [row.figure.median, row.figure.min, row.figure.max].map(three_digits);
    let figure = if min == max {
        format!("{median} {}", row.unit)
    } else {
        format!("{median} {} ({min} to {max})", row.unit)
    };
    format!(
        "| {}: {} | {} | {} | {} |",
        row.group,
        row.measure,
        goal.trim_end(),
        figure.replace("  ", " "),
        verdict(row)
    )
}

fn verdict(row: &Row) -> &'static str {
    match row.goal {
        Some(goal) if goal.is_met(&row.figure) => "yes",
        Some(_) => "**no**",
        None => "reported",
    }
}

fn three_digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Figure;

    fn row(goal: Goal, median: f64) -> Row {
        let figure = Figure {
            median,
            min: 0.5,
            max: 1234.5,
        };
        Row::new("copy", "460 MB", "×", figure).goal(goal)
    }

    #[test]
    fn a_missed_goal_is_reported_and_counted() {
        let rows = [row(Goal::AtLeast(0.9), 0.89), row(Goal::AtMost(0.9), 0.89)];
        let report = render(&Results {
            date: "2026-11-26".to_owned(),
            machine: "a machine".to_owned(),
            surroundings: Surroundings {
                minutes: 12.3,
                load_at_start: 0.04,
                load_at_end: 2.51,
                others_share: 0.0123,
            },
            rows: &rows,
        });
        assert!(report.contains("1 of 2 goals are met"), "{report}");
        assert!(report.contains("used 1.2 % of the processors' time"), "{report}");
        assert!(
            report.contains("| copy: 460 MB | ≥ 0.9 × | 0.89 × (0.50 to 1234) | **no** |"),
            "{report}"
        );
        assert!(
            report.contains("| copy: 460 MB | ≤ 0.9 × | 0.89 × (0.50 to 1234) | yes |"),
            "{report}"
        );
    }
}
