//! Recordings that are open, by name: bounded in number and age, each opened once however many ask for it at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

use super::open::Opened;
use crate::RecordingId;

/// A function instance serves one listener at a time; a call center's supervisors come back to a few dozen recordings.
const MAX_ENTRIES: usize = 256;

/// How long a frame key may lie in memory without KMS being asked again, which is what makes a revoked permission or a
/// disabled key take effect.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// How long S3's word on which version is current is taken without asking again.
const MAX_UNCONFIRMED: Duration = Duration::from_secs(60);

/// Entries by recording. Dropping one wipes its frame key once the last handle on it is gone.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_recording: HashMap<RecordingId, Slot>,
    /// Counts uses, so that the least recently used entry is the one with the lowest number.
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    last_use: u64,
}

/// One recording's place. The cell is filled by the first to get there; the others wait for it, and try for themselves
/// where it failed.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) opened: OnceCell<Arc<Opened>>,
    born: Instant,
    confirmed: Mutex<Instant>,
}

impl Cache {
    /// The entry of `recording`, a new and empty one where there's none that is young enough.
    pub(super) fn entry(&self, recording: &RecordingId, now: Instant) -> Arc<Entry> {
        let mut entries = self.entries();
        entries.by_recording.retain(|_, slot| slot.entry.is_of_use(now));
        entries.uses += 1;
        let last_use = entries.uses;
        if let Some(slot) = entries.by_recording.get_mut(recording) {
            slot.last_use = last_use;
            return slot.entry.clone();
        }
        if entries.by_recording.len() >= MAX_ENTRIES {
            entries.drop_least_recently_used();
        }
        let entry = Arc::new(Entry::new(now));
        let slot = Slot {
            entry: entry.clone(),
            last_use,
        };
        entries.by_recording.insert(recording.clone(), slot);
        entry
    }

    /// Drops the entry of `recording` if it still holds `opened`: another may have taken its place.
    pub(super) fn forget(&self, recording: &RecordingId, opened: &Arc<Opened>) {
        let mut entries = self.entries();
        let held = entries
            .by_recording
            .get(recording)
            .and_then(|slot| slot.entry.opened.get());
        if held.is_some_and(|held| Arc::ptr_eq(held, opened)) {
            entries.by_recording.remove(recording);
        }
    }

    /// A panic can't have left the map half changed.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// A walk over all of them, which at this number costs less than the bookkeeping of a list.
    fn drop_least_recently_used(&mut self) {
        let oldest = self.by_recording.iter().min_by_key(|(_, slot)| slot.last_use);
        if let Some(recording) = oldest.map(|(recording, _)| recording.clone()) {
            self.by_recording.remove(&recording);
        }
    }
}

impl Entry {
    fn new(now: Instant) -> Self {
        Self {
            opened: OnceCell::new(),
            born: now,
            confirmed: Mutex::new(now),
        }
    }

    /// Whether it's young, and either open or being opened: what is left of a failed flight isn't. Whoever opens it holds it.
    fn is_of_use(self: &Arc<Self>, now: Instant) -> bool {
        let young = now.saturating_duration_since(self.born) < MAX_AGE;
        young && (self.opened.initialized() || Arc::strong_count(self) > 1)
    }

    /// S3 said at `now` or later that the version is current.
    pub(super) fn confirm(&self, now: Instant) {
        *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether S3 said so recently enough to answer without asking it.
    pub(super) fn is_confirmed(&self, now: Instant) -> bool {
        let confirmed = *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(confirmed) <= MAX_UNCONFIRMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(n: usize) -> RecordingId {
        RecordingId::parse(&format!("RE{n:032x}")).unwrap()
    }

    fn same(a: &Arc<Entry>, b: &Arc<Entry>) -> bool {
        Arc::ptr_eq(a, b)
    }

    #[test]
    fn an_entry_is_found_again_until_it_is_five_minutes_old() {
        let (cache, start) = (Cache::default(), Instant::now());
        let entry = cache.entry(&recording(1), start);
        let young = start + MAX_AGE - Duration::from_nanos(1);
        assert!(same(&entry, &cache.entry(&recording(1), young)));
        // Being used doesn't keep it any younger.
        assert!(!same(&entry, &cache.entry(&recording(1), start + MAX_AGE)));
    }

    #[test]
    fn an_old_entry_is_dropped_when_any_other_is_asked_for() {
        let (cache, start) = (Cache::default(), Instant::now());
        let entry = cache.entry(&recording(1), start);
        cache.entry(&recording(2), start + MAX_AGE);
        assert_eq!(Arc::strong_count(&entry), 1);
    }

    #[test]
    fn the_least_recently_used_makes_room() {
        let (cache, now) = (Cache::default(), Instant::now());
        let entries: Vec<_> = (0..MAX_ENTRIES).map(|n| cache.entry(&recording(n), now)).collect();
        cache.entry(&recording(0), now);
        cache.entry(&recording(MAX_ENTRIES), now);
        assert_eq!(cache.entries().by_recording.len(), MAX_ENTRIES);
        assert_eq!(Arc::strong_count(&entries[1]), 1);
        for n in (0..MAX_ENTRIES).filter(|n| *n != 1) {
            assert!(same(&entries[n], &cache.entry(&recording(n), now)), "{n}");
        }
    }

    #[test]
    fn a_failed_flight_leaves_nothing_and_one_under_way_is_shared() {
        let (cache, now) = (Cache::default(), Instant::now());
        let first = cache.entry(&recording(1), now);
        assert!(same(&first, &cache.entry(&recording(1), now)));
        drop(first);
        cache.entry(&recording(2), now);
        assert_eq!(cache.entries().by_recording.len(), 1);
    }

    #[test]
    fn a_confirmation_lasts_sixty_seconds() {
        let start = Instant::now();
        let entry = Entry::new(start);
        assert!(entry.is_confirmed(start + MAX_UNCONFIRMED));
        let later = start + MAX_UNCONFIRMED + Duration::from_nanos(1);
        assert!(!entry.is_confirmed(later));
        entry.confirm(later);
        assert!(entry.is_confirmed(later + MAX_UNCONFIRMED));
    }
}
