//! What a simulated day came to.

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
    /// Written after Insights had stopped to take them.
    pub(crate) late: u64,
    pub(crate) task_gone: u64,
    pub(crate) dead_letters: u64,
    /// Not done by midnight.
    pub(crate) left: u64,
    /// Of the calls whose two minutes were over by midnight, those that got no link in time.
    pub(crate) missed: u64,
    pub(crate) busy_hour_calls: usize,
    /// Seconds from their ends to their links, in order, of those that had got one by midnight.
    pub(crate) busy_hour_s: Vec<f64>,
    pub(crate) searches_refused: u64,
    pub(crate) mean_running: f64,
    pub(crate) most_running: usize,
}

impl Links {
    /// The seconds after which so many percent of the busy hour's calls had their links; none where by midnight fewer had.
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
    /// Of those that still wait at midnight, too.
    pub(crate) longest_wait_s: f64,
    pub(crate) mean_running: f64,
    pub(crate) most_running: usize,
}
