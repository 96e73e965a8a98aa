//! The result of a simulated day.

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) callbacks: u64,
    /// Callbacks that found no free instance. Twilio sends them again, and the nightly reconciliation finds the rest.
    pub(crate) refused: u64,
    pub(crate) links: Links,
    pub(crate) copies: Copies,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Links {
    pub(crate) in_time: u64,
    /// Links that were written after Insights had stopped accepting them.
    pub(crate) late: u64,
    pub(crate) task_gone: u64,
    pub(crate) dead_letters: u64,
    /// Links that were not done by midnight.
    pub(crate) left: u64,
    /// Calls whose two minutes were over by midnight and that got no link in time.
    pub(crate) missed: u64,
    pub(crate) busy_hour_calls: usize,
    /// Sorted times in seconds from the ends of the busy hour's calls to their links, for links that were made by
    /// midnight.
    pub(crate) busy_hour_s: Vec<f64>,
    pub(crate) searches_refused: u64,
    pub(crate) mean_running: f64,
    pub(crate) most_running: usize,
}

impl Links {
    /// The seconds after which this percentage of the busy hour's calls had their links. `None` if fewer had one by
    /// midnight.
    pub(crate) fn after(&self, percent: usize) -> Option<f64> {
        let rank = (self.busy_hour_calls * percent).div_ceil(100);
        self.busy_hour_s.get(rank.checked_sub(1)?).copied()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Copies {
    pub(crate) done: u64,
    pub(crate) dead_letters: u64,
    pub(crate) left: u64,
    pub(crate) mean_wait_s: f64,
    /// The longest wait, including the copies that still wait at midnight.
    pub(crate) longest_wait_s: f64,
    pub(crate) mean_running: f64,
    pub(crate) most_running: usize,
}
