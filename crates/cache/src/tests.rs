use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use super::*;

const MAX_ENTRIES: usize = 16;
const MAX_AGE: Duration = Duration::from_secs(300);

/// A wall clock that tests move forwards and backwards. The monotonic clock doesn't move meanwhile.
struct Wall(Arc<AtomicU64>);

impl Wall {
    fn start() -> (Self, Cache<usize, Arc<usize>>) {
        let seconds = Arc::new(AtomicU64::new(1_790_000_000));
        let current = Arc::clone(&seconds);
        let clock = Clock::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(current.load(Ordering::Relaxed)));
        (Self(seconds), Cache::new(MAX_ENTRIES, MAX_AGE, clock))
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn step_back(&self, seconds: u64) {
        self.0.fetch_sub(seconds, Ordering::Relaxed);
    }
}

impl Cache<usize, Arc<usize>> {
    /// Stores a value under `key`, and returns a clone of it.
    async fn keep(&self, key: usize) -> Arc<usize> {
        let value = Arc::new(key);
        self.place(&key).await.put(Arc::clone(&value));
        value
    }

    async fn has(&self, key: usize) -> bool {
        self.place(&key).await.get().is_some()
    }
}

#[tokio::test]
async fn a_value_is_found_until_it_is_too_old() {
    let (wall, cache) = Wall::start();
    cache.keep(1).await;
    wall.pass(299);
    assert!(cache.has(1).await);
    // A use doesn't make a value younger.
    wall.pass(1);
    assert!(!cache.has(1).await);
}

#[tokio::test]
async fn a_clock_that_steps_back_makes_a_value_old() {
    let (wall, cache) = Wall::start();
    let value = cache.keep(1).await;
    wall.step_back(1);
    assert!(!cache.has(1).await);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn a_caller_may_want_a_younger_value_than_the_cache_keeps() {
    let (wall, cache) = Wall::start();
    cache.keep(1).await;
    wall.pass(10);
    let place = cache.place(&1).await;
    assert!(place.younger_than(Duration::from_secs(11)).is_some());
    assert!(place.younger_than(Duration::from_secs(10)).is_none());
    assert!(place.get().is_some());
}

#[tokio::test]
async fn the_age_counts_from_before_the_value_was_requested() {
    let (wall, cache) = Wall::start();
    let mut place = cache.place(&1).await;
    wall.pass(200);
    place.put(Arc::new(1));
    drop(place);
    wall.pass(100);
    assert!(!cache.has(1).await);
}

#[tokio::test]
async fn an_old_value_is_dropped_when_any_other_is_requested() {
    let (wall, cache) = Wall::start();
    let value = cache.keep(1).await;
    wall.pass(300);
    cache.has(2).await;
    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn the_least_recently_used_makes_room() {
    let (_, cache) = Wall::start();
    let mut values = Vec::new();
    for key in 0..MAX_ENTRIES {
        values.push(cache.keep(key).await);
    }
    assert!(cache.has(0).await);
    cache.keep(MAX_ENTRIES).await;
    assert_eq!(cache.entries().by_key.len(), MAX_ENTRIES);
    for (key, value) in values.iter().enumerate() {
        let references = if key == 1 { 1 } else { 2 };
        assert_eq!(Arc::strong_count(value), references, "{key}");
    }
}

#[tokio::test]
async fn callers_of_one_key_load_one_after_the_other_and_others_do_not_wait() {
    let (_, cache) = Wall::start();
    let mut first = cache.place(&1).await;
    assert!(!cache.has(2).await);
    let cache = Arc::new(cache);
    let second = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.place(&1).await.get().cloned() }
    });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    first.put(Arc::new(7));
    drop(first);
    assert_eq!(second.await.unwrap().as_deref(), Some(&7));
}

#[tokio::test]
async fn a_failed_load_leaves_nothing_and_one_under_way_is_shared() {
    let (_, cache) = Wall::start();
    let under_way = cache.place(&1).await;
    cache.has(2).await;
    assert_eq!(cache.entries().by_key.len(), 2);
    drop(under_way);
    cache.has(3).await;
    assert_eq!(cache.entries().by_key.len(), 1);
}

#[tokio::test]
async fn only_the_recognized_value_is_forgotten() {
    let (_, cache) = Wall::start();
    let value = cache.keep(1).await;
    cache.forget(&1, |_| false);
    cache.forget(&2, |_| true);
    assert!(cache.has(1).await);
    cache.forget(&1, |kept| Arc::ptr_eq(kept, &value));
    assert!(!cache.has(1).await);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn a_cleared_place_is_empty() {
    let (_, cache) = Wall::start();
    let value = cache.keep(1).await;
    cache.place(&1).await.clear();
    assert!(!cache.has(1).await);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn a_taken_value_is_returned_once_and_not_past_its_age() {
    let (wall, cache) = Wall::start();
    let kept = cache.keep(1).await;
    assert_eq!(cache.place(&1).await.take(), Some(kept));
    assert_eq!(cache.place(&1).await.take(), None);
    cache.keep(1).await;
    wall.pass(MAX_AGE.as_secs());
    assert_eq!(cache.place(&1).await.take(), None);
}
