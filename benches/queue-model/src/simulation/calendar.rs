//! The future events, in order.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::Time;

#[derive(Debug)]
pub(super) struct Calendar<Event> {
    events: BinaryHeap<Scheduled<Event>>,
    scheduled: u64,
}

impl<Event> Calendar<Event> {
    pub(super) const fn new() -> Self {
        Self {
            events: BinaryHeap::new(),
            scheduled: 0,
        }
    }

    pub(super) fn schedule(&mut self, at: Time, event: Event) {
        self.scheduled += 1;
        self.events.push(Scheduled {
            at,
            order: self.scheduled,
            event,
        });
    }

    /// Removes the earliest event. Of several at the same time, the one that was scheduled first.
    pub(super) fn next(&mut self) -> Option<(Time, Event)> {
        let Scheduled { at, event, .. } = self.events.pop()?;
        Some((at, event))
    }
}

/// The earliest event is the greatest, as the heap requires.
#[derive(Debug)]
struct Scheduled<Event> {
    at: Time,
    order: u64,
    event: Event,
}

impl<Event> Ord for Scheduled<Event> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<Event> PartialOrd for Scheduled<Event> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<Event> PartialEq for Scheduled<Event> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<Event> Eq for Scheduled<Event> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_their_times_and_then_of_their_scheduling() {
        let mut calendar = Calendar::new();
        for (at, event) in [(2, "third"), (1, "first"), (1, "second")] {
            calendar.schedule(at, event);
        }
        let events: Vec<_> = std::iter::from_fn(|| calendar.next()).collect();
        assert_eq!(events, [(1, "first"), (1, "second"), (2, "third")]);
    }
}
