//! The tasks, in the order of their creation.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::routing::Place;
use crate::problem::Problem;

/// A task's assignment status, in Twilio's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentStatus {
    /// Waiting for a worker.
    Pending,
    /// Offered to a worker.
    Reserved,
    /// In progress: the default of a new task.
    #[default]
    Assigned,
    /// The call is over, and the agent wraps up.
    Wrapping,
    /// Complete. Twilio deletes it soon.
    Completed,
    /// Canceled.
    Canceled,
}

/// A task as a test sees it (JSON in camel case).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// `WT…`.
    pub sid: String,
    /// JSON text, as last written.
    pub attributes: String,
    /// The task's status.
    pub assignment_status: AssignmentStatus,
    /// The version in the ETag: 0 for a new task, one more for each update.
    pub version: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) sid: String,
    pub(crate) attributes: String,
    pub(crate) status: AssignmentStatus,
    pub(crate) version: u64,
    /// None for a task that a test has added.
    pub(crate) place: Option<Place>,
    pub(crate) created: OffsetDateTime,
    pub(crate) updated: OffsetDateTime,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            sid: task.sid,
            attributes: task.attributes,
            assignment_status: task.status,
            version: task.version,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Vec<Task>>);

impl Tasks {
    /// Adds a task, or changes the one with this SID as another writer would, so that it has a new version.
    pub(crate) fn put(&self, sid: &str, attributes: &str, status: AssignmentStatus) -> Task {
        let now = OffsetDateTime::now_utc();
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = tasks.iter_mut().find(|task| task.sid == sid) {
            task.write(attributes, now);
            task.status = status;
            return task.clone();
        }
        let task = Task::new(sid.to_owned(), attributes, status, None);
        tasks.push(task.clone());
        task
    }

    /// Adds a task that waits for a worker.
    pub(super) fn create(&self, attributes: &str, place: Place) -> Task {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = (1..).map(|number: u64| format!("WT{number:032x}"));
        let mut free = free.filter(|sid| tasks.iter().all(|task| task.sid != *sid));
        let sid = free.next().expect("there are fewer tasks than numbers");
        let task = Task::new(sid, attributes, AssignmentStatus::Pending, Some(place));
        tasks.push(task.clone());
        task
    }

    pub(crate) fn get(&self, sid: &str) -> Option<Task> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().find(|task| task.sid == sid).cloned()
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> Vec<Task> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the tasks are that were created through the API.
    pub(super) fn places(&self) -> Vec<Place> {
        self.all().into_iter().filter_map(|task| task.place).collect()
    }

    /// Writes the attributes if the task still has the version that the writer knows.
    pub(super) fn update(&self, sid: &str, attributes: &str, expected: Option<u64>) -> Result<Task, Problem> {
        self.change(sid, expected, |task| {
            task.write(attributes, OffsetDateTime::now_utc());
            Ok(())
        })
    }

    /// Cancels a task that no worker has accepted.
    pub(super) fn cancel(&self, sid: &str, expected: Option<u64>) -> Result<Task, Problem> {
        self.change(sid, expected, |task| {
            if !matches!(task.status, AssignmentStatus::Pending | AssignmentStatus::Reserved) {
                return Err(Problem::invalid("only a pending or reserved task can be canceled"));
            }
            task.status = AssignmentStatus::Canceled;
            task.version += 1;
            task.updated = OffsetDateTime::now_utc();
            Ok(())
        })
    }

    fn change(
        &self,
        sid: &str,
        expected: Option<u64>,
        change: impl FnOnce(&mut Task) -> Result<(), Problem>,
    ) -> Result<Task, Problem> {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let task = tasks
            .iter_mut()
            .find(|task| task.sid == sid)
            .ok_or_else(Problem::not_found)?;
        if expected.is_some_and(|version| version != task.version) {
            return Err(Problem::precondition_failed());
        }
        change(task)?;
        Ok(task.clone())
    }

    /// False if there was none.
    pub(crate) fn delete(&self, sid: &str) -> bool {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = tasks.len();
        tasks.retain(|task| task.sid != sid);
        tasks.len() < before
    }
}

impl Task {
    fn new(sid: String, attributes: &str, status: AssignmentStatus, place: Option<Place>) -> Self {
        let now = OffsetDateTime::now_utc();
        Self {
            sid,
            attributes: attributes.to_owned(),
            status,
            version: 0,
            place,
            created: now,
            updated: now,
        }
    }

    fn write(&mut self, attributes: &str, now: OffsetDateTime) {
        attributes.clone_into(&mut self.attributes);
        self.version += 1;
        self.updated = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_writers_with_the_same_version_one_wins() {
        let tasks = Tasks::default();
        tasks.put("WT1", "{}", AssignmentStatus::default());
        let wins = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| tasks.update("WT1", "[]", Some(0)).is_ok()))
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().unwrap())
                .filter(|won| *won)
                .count()
        });
        assert_eq!(wins, 1);
        assert_eq!(tasks.get("WT1").unwrap().version, 1);
    }

    #[test]
    fn a_task_put_again_is_a_new_version_of_the_same() {
        let tasks = Tasks::default();
        let first = tasks.put("WT1", "{}", AssignmentStatus::Pending);
        let second = tasks.put("WT1", "[]", AssignmentStatus::Assigned);
        assert_eq!((first.version, second.version), (0, 1));
        assert_eq!(first.created, second.created);
        assert_eq!(tasks.all().len(), 1);
        assert!(tasks.delete("WT1"));
        assert!(!tasks.delete("WT1"));
    }
}
