//! The place of one value.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::clock::is_younger;

pub(crate) type Slot<V> = Mutex<Option<Kept<V>>>;

pub(crate) struct Kept<V> {
    pub(crate) value: V,
    since: SystemTime,
}

/// The place of one key, locked by one caller at a time. Dropping it unlocks the place.
pub struct Place<V> {
    kept: OwnedMutexGuard<Option<Kept<V>>>,
    now: SystemTime,
}

impl<V> Place<V> {
    pub(crate) fn new(mut kept: OwnedMutexGuard<Option<Kept<V>>>, now: SystemTime, max_age: Duration) -> Self {
        kept.take_if(|kept| !is_younger(kept.since, now, max_age));
        Self { kept, now }
    }

    /// The value, if there is one. It is younger than the cache's `max_age`.
    #[must_use]
    pub fn get(&self) -> Option<&V> {
        self.kept.as_ref().map(|kept| &kept.value)
    }

    /// The value, if it is younger than this `max_age`.
    #[must_use]
    pub fn younger_than(&self, max_age: Duration) -> Option<&V> {
        let kept = self.kept.as_ref();
        kept.filter(|kept| is_younger(kept.since, self.now, max_age))
            .map(|kept| &kept.value)
    }

    /// Stores `value`. Its age counts from the time when the place was locked, which is before the value was loaded.
    pub fn put(&mut self, value: V) {
        let since = self.now;
        *self.kept = Some(Kept { value, since });
    }

    /// Removes the value, and returns it.
    #[must_use]
    pub fn take(&mut self) -> Option<V> {
        self.kept.take().map(|kept| kept.value)
    }

    /// Drops the value.
    pub fn clear(&mut self) {
        *self.kept = None;
    }
}

impl<V> fmt::Debug for Place<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("is_filled", &self.kept.is_some())
            .finish_non_exhaustive()
    }
}

/// Whether the slot holds a young value, or a caller holds it or waits for it. The map itself has one reference to it.
pub(crate) fn is_of_use<V>(slot: &Arc<Slot<V>>, now: SystemTime, max_age: Duration) -> bool {
    Arc::strong_count(slot) > 1
        || slot
            .try_lock()
            .is_ok_and(|kept| kept.as_ref().is_some_and(|kept| is_younger(kept.since, now, max_age)))
}
