//! What a simulated day came to.

#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::queue_model) struct Outcome {
    pub(in crate::queue_model) callbacks: u64,
    /// Callbacks that found no free instance. Twilio sends them again, and the nightly reconciliation finds the rest.
    pub(in crate::queue_model) refused: u64,
    pub(in crate::queue_model) links: Links,
    pub(in crate::queue_model) copies: Copies,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::queue_model) struct Links {
    pub(in crate::queue_model) in_time: u64,
    /// Written after Insights had stopped to take them.
    pub(in crate::queue_model) late: u64,
    pub(in crate::queue_model) task_gone: u64,
    pub(in crate::queue_model) dead_letters: u64,
    /// Not done by midnight.
    pub(in crate::queue_model) left: u64,
    /// Of the calls whose two minutes were over by midnight, those that got no link in time.
    pub(in crate::queue_model) missed: u64,
    pub(in crate::queue_model) busy_hour_calls: usize,
    /// Seconds from their ends to their links, in order, of those that had got one by midnight.
    pub(in crate::queue_model) busy_hour_s: Vec<f64>,
    pub(in crate::queue_model) searches_refused: u64,
    pub(in crate::queue_model) mean_running: f64,
    pub(in crate::queue_model) most_running: usize,
}

impl Links {
    /// The seconds after which so many percent of the busy hour's calls had their links; none where by midnight fewer had.
    pub(in crate::queue_model) fn after(&self, percent: usize) -> Option<f64> {
        let rank = (self.busy_hour_calls * percent).div_ceil(100);
        self.busy_hour_s.get(rank.checked_sub(1)?).copied()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::queue_model) struct Copies {
    pub(in crate::queue_model) done: u64,
    pub(in crate::queue_model) dead_letters: u64,
    pub(in crate::queue_model) left: u64,
    pub(in crate::queue_model) mean_wait_s: f64,
    /// Of those that still wait at midnight, too.
    pub(in crate::queue_model) longest_wait_s: f64,
    pub(in crate::queue_model) mean_running: f64,
    pub(in crate::queue_model) most_running: usize,
}
