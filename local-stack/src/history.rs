//! What happened, in order: the last so many things, each with its time.

use std::{collections::VecDeque, time::Instant};

/// The things remembered: some hundred bytes each, so a few MiB at most.
const REMEMBERED: usize = 65_536;

/// A moment in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

/// The last [`REMEMBERED`] things that happened.
#[derive(Debug)]
pub(crate) struct History<T> {
    things: VecDeque<(Instant, T)>,
    /// How many were forgotten before the first one that's remembered.
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
    /// Now: what happens from here on is told by [`History::since`].
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.forgotten + self.things.len() as u64)
    }

    /// What happened since a mark, with the time of each, and the mark of what comes next.
    ///
    /// # Panics
    /// When some of it has been forgotten: whatever was counted then would be wrong.
    pub(crate) fn since(&self, mark: Mark) -> (Vec<(Instant, T)>, Mark) {
        assert!(
            mark.0 >= self.forgotten,
            "more than {REMEMBERED} things happened since the mark"
        );
        let skipped = usize::try_from(mark.0 - self.forgotten).unwrap_or(usize::MAX);
        (self.things.iter().skip(skipped).cloned().collect(), self.mark())
    }

    /// It happens now.
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

    fn told(history: &History<usize>, mark: Mark) -> Vec<usize> {
        let (things, _) = history.since(mark);
        things.into_iter().map(|(_, thing)| thing).collect()
    }

    #[test]
    fn a_mark_parts_what_was_from_what_comes() {
        let mut history = History::default();
        history.push(1);
        let mark = history.mark();
        assert!(told(&history, mark).is_empty());
        history.push(2);
        history.push(3);
        assert_eq!(told(&history, mark), [2, 3]);
        let (_, next) = history.since(mark);
        assert!(told(&history, next).is_empty());
    }

    #[test]
    fn the_oldest_things_are_forgotten_and_marks_stay_right() {
        let mut history = History::default();
        (0..REMEMBERED).for_each(|thing| history.push(thing));
        let mark = history.mark();
        (0..10).for_each(|thing| history.push(thing));
        assert_eq!(history.things.len(), REMEMBERED);
        assert_eq!(told(&history, mark), (0..10).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "more than 65536 things happened since the mark")]
    fn what_is_forgotten_is_not_counted() {
        let mut history = History::default();
        let mark = history.mark();
        (0..=REMEMBERED).for_each(|thing| history.push(thing));
        told(&history, mark);
    }
}
