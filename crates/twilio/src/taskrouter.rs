use crate::{client::{ApiError, Client, Credentials}, sid::{CallSid, ConferenceSid, TaskSid, WorkspaceSid}};
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignmentStatus { Pending, Reserved, Assigned, Wrapping, Completed, Canceled }
#[derive(Clone, Debug)]
pub struct Task {
    pub sid: TaskSid,
    pub status: AssignmentStatus,
    /// As Twilio has it: a JSON text (may be missing, null or no object).
    pub attributes: Option<String>,
    /// As received in the ETag header; sent back verbatim in If-Match.
    pub etag: String,
}
impl Client {
    /// Newest task whose conference, participants or call match: one combined EvaluateTaskAttributes search; None when there's none. At least one SID is needed.
    pub async fn find_task(&self, credentials: &Credentials, workspace: &WorkspaceSid, call: Option<&CallSid>, conference: Option<&ConferenceSid>) -> Result<Option<TaskSid>, ApiError> { todo!() }
    /// 404 is `ApiError::NotFound`.
    pub async fn fetch_task(&self, credentials: &Credentials, workspace: &WorkspaceSid, task: &TaskSid) -> Result<Task, ApiError> { todo!() }
    /// 412 is `ApiError::PreconditionFailed`.
    pub async fn update_task_attributes(&self, credentials: &Credentials, workspace: &WorkspaceSid, task: &TaskSid, attributes: &str, etag: &str) -> Result<(), ApiError> { todo!() }
}
