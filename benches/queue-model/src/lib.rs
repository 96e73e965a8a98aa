//! The queues at scale, on paper: a day of callbacks, links and copies, event by event, at loads that nobody has tried.
//!
//! What our code takes is measured, the limits are AWS's, Twilio's and the template's, and the rest is assumed; the
//! report says which is which.

mod limits;
mod rate_limit;
mod report;
mod simulation;

/// What a job takes on an unloaded machine, by our own programs and against local servers: no network is in it.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// Seconds of a webhook's invocation.
    pub webhook_s: f64,
    /// Seconds of a linker's invocation that knows its task: fetch and update.
    pub link_s: f64,
    /// Seconds of a copy of nothing: where the line through copies of all lengths begins.
    pub copy_start_s: f64,
    /// Seconds for each MB (10⁶ bytes) more: that line's slope.
    pub copy_s_per_mb: f64,
}

/// The report's section, in Markdown. The same inputs give the same text.
#[must_use]
pub fn report(inputs: &Inputs) -> String {
    report::render(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Typical figures of a two-core machine.
    const TYPICAL: Inputs = Inputs {
        webhook_s: 0.004,
        link_s: 0.006,
        copy_start_s: 0.02,
        copy_s_per_mb: 0.0015,
    };

    #[test]
    fn the_report_names_what_bites_and_what_passes_it() {
        let report = report(&TYPICAL);
        let row = |load: &str, callback: &str| {
            let start = format!("| {load} | {callback} |");
            report.lines().find(|line| line.starts_with(&start)).unwrap().to_owned()
        };
        assert!(row("10,000", "no").ends_with("| none |"));
        assert!(row("100,000", "no").contains("searches"));
        assert!(row("100,000", "yes").ends_with("| none |"));
        assert!(row("1,000,000", "yes").contains("`LinkerConcurrency`"));
        assert!(row("1,000,000", "yes").contains("`CopierConcurrency`"));
    }
}
