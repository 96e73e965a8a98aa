//! The last events of one kind, in order, each with its time.

use std::{collections::VecDeque, time::Instant};

/// The number of events that are kept. An event has a few hundred bytes, so that a history has a few MiB at most.
const REMEMBERED: usize = 65_536;

/// A moment in a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

/// The last 65,536 events.
#[derive(Debug)]
pub struct History<T> {
    events: VecDeque<(Instant, T)>,
    /// The number of events that were forgotten.
    forgotten: u64,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            forgotten: 0,
        }
    }
}

impl<T: Clone> History<T> {
    /// The current moment. [`History::since`] returns the events that follow.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.forgotten + self.events.len() as u64)
    }

    /// The events since a mark with the time of each, and the mark of the current moment.
    ///
    /// # Panics
    /// When some of them have been forgotten, because a count would be wrong.
    #[must_use]
    pub fn since(&self, mark: Mark) -> (Vec<(Instant, T)>, Mark) {
        assert!(
            mark.0 >= self.forgotten,
            "more than {REMEMBERED} events happened since the mark"
        );
        let skipped = usize::try_from(mark.0 - self.forgotten).unwrap_or(usize::MAX);
        (self.events.iter().skip(skipped).cloned().collect(), self.mark())
    }

    /// Adds an event that happens now.
    pub fn push(&mut self, event: T) {
        if self.events.len() == REMEMBERED {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back((Instant::now(), event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(history: &History<usize>, mark: Mark) -> Vec<usize> {
        let (events, _) = history.since(mark);
        events.into_iter().map(|(_, event)| event).collect()
    }

    #[test]
    fn a_mark_separates_earlier_calls_from_later_ones() {
        let mut history = History::default();
        history.push(1);
        let mark = history.mark();
        assert!(events(&history, mark).is_empty());
        history.push(2);
        history.push(3);
        assert_eq!(events(&history, mark), [2, 3]);
        let (_, next) = history.since(mark);
        assert!(events(&history, next).is_empty());
    }

    #[test]
    fn the_oldest_things_are_forgotten_and_marks_stay_right() {
        let mut history = History::default();
        (0..REMEMBERED).for_each(|event| history.push(event));
        let mark = history.mark();
        (0..10).for_each(|event| history.push(event));
        assert_eq!(history.events.len(), REMEMBERED);
        assert_eq!(events(&history, mark), (0..10).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "more than 65536 events happened since the mark")]
    fn forgotten_events_are_not_counted() {
        let mut history = History::default();
        let mark = history.mark();
        (0..=REMEMBERED).for_each(|event| history.push(event));
        events(&history, mark);
    }
}
