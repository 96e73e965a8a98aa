//! The wall clock, and clocks for tests.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A clock that returns the time of day. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn wall() -> Self {
        Self::new(SystemTime::now)
    }

    /// A clock that returns the results of `now`.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        self.now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            // With a clock that is so wrong, everything that can expire counts as expired.
            .unwrap_or(i64::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Whether a value from `since` is younger than `max_age`. If the clock went backwards, the value counts as old.
pub(crate) fn is_younger(since: SystemTime, now: SystemTime, max_age: Duration) -> bool {
    now.duration_since(since).is_ok_and(|age| age < max_age)
}
