//! A queue and the instances that process it.

use std::collections::VecDeque;

use super::{Time, seconds};

#[derive(Debug)]
pub(super) struct Worker<Job> {
    concurrency: usize,
    waiting: VecDeque<(Time, Job)>,
    running: usize,
    /// The number of failed jobs that are not visible yet.
    delayed: usize,
    most_running: usize,
    longest_wait: Time,
    /// The sum of all running times up to the last change.
    ran: Time,
    changed: Time,
}

impl<Job> Worker<Job> {
    pub(super) fn new(concurrency: u32) -> Self {
        Self {
            concurrency: concurrency as usize,
            waiting: VecDeque::new(),
            running: 0,
            delayed: 0,
            most_running: 0,
            longest_wait: 0,
            ran: 0,
            changed: 0,
        }
    }

    pub(super) fn send(&mut self, now: Time, job: Job) {
        self.waiting.push_back((now, job));
    }

    /// Starts the next job. Returns it with the time since it was sent or became visible again. `None` if no job waits
    /// or all instances are busy.
    pub(super) fn start(&mut self, now: Time) -> Option<(Job, Time)> {
        if self.running >= self.concurrency {
            return None;
        }
        let (since, job) = self.waiting.pop_front()?;
        let waited = now - since;
        self.longest_wait = self.longest_wait.max(waited);
        self.run(now, self.running + 1);
        Some((job, waited))
    }

    pub(super) fn end(&mut self, now: Time) {
        self.run(now, self.running - 1);
    }

    /// The job failed and comes back later.
    pub(super) fn delay(&mut self, now: Time) {
        self.end(now);
        self.delayed += 1;
    }

    /// The job is visible again.
    pub(super) fn take_back(&mut self, now: Time, job: Job) {
        self.delayed -= 1;
        self.send(now, job);
    }

    fn run(&mut self, now: Time, running: usize) {
        self.ran += (now - self.changed) * self.running as Time;
        self.changed = now;
        self.running = running;
        self.most_running = self.most_running.max(running);
    }

    pub(super) const fn running(&self) -> usize {
        self.running
    }

    pub(super) const fn most_running(&self) -> usize {
        self.most_running
    }

    pub(super) fn mean_running(&self, end: Time) -> f64 {
        let ran = self.ran + (end - self.changed) * self.running as Time;
        seconds(ran) / seconds(end)
    }

    /// The number of jobs that are neither done nor in the dead-letter queue.
    pub(super) fn left(&self) -> usize {
        self.waiting.len() + self.running + self.delayed
    }

    pub(super) fn longest_wait(&self, end: Time) -> Time {
        let oldest = self.waiting.front().map_or(0, |(since, _)| end - since);
        self.longest_wait.max(oldest)
    }
}
