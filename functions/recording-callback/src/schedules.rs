//! One-time schedules: the scheduler, and what this function schedules with it.

mod deletions;
mod scheduler;

#[cfg(test)]
pub(crate) use self::scheduler::at_expression;
pub(crate) use self::{
    deletions::{DeletionError, Deletions},
    scheduler::{Delivery, ScheduleError, Schedules},
};
