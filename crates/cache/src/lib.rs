//! The only cache type of this project. It holds opened recordings, validated tokens and secrets.
//!
//! A [`Cache`] limits the number and the age of its values. Several callers that need a value at the same time load it
//! only once. Ages are measured by the wall clock. A monotonic clock doesn't run while Lambda has the instance frozen,
//! so yesterday's value would look a second old. [`Clock`] can be replaced in tests.
//!
//! Nothing here does I/O or knows the meaning of the values.

mod clock;
mod place;

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::place::Slot;
pub use self::{clock::Clock, place::Place};

/// Values by key. A removed value lives until its last clone is dropped.
pub struct Cache<K, V> {
    max_entries: usize,
    max_age: Duration,
    clock: Clock,
    entries: Mutex<Entries<K, V>>,
}

struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    /// Counts uses. The least recently used entry has the lowest number.
    uses: u64,
}

struct Entry<V> {
    slot: Arc<Slot<V>>,
    last_use: u64,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    /// An empty cache. If it would have more than `max_entries` entries, the least recently used one is removed. Values
    /// are removed when they are `max_age` old.
    #[must_use]
    pub fn new(max_entries: usize, max_age: Duration, clock: Clock) -> Self {
        Self {
            max_entries,
            max_age,
            clock,
            entries: Mutex::new(Entries {
                by_key: HashMap::new(),
                uses: 0,
            }),
        }
    }

    /// Locks the place of `key` until the returned [`Place`] is dropped. A caller that finds no value loads it and puts
    /// it there. Other callers wait, and the next one tries if the first one fails.
    pub async fn place(&self, key: &K) -> Place<V> {
        let slot = self.slot(key);
        Place::new(slot.lock_owned().await, self.clock.now(), self.max_age)
    }

    /// Drops the value of `key` if `is_it` returns true for it. A locked place is skipped, because its holder is about
    /// to replace the value.
    pub fn forget(&self, key: &K, is_it: impl FnOnce(&V) -> bool) {
        let slot = self.entries().by_key.get(key).map(|entry| Arc::clone(&entry.slot));
        if let Some(mut kept) = slot.as_ref().and_then(|slot| slot.try_lock().ok()) {
            kept.take_if(|kept| is_it(&kept.value));
        }
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let now = self.clock.now();
        let mut entries = self.entries();
        // Values that are too old are removed from memory by every access, also to other keys.
        entries
            .by_key
            .retain(|_, entry| place::is_of_use(&entry.slot, now, self.max_age));
        entries.uses += 1;
        let last_use = entries.uses;
        if let Some(entry) = entries.by_key.get_mut(key) {
            entry.last_use = last_use;
            return Arc::clone(&entry.slot);
        }
        if entries.by_key.len() >= self.max_entries {
            entries.drop_least_recently_used();
        }
        let slot = Arc::new(Slot::default());
        let entry = Entry {
            slot: Arc::clone(&slot),
            last_use,
        };
        entries.by_key.insert(key.clone(), entry);
        slot
    }

    /// A poisoned lock is usable, because no code that can panic runs while the map is changed.
    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, V> Entries<K, V> {
    /// Searches all entries. With so few, that costs less than maintaining a list.
    fn drop_least_recently_used(&mut self) {
        let oldest = self.by_key.iter().min_by_key(|(_, entry)| entry.last_use);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.by_key.remove(&key);
        }
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("max_entries", &self.max_entries)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
