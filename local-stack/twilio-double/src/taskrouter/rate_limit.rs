//! Twilio's limit on `EvaluateTaskAttributes` searches.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_secs(1);

/// Allows this many searches within any second.
#[derive(Debug)]
pub(crate) struct RateLimit(Mutex<Window>);

#[derive(Debug)]
struct Window {
    per_second: usize,
    admitted: VecDeque<Instant>,
}

impl RateLimit {
    /// Three searches a second for the whole account, since 24 Oct 2024.
    pub(crate) const TWILIO: usize = 3;

    pub(crate) fn new(per_second: usize) -> Self {
        Self(Mutex::new(Window {
            per_second,
            admitted: VecDeque::new(),
        }))
    }

    pub(crate) fn set(&self, per_second: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).per_second = per_second;
    }

    /// The limit, and how many more searches are allowed now. `Err` has the limit that was exceeded.
    pub(super) fn admit(&self, now: Instant) -> Result<(usize, usize), usize> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = window.per_second;
        window.admitted.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        if window.admitted.len() >= per_second {
            return Err(per_second);
        }
        window.admitted.push_back(now);
        Ok((per_second, per_second - window.admitted.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fourth_search_waits_for_the_first_to_be_a_second_old() {
        let limit = RateLimit::new(RateLimit::TWILIO);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(limit.admit(at(0)), Ok((3, 2)));
        assert_eq!(limit.admit(at(400)), Ok((3, 1)));
        assert_eq!(limit.admit(at(800)), Ok((3, 0)));
        assert_eq!(limit.admit(at(999)), Err(3));
        assert_eq!(limit.admit(at(1000)), Ok((3, 0)));
        assert_eq!(limit.admit(at(1001)), Err(3));
        limit.set(100);
        assert_eq!(limit.admit(at(1001)), Ok((100, 96)));
    }
}
