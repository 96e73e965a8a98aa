//! The report: docs/BENCHMARKS.md.

use std::{fs, thread};

use time::OffsetDateTime;
use toolbox::workspace_root;

use crate::{
    Failure,
    measure::{Goal, Row},
};

/// What is told of the measurements beside the figures; written by hand.
const HOW: &str = include_str!("../report/how.md");
const FINDINGS: &str = include_str!("../report/findings.md");

/// Prints the rows as they come.
pub(crate) fn print(rows: &[Row]) {
    for row in rows {
        println!("{}", line(row));
    }
}

/// Writes the report, from the rows of a full run.
pub(crate) fn write(rows: &[Row]) -> Result<(), Failure> {
    let path = workspace_root().join("docs/BENCHMARKS.md");
    fs::write(
        path,
        render(rows, &machine()?, &OffsetDateTime::now_utc().date().to_string()),
    )?;
    Ok(())
}

fn machine() -> Result<String, Failure> {
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

fn render(rows: &[Row], machine: &str, date: &str) -> String {
    let missed = rows.iter().filter(|row| verdict(row) == "**no**").count();
    let goals = rows.iter().filter(|row| row.goal.is_some()).count();
    let mut report = format!(
        "# As fast as the pipe\n\n{HOW}\n## Figures\n\nMeasured {date} on one machine: {machine}. {} of {goals} goals are met. A figure is the \
         median, with the least and the greatest in parentheses; a goal is for the median.\n\n",
        goals - missed
    );
    report.push_str("| measure | goal | figure | met |\n| --- | --- | --- | --- |\n");
    report.extend(rows.iter().map(|row| line(row) + "\n"));
    report.push('\n');
    report.push_str(FINDINGS);
    report
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
        None => "",
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
    fn a_missed_goal_is_told_and_counted() {
        let rows = [row(Goal::AtLeast(0.9), 0.89), row(Goal::AtMost(0.9), 0.89)];
        let report = render(&rows, "a machine", "2026-11-26");
        assert!(report.contains("1 of 2 goals are met"), "{report}");
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
