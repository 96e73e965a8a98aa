//! The operation that a request's path and method select.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::{problem::Problem, recordings::MediaFormat, sid_shape::is_sid};

/// An operation of Twilio's APIs, as faults and the call log name it (`snake_case` in JSON).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `GET` or `HEAD …/Recordings/{RE}`, `.wav` or `.mp3`.
    Media,
    /// `GET …/Recordings/{RE}.json`.
    Recording,
    /// `GET …/Recordings.json`.
    RecordingList,
    /// `DELETE …/Recordings/{RE}.json`.
    RecordingDelete,
    /// `GET …/Calls.json`.
    PhoneCallList,
    /// `GET …/Tasks`, with or without `EvaluateTaskAttributes`.
    TaskSearch,
    /// `GET …/Tasks/{WT}`.
    TaskFetch,
    /// `POST …/Tasks/{WT}`.
    TaskUpdate,
    /// `POST …/Tasks`.
    TaskCreate,
    /// `DELETE …/Tasks/{WT}`.
    TaskDelete,
    /// `GET …/TaskQueues`.
    TaskQueueList,
    /// `POST …/TaskQueues`.
    TaskQueueCreate,
    /// `DELETE …/TaskQueues/{WQ}`.
    TaskQueueDelete,
    /// `GET …/Workflows`.
    WorkflowList,
    /// `POST …/Workflows`.
    WorkflowCreate,
    /// `DELETE …/Workflows/{WW}`.
    WorkflowDelete,
    /// `POST …/Tokens/Info`.
    TokenInfo,
    /// `POST …/Tokens/validate`.
    TokenValidate,
    /// `GET …/Accounts/{AC}.json`.
    Account,
    /// `GET …/Workspaces`.
    WorkspaceList,
    /// `GET …/Configuration` of Flex.
    FlexFetch,
    /// `POST …/Configuration` of Flex.
    FlexUpdate,
    /// `GET …/PluginService/Plugins`.
    PluginList,
    /// `GET …/PluginService/Plugins/{FP}/Versions`.
    PluginVersionList,
    /// `GET …/PluginService/Configurations/{FJ}/Plugins`.
    ConfiguredPluginList,
    /// `POST …/PluginService/Configurations`.
    PluginConfigurationCreate,
    /// `GET …/PluginService/Releases/active`.
    PluginReleaseActive,
    /// `POST …/PluginService/Releases`.
    PluginReleaseCreate,
}

/// An operation with the values in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Media { sid: String, format: MediaFormat },
    Recording { sid: String },
    RecordingList,
    RecordingDelete { sid: String },
    PhoneCallList,
    TaskSearch,
    TaskFetch { sid: String },
    TaskUpdate { sid: String },
    TaskCreate,
    TaskDelete { sid: String },
    TaskQueueList,
    TaskQueueCreate,
    TaskQueueDelete { sid: String },
    WorkflowList,
    WorkflowCreate,
    WorkflowDelete { sid: String },
    TokenInfo,
    TokenValidate,
    Account,
    WorkspaceList,
    FlexFetch,
    FlexUpdate,
    PluginList,
    PluginVersionList { plugin: String },
    ConfiguredPluginList { configuration: String },
    PluginConfigurationCreate,
    PluginReleaseActive,
    PluginReleaseCreate,
}

impl Route {
    /// `path` is used as sent: no SID has a character that needs encoding.
    ///
    /// # Errors
    /// 404 for a path that the double does not have, or with another account or workspace. 405 for a method that the
    /// path does not have.
    pub(super) fn parse(method: &Method, path: &str, account: &str, workspace: &str) -> Result<Self, Problem> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["2010-04-01", "Accounts", file] if file.strip_suffix(".json") == Some(account) => {
                only(method, &Method::GET, Self::Account)
            }
            ["2010-04-01", "Accounts", of, rest @ ..] if *of == account => Self::of_recordings(method, rest),
            ["v1", "Workspaces"] => only(method, &Method::GET, Self::WorkspaceList),
            ["v1", "Configuration"] => match *method {
                Method::GET => Ok(Self::FlexFetch),
                _ => only(method, &Method::POST, Self::FlexUpdate),
            },
            ["v1", "PluginService", rest @ ..] => Self::of_plugins(method, rest),
            ["v1", "Workspaces", of, "Tasks", rest @ ..] if *of == workspace => Self::of_tasks(method, rest),
            ["v1", "Workspaces", of, "TaskQueues", rest @ ..] if *of == workspace => Self::of_queues(method, rest),
            ["v1", "Workspaces", of, "Workflows", rest @ ..] if *of == workspace => Self::of_workflows(method, rest),
            ["v1", "Accounts", of, "Tokens", question @ ("Info" | "validate")] if *of == account => {
                match (*question, method) {
                    ("Info", &Method::POST) => Ok(Self::TokenInfo),
                    (_, &Method::POST) => Ok(Self::TokenValidate),
                    _ => Err(Problem::method_not_allowed()),
                }
            }
            _ => Err(Problem::not_found()),
        }
    }

    fn of_recordings(method: &Method, segments: &[&str]) -> Result<Self, Problem> {
        match segments {
            ["Recordings.json"] => match *method {
                Method::GET => Ok(Self::RecordingList),
                _ => Err(Problem::method_not_allowed()),
            },
            ["Calls.json"] => only(method, &Method::GET, Self::PhoneCallList),
            ["Recordings", file] => {
                let (sid, extension) = file.split_once('.').unwrap_or((file, "wav"));
                let sid = sid_of("RE", sid)?;
                match (extension, method) {
                    ("json", &Method::GET) => Ok(Self::Recording { sid }),
                    ("json", &Method::DELETE) => Ok(Self::RecordingDelete { sid }),
                    ("wav", &Method::GET | &Method::HEAD) => Ok(Self::Media {
                        sid,
                        format: MediaFormat::Wav,
                    }),
                    ("mp3", &Method::GET | &Method::HEAD) => Ok(Self::Media {
                        sid,
                        format: MediaFormat::Mp3,
                    }),
                    ("json" | "wav" | "mp3", _) => Err(Problem::method_not_allowed()),
                    _ => Err(Problem::not_found()),
                }
            }
            _ => Err(Problem::not_found()),
        }
    }

    /// The double has the operations of a setup that activates a plugin beside others.
    fn of_plugins(method: &Method, segments: &[&str]) -> Result<Self, Problem> {
        match segments {
            ["Plugins"] => only(method, &Method::GET, Self::PluginList),
            ["Plugins", plugin, "Versions"] => {
                let plugin = sid_of("FP", plugin)?;
                only(method, &Method::GET, Self::PluginVersionList { plugin })
            }
            ["Configurations"] => only(method, &Method::POST, Self::PluginConfigurationCreate),
            ["Configurations", configuration, "Plugins"] => {
                let configuration = sid_of("FJ", configuration)?;
                only(method, &Method::GET, Self::ConfiguredPluginList { configuration })
            }
            ["Releases", "active"] => only(method, &Method::GET, Self::PluginReleaseActive),
            ["Releases"] => only(method, &Method::POST, Self::PluginReleaseCreate),
            _ => Err(Problem::not_found()),
        }
    }

    fn of_tasks(method: &Method, segments: &[&str]) -> Result<Self, Problem> {
        match (segments, method) {
            ([], &Method::GET) => Ok(Self::TaskSearch),
            ([], &Method::POST) => Ok(Self::TaskCreate),
            ([sid], &Method::DELETE) => Ok(Self::TaskDelete {
                sid: sid_of("WT", sid)?,
            }),
            ([sid], &Method::GET) => Ok(Self::TaskFetch {
                sid: sid_of("WT", sid)?,
            }),
            ([sid], &Method::POST) => Ok(Self::TaskUpdate {
                sid: sid_of("WT", sid)?,
            }),
            ([] | [_], _) => Err(Problem::method_not_allowed()),
            _ => Err(Problem::not_found()),
        }
    }

    fn of_queues(method: &Method, segments: &[&str]) -> Result<Self, Problem> {
        match (segments, method) {
            ([], &Method::GET) => Ok(Self::TaskQueueList),
            ([], _) => only(method, &Method::POST, Self::TaskQueueCreate),
            ([sid], _) => {
                let sid = sid_of("WQ", sid)?;
                only(method, &Method::DELETE, Self::TaskQueueDelete { sid })
            }
            _ => Err(Problem::not_found()),
        }
    }

    fn of_workflows(method: &Method, segments: &[&str]) -> Result<Self, Problem> {
        match (segments, method) {
            ([], &Method::GET) => Ok(Self::WorkflowList),
            ([], _) => only(method, &Method::POST, Self::WorkflowCreate),
            ([sid], _) => {
                let sid = sid_of("WW", sid)?;
                only(method, &Method::DELETE, Self::WorkflowDelete { sid })
            }
            _ => Err(Problem::not_found()),
        }
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Media { .. } => Operation::Media,
            Self::Recording { .. } => Operation::Recording,
            Self::RecordingList => Operation::RecordingList,
            Self::RecordingDelete { .. } => Operation::RecordingDelete,
            Self::PhoneCallList => Operation::PhoneCallList,
            Self::TaskSearch => Operation::TaskSearch,
            Self::TaskFetch { .. } => Operation::TaskFetch,
            Self::TaskUpdate { .. } => Operation::TaskUpdate,
            Self::TaskCreate => Operation::TaskCreate,
            Self::TaskDelete { .. } => Operation::TaskDelete,
            Self::TaskQueueList => Operation::TaskQueueList,
            Self::TaskQueueCreate => Operation::TaskQueueCreate,
            Self::TaskQueueDelete { .. } => Operation::TaskQueueDelete,
            Self::WorkflowList => Operation::WorkflowList,
            Self::WorkflowCreate => Operation::WorkflowCreate,
            Self::WorkflowDelete { .. } => Operation::WorkflowDelete,
            Self::TokenInfo => Operation::TokenInfo,
            Self::TokenValidate => Operation::TokenValidate,
            Self::Account => Operation::Account,
            Self::WorkspaceList => Operation::WorkspaceList,
            Self::FlexFetch => Operation::FlexFetch,
            Self::FlexUpdate => Operation::FlexUpdate,
            Self::PluginList => Operation::PluginList,
            Self::PluginVersionList { .. } => Operation::PluginVersionList,
            Self::ConfiguredPluginList { .. } => Operation::ConfiguredPluginList,
            Self::PluginConfigurationCreate => Operation::PluginConfigurationCreate,
            Self::PluginReleaseActive => Operation::PluginReleaseActive,
            Self::PluginReleaseCreate => Operation::PluginReleaseCreate,
        }
    }

    /// The recording, task, task queue, workflow, plugin or plugin configuration in the path, if any.
    pub(super) fn sid(&self) -> Option<&str> {
        match self {
            Self::Media { sid, .. }
            | Self::Recording { sid }
            | Self::RecordingDelete { sid }
            | Self::TaskFetch { sid }
            | Self::TaskUpdate { sid }
            | Self::TaskDelete { sid }
            | Self::TaskQueueDelete { sid }
            | Self::WorkflowDelete { sid }
            | Self::PluginVersionList { plugin: sid }
            | Self::ConfiguredPluginList { configuration: sid } => Some(sid),
            Self::RecordingList
            | Self::PhoneCallList
            | Self::TaskSearch
            | Self::TaskCreate
            | Self::TaskQueueList
            | Self::TaskQueueCreate
            | Self::WorkflowList
            | Self::WorkflowCreate
            | Self::TokenInfo
            | Self::TokenValidate
            | Self::Account
            | Self::WorkspaceList
            | Self::FlexFetch
            | Self::FlexUpdate
            | Self::PluginList
            | Self::PluginConfigurationCreate
            | Self::PluginReleaseActive
            | Self::PluginReleaseCreate => None,
        }
    }
}

fn only(method: &Method, allowed: &Method, route: Route) -> Result<Route, Problem> {
    if method == allowed {
        Ok(route)
    } else {
        Err(Problem::method_not_allowed())
    }
}

fn sid_of(prefix: &str, text: &str) -> Result<String, Problem> {
    if is_sid(prefix, text) {
        Ok(text.to_owned())
    } else {
        Err(Problem::not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const WORKSPACE: &str = "WSbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn answer(method: Method, path: &str) -> Result<Operation, u16> {
        let path = path.replace("{AC}", ACCOUNT).replace("{WS}", WORKSPACE);
        let path = path
            .replace("{RE}", "RE0123456789abcdef0123456789ABCDEF")
            .replace("{WT}", "WT0123456789abcdef0123456789abcdef")
            .replace("{WQ}", "WQ0123456789abcdef0123456789abcdef")
            .replace("{WW}", "WW0123456789abcdef0123456789abcdef")
            .replace("{FP}", "FP0123456789abcdef0123456789abcdef")
            .replace("{FJ}", "FJ0123456789abcdef0123456789abcdef");
        let route = Route::parse(&method, &path, ACCOUNT, WORKSPACE);
        route
            .map(|route| route.operation())
            .map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn every_operation_has_its_path_and_method() {
        let cases = [
            (
                Method::GET,
                "/2010-04-01/Accounts/{AC}/Recordings/{RE}",
                Operation::Media,
            ),
            (
                Method::GET,
                "/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav",
                Operation::Media,
            ),
            (
                Method::HEAD,
                "/2010-04-01/Accounts/{AC}/Recordings/{RE}.mp3",
                Operation::Media,
            ),
            (
                Method::GET,
                "/2010-04-01/Accounts/{AC}/Recordings/{RE}.json",
                Operation::Recording,
            ),
            (
                Method::DELETE,
                "/2010-04-01/Accounts/{AC}/Recordings/{RE}.json",
                Operation::RecordingDelete,
            ),
            (
                Method::GET,
                "/2010-04-01/Accounts/{AC}/Recordings.json",
                Operation::RecordingList,
            ),
            (
                Method::GET,
                "/2010-04-01/Accounts/{AC}/Calls.json",
                Operation::PhoneCallList,
            ),
            (Method::GET, "/v1/Workspaces/{WS}/Tasks", Operation::TaskSearch),
            (Method::GET, "/v1/Workspaces/{WS}/Tasks/{WT}", Operation::TaskFetch),
            (Method::POST, "/v1/Workspaces/{WS}/Tasks/{WT}", Operation::TaskUpdate),
            (Method::POST, "/v1/Workspaces/{WS}/Tasks", Operation::TaskCreate),
            (Method::DELETE, "/v1/Workspaces/{WS}/Tasks/{WT}", Operation::TaskDelete),
            (Method::GET, "/v1/Workspaces/{WS}/TaskQueues", Operation::TaskQueueList),
            (
                Method::POST,
                "/v1/Workspaces/{WS}/TaskQueues",
                Operation::TaskQueueCreate,
            ),
            (
                Method::DELETE,
                "/v1/Workspaces/{WS}/TaskQueues/{WQ}",
                Operation::TaskQueueDelete,
            ),
            (Method::GET, "/v1/Workspaces/{WS}/Workflows", Operation::WorkflowList),
            (Method::POST, "/v1/Workspaces/{WS}/Workflows", Operation::WorkflowCreate),
            (
                Method::DELETE,
                "/v1/Workspaces/{WS}/Workflows/{WW}",
                Operation::WorkflowDelete,
            ),
            (Method::POST, "/v1/Accounts/{AC}/Tokens/Info", Operation::TokenInfo),
            (
                Method::POST,
                "/v1/Accounts/{AC}/Tokens/validate",
                Operation::TokenValidate,
            ),
            (Method::GET, "/2010-04-01/Accounts/{AC}.json", Operation::Account),
            (Method::GET, "/v1/Workspaces", Operation::WorkspaceList),
            (Method::GET, "/v1/Configuration", Operation::FlexFetch),
            (Method::POST, "/v1/Configuration", Operation::FlexUpdate),
            (Method::GET, "/v1/PluginService/Plugins", Operation::PluginList),
            (
                Method::GET,
                "/v1/PluginService/Plugins/{FP}/Versions",
                Operation::PluginVersionList,
            ),
            (
                Method::GET,
                "/v1/PluginService/Configurations/{FJ}/Plugins",
                Operation::ConfiguredPluginList,
            ),
            (
                Method::POST,
                "/v1/PluginService/Configurations",
                Operation::PluginConfigurationCreate,
            ),
            (
                Method::GET,
                "/v1/PluginService/Releases/active",
                Operation::PluginReleaseActive,
            ),
            (
                Method::POST,
                "/v1/PluginService/Releases",
                Operation::PluginReleaseCreate,
            ),
        ];
        for (method, path, operation) in cases {
            assert_eq!(answer(method, path), Ok(operation), "{path}");
        }
    }

    #[test]
    fn other_paths_are_404_and_other_methods_405() {
        for path in [
            "/",
            "/2010-04-01/Accounts/ACffffffffffffffffffffffffffffffff/Recordings/{RE}.wav",
            "/2010-04-01/Accounts/{AC}/Recordings/{RE}.ogg",
            "/2010-04-01/Accounts/{AC}/Recordings/..%2f{RE}.wav",
            "/2010-04-01/Accounts/{AC}/Recordings/RE12.wav",
            "/v1/Workspaces/WSffffffffffffffffffffffffffffffff/Tasks",
            "/v1/Workspaces/{WS}/Tasks/{RE}",
            "/v1/Workspaces/{WS}/Tasks/{WT}/Reservations",
            "/v1/Workspaces/{WS}/TaskQueues/{WW}",
            "/v1/Workspaces/{WS}/Workflows/{WQ}",
            "/v1/Accounts/{AC}/Tokens/info",
            "/2010-04-01/Accounts/{AC}",
            "/2010-04-01/Accounts/ACffffffffffffffffffffffffffffffff.json",
            "/v1/PluginService/Configurations/{FP}/Plugins",
            "/v1/PluginService/Releases/latest",
        ] {
            assert_eq!(answer(Method::GET, path), Err(404), "{path}");
        }
        for path in [
            "/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav",
            "/2010-04-01/Accounts/{AC}/Recordings.json",
            "/2010-04-01/Accounts/{AC}/Calls.json",
            "/v1/Workspaces/{WS}/Tasks/{WT}",
            "/v1/Workspaces/{WS}/TaskQueues/{WQ}",
            "/v1/Workspaces/{WS}/Workflows",
            "/v1/Accounts/{AC}/Tokens/Info",
            "/v1/Accounts/{AC}/Tokens/validate",
            "/2010-04-01/Accounts/{AC}.json",
            "/v1/Workspaces",
            "/v1/Configuration",
            "/v1/PluginService/Plugins",
            "/v1/PluginService/Releases",
        ] {
            assert_eq!(answer(Method::PUT, path), Err(405), "{path}");
        }
    }
}
