//! A log of events in their order, each with its time. Only the latest events are kept.

use std::{collections::VecDeque, time::Instant};

/// The number of events kept. Each takes a few hundred bytes, so together they take tens of MB at most.
const REMEMBERED: usize = 65_536;

/// A position in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

/// The last [`REMEMBERED`] events.
#[derive(Debug)]
pub(crate) struct History<T> {
    things: VecDeque<(Instant, T)>,
    /// The number of events that were dropped before the first one.
    forgotten: u64,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self {
            things: VecDeque::new(),
            forgotten: 0,
        }
    }
}

impl<T: Clone> History<T> {
    /// The current position: [`History::since`] returns the events after it.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.forgotten + self.things.len() as u64)
    }

    /// The events since a mark with their times, and the mark for the next call.
    ///
    /// # Panics
    /// If some of them have been dropped, because any count would be wrong.
    pub(crate) fn since(&self, mark: Mark) -> (Vec<(Instant, T)>, Mark) {
        assert!(mark.0 >= self.forgotten, "more than {REMEMBERED} events since the mark");
        let skipped = usize::try_from(mark.0 - self.forgotten).unwrap_or(usize::MAX);
        (self.things.iter().skip(skipped).cloned().collect(), self.mark())
    }

    /// Adds an event with the current time.
    pub(crate) fn push(&mut self, thing: T) {
        if self.things.len() == REMEMBERED {
            self.things.pop_front();
            self.forgotten += 1;
        }
        self.things.push_back((Instant::now(), thing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(history: &History<usize>, mark: Mark) -> Vec<usize> {
        let (things, _) = history.since(mark);
        things.into_iter().map(|(_, thing)| thing).collect()
    }

    #[test]
    fn a_mark_parts_what_was_from_what_comes() {
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
        (0..REMEMBERED).for_each(|thing| history.push(thing));
        let mark = history.mark();
        (0..10).for_each(|thing| history.push(thing));
        assert_eq!(history.things.len(), REMEMBERED);
        assert_eq!(events(&history, mark), (0..10).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "more than 65536 events since the mark")]
    fn what_is_forgotten_is_not_counted() {
        let mut history = History::default();
        let mark = history.mark();
        (0..=REMEMBERED).for_each(|thing| history.push(thing));
        events(&history, mark);
    }
}
