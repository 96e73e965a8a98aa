//! A limit on the requests in any period of one second.

use std::collections::VecDeque;

use super::simulation::{SECOND, Time};

#[derive(Debug)]
pub(super) struct RateLimit {
    per_second: usize,
    admitted: VecDeque<Time>,
}

impl RateLimit {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: per_second as usize,
            admitted: VecDeque::new(),
        }
    }

    /// Whether a request at this time is within the limit. Times must not decrease.
    pub(super) fn admits(&mut self, now: Time) -> bool {
        while self.admitted.front().is_some_and(|at| now - at >= SECOND) {
            self.admitted.pop_front();
        }
        let fits = self.admitted.len() < self.per_second;
        if fits {
            self.admitted.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_fits_when_the_first_is_a_second_old() {
        let mut limit = RateLimit::new(2);
        let admitted = [0, 1, 2, SECOND - 1, SECOND, SECOND, SECOND + 1].map(|at| limit.admits(at));
        assert_eq!(admitted, [true, true, false, false, true, false, true]);
    }
}
