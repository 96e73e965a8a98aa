//! A model of the queues at scale. It simulates a day of callbacks, links and copies, event by event, at loads that
//! nobody has tested.
//!
//! The times of our code are measured. The limits come from AWS, Twilio and the template. All other values are assumed,
//! and the report says so.

mod limits;
mod rate_limit;
mod report;
mod simulation;

/// The times of jobs on an unloaded machine, measured with our own programs and local servers, without a network.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// Seconds for an invocation of the webhook.
    pub webhook_s: f64,
    /// Seconds for an invocation of the linker that knows its task: one fetch and one update.
    pub link_s: f64,
    /// Seconds for a copy of a tiny recording, with its receipt and its entries in the index.
    pub copy_start_s: f64,
    /// The requests to AWS that such a copy sends one after the other.
    pub copy_waits: f64,
    /// Seconds for each additional MB (10⁶ bytes): the slope of that line.
    pub copy_s_per_mb: f64,
    /// Seconds for a stored recording in the nightly reconciliation.
    pub reconcile_s: f64,
}

/// Returns the report's section in Markdown. The same inputs give the same text.
#[must_use]
pub fn report(inputs: &Inputs) -> String {
    report::render(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Typical values of a machine with two cores.
    const TYPICAL: Inputs = Inputs {
        webhook_s: 0.004,
        link_s: 0.006,
        copy_start_s: 0.02,
        copy_waits: 8.0,
        copy_s_per_mb: 0.0015,
        reconcile_s: 0.0007,
    };

    #[test]
    fn the_report_names_the_exceeded_limits_and_their_settings() {
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
        // 0.7 ms of ours, two answers of S3 by 16 at a time, and a page's share of Twilio's answer: 3.95 ms.
        assert!(report.contains("| 1,000,000 | 4,000,000 | 4.4 h |"), "{report}");
    }
}
