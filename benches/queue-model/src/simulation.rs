//! Simulates one day, event by event. Callbacks arrive as a Poisson process, each becomes a link and a copy, and a
//! limited number of instances processes each of the two queues.

use fastrand::Rng;

use super::{
    limits::{self, Times},
    rate_limit::RateLimit,
};

mod calendar;
mod outcome;
mod worker;

pub(super) use self::outcome::Outcome;
use self::{calendar::Calendar, worker::Worker};

/// Microseconds since midnight.
pub(super) type Time = u64;
pub(super) const SECOND: Time = 1_000_000;
const HOUR: Time = 3_600 * SECOND;
const DAY: Time = 24 * HOUR;

/// The busy hour is from ten to eleven.
const BUSY_HOUR: Time = 10;

#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) recordings_per_day: f64,
    pub(super) busy_hour_factor: f64,
    /// Whether callbacks contain the task's SID. Otherwise, the linker searches for the task.
    pub(super) names_task: bool,
    pub(super) linker_concurrency: u32,
    pub(super) copier_concurrency: u32,
    pub(super) account_concurrency: u32,
    pub(super) searches_per_second: u32,
    pub(super) data_keys_per_second: u32,
    pub(super) times: Times,
}

#[derive(Clone, Copy, Debug)]
struct LinkJob {
    call_ended: Time,
    received: u32,
}

#[derive(Clone, Copy, Debug)]
struct CopyJob {
    received: u32,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Callback,
    WebhookEnds {
        call_ended: Time,
    },
    /// The answer to a search that was refused this many times before.
    SearchAnswered {
        job: LinkJob,
        refusals: u32,
    },
    LinkWritten(LinkJob),
    LinkReturns(LinkJob),
    CopyEnds,
    CopyReturns(CopyJob),
}

/// Simulates a day that begins with empty queues.
pub(super) fn simulate(scenario: &Scenario, seed: u64) -> Outcome {
    let mut day = Day {
        scenario: *scenario,
        random: Rng::with_seed(seed),
        now: 0,
        calendar: Calendar::new(),
        webhooks_running: 0,
        linker: Worker::new(scenario.linker_concurrency),
        copier: Worker::new(scenario.copier_concurrency),
        searches: RateLimit::new(scenario.searches_per_second),
        data_keys: RateLimit::new(scenario.data_keys_per_second),
        copies_started: 0,
        copies_waited: 0,
        outcome: Outcome::default(),
    };
    day.schedule_callback();
    while let Some((at, event)) = day.calendar.next()
        && at < DAY
    {
        day.now = at;
        day.happen(event);
        day.start_jobs();
    }
    day.end()
}

struct Day {
    scenario: Scenario,
    random: Rng,
    now: Time,
    calendar: Calendar<Event>,
    webhooks_running: usize,
    linker: Worker<LinkJob>,
    copier: Worker<CopyJob>,
    searches: RateLimit,
    data_keys: RateLimit,
    copies_started: u64,
    copies_waited: Time,
    outcome: Outcome,
}

impl Day {
    fn happen(&mut self, event: Event) {
        match event {
            Event::Callback => {
                self.take_callback();
                self.schedule_callback();
            }
            Event::WebhookEnds { call_ended } => {
                self.webhooks_running -= 1;
                self.outcome.links.missed += u64::from(is_due(call_ended));
                self.outcome.links.busy_hour_calls += usize::from(call_ended / HOUR == BUSY_HOUR);
                self.linker.send(
                    self.now,
                    LinkJob {
                        call_ended,
                        received: 0,
                    },
                );
                self.copier.send(self.now, CopyJob { received: 0 });
            }
            Event::SearchAnswered { job, refusals } => self.search(job, refusals),
            Event::LinkWritten(job) => self.end_link(&job),
            Event::LinkReturns(job) => self.linker.take_back(self.now, job),
            Event::CopyEnds => {
                self.copier.end(self.now);
                self.outcome.copies.done += 1;
            }
            Event::CopyReturns(job) => self.copier.take_back(self.now, job),
        }
    }

    fn take_callback(&mut self) {
        self.outcome.callbacks += 1;
        if !self.has_free_instance() {
            self.outcome.refused += 1;
            return;
        }
        self.webhooks_running += 1;
        let call_ended = self.now.saturating_sub(ticks(limits::CALLBACK_AFTER_CALL_S));
        self.schedule(self.scenario.times.webhook_s, Event::WebhookEnds { call_ended });
    }

    fn has_free_instance(&self) -> bool {
        let running = self.webhooks_running + self.linker.running() + self.copier.running();
        running < self.scenario.account_concurrency as usize
    }

    /// Links start first, because only they have a deadline.
    fn start_jobs(&mut self) {
        while self.has_free_instance()
            && let Some((mut job, _)) = self.linker.start(self.now)
        {
            job.received += 1;
            self.start_link(job);
        }
        while self.has_free_instance()
            && let Some((mut job, waited)) = self.copier.start(self.now)
        {
            job.received += 1;
            self.copies_started += 1;
            self.copies_waited += waited;
            self.start_copy(job);
        }
    }

    fn start_link(&mut self, job: LinkJob) {
        if self.scenario.names_task {
            self.schedule(self.scenario.times.link_s, Event::LinkWritten(job));
        } else {
            self.schedule(self.scenario.times.search_s, Event::SearchAnswered { job, refusals: 0 });
        }
    }

    /// Repeats a search as the client does: three more attempts after waits of 0.4, 0.8 and 1.6 s, each lengthened by
    /// up to its double. Then the message comes back after 2, 4, 8, 16, and finally every 20 s.
    fn search(&mut self, job: LinkJob, refusals: u32) {
        if self.searches.admits(self.now) {
            self.schedule(self.scenario.times.link_s, Event::LinkWritten(job));
            return;
        }
        self.outcome.links.searches_refused += 1;
        if refusals < 3 {
            let wait_s = 0.4 * f64::from(1_u32 << refusals) * (1.0 + self.random.f64());
            let refusals = refusals + 1;
            self.schedule(
                wait_s + self.scenario.times.search_s,
                Event::SearchAnswered { job, refusals },
            );
            return;
        }
        if job.received < limits::LINK_RECEIVES {
            self.linker.delay(self.now);
            self.schedule(f64::from((1_u32 << job.received).min(20)), Event::LinkReturns(job));
        } else {
            self.linker.end(self.now);
            self.outcome.links.dead_letters += 1;
        }
    }

    fn end_link(&mut self, job: &LinkJob) {
        self.linker.end(self.now);
        let after_call_s = seconds(self.now - job.call_ended);
        let links = &mut self.outcome.links;
        if after_call_s <= limits::LINK_WINDOW_S {
            links.in_time += 1;
            links.missed -= u64::from(is_due(job.call_ended));
        } else if after_call_s <= limits::TASK_LIFE_S {
            links.late += 1;
        } else {
            links.task_gone += 1;
        }
        if job.call_ended / HOUR == BUSY_HOUR {
            links.busy_hour_s.push(after_call_s);
        }
    }

    /// A copy that gets no data key fails at once, although the SDK would retry, and comes back after the queue's
    /// visibility timeout.
    fn start_copy(&mut self, job: CopyJob) {
        if self.data_keys.admits(self.now) {
            let stream_s = self.scenario.times.copy_stream_s * self.exponential();
            self.schedule(self.scenario.times.copy_start_s + stream_s, Event::CopyEnds);
        } else if job.received < limits::COPY_RECEIVES {
            self.copier.delay(self.now);
            self.schedule(limits::COPY_VISIBILITY_S, Event::CopyReturns(job));
        } else {
            self.copier.end(self.now);
            self.outcome.copies.dead_letters += 1;
        }
    }

    /// Schedules the next event of a Poisson process with a different rate in the busy hour. If the hour ends first,
    /// the process, which has no memory, starts again.
    fn schedule_callback(&mut self) {
        let mut from = self.now;
        while from < DAY {
            let hour = from / HOUR;
            let at = from + ticks(self.exponential() / self.rate(hour));
            if at < (hour + 1) * HOUR {
                return self.calendar.schedule(at, Event::Callback);
            }
            from = (hour + 1) * HOUR;
        }
    }

    /// Callbacks per second.
    fn rate(&self, hour: Time) -> f64 {
        let factor = self.scenario.busy_hour_factor;
        let share = if hour == BUSY_HOUR {
            factor
        } else {
            (24.0 - factor) / 23.0
        };
        self.scenario.recordings_per_day * share / 86_400.0
    }

    /// A random value with an exponential distribution of mean one.
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.random.f64()).ln()
    }

    fn schedule(&mut self, after_s: f64, event: Event) {
        self.calendar.schedule(self.now + ticks(after_s), event);
    }

    fn end(mut self) -> Outcome {
        let Outcome { links, copies, .. } = &mut self.outcome;
        links.left = self.linker.left() as u64;
        links.mean_running = self.linker.mean_running(DAY);
        links.most_running = self.linker.most_running();
        links.busy_hour_s.sort_by(f64::total_cmp);
        copies.left = self.copier.left() as u64;
        copies.mean_running = self.copier.mean_running(DAY);
        copies.most_running = self.copier.most_running();
        copies.mean_wait_s = seconds(self.copies_waited) / self.copies_started.max(1) as f64;
        copies.longest_wait_s = seconds(self.copier.longest_wait(DAY));
        self.outcome
    }
}

/// Whether it is certain by midnight if a call's link was in time.
fn is_due(call_ended: Time) -> bool {
    call_ended + ticks(limits::LINK_WINDOW_S) < DAY
}

fn ticks(seconds: f64) -> Time {
    (seconds * SECOND as f64) as Time
}

fn seconds(ticks: Time) -> f64 {
    ticks as f64 / SECOND as f64
}

#[cfg(test)]
mod tests;
